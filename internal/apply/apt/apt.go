// Package apt installs exact versions through apt on the node where it runs.
//
// The configured sources are asked what installing would entail and to deliver the
// files. What is then installed comes from a repository made of exactly the locked
// files, each equal to the lock by SHA-256: apt has nothing else to choose from, and
// neither /etc/apt nor apt's lists are touched, so nothing has to be put back.
package apt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Config is what an APT needs.
type Config struct {
	Runner apply.Runner
	// State is the folder for working files, such as /var/lib/rehydrate. It should be
	// on the same file system as the bundle, so that files are linked, not copied.
	State string
	// Root is where marks such as run/reboot-required are looked for.
	Root fs.FS
	// Sources are options that let apt see other sources than the node's own; nil: the
	// node's own.
	Sources []string
	// LockTimeout is how long to wait for apt's and dpkg's locks.
	LockTimeout time.Duration
	Clock       wait.Clock
	Say         func(format string, args ...any) // progress for people
}

// APT is the package manager of a Debian-like root. Close removes its working files.
type APT struct {
	c     Config
	files *apply.Files
}

// New makes an APT; nothing is touched before the first call.
func New(c Config) *APT {
	if c.Say == nil {
		c.Say = func(string, ...any) {}
	}
	return &APT{c: c, files: apply.NewFiles(c.State)}
}

// Close removes the working files of this run and of interrupted ones. The caller
// holds the node's lock.
func (a *APT) Close() error { return a.files.Close() }

// Refresh updates the lists of every configured source. One that fails is an error, where apt alone would carry on with old lists.
func (a *APT) Refresh(ctx context.Context) error {
	out, err := a.locked(ctx, apply.Command{Name: "apt-get", Args: slices.Concat(a.c.Sources, []string{"-q", "-o", "APT::Update::Error-Mode=any", "update"})})
	if err == nil { // before apt 2.1 the option above is unknown
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "Err:") {
				err = fmt.Errorf("apt-get update: %s", strings.TrimSpace(line))
			}
		}
	}
	if err != nil {
		return fault.As(fmt.Errorf("update package lists: %w", err), kind(err),
			"every configured source must be readable; disable the one that is not, or repair it")
	}
	return nil
}

// Simulate asks apt, with the configured sources, what installing packages entails.
func (a *APT) Simulate(ctx context.Context, packages []baseline.LockedPackage) (apply.Simulation, error) {
	return a.simulate(ctx, a.c.Sources, packages)
}

func (a *APT) simulate(ctx context.Context, options []string, packages []baseline.LockedPackage) (apply.Simulation, error) {
	if len(packages) == 0 {
		return apply.Simulation{}, nil
	}
	args := append([]string{"--simulate", "--no-install-recommends"}, options...)
	out, err := a.c.Runner.Run(ctx, apply.Command{Name: "apt-get", Args: append(append(args, "install"), Exact(packages)...)})
	if err != nil {
		return apply.Simulation{}, fault.As(fmt.Errorf("simulate the installation: %w", err), kind(err), "")
	}
	return ParseSimulation(out)
}

// locked runs c, again and again while another process holds apt's lock.
func (a *APT) locked(ctx context.Context, c apply.Command) ([]byte, error) {
	w := apply.Waiting{Clock: a.c.Clock, Limit: a.c.LockTimeout, What: "apt's lock", Busy: busy}
	return w.Run(ctx, a.c.Runner, c)
}

// busy reports whether err says that another process holds apt's or dpkg's lock.
func busy(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "Could not get lock") || strings.Contains(err.Error(), "Unable to acquire the dpkg frontend lock"))
}

func kind(err error) fault.Kind {
	if busy(err) {
		return fault.Conflict
	}
	return fault.KindOf(err)
}

// RebootNeeded reports whether a package has asked for a restart of the machine.
func (a *APT) RebootNeeded() (bool, error) {
	for _, name := range []string{"run/reboot-required", "var/run/reboot-required"} {
		_, err := fs.Stat(a.c.Root, name)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("look for %s: %w", name, err)
		}
	}
	return false, nil
}

// Exact names packages for apt: name:arch=version. A package for all architectures
// has no qualifier.
func Exact(packages []baseline.LockedPackage) []string {
	list := make([]string, len(packages))
	for i, p := range packages {
		list[i] = p.Name + ":" + p.Arch + "=" + p.Version
		if p.Arch == "all" || p.Arch == "" {
			list[i] = p.Name + "=" + p.Version
		}
	}
	return list
}

func (a *APT) seconds() string {
	return strconv.Itoa(int(a.c.LockTimeout.Round(time.Second) / time.Second))
}
