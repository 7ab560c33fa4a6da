package worldfile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// index gives every repository that states no index digest the digest of what it
// offers: it changes when, and only when, the offers do.
func index(a *baseline.Available) error {
	for i := range a.Repositories {
		r := &a.Repositories[i]
		if r.IndexSHA256 != "" {
			continue
		}
		offers := slices.DeleteFunc(slices.Clone(a.Packages), func(p baseline.AvailablePackage) bool { return p.Repository != r.ID })
		text, err := json.Marshal(struct {
			Repository baseline.Repository
			Packages   []baseline.AvailablePackage
		}{*r, offers})
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		r.IndexSHA256 = hex.EncodeToString(sum[:])
	}
	return nil
}

// IndexPath is where a twin tells the index digest of a modelled repository, as a
// client of a real one reads it from the archive: GET with id, url and suite. 404
// says that no repository of the world, or more than one state, is of that name.
const IndexPath = "/_twin/repositories/index"

// Index is its answer.
type Index struct {
	SHA256 string `json:"sha256"`
}

// ServeIndex answers IndexPath.
func ServeIndex(w *world.World) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		found, err := digests(w, baseline.Repository{ID: q.Get("id"), URL: q.Get("url"), Suite: q.Get("suite")})
		switch {
		case err != nil:
			http.Error(rw, err.Error(), http.StatusInternalServerError)
		case len(found) != 1:
			http.Error(rw, "no repository of the world, or more than one, has this name", http.StatusNotFound)
		default:
			rw.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(rw).Encode(Index{found[0]}) // the client has gone
		}
	})
}

// digests are those of the repositories that have the name of r.
func digests(w *world.World, r baseline.Repository) ([]string, error) {
	var names []string
	err := w.Do("-", "-", func(tx *world.Tx) error {
		for name := range repositories(tx).All() {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	read := Repositories(w)
	var out []string
	for _, name := range names {
		a, err := read(name)
		if err != nil {
			return nil, err
		}
		for _, have := range a.Repositories {
			if have.ID == r.ID && have.URL == r.URL && have.Suite == r.Suite && !slices.Contains(out, have.IndexSHA256) {
				out = append(out, have.IndexSHA256)
			}
		}
	}
	return out, nil
}
