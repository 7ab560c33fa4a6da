package dnf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/apply/rpmfile"
	"github.com/goldenami/rehydrate/internal/record"
)

// Obtain fetches the files of o, checks each against the lock, and offers them to
// the package manager. A file that is nowhere is GateSaysNo with the package named.
func (d *Manager) Obtain(ctx context.Context, o apply.Order) (apply.Session, []record.Obtained, error) {
	source := func(ctx context.Context, _ apply.Order, lacking []baseline.LockedPackage) error {
		return d.download(ctx, d.c.Sources.options(), lacking)
	}
	obtained, err := apply.Obtain(ctx, d.files, o, source, d.fetchTimeTravel)
	if err != nil {
		return nil, nil, err
	}
	s, err := d.offer(o.Packages)
	if err != nil {
		return nil, nil, err
	}
	return s, obtained, nil
}

// download fetches packages and takes in the files that are right.
func (d *Manager) download(ctx context.Context, options []string, want []baseline.LockedPackage) error {
	if len(want) == 0 {
		return nil
	}
	dir, err := d.files.Dir("download")
	if err != nil {
		return err
	}
	d.c.Say("download %d packages", len(want))
	var errs []error
	for _, line := range d.c.Program.Fetch {
		lacking := slices.DeleteFunc(slices.Clone(want), func(p baseline.LockedPackage) bool { return d.files.Have(p.SHA256) != "" })
		if len(lacking) == 0 {
			return nil
		}
		args := slices.Concat(options, line[1:])
		args[len(args)-1] += dir
		_, _, err := d.run(ctx, line[0], slices.Concat(args, Exact(lacking)))
		err = errors.Join(err, d.files.Take(dir, apply.Wanted(lacking)))
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	if slices.ContainsFunc(want, func(p baseline.LockedPackage) bool { return d.files.Have(p.SHA256) == "" }) && len(errs) > 0 {
		return errs[len(errs)-1] // the first way may only want a plugin
	}
	return nil
}

// fetchTimeTravel asks the repositories as they were when the lock was made: at
// their address of then, or at their release of then (Amazon Linux 2023).
func (d *Manager) fetchTimeTravel(ctx context.Context, o apply.Order, lacking []baseline.LockedPackage) error {
	type place struct{ repository, past string }
	by := map[place][]baseline.LockedPackage{}
	var order []place
	for _, p := range lacking {
		for _, r := range o.Repositories {
			if r.ID != p.Repository || r.TimeTravel == "" {
				continue
			}
			at := place{r.ID, r.TimeTravel}
			if by[at] == nil {
				order = append(order, at)
			}
			by[at] = append(by[at], p)
			break
		}
	}
	var errs []error
	for i, at := range order {
		options, err := d.past(i, at.repository, at.past)
		if err == nil {
			err = d.download(ctx, options, by[at])
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", at.past, err))
		}
	}
	return errors.Join(errs...)
}

// past are the options that let only one repository be seen, as it was.
func (d *Manager) past(n int, id, past string) ([]string, error) {
	if !strings.Contains(past, "://") {
		if strings.ContainsAny(past, " \t\r\n") {
			return nil, fmt.Errorf("%q is no release", past)
		}
		return append(slices.Clone(d.c.Sources.options()), "--releasever="+past, "--disablerepo=*", "--enablerepo="+id), nil
	}
	if strings.ContainsAny(past, "\r\n") {
		return nil, fmt.Errorf("%q is no address", past)
	}
	dir, err := d.files.Dir(fmt.Sprintf("past-%d", n))
	if err != nil {
		return nil, err
	}
	// Without a check of signatures: the digest decides now, the installation checks.
	text := "[rehydrate-past]\nname=as it was\nbaseurl=" + past + "\nenabled=1\ngpgcheck=0\nskip_if_unavailable=0\n"
	if d.c.Program.Hotfixes {
		text += "module_hotfixes=1\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "past.repo"), []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("describe the repository as it was: %w", err)
	}
	return []string{"--setopt=reposdir=" + dir, "--setopt=cachedir=" + filepath.Join(dir, "cache")}, nil
}

// offer makes a repository of the packages' files, which are all at hand, for each
// source that the lock names.
func (d *Manager) offer(packages []baseline.LockedPackage) (*session, error) {
	conf, err := d.settings()
	if err != nil {
		return nil, err
	}
	d.sessions++ // each has its own folders, because dnf believes a cache
	own := fmt.Sprintf("session-%d", d.sessions)
	entries, dirs := map[string][]rpmfile.Entry{}, map[string]string{}
	for _, p := range packages {
		id := safeID(p.Repository)
		if dirs[id] == "" {
			if dirs[id], err = d.files.Dir(filepath.Join(own, fmt.Sprintf("repo-%d", len(dirs)))); err != nil {
				return nil, err
			}
		}
		file := filepath.Join(dirs[id], fileName(p, entries[id]))
		if err := apply.Place(d.files.Have(p.SHA256), file); err != nil {
			return nil, fmt.Errorf("offer %s: %w", p.Name, err)
		}
		e, err := describe(file, p)
		if err != nil {
			return nil, fmt.Errorf("offer %s %s: %w", p.Name, apply.Version(p.Package), err)
		}
		entries[id] = append(entries[id], e)
	}
	for id, dir := range dirs {
		if err := rpmfile.WriteRepository(dir, entries[id], d.c.Clock.Now().Unix()); err != nil {
			return nil, fmt.Errorf("offer packages: %w", err)
		}
	}
	where, err := d.files.Dir(filepath.Join(own, "lock.d"))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(where, "lock.repo"), []byte(conf.local(d.c.Program, dirs)), 0o600); err != nil {
		return nil, fmt.Errorf("offer packages: %w", err)
	}
	cache, err := d.files.Dir(filepath.Join(own, "cache"))
	if err != nil {
		return nil, err
	}
	s := &session{dnf: d, options: []string{"--setopt=reposdir=" + where, "--setopt=cachedir=" + cache, "--disablerepo=*"}}
	for id := range dirs {
		s.options = append(s.options, "--enablerepo="+id)
	}
	slices.Sort(s.options[3:])
	return s, nil
}

// fileName is how rpm names p's file, which dnf's messages show; where that is no
// name or is taken, it is the digest.
func fileName(p baseline.LockedPackage, taken []rpmfile.Entry) string {
	name := fmt.Sprintf("%s-%s-%s.%s.rpm", p.Name, p.Version, p.Release, p.Arch)
	if strings.ContainsAny(name, "/\x00") || strings.HasPrefix(name, ".") || slices.ContainsFunc(taken, func(e rpmfile.Entry) bool { return e.Name == name }) {
		return p.SHA256 + ".rpm"
	}
	return name
}

// describe reads file, and checks that it is the package that the lock says.
func describe(file string, p baseline.LockedPackage) (rpmfile.Entry, error) {
	found, err := apply.Digest(file)
	if err != nil {
		return rpmfile.Entry{}, err
	}
	if found != p.SHA256 {
		return rpmfile.Entry{}, fmt.Errorf("its file has SHA-256 %s, the lock says %s", found, p.SHA256)
	}
	is, err := rpmfile.Open(file)
	if err != nil {
		return rpmfile.Entry{}, err
	}
	if !apply.Same(is.Package, p.Package) {
		return rpmfile.Entry{}, fmt.Errorf("its file is %s %s (%s), the lock says %s %s (%s)",
			is.Package.Name, apply.Version(is.Package), is.Arch, p.Name, apply.Version(p.Package), p.Arch)
	}
	return rpmfile.Entry{Package: is, Name: filepath.Base(file), SHA256: p.SHA256}, nil
}
