package journal

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Folder keeps the journal in a folder of this machine.
type Folder struct{ dir string }

// NewFolder is the store in dir, which is made when first needed.
func NewFolder(dir string) Folder { return Folder{dir} }

// Create writes through a temporary file and links it into place, so that a key
// never holds half a record; the link fails if the key is taken.
func (f Folder) Create(_ context.Context, key string, body []byte) error {
	path := filepath.Join(f.dir, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(body)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return ErrExists
		}
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Get reads an object.
func (f Folder) Get(_ context.Context, key string) ([]byte, error) {
	return os.ReadFile(filepath.Join(f.dir, filepath.FromSlash(key)))
}

// List returns the keys of all .json objects under prefix, sorted.
func (f Folder) List(_ context.Context, prefix string) ([]string, error) {
	var out []string
	root := filepath.Join(f.dir, filepath.FromSlash(prefix))
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".json") {
			return err
		}
		rel, err := filepath.Rel(f.dir, p)
		out = append(out, filepath.ToSlash(rel))
		return err
	})
	slices.Sort(out)
	return out, err
}

// syncDir makes a new name durable. Systems that cannot sync a folder say so with
// an error that means nothing here.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
