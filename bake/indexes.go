package bake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
)

// HTTPIndexes reads the state of repositories over plain HTTP: a repository's index
// file is signed, and here only its digest is compared with one that was verified.
type HTTPIndexes struct {
	// Client makes the requests; nil: a client with a time limit of 20 s.
	Client *http.Client
}

// An InRelease or repomd.xml file has some hundred KiB at most.
const largestIndex = 16 << 20

var errNoIndex = errors.New("there is no such file")

// Digest fetches the repository's index as apt or dnf names it, and digests it.
func (h HTTPIndexes) Digest(ctx context.Context, r baseline.Repository) (string, error) {
	paths, err := indexPaths(r)
	if err != nil {
		return "", err
	}
	for _, p := range paths {
		var sum string
		sum, err = h.get(ctx, p)
		if !errors.Is(err, errNoIndex) {
			return sum, err
		}
	}
	return "", err
}

// indexPaths are the addresses to try. Only a suite makes it a deb repository; a
// suite that ends in a slash is a flat one.
func indexPaths(r baseline.Repository) ([]string, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("read the index of %s: its address is not an http or https address", r.ID)
	}
	if u.User != nil {
		// The node may know a secret here; nothing of it must reach a message.
		return nil, fmt.Errorf("read the index of %s: its address carries credentials", r.ID)
	}
	base := strings.TrimRight(r.URL, "/")
	if r.Suite == "" {
		return []string{base + "/repodata/repomd.xml"}, nil
	}
	dir := base + "/dists/" + r.Suite
	if strings.HasSuffix(r.Suite, "/") {
		dir = strings.TrimRight(base+"/"+strings.TrimPrefix(r.Suite, "./"), "/")
	}
	return []string{dir + "/InRelease", dir + "/Release"}, nil
}

func (h HTTPIndexes) get(ctx context.Context, address string) (string, error) {
	client := h.Client
	if client == nil {
		client = &http.Client{Timeout: 20 * time.Second}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Cache-Control", "max-age=0")
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return "", fmt.Errorf("get %s: %w", address, errNoIndex)
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("get %s: %s", address, resp.Status)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(resp.Body, largestIndex+1))
	if err != nil {
		return "", fmt.Errorf("get %s: %w", address, err)
	}
	if n > largestIndex {
		return "", fmt.Errorf("get %s: the answer is larger than %d MiB", address, largestIndex>>20)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
