// Package fetch reads repository metadata over HTTP, for a node that looks at its own
// repositories. The gate never does.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"time"
)

// Limits of one request.
const (
	maxSize = 1 << 30          // bytes, as stated or as read
	idle    = 30 * time.Second // until the header of the answer
)

// HTTP returns the Fetch of reading.Options that asks over http and https with client,
// or with one of its own, until ctx ends. What is not there gives fs.ErrNotExist; an
// answer that breaks off or has no end is an error, not a shorter file.
func HTTP(ctx context.Context, client *http.Client) func(address string) (io.ReadCloser, error) {
	if client == nil {
		client = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: idle, TLSHandshakeTimeout: idle}}
	}
	return func(address string) (io.ReadCloser, error) {
		u, err := url.Parse(address)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return nil, errors.New("fetch: the address is none of http or https")
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, fmt.Errorf("fetch from %s: the request cannot be made", u.Host)
		}
		resp, err := client.Do(req)
		if err != nil {
			if ue, ok := errors.AsType[*url.Error](err); ok {
				err = ue.Err // without the address, which may hold a password
			}
			return nil, fmt.Errorf("fetch from %s: %w", u.Host, err)
		}
		switch {
		case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
			err = fs.ErrNotExist
		case resp.StatusCode != http.StatusOK:
			err = fmt.Errorf("it answers %s", resp.Status)
		case resp.ContentLength > maxSize:
			err = fmt.Errorf("it has %d bytes", resp.ContentLength)
		}
		if err != nil {
			resp.Body.Close()
			return nil, fmt.Errorf("fetch %s from %s: %w", u.Path, u.Host, err)
		}
		return &body{resp.Body, maxSize}, nil
	}
}

// body ends with an error where there is too much.
type body struct {
	io.ReadCloser
	left int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("it has more than %d bytes", maxSize)
	}
	return n, err
}
