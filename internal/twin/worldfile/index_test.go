package worldfile_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
)

const offers = `{"repositories": [{"id": "a", "url": "http://a.invalid", "suite": "s"}, {"id": "b", "url": "http://b.invalid"}],
	"packages": [{"name": "x", "version": "VERSION", "repository": "a"}, {"name": "y", "version": "1", "repository": "b"}]}`

func TestAnIndexDigestMovesWithItsOwnOffersOnly(t *testing.T) {
	dir := t.TempDir()
	write := func(version string) {
		t.Helper()
		text := []byte(strings.ReplaceAll(offers, "VERSION", version))
		if err := os.WriteFile(filepath.Join(dir, "main.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := worldfile.Parse([]byte(`{"repositories": {"main": {"file": "main.json"}}}`), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := wiretest.World(t)
	w.Start()
	if _, err := (&worldfile.Loader{World: w, EC2: ec2.New(w, nil, dir)}).Load(f); err != nil {
		t.Fatal(err)
	}
	ask := func(id, at, suite string) (sum string, status int) {
		t.Helper()
		rec := httptest.NewRecorder()
		q := url.Values{"id": {id}, "url": {at}, "suite": {suite}}
		worldfile.ServeIndex(w).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, worldfile.IndexPath+"?"+q.Encode(), nil))
		var i worldfile.Index
		if rec.Code == http.StatusOK {
			if err := json.Unmarshal(rec.Body.Bytes(), &i); err != nil {
				t.Fatal(err)
			}
		}
		return i.SHA256, rec.Code
	}
	write("1")
	a, _ := ask("a", "http://a.invalid", "s")
	b, _ := ask("b", "http://b.invalid", "")
	if len(a) != 64 || len(b) != 64 || a == b {
		t.Fatalf("digests %q and %q", a, b)
	}
	if again, _ := ask("a", "http://a.invalid", "s"); again != a {
		t.Errorf("nothing changed, but %q is now %q", a, again)
	}
	write("2")
	if moved, _ := ask("a", "http://a.invalid", "s"); moved == a {
		t.Error("a moved on, but its digest did not")
	}
	if same, _ := ask("b", "http://b.invalid", ""); same != b {
		t.Error("b did not move, but its digest did")
	}
	if _, status := ask("a", "http://a.invalid", "other"); status != http.StatusNotFound {
		t.Errorf("an unknown suite answers %d", status)
	}
	if err := os.Remove(filepath.Join(dir, "main.json")); err != nil {
		t.Fatal(err)
	}
	if _, status := ask("a", "http://a.invalid", "s"); status != http.StatusInternalServerError {
		t.Errorf("an unreadable repository answers %d", status)
	}
}
