package fetch

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsFetchedIsWholeOrAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/good":
			_, _ = io.WriteString(w, "text")
		case "/broken":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "text")
		case "/large":
			w.Header().Set("Content-Length", strconv.Itoa(maxSize+1))
		case "/forbidden":
			w.WriteHeader(http.StatusForbidden)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	get := HTTP(t.Context(), nil)
	read := func(address string) (string, error) {
		f, err := get(address)
		if err != nil {
			return "", err
		}
		defer f.Close()
		text, err := io.ReadAll(f)
		return string(text), err
	}
	if text, err := read(server.URL + "/good"); err != nil || text != "text" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := read(server.URL + "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	for path, want := range map[string]string{"/broken": "unexpected EOF", "/large": "bytes", "/forbidden": "403"} {
		if _, err := read(server.URL + path); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, address := range []string{"ftp://x/y", "file:///etc/passwd", "http://", "::", "http://user:secret@127.0.0.1:1/x"} {
		if _, err := read(address); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := HTTP(ctx, nil)(server.URL + "/good"); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// answers is a transport whose answer is a body.
type answers func(context.Context) (io.ReadCloser, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	b, err := a(r.Context())
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: b, ContentLength: -1, Request: r}, nil
}

// drip gives one byte after each wait, then ends.
type drip struct {
	ctx   context.Context
	waits []time.Duration
}

func (d *drip) Read(p []byte) (int, error) {
	if len(d.waits) == 0 {
		return 0, io.EOF
	}
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(d.waits[0]):
	}
	d.waits = d.waits[1:]
	return copy(p, "x"), nil
}

func (d *drip) Close() error { return nil }

func TestAServerMayBeSlowButNotStall(t *testing.T) {
	for name, c := range map[string]struct {
		header time.Duration // what it waits before it answers
		waits  []time.Duration
		pause  time.Duration // of the reader, between its reads
		want   string        // the error; empty: none
		after  time.Duration
	}{
		"slow and steady":      {waits: []time.Duration{50 * time.Second, 50 * time.Second, 50 * time.Second}, after: 150 * time.Second},
		"stalls at once":       {waits: []time.Duration{time.Hour}, want: "sent nothing for 1m0s", after: time.Minute},
		"stalls in the middle": {waits: []time.Duration{40 * time.Second, time.Hour}, want: "sent nothing for 1m0s", after: 100 * time.Second},
		"never answers":        {header: time.Hour, want: "sent nothing for 1m0s", after: time.Minute},
		"waits for its reader": {waits: []time.Duration{time.Second, time.Second}, pause: time.Hour, after: 3*time.Hour + 2*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				client := &http.Client{Transport: answers(func(ctx context.Context) (io.ReadCloser, error) {
					select {
					case <-ctx.Done():
						return nil, ctx.Err()
					case <-time.After(c.header):
						return &drip{ctx, c.waits}, nil
					}
				})}
				f, err := HTTP(t.Context(), client)("http://host/x")
				text := []byte{}
				for err == nil {
					var n int
					one := make([]byte, 8)
					n, err = f.Read(one)
					text = append(text, one[:n]...)
					time.Sleep(c.pause)
				}
				if f != nil {
					defer f.Close()
				}
				if took := time.Since(begun); took != c.after {
					t.Errorf("it took %s, want %s", took, c.after)
				}
				if c.want == "" && (!errors.Is(err, io.EOF) || len(text) != len(c.waits)) || c.want != "" && !strings.Contains(err.Error(), c.want) {
					t.Errorf("%q, %v", text, err)
				}
			})
		})
	}
}

func TestABodyWithoutEndIsAnError(t *testing.T) {
	b := &body{ReadCloser: io.NopCloser(strings.NewReader("12345")), left: 4, timer: time.NewTimer(time.Hour)}
	if _, err := io.ReadAll(b); err == nil {
		t.Error("more than the limit was read")
	}
}
