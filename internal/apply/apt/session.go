package apt

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/apply/debfile"
)

// session is apt seeing one repository only: the order's files.
type session struct {
	apt     *APT
	options []string
}

// offer makes a flat repository of the packages' files, which are all at hand, and
// lets apt read it with lists and caches of its own.
func (a *APT) offer(ctx context.Context, repo string, packages []baseline.LockedPackage) (*session, error) {
	var index bytes.Buffer
	for _, p := range packages {
		file := filepath.Join(repo, p.SHA256+".deb")
		if err := apply.Place(a.files.Have(p.SHA256), file); err != nil {
			return nil, fmt.Errorf("offer %s: %w", p.Name, err)
		}
		stanza, err := describe(file, p)
		if err != nil {
			return nil, fmt.Errorf("offer %s %s: %w", p.Name, p.Version, err)
		}
		index.Write(stanza)
	}
	if err := os.WriteFile(filepath.Join(repo, "Packages"), index.Bytes(), 0o644); err != nil {
		return nil, fmt.Errorf("offer packages: %w", err)
	}
	lists, err := a.files.Dir("lists/partial")
	if err != nil {
		return nil, err
	}
	archives, err := a.files.Dir("cache/archives/partial")
	if err != nil {
		return nil, err
	}
	// Trusted, because every file in it equals the lock by SHA-256 and the index is ours.
	source := filepath.Join(filepath.Dir(repo), "lock.list")
	if err := os.WriteFile(source, []byte("deb [trusted=yes] file:"+repo+" ./\n"), 0o644); err != nil {
		return nil, fmt.Errorf("offer packages: %w", err)
	}
	s := &session{apt: a}
	for _, o := range []string{
		"Dir::Etc::sourcelist=" + source, "Dir::Etc::sourceparts=/dev/null",
		"Dir::Etc::preferences=/dev/null", "Dir::Etc::preferencesparts=/dev/null",
		"Dir::State::lists=" + filepath.Dir(lists), "Dir::Cache=" + filepath.Dir(filepath.Dir(archives)),
		"APT::Sandbox::User=root", "Acquire::Languages=none",
	} {
		s.options = append(s.options, "-o", o)
	}
	_, err = a.c.Runner.Run(ctx, apply.Command{Name: "apt-get", Args: append(slices.Clone(s.options), "-q", "-o", "APT::Update::Error-Mode=any", "update")})
	if err != nil {
		return nil, fmt.Errorf("offer packages to apt: %w", err)
	}
	return s, nil
}

// describe makes the index paragraph of file, and checks that the file is the
// package that the lock says.
func describe(file string, p baseline.LockedPackage) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	found, err := apply.Digest(file)
	if err != nil {
		return nil, err
	}
	if found != p.SHA256 {
		return nil, fmt.Errorf("its file has SHA-256 %s, the lock says %s", found, p.SHA256)
	}
	control, err := debfile.Control(f)
	if err != nil {
		return nil, err
	}
	is := map[string]string{}
	for line := range strings.Lines(string(control)) {
		if key, value, ok := strings.Cut(line, ":"); ok && key != "" && key[0] != ' ' {
			is[strings.ToLower(key)] = strings.TrimSpace(value)
		}
	}
	if is["package"] != p.Name || is["version"] != p.Version || is["architecture"] != p.Arch {
		return nil, fmt.Errorf("its file is %s %s (%s), the lock says %s %s (%s)",
			is["package"], is["version"], is["architecture"], p.Name, p.Version, p.Arch)
	}
	return fmt.Appendf(control, "Filename: ./%s\nSize: %d\nSHA256: %s\n\n", filepath.Base(file), info.Size(), p.SHA256), nil
}

// Simulate asks apt what installing packages from the offered files entails.
func (s *session) Simulate(ctx context.Context, packages []baseline.LockedPackage) (apply.Simulation, error) {
	return s.apt.simulate(ctx, s.options, packages)
}

// Install installs exactly packages. Configuration files that the administrator
// changed stay (confold), removals and downgrades are refused by apt itself.
func (s *session) Install(ctx context.Context, packages []baseline.LockedPackage) error {
	if len(packages) == 0 {
		return nil
	}
	auto, err := s.automatic(ctx, packages)
	if err != nil {
		return err
	}
	args := append(slices.Clone(s.options),
		"-y", "-q", "--no-install-recommends", "--no-remove",
		"-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
		"-o", "DPkg::Lock::Timeout="+s.apt.seconds(), "-o", "Dpkg::Use-Pty=0",
		"install")
	_, err = s.apt.locked(ctx, apply.Command{Name: "apt-get", Args: append(args, Exact(packages)...), Whole: true, Line: func(l string) {
		if strings.HasPrefix(l, "Unpacking ") || strings.HasPrefix(l, "Setting up ") {
			s.apt.c.Say("%s", strings.TrimSuffix(l, " ..."))
		}
	}})
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	if len(auto) > 0 {
		// apt-get install marks what it is given as wanted by a person.
		if _, err := s.apt.c.Runner.Run(ctx, apply.Command{Name: "apt-mark", Args: append([]string{"auto"}, auto...), Whole: true}); err != nil {
			return fmt.Errorf("restore the automatic marks: %w", err)
		}
	}
	return nil
}

// automatic lists those packages that are marked as installed automatically, or
// that come in as dependencies.
func (s *session) automatic(ctx context.Context, packages []baseline.LockedPackage) ([]string, error) {
	out, err := s.apt.c.Runner.Run(ctx, apply.Command{Name: "apt-mark", Args: []string{"showauto"}})
	if err != nil {
		return nil, fmt.Errorf("read the automatic marks: %w", err)
	}
	marked := strings.Fields(string(out))
	var auto []string
	for _, p := range packages {
		name := p.Name
		if slices.Contains(marked, p.Name+":"+p.Arch) { // foreign architectures only
			name += ":" + p.Arch
		} else if !slices.Contains(marked, p.Name) && p.From != "" {
			continue
		}
		auto = append(auto, name)
	}
	return auto, nil
}
