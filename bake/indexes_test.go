package bake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
)

func hexSum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestDigest_reads_the_file_that_the_package_manager_reads(t *testing.T) {
	files := map[string]string{
		"/debian/dists/bookworm/InRelease": "signed",
		"/debian/dists/bookworm/Release":   "unsigned",
		"/old/dists/x/Release":             "only release",
		"/flat/InRelease":                  "flat",
		"/flat/sub/Release":                "flat sub",
		"/rpm/repodata/repomd.xml":         "repomd",
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := files[r.URL.Path]
		switch {
		case r.URL.Path == "/broken/dists/x/InRelease":
			http.Error(w, "no", http.StatusServiceUnavailable)
		case r.URL.Path == "/huge/repodata/repomd.xml":
			for range largestIndex>>20 + 1 {
				_, _ = w.Write(make([]byte, 1<<20))
			}
		case !ok:
			http.NotFound(w, r)
		default:
			_, _ = w.Write([]byte(body))
		}
	}))
	t.Cleanup(srv.Close)
	for _, c := range []struct{ url, suite, want, problem string }{
		{"/debian/", "bookworm", "signed", ""},
		{"/debian", "bookworm", "signed", ""},
		{"/old", "x", "only release", ""},
		{"/flat", "./", "flat", ""},
		{"/flat", "sub/", "flat sub", ""},
		{"/rpm/", "", "repomd", ""},
		{"/none", "x", "", "there is no such file"},
		{"/broken", "x", "", "503"},
		{"/huge", "", "", "larger than"},
	} {
		got, err := HTTPIndexes{}.Digest(t.Context(), baseline.Repository{ID: "r", URL: srv.URL + c.url, Suite: c.suite})
		if c.problem != "" {
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%s %s: err = %v", c.url, c.suite, err)
			}
			continue
		}
		if err != nil || got != hexSum(c.want) {
			t.Errorf("%s %s: %s, %v", c.url, c.suite, got, err)
		}
	}
}

func TestDigest_refuses_what_it_cannot_ask_safely(t *testing.T) {
	for _, u := range []string{"file:/srv/debian", "cdrom:", "http://", "http://user:hush@127.0.0.1/debian", "://"} {
		_, err := HTTPIndexes{}.Digest(context.Background(), baseline.Repository{ID: "r", URL: u, Suite: "x"})
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: err = %v", u, err)
		}
	}
}
