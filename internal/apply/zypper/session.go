package zypper

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/apply/rpmfile"
)

// session is zypper seeing repositories of the order's files only.
type session struct {
	zypper  *Zypper
	options []string
}

// offer makes a folder of the packages' files, which are all at hand, and lets zypper
// read it as a plain folder: names, versions and dependencies come out of the files
// themselves, so no index has to be written. What zypper would take only with a
// signature lies in a folder of its own.
func (z *Zypper) offer(ctx context.Context, packages []baseline.LockedPackage) (*session, error) {
	checked, err := z.checked()
	if err != nil {
		return nil, fmt.Errorf("offer packages to zypper: %w", err)
	}
	z.sessions++
	name := fmt.Sprintf("lock-%d", z.sessions)
	var text strings.Builder
	for _, check := range []bool{false, true} {
		dir := name + "/packages"
		settings := "gpgcheck=0\n"
		id := alias(name)
		if check {
			dir, id = dir+"-signed", id+"-signed"
			settings = "gpgcheck=1\nrepo_gpgcheck=0\npkg_gpgcheck=1\n"
		}
		at, err := z.files.Dir(dir)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			if checked[p.Repository] != check {
				continue
			}
			if err := z.place(at, p); err != nil {
				return nil, fmt.Errorf("offer %s %s: %w", p.Name, apply.Version(p.Package), err)
			}
		}
		fmt.Fprintf(&text, "[%s]\nenabled=1\nautorefresh=0\ntype=plaindir\nbaseurl=dir:%s\n%s", id, at, settings)
	}
	options, err := z.isolate(ctx, name, text.String())
	if err != nil {
		return nil, fmt.Errorf("offer packages to zypper: %w", err)
	}
	return &session{zypper: z, options: options}, nil
}

// place puts the file of p into dir, and checks that it is what the lock says.
func (z *Zypper) place(dir string, p baseline.LockedPackage) error {
	file := filepath.Join(dir, p.SHA256+".rpm")
	if err := apply.Place(z.files.Have(p.SHA256), file); err != nil {
		return err
	}
	found, err := apply.Digest(file)
	if err != nil {
		return err
	}
	if found != p.SHA256 {
		return fmt.Errorf("its file has SHA-256 %s, the lock says %s", found, p.SHA256)
	}
	is, err := rpmfile.Open(file)
	if err != nil {
		return err
	}
	if !apply.Same(is.Package, p.Package) {
		return fmt.Errorf("its file is %s %s (%s), the lock says %s %s (%s)",
			is.Name, apply.Version(is.Package), is.Arch, p.Name, apply.Version(p.Package), p.Arch)
	}
	return nil
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
	args := slices.Concat(s.options, []string{"--no-refresh", "install"}, policy, Exact(named(packages)))
	_, err := s.zypper.run(ctx, apply.Command{Args: args, Whole: true, Line: func(l string) {
		if m := done().FindStringSubmatch(l); m != nil {
			s.zypper.c.Say("%s", m[1])
		}
	}})
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	return nil
}

// done is the line by which zypper says that a package's turn is over.
var done = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^<progress id="install-resolvable" name="([^"]*)" done="1"/>`)
})
