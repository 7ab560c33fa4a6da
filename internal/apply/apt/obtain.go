package apt

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/record"
)

// Obtain fetches the files of o, checks each against the lock, and offers them to
// apt. A file that is nowhere is GateSaysNo with the package named.
func (a *APT) Obtain(ctx context.Context, o apply.Order) (apply.Session, []record.Obtained, error) {
	obtained, err := apply.Obtain(ctx, a.files, o, a.fetchSource, a.fetchTimeTravel)
	if err != nil {
		return nil, nil, err
	}
	repo, err := a.files.Dir("repo")
	if err != nil {
		return nil, nil, err
	}
	s, err := a.offer(ctx, repo, o.Packages)
	if err != nil {
		return nil, nil, err
	}
	return s, obtained, nil
}

// fetchSource lets apt download what a configured source still offers with the very
// contents of the lock.
func (a *APT) fetchSource(ctx context.Context, _ apply.Order, lacking []baseline.LockedPackage) error {
	return a.download(ctx, lacking)
}

// download fetches packages through apt and takes in the files that are right.
func (a *APT) download(ctx context.Context, want []baseline.LockedPackage) error {
	if len(want) == 0 {
		return nil
	}
	dir, err := a.files.Dir("download")
	if err != nil {
		return err
	}
	a.c.Say("download %d packages", len(want))
	_, err = a.c.Runner.Run(ctx, apply.Command{
		Name: "apt-get", Dir: dir,
		// apt's own user cannot write here; apt says so and downloads as root.
		Args: append(append(slices.Clone(a.c.Sources), "-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", "download"), Exact(want)...),
	})
	return errors.Join(err, a.files.Take(dir, apply.Wanted(want)))
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
		dir, err := a.files.Dir("download")
		if err != nil {
			return err
		}
		target := filepath.Join(dir, p.SHA256)
		_, err = a.c.Runner.Run(ctx, apply.Command{Name: "/usr/lib/apt/apt-helper", Args: []string{
			"-o", "APT::Sandbox::User=root", "download-file", strings.TrimSuffix(base, "/") + "/" + p.Filename, target, "SHA256:" + p.SHA256,
		}})
		if err == nil {
			err = a.files.Take(dir, apply.Wanted([]baseline.LockedPackage{p}))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
