// Package dnf installs exact versions through dnf or yum on the node where it runs.
//
// The configured sources are asked what installing would entail and to deliver the
// files. What is then installed comes from repositories made of exactly the locked
// files, each equal to the lock by SHA-256: nothing else is enabled, and neither the
// node's repository files nor its caches are touched, so nothing has to be put back.
//
// Signatures stay the package manager's business: a file is checked as the
// configuration of its source says (gpgcheck, gpgkey), because the repository that
// offers it carries that source's id and settings. localpkg_gpgcheck has no part in
// it, as no file is given by its path.
package dnf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Config is what a Manager needs.
type Config struct {
	Program Program
	Runner  apply.Runner
	State   string // folder for working files, such as /var/lib/rehydrate
	Root    fs.FS  // where the configuration is read
	// Sources, if set, is a folder of .repo files that stands in for the node's own,
	// and a folder for their cache.
	Sources *Sources
	// LockTimeout is how long to wait for the package manager's lock.
	LockTimeout time.Duration
	Clock       wait.Clock
	Say         func(format string, args ...any) // progress for people
}

// Sources stand in for the node's own repositories (specification §10).
type Sources struct {
	Dir   string // of .repo files, on the node
	Cache string // on the node
}

func (s *Sources) options() []string {
	if s == nil {
		return nil
	}
	return []string{"--setopt=reposdir=" + s.Dir, "--setopt=cachedir=" + s.Cache}
}

// Manager is the package manager of an rpm root. Close removes its working files.
type Manager struct {
	c        Config
	files    *apply.Files
	sessions int      // so far
	avoid    []string // options that exclude packages from what the sources offer
}

// New makes a Manager; nothing is touched before the first call.
func New(c Config) *Manager {
	if c.Say == nil {
		c.Say = func(string, ...any) {}
	}
	return &Manager{c: c, files: apply.NewFiles(c.State)}
}

// Close removes the working files of this run and of interrupted ones. The caller
// holds the node's lock.
func (d *Manager) Close() error { return d.files.Close() }

// Refresh updates the metadata of every enabled repository. One that fails is an
// error, where the package manager may be configured to skip it.
func (d *Manager) Refresh(ctx context.Context) error {
	for _, line := range d.c.Program.Refresh {
		out, said, err := d.run(ctx, line[0], slices.Concat(d.c.Sources.options(), line[1:]))
		if err == nil {
			err = skipped(string(out) + "\n" + said)
		}
		if err != nil {
			return fault.As(fmt.Errorf("update package lists: %w", err), kind(err),
				"every enabled repository must be readable; disable the one that is not, or repair it")
		}
	}
	return nil
}

// skipped is an error where the output says that a repository was left out.
func skipped(said string) error {
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "Ignoring repositories:") || strings.Contains(line, "Failed to synchronize cache for repo") {
			return errors.New(line)
		}
	}
	return nil
}

// run runs a command with the options common to all, again and again while another
// process holds the lock. It returns the output and the error output apart.
func (d *Manager) run(ctx context.Context, name string, args []string) (out []byte, said string, err error) {
	out, err = d.locked(ctx, apply.Command{
		Name: name, Args: slices.Concat(d.c.Program.Common, args), Complaints: func(s string) { said = s },
	})
	return out, said, err
}

func (d *Manager) locked(ctx context.Context, c apply.Command) ([]byte, error) {
	w := apply.Waiting{Clock: d.c.Clock, Limit: d.c.LockTimeout, What: d.c.Program.Name + "'s lock", Busy: busy}
	return w.Run(ctx, d.c.Runner, c)
}

// busy reports whether err says that another process holds the lock: exit_on_lock
// makes it exit code 200, or these words.
func busy(err error) bool {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 200 {
		return true
	}
	var f *apply.Failure
	return errors.As(err, &f) && (strings.Contains(f.Errs+f.Out, "Failed to obtain the transaction lock") ||
		strings.Contains(f.Errs+f.Out, "exit_on_lock"))
}

