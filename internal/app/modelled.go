package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
)

// indexes read the state of repositories: from the archives or, in a modelled run,
// whose repositories are data of the twin's world, from the twin.
func indexes(in Request) bake.Indexes {
	if in.Modelled && in.Cloud.Twin != "" {
		return twinIndexes{in.Cloud.Twin}
	}
	return bake.HTTPIndexes{}
}

// twinIndexes ask a twin for the index digests of its modelled repositories.
type twinIndexes struct{ endpoint string }

const indexLimit = 20 * time.Second

// Digest implements bake.Indexes.
func (t twinIndexes) Digest(ctx context.Context, r baseline.Repository) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, indexLimit)
	defer cancel()
	q := url.Values{"id": {r.ID}, "url": {r.URL}, "suite": {r.Suite}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.endpoint+worldfile.IndexPath+"?"+q.Encode(), nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask the twin for the index of %s: %w", r.ID, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("ask the twin for the index of %s: %s", r.ID, resp.Status)
	}
	var i worldfile.Index
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&i); err != nil {
		return "", fmt.Errorf("ask the twin for the index of %s: %w", r.ID, err)
	}
	return i.SHA256, nil
}
