package apply

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Files are the working files of one run and the package files that it holds, in a
// folder of its own under a state folder such as /var/lib/rehydrate.
type Files struct {
	state string
	work  string            // made when first needed
	have  map[string]string // SHA-256 → path
}

// NewFiles makes the Files of a run; nothing is touched before the first Dir.
func NewFiles(state string) *Files { return &Files{state: state, have: map[string]string{}} }

// Close removes the working files of this run and of interrupted ones. The caller
// holds the node's lock.
func (f *Files) Close() error {
	left, err := filepath.Glob(filepath.Join(f.state, "run-*"))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// Dir makes a folder in this run's working folder. It is readable by everyone:
// package managers may read as their own user.
func (f *Files) Dir(name string) (string, error) {
	if f.work == "" {
		if err := os.MkdirAll(f.state, 0o755); err != nil {
			return "", fmt.Errorf("make working folder: %w", err)
		}
		work, err := os.MkdirTemp(f.state, "run-")
		if err != nil {
			return "", fmt.Errorf("make working folder: %w", err)
		}
		f.work = work
		if err := os.Chmod(work, 0o755); err != nil {
			return "", fmt.Errorf("make working folder: %w", err)
		}
	}
	dir := filepath.Join(f.work, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make working folder: %w", err)
	}
	return dir, nil
}

// Have is the path of the file with this SHA-256 (lower-case hex), empty if there is none.
func (f *Files) Have(sha string) string { return f.have[sha] }

// Take takes in those files of dir whose SHA-256 is wanted, whatever their names.
func (f *Files) Take(dir string, wanted map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		name := filepath.Join(dir, e.Name())
		digest, err := Digest(name)
		if err != nil {
			return err
		}
		if wanted[digest] {
			f.have[digest] = name
		}
	}
	return nil
}

// Digest is the SHA-256 of a file, in hex.
func Digest(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Place copies from to to, whole or not at all, readable by everyone. It never
// links: a later change of the one must not change the other.
func Place(from, to string) (err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(to), ".part-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(out.Name())
		}
	}()
	_, err = io.Copy(out, in)
	err = errors.Join(err, out.Chmod(0o644), out.Close())
	if err == nil {
		err = os.Rename(out.Name(), to)
	}
	return err
}