func kind(err error) fault.Kind {
	if busy(err) {
		return fault.Conflict
	}
	return fault.KindOf(err)
}

// Simulate asks the package manager, with the configured sources, what installing
// packages entails.
func (d *Manager) Simulate(ctx context.Context, packages []baseline.LockedPackage) (apply.Simulation, error) {
	return d.simulate(ctx, slices.Concat(d.c.Sources.options(), d.avoid), packages)
}

// Avoid has further simulations do without these versions: the solver finds another
// way, or names the package that needs them.
func (d *Manager) Avoid(packages []baseline.Package) {
	for _, p := range packages {
		d.avoid = append(d.avoid, "--exclude="+p.Name+"-"+apply.Version(p)+"."+p.Arch)
	}
}

func (d *Manager) simulate(ctx context.Context, options []string, packages []baseline.LockedPackage) (apply.Simulation, error) {
	if len(packages) == 0 {
		return apply.Simulation{}, nil
	}
	args := slices.Concat(options, d.resolving(), []string{"--assumeno", "install"}, Exact(packages))
	out, said, err := d.run(ctx, d.c.Program.Name, args)
	if err != nil && !declined(string(out), said) {
		return apply.Simulation{}, fault.As(fmt.Errorf("simulate the installation: %w", err), kind(err), "")
	}
	sim, err := ParseTransaction(out)
	if err != nil {
		return sim, err
	}
	return d.standing(ctx, sim)
}

// declined says that the answer "no", which --assumeno gives, ended the command.
func declined(out, said string) bool {
	return strings.Contains(out, "\nTransaction Summary\n") &&
		(strings.Contains(said, "Operation aborted") || strings.Contains(out+said, "Exiting on user command"))
}

// resolving are the options of every call that resolves.
func (d *Manager) resolving() []string {
	if d.weak() {
		return d.c.Program.Strict
	}
	return slices.Concat(d.c.Program.Strict, d.c.Program.NoWeak)
}

// standing fills in what the table does not say: which versions are installed now.
func (d *Manager) standing(ctx context.Context, sim apply.Simulation) (apply.Simulation, error) {
	out, err := d.c.Runner.Run(ctx, apply.Command{Name: "rpm", Args: []string{
		"-qa", "--queryformat", "%{NAME} %{ARCH} %|EPOCH?{%{EPOCH}}:{0}|:%{VERSION}-%{RELEASE}\n"}})
	if err != nil {
		return sim, fmt.Errorf("simulate the installation: read what is installed: %w", err)
	}
	have := map[[2]string]string{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 3 {
			k := [2]string{f[0], f[1]}
			have[k] = strings.TrimSpace(have[k] + " " + f[2])
		}
	}
	for i := range sim.Install {
		c := &sim.Install[i]
		old := have[[2]string{c.Name, c.Arch}]
		switch {
		case c.From == replaces:
			c.From = old
		case old != "":
			sim.Beside = append(sim.Beside, *c)
		}
	}
	sim.Remove = slices.DeleteFunc(sim.Remove, func(c record.Change) bool {
		retired := slices.ContainsFunc(sim.Beside, func(b record.Change) bool { return b.Name == c.Name && b.Arch == c.Arch })
		if retired {
			sim.Retire = append(sim.Retire, c)
		}
		return retired
	})
	return sim, nil
}

// Changelogs has nothing to add: advisories are in the repositories' metadata.
func (d *Manager) Changelogs(context.Context, baseline.OperatingSystem, []baseline.AvailablePackage, map[string]string) (map[string]*baseline.Changelog, []string, error) {
	return nil, nil, nil
}

// Exact names packages for dnf and yum: name-epoch:version-release.arch.
func Exact(packages []baseline.LockedPackage) []string {
	list := make([]string, len(packages))
	for i, p := range packages {
		list[i] = p.Name + "-" + apply.Version(p.Package) + "." + p.Arch
	}
	return list
}
