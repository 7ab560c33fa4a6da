package provisioner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// save writes report and lock here, each whole or not at all.
func (c *Config) save(report *record.NodeReport) error {
	var errs []error
	if c.ReportFile != "" {
		b, err := json.MarshalIndent(report, "", " ")
		errs = append(errs, err, writeFile(c.ReportFile, b))
	}
	if c.LockOut != "" && report.Lock != nil {
		errs = append(errs, writeFile(c.LockOut, report.Lock.Canonical()))
	}
	return errors.Join(errs...)
}

// writeFile replaces a file in one step.
func writeFile(name string, data []byte) error {
	return writeTo(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func writeTo(name string, fill func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".part-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", name, err)
		}
	}()
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// uploadBundle makes the bundle folder on the instance and fills it with what a
// given lock needs and we have.
func (r *remote) uploadBundle(ctx context.Context, req *record.NodeRequest) error {
	if _, err := r.run(ctx, "mkdir -m 0700 "+req.Bundle, nil); err != nil {
		return fmt.Errorf("make the bundle folder on the instance: %w", err)
	}
	if req.Lock == nil || r.cfg.BundleIn == "" {
		return nil
	}
	for _, p := range req.Lock.Packages {
		if !isSHA256(p.SHA256) {
			return fmt.Errorf("read lock_file: %s has no valid SHA-256: %q", p.Name, p.SHA256)
		}
		from := filepath.Join(r.cfg.BundleIn, p.SHA256)
		if _, err := os.Stat(from); errors.Is(err, os.ErrNotExist) {
			continue // the node says so, if nothing else offers the file either
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := r.uploadFile(req.Bundle+"/"+p.SHA256, from); err != nil {
			return err
		}
	}
	return nil
}

// downloadBundle fetches the lock's package files, each by the name that the lock
// gives it, and believes none that does not have the digest.
func (r *remote) downloadBundle(lock *baseline.Lock) error {
	if lock == nil {
		return errors.New("download the bundle: the report holds no lock")
	}
	if err := os.MkdirAll(r.cfg.BundleOut, 0o755); err != nil {
		return err
	}
	for i, p := range lock.Packages {
		if !isSHA256(p.SHA256) {
			return fmt.Errorf("download the bundle: the lock's entry %s has no valid SHA-256: %q", p.Name, p.SHA256)
		}
		to := filepath.Join(r.cfg.BundleOut, p.SHA256)
		err := writeTo(to, func(w io.Writer) error {
			h := sha256.New()
			if err := r.comm.Download(r.path("bundle/"+p.SHA256), io.MultiWriter(w, h)); err != nil {
				return err
			}
			if got := hex.EncodeToString(h.Sum(nil)); got != p.SHA256 {
				return fmt.Errorf("the file that came has SHA-256 %s", got)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("download %s %s: %w", p.Name, p.Version, err)
		}
		if i%25 == 24 {
			r.ui.Sayf("bundle: %d of %d files", i+1, len(lock.Packages))
		}
	}
	r.ui.Sayf("bundle: %d files", len(lock.Packages))
	return nil
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && hex.EncodeToString(b) == s
}
