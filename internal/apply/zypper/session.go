package zypper

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
)

// session is zypper seeing one repository only: the order's files.
type session struct {
	zypper  *Zypper
	options []string
}

// offer makes a folder of the packages' files, which are all at hand, and lets zypper
// read it as a plain folder: names, versions and dependencies come out of the files
// themselves, so no index has to be written.
func (z *Zypper) offer(ctx context.Context, packages []baseline.LockedPackage) (*session, error) {
	dir, err := z.files.Dir("lock/packages")
	if err != nil {
		return nil, err
	}
	for _, p := range packages {
		file := filepath.Join(dir, p.SHA256+".rpm")
		if err := apply.Place(z.files.Have(p.SHA256), file); err != nil {
			return nil, fmt.Errorf("offer %s: %w", p.Name, err)
		}
		found, err := apply.Digest(file)
		if err != nil {
			return nil, fmt.Errorf("offer %s: %w", p.Name, err)
		}
		if found != p.SHA256 {
			return nil, fmt.Errorf("offer %s %s: its file has SHA-256 %s, the lock says %s", p.Name, apply.Version(p.Package), found, p.SHA256)
		}
	}
	options, err := z.isolate(ctx, "lock", "type=plaindir", "baseurl=dir:"+dir)
	if err != nil {
		return nil, fmt.Errorf("offer packages to zypper: %w", err)
	}
	return &session{zypper: z, options: options}, nil
}

// Simulate asks zypper what installing packages from the offered files entails.
func (s *session) Simulate(ctx context.Context, packages []baseline.LockedPackage) (apply.Simulation, error) {
	return s.zypper.simulate(ctx, s.options, packages)
}

// Install installs exactly packages. Configuration files that the administrator
// changed stay, the new ones lie beside them as .rpmnew where the package says
// noreplace: that is rpm's own policy. Locks of /etc/zypp/locks hold.
func (s *session) Install(ctx context.Context, packages []baseline.LockedPackage) error {
	if len(packages) == 0 {
		return nil
	}
	args := slices.Concat(s.options, []string{"--no-refresh", "install"}, policy, Exact(packages))
	_, err := s.zypper.run(ctx, apply.Command{Args: args, Whole: true, Line: func(l string) {
		if m := done.FindStringSubmatch(l); m != nil {
			s.zypper.c.Say("%s", m[1])
		}
	}})
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	return nil
}

// done is the line by which zypper says that a package's turn is over.
var done = regexp.MustCompile(`^<progress id="install-resolvable" name="([^"]*)" done="1"/>`)
