// Package zypper installs exact versions through zypper on the node where it runs.
//
// The configured repositories are asked what installing would entail and to deliver
// the files. What is then installed comes from a folder that holds exactly the
// locked files, each equal to the lock by SHA-256. zypper sees nothing else as a
// repository, with a configuration and caches of the run: neither /etc/zypp nor
// /var/cache/zypp is touched, so nothing has to be put back.
package zypper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Config is what a Zypper needs.
type Config struct {
	Runner apply.Runner
	// State is the folder for working files, such as /var/lib/rehydrate.
	State string
	// Root is where the mark run/reboot-needed is looked for and zypper's configuration
	// is read.
	Root fs.FS
	// Sources, if set, stand in for the node's own repositories and services.
	Sources *Sources
	// LockTimeout is how long to wait for zypper's lock.
	LockTimeout time.Duration
	Clock       wait.Clock
	Say         func(format string, args ...any) // progress for people
}

// Sources stand in for the node's own repositories (specification §10). Root must
// have Dir in the place of etc/zypp/repos.d.
type Sources struct {
	Dir   string // of .repo files, on the node
	Cache string // on the node; the raw cache is its folder raw
}

func (s *Sources) options() []string {
	if s == nil {
		return nil
	}
	return []string{"--reposd-dir", s.Dir, "--cache-dir", s.Cache}
}

// Zypper is the package manager of a SUSE root. Close removes its working files.
type Zypper struct {
	c        Config
	files    *apply.Files
	sessions int  // so far
	reboot   bool // a run of zypper ended with the code for it
}

// New makes a Zypper; nothing is touched before the first call.
func New(c Config) *Zypper {
	if c.Say == nil {
		c.Say = func(string, ...any) {}
	}
	if c.Clock == nil {
		c.Clock = wait.Wall{}
	}
	return &Zypper{c: c, files: apply.NewFiles(c.State)}
}

// Close removes the working files of this run and of interrupted ones. The caller
// holds the node's lock.
func (z *Zypper) Close() error { return z.files.Close() }

// Refresh updates the services and the metadata of every configured repository. One
// that fails is an error, where zypper's other commands would carry on without it.
func (z *Zypper) Refresh(ctx context.Context) error {
	args := append(z.c.Sources.options(), "refresh")
	if z.c.Sources == nil {
		args = append(args, "--services")
	}
	said, err := z.run(ctx, apply.Command{Args: args})
	if err == nil { // a repository that was left out need not show in the exit code
		err = said.trouble()
	}
	if err != nil {
		return fault.As(fmt.Errorf("update repository metadata: %w", err), fault.KindOf(err),
			"every enabled repository must be readable; disable the one that is not, or repair it")
	}
	return nil
}

// Simulate asks zypper, with the configured repositories as they were last read,
// what installing packages entails.
func (z *Zypper) Simulate(ctx context.Context, packages []baseline.LockedPackage) (apply.Simulation, error) {
	return z.simulate(ctx, z.c.Sources.options(), packages)
}

func (z *Zypper) simulate(ctx context.Context, options []string, packages []baseline.LockedPackage) (apply.Simulation, error) {
	if len(packages) == 0 {
		return apply.Simulation{}, nil
	}
	args := slices.Concat(options, []string{"--no-refresh", "install", "--dry-run"}, policy, Exact(named(packages)))
	said, err := z.run(ctx, apply.Command{Args: args})
	if err == nil {
		err = said.trouble()
	}
	if err != nil {
		return apply.Simulation{}, fmt.Errorf("simulate the installation: %w", err)
	}
	if !said.summary {
		return apply.Simulation{}, errors.New("simulate the installation: zypper gave no summary")
	}
	return z.beside(ctx, said.simulation)
}

// named are those of packages that are asked for by name: what is new comes in as a
// dependency of the rest, so that it does not count as wanted by a person.
func named(packages []baseline.LockedPackage) []baseline.LockedPackage {
	rest := slices.DeleteFunc(slices.Clone(packages), func(p baseline.LockedPackage) bool { return p.From == "" })
	if len(rest) == 0 {
		return packages
	}
	return rest
}

// beside finds the new packages of the summary that come to stand beside an older
// version, as kernels do: the summary does not tell them from what is wholly new.
func (z *Zypper) beside(ctx context.Context, sim apply.Simulation) (apply.Simulation, error) {
	isNew := func(c record.Change) bool { return c.From == "" }
	if !slices.ContainsFunc(sim.Install, isNew) {
		return sim, nil
	}
	out, err := z.c.Runner.Run(ctx, apply.Command{Name: "rpm", Args: []string{"-qa", "--queryformat", "%{NAME} %{ARCH}\n"}})
	if err != nil {
		return sim, fmt.Errorf("simulate the installation: read what is installed: %w", err)
	}
	have := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		have[strings.TrimSpace(line)] = true
	}
	for _, c := range sim.Install {
		if isNew(c) && have[c.Name+" "+c.Arch] {
			sim.Beside = append(sim.Beside, c)
		}
	}
	return sim, nil
}

// policy is what every installation is asked with: packages by their names only,
// never by a capability that another package provides too, and nothing that is
// merely recommended. A licence is never agreed to in anybody's name.
var policy = []string{"--name", "--no-recommends", "--no-force-resolution"}

// Exact names packages for zypper: name.arch=epoch:version-release.
func Exact(packages []baseline.LockedPackage) []string {
	list := make([]string, len(packages))
	for i, p := range packages {
		list[i] = p.Name + "." + p.Arch + "=" + apply.Version(p.Package)
	}
	return list
}

// Changelogs reads nothing: advisories say what an rpm changes.
func (z *Zypper) Changelogs(context.Context, baseline.OperatingSystem, []baseline.AvailablePackage, map[string]string) (map[string]*baseline.Changelog, []string, error) {
	return nil, nil, nil
}

// RebootNeeded reports whether a restart of the machine was asked for: by zypper's
// exit code in this run, or by the mark that `zypper needs-rebooting` looks at.
func (z *Zypper) RebootNeeded() (bool, error) {
	if z.reboot {
		return true, nil
	}
	for _, name := range []string{"run/reboot-needed", "var/run/reboot-needed"} {
		_, err := fs.Stat(z.c.Root, name)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("look for %s: %w", name, err)
		}
	}
	return false, nil
}
