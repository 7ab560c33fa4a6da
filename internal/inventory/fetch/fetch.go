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
	stalled = 60 * time.Second // without a byte of its body
)

// HTTP returns the Fetch of reading.Options that asks over http and https with client,
// or with one of its own, until ctx ends. What is not there gives fs.ErrNotExist; an
// answer that breaks off, stalls or has no end is an error, not a shorter file.
func HTTP(ctx context.Context, client *http.Client) func(address string) (io.ReadCloser, error) {
	if client == nil {
		client = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: idle, TLSHandshakeTimeout: idle}}
	}
	return func(address string) (io.ReadCloser, error) {
		u, err := url.Parse(address)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return nil, errors.New("fetch: the address is none of http or https")
		}
		ctx, cancel := context.WithCancelCause(ctx)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			cancel(nil)
			return nil, fmt.Errorf("fetch from %s: the request cannot be made", u.Host)
		}
		// A dialler without a limit, or a client without one for headers, may hang too.
		timer := time.AfterFunc(stalled, func() { cancel(errStalled) })
		resp, err := client.Do(req)
		if err != nil {
			err = because(ctx, err)
			timer.Stop()
			cancel(nil)
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
			timer.Stop()
			resp.Body.Close()
			cancel(nil)
			return nil, fmt.Errorf("fetch %s from %s: %w", u.Path, u.Host, err)
		}
		timer.Stop()
		return &body{ReadCloser: resp.Body, left: maxSize, ctx: ctx, cancel: cancel, timer: timer}, nil
	}
}

// errStalled says that a server answers and then says nothing more.
var errStalled = fmt.Errorf("it has sent nothing for %s", stalled)

// because is err, or what ended ctx where that was our own limit.
func because(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// body ends with an error where there is too much, or where a read takes too long.
type body struct {
	io.ReadCloser
	left   int64
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer // runs while a read waits: the time its reader takes is its own
}

func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(stalled)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("it has more than %d bytes", maxSize)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = because(b.ctx, err)
	}
	return n, err
}

// Close also ends what still waits.
func (b *body) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
