package dnf

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
)

// session is the package manager seeing only repositories of the order's files.
type session struct {
	dnf     *Manager
	options []string
}

var _ apply.Session = (*session)(nil)

// Simulate asks what installing packages from the offered files entails.
func (s *session) Simulate(ctx context.Context, packages []baseline.LockedPackage) (apply.Simulation, error) {
	return s.dnf.simulate(ctx, s.options, packages)
}

// Install installs exactly packages. An error says which scripts failed; what is
// installed then is for the caller to read.
func (s *session) Install(ctx context.Context, packages []baseline.LockedPackage) error {
	if len(packages) == 0 {
		return nil
	}
	d := s.dnf
	var said string
	args := slices.Concat(d.c.Program.Common, s.options, d.resolving(), []string{"-y", "install"}, Exact(named(packages)))
	out, err := d.locked(ctx, apply.Command{
		Name: d.c.Program.Name, Args: args, Whole: true,
		Complaints: func(text string) { said = text },
		Line: func(l string) {
			if progress().MatchString(l) {
				d.c.Say("%s", strings.Join(strings.Fields(l), " "))
			}
		},
	})
	scripts := failedScripts(said + "\n" + string(out))
	switch {
	case err != nil && len(scripts) > 0:
		return fault.As(fmt.Errorf("install: %w; failed: %s", err, strings.Join(scripts, ", ")), kind(err), "")
	case err != nil:
		return fault.As(fmt.Errorf("install: %w", err), kind(err), "")
	case len(scripts) > 0: // the package manager goes on and calls it success
		return fault.New(fault.Partial, "look what the script was to do, and do it",
			"install: the packages are installed, but scripts of theirs failed: %s", strings.Join(scripts, ", "))
	}
	return nil
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

// progress are the lines that say what is being done, such as
// "Upgrading        : tool-1.1-1.x86_64      1/2".
var progress = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(Installing|Upgrading|Updating|Obsoleting|Downgrading|Erasing|Cleanup) +: .* +\d+/\d+$`)
})

// scripts are the forms in which a failed script is told of: dnf's own, and rpm's.
var scripts = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`^(?:Non-fatal|Error in) ([A-Z]+) scriptlet (?:failure )?in rpm package (\S+)`),
		regexp.MustCompile(`^(?:warning|error): %([a-z]+)\((\S+)\) scriptlet failed`),
	}
})

// failedScripts names the scripts that failed, each once, such as "POSTIN of tool".
func failedScripts(said string) []string {
	var list []string
	for line := range strings.Lines(said) {
		for _, form := range scripts() {
			m := form.FindStringSubmatch(strings.TrimSpace(line))
			if m == nil {
				continue
			}
			if text := strings.ToLower(m[1]) + " script of " + m[2]; !slices.Contains(list, text) {
				list = append(list, text)
			}
		}
	}
	return list
}
