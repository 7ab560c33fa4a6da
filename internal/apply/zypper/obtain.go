package zypper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/record"
)

// Obtain fetches the files of o, checks each against the lock, and offers them to
// zypper. A file that is nowhere is GateSaysNo with the package named.
func (z *Zypper) Obtain(ctx context.Context, o apply.Order) (apply.Session, []record.Obtained, error) {
	obtained, err := apply.Obtain(ctx, z.files, o, z.fetchSource, z.fetchTimeTravel)
	if err != nil {
		return nil, nil, err
	}
	s, err := z.offer(ctx, o.Packages)
	if err != nil {
		return nil, nil, err
	}
	return s, obtained, nil
}

// fetchSource lets zypper download what a configured repository still offers with
// the very contents of the lock.
func (z *Zypper) fetchSource(ctx context.Context, _ apply.Order, lacking []baseline.LockedPackage) error {
	if len(lacking) == 0 {
		return nil
	}
	z.c.Say("download %d packages", len(lacking))
	return z.download(ctx, "download", z.c.Sources.options(), lacking)
}

// fetchTimeTravel asks the repositories as they were when the lock was made.
func (z *Zypper) fetchTimeTravel(ctx context.Context, o apply.Order, lacking []baseline.LockedPackage) error {
	var errs []error
	for i, r := range o.Repositories {
		var here []baseline.LockedPackage
		for _, p := range lacking {
			if p.Repository == r.ID {
				here = append(here, p)
			}
		}
		if len(here) == 0 || !strings.Contains(r.TimeTravel, "://") {
			continue
		}
		name := "past-" + strconv.Itoa(i)
		// Its files count by the lock's SHA-256 only, so its signature is not asked for.
		options, err := z.isolate(ctx, name, "["+alias(name)+"]\nenabled=1\ngpgcheck=0\nbaseurl="+r.TimeTravel+"\n")
		if err == nil {
			err = z.download(ctx, name+"-download", options, here)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("repository %s as it was (%s): %w", r.ID, r.TimeTravel, err))
		}
	}
	return errors.Join(errs...)
}

// download fetches packages into the folder and takes in the files that are right.
// zypper's exit code does not tell whether every one came; their digests do.
func (z *Zypper) download(ctx context.Context, folder string, options []string, want []baseline.LockedPackage) error {
	dir, err := z.files.Dir(folder)
	if err != nil {
		return err
	}
	said, err := z.run(ctx, apply.Command{
		Args: slices.Concat(options, []string{"--no-refresh", "--pkg-cache-dir", dir, "download", "--all-matches"}, Exact(want)),
	})
	if err == nil {
		err = said.trouble()
	}
	// zypper keeps files in folders by repository and by their path there.
	walk := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return z.files.Take(name, apply.Wanted(want))
	})
	return errors.Join(err, walk)
}

// isolate makes zypper see only the repositories that text, a .repo file, describes,
// with a configuration and caches of its own, and has zypper read their metadata. The
// options that it returns must go with --no-refresh: else zypper would ask the node's
// services for more repositories.
func (z *Zypper) isolate(ctx context.Context, name, text string) ([]string, error) {
	reposd, err := z.files.Dir(name + "/repos.d")
	if err != nil {
		return nil, err
	}
	cache, err := z.files.Dir(name + "/cache")
	if err != nil {
		return nil, err
	}
	// Only root reads it: an address may hold a password.
	if err := os.WriteFile(filepath.Join(reposd, name+".repo"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	options := []string{"--reposd-dir", reposd, "--cache-dir", cache}
	said, err := z.run(ctx, apply.Command{Args: append(slices.Clone(options), "refresh")})
	if err == nil {
		err = said.trouble()
	}
	return options, err
}

// alias names a repository of the run; zypper's history shows it.
func alias(name string) string { return "rehydrate-" + name }
