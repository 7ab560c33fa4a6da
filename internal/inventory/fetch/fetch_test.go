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

func TestABodyWithoutEndIsAnError(t *testing.T) {
	b := &body{io.NopCloser(strings.NewReader("12345")), 4}
	if _, err := io.ReadAll(b); err == nil {
		t.Error("more than the limit was read")
	}
}
