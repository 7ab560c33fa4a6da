package apt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// The places that a package file can come from, in the order in which they are
// tried. Nothing else is substituted.
const (
	FromSource     = "source"
	FromTimeTravel = "time-travel"
	FromBundle     = "bundle"
)

// Obtain fetches the files of o, checks each against the lock, and offers them to
// apt. A file that is nowhere is GateSaysNo with the package named.
func (a *APT) Obtain(ctx context.Context, o apply.Order) (apply.Session, []record.Obtained, error) {
	repo, err := a.dir("repo")
	if err != nil {
		return nil, nil, err
	}
	from := map[string]string{} // SHA-256 → place
	var tried []error
	for _, place := range []struct {
		name  string
		fetch func(context.Context, apply.Order, []baseline.LockedPackage) error
	}{
		{FromSource, a.fetchSource}, {FromTimeTravel, a.fetchTimeTravel}, {FromBundle, a.fetchBundle},
	} {
		var lacking []baseline.LockedPackage
		for _, p := range o.Packages {
			if a.have[p.SHA256] == "" {
				lacking = append(lacking, p)
			}
		}
		if len(lacking) > 0 {
			if err := place.fetch(ctx, o, lacking); err != nil {
				tried = append(tried, fmt.Errorf("%s: %w", place.name, err))
			}
		}
		for _, p := range o.Packages {
			if a.have[p.SHA256] != "" && from[p.SHA256] == "" {
				from[p.SHA256] = place.name
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("obtain packages: %w", err)
	}
	var obtained []record.Obtained
	for _, p := range o.Packages {
		if from[p.SHA256] == "" {
			return nil, nil, fault.As(nowhere(p, o, tried), fault.GateSaysNo,
				"make a new lock, or keep the bundle that was made with this one")
		}
		obtained = append(obtained, record.Obtained{Name: p.Name, Version: p.Version, From: from[p.SHA256], SHA256: p.SHA256})
		if o.Keep && o.Bundle != "" {
			if err := place(a.have[p.SHA256], filepath.Join(o.Bundle, p.SHA256)); err != nil {
				return nil, nil, fmt.Errorf("keep %s in the bundle: %w", p.Name, err)
			}
		}
	}
	s, err := a.offer(ctx, repo, o.Packages)
	if err != nil {
		return nil, nil, err
	}
	return s, obtained, nil
}

// nowhere says on one line why a file could not be had, place by place.
func nowhere(p baseline.LockedPackage, o apply.Order, tried []error) error {
	why, bundle := "no source offers it any more", "it is in no bundle"
	if offered(o, p) {
		why = "the source that offers it did not deliver what the index promises"
	}
	if o.Bundle != "" {
		bundle = fmt.Sprintf("bundle %s does not hold it", o.Bundle)
	}
	err := fmt.Errorf("obtain package %s %s (%s): %s and %s", p.Name, p.Version, p.Arch, why, bundle)
	for _, t := range tried {
		err = fmt.Errorf("%w; %w", err, t)
	}
	return err
}

// offered says that a configured source offers the very contents of the lock.
func offered(o apply.Order, p baseline.LockedPackage) bool {
	return slices.ContainsFunc(o.Offers.Packages, func(a baseline.AvailablePackage) bool {
		return a.Name == p.Name && a.Arch == p.Arch && a.Version == p.Version && a.SHA256 == p.SHA256
	})
}

// fetchSource lets apt download what a configured source still offers with the very
// contents of the lock.
func (a *APT) fetchSource(ctx context.Context, o apply.Order, lacking []baseline.LockedPackage) error {
	return a.download(ctx, slices.DeleteFunc(slices.Clone(lacking), func(p baseline.LockedPackage) bool { return !offered(o, p) }))
}

// download fetches packages through apt and takes in the files that are right.
func (a *APT) download(ctx context.Context, want []baseline.LockedPackage) error {
	if len(want) == 0 {
		return nil
	}
	dir, err := a.dir("download")
	if err != nil {
		return err
	}
	a.c.Say("download %d packages", len(want))
	_, err = a.c.Runner.Run(ctx, Command{
		Name: "apt-get", Dir: dir,
		// apt's own user cannot write here; apt says so and downloads as root.
		Args: append([]string{"-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", "download"}, Exact(want)...),
	})
	return errors.Join(err, a.takeAll(dir, want))
}

// takeAll takes in those files of dir that are wanted, whatever their names.
func (a *APT) takeAll(dir string, want []baseline.LockedPackage) error {
	wanted := map[string]bool{}
	for _, p := range want {
		wanted[p.SHA256] = true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if e.IsDir() {
			continue
		}
		digest, err := digest(name)
		if err != nil {
			return err
		}
		if wanted[digest] {
			a.have[digest] = name
		}
	}
	return nil
}

// fetchTimeTravel asks the archive as it was when the lock was made.
func (a *APT) fetchTimeTravel(ctx context.Context, o apply.Order, lacking []baseline.LockedPackage) error {
	at := map[string]string{}
	for _, r := range o.Repositories {
		at[r.ID] = r.TimeTravel
	}
	var errs []error
	for _, p := range lacking {
		base := at[p.Repository]
		if !strings.Contains(base, "://") {
			continue
		}
		dir, err := a.dir("download")
		if err != nil {
			return err
		}
		target := filepath.Join(dir, p.SHA256)
		_, err = a.c.Runner.Run(ctx, Command{Name: "/usr/lib/apt/apt-helper", Args: []string{
			"-o", "APT::Sandbox::User=root", "download-file", strings.TrimSuffix(base, "/") + "/" + p.Filename, target, "SHA256:" + p.SHA256,
		}})
		if err == nil {
			err = a.takeAll(dir, []baseline.LockedPackage{p})
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// fetchBundle takes files out of the bundle. A file whose contents are not what its
// name says is refused, not skipped: somebody changed it.
func (a *APT) fetchBundle(_ context.Context, o apply.Order, lacking []baseline.LockedPackage) error {
	if o.Bundle == "" {
		return nil
	}
	dir, err := a.dir("download")
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range lacking {
		kept := filepath.Join(o.Bundle, p.SHA256)
		if _, err := os.Stat(kept); errors.Is(err, os.ErrNotExist) {
			continue
		}
		// Taken into the working folder first and digested there: nobody else writes to it.
		mine := filepath.Join(dir, p.SHA256)
		if err := place(kept, mine); err != nil {
			errs = append(errs, err)
			continue
		}
		found, err := digest(mine)
		if err == nil && found != p.SHA256 {
			err = fmt.Errorf("file %s of package %s holds other contents: SHA-256 %s", kept, p.Name, found)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		a.have[p.SHA256] = mine
	}
	return errors.Join(errs...)
}

// digest is the SHA-256 of a file, in hex.
func digest(name string) (string, error) {
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

// place copies from to to, whole or not at all, readable by everyone. It never
// links: a later change of the one must not change the other.
func place(from, to string) (err error) {
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
