package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxArtifact is how large one file of a run may be: what one put takes.
const maxArtifact = 5 << 30

// kept says whether other stages read a file of a run, by its path below the run's
// folder: the lock, the node's report, and the bundle. Everything else (logs, what
// Packer was told) stays on the machine that made it.
func kept(rel string) bool {
	switch path.Base(rel) {
	case "lock.json", "report.json":
		return true
	}
	return strings.Contains("/"+rel, "/bundle/")
}

// push writes to the bucket what it has not of a run's files.
func (h *shared) push(ctx context.Context, run string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	dir := h.local.Artifacts(run)
	prefix := h.prefix + "artifacts/" + run + "/"
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		if rel = filepath.ToSlash(rel); !kept(rel) {
			return nil
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		if h.sent[run] == nil {
			there, err := h.files.List(ctx, prefix)
			if err != nil {
				return err
			}
			h.sent[run] = map[string]int64{}
			for k, size := range there {
				h.sent[run][strings.TrimPrefix(k, prefix)] = size
			}
		}
		if size, ok := h.sent[run][rel]; ok && size == st.Size() {
			return nil
		}
		if err := h.put(ctx, file, prefix+rel); err != nil {
			return err
		}
		h.sent[run][rel] = st.Size()
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no file yet
	}
	return h.wrap(err, "keep the files of run %s", run)
}

func (h *shared) put(ctx context.Context, file, key string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	return errors.Join(h.files.Write(ctx, key, f), f.Close())
}

// fetch brings a file or folder of a run here unless it is here, and returns its path.
// What is nowhere is an error of fs.ErrNotExist.
func (h *shared) fetch(run, name string) (string, error) {
	local := filepath.Join(h.local.Artifacts(run), filepath.FromSlash(name))
	if _, err := os.Stat(local); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return local, err
	}
	ctx, stop := h.context()
	defer stop()
	prefix := h.prefix + "artifacts/" + run + "/"
	found, err := h.files.List(ctx, prefix+name)
	if err != nil {
		return "", h.wrap(err, "look for file %s of run %s", name, run)
	}
	got := 0
	for key := range found {
		rel := strings.TrimPrefix(key, prefix)
		if rel != name && !strings.HasPrefix(rel, name+"/") {
			continue
		}
		if !filepath.IsLocal(filepath.FromSlash(rel)) {
			return "", h.wrap(fmt.Errorf("key %q leaves the run's folder", key), "fetch file %s of run %s", name, run)
		}
		if err := h.get(ctx, key, filepath.Join(h.local.Artifacts(run), filepath.FromSlash(rel))); err != nil {
			return "", h.wrap(err, "fetch file %s of run %s", name, run)
		}
		got++
	}
	if got == 0 {
		return "", h.missing(run, name, h.local.Artifacts(run))
	}
	return local, nil
}

// get writes an object to a file, whole or not at all.
func (h *shared) get(ctx context.Context, key, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = h.files.Copy(ctx, key, maxArtifact, tmp)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

// File is the path of a run's file or folder, by its path below Artifacts; where the
// runs are shared, it is fetched when it is not here.
func (s State) File(run, name string) (string, error) {
	if s.shared != nil && filepath.IsLocal(filepath.FromSlash(name)) {
		return s.shared.fetch(run, name)
	}
	return filepath.Join(s.Artifacts(run), filepath.FromSlash(name)), nil
}
