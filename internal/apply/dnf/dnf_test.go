package dnf

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// runner is a Runner by a function; calls remembers the command lines.
type runner struct {
	run   func(apply.Command) (string, error)
	calls []string
}

func (r *runner) Run(_ context.Context, c apply.Command) ([]byte, error) {
	r.calls = append(r.calls, c.Name+" "+strings.Join(c.Args, " "))
	out, err := r.run(c)
	return []byte(out), err
}

func with(t *testing.T, p Program, root fstest.MapFS, run func(apply.Command) (string, error)) (*Manager, *runner) {
	t.Helper()
	r := &runner{run: run}
	return New(Config{Program: p, Runner: r, State: filepath.Join(t.TempDir(), "state"), Root: root, Clock: wait.Wall{}, LockTimeout: 10 * time.Second}), r
}

func one(name string) []baseline.LockedPackage {
	return []baseline.LockedPackage{{Package: baseline.Package{Name: name, Arch: "x86_64", Epoch: "0", Version: "2", Release: "1"}, From: "0:1-1", SHA256: "00"}}
}

func TestEveryCallIsStrictAndDoesNotWaitForEver(t *testing.T) {
	for _, p := range []Program{DNF, Yum} {
		m, r := with(t, p, fstest.MapFS{}, func(apply.Command) (string, error) { return "Nothing to do.\n", nil })
		if _, err := m.Simulate(t.Context(), one("tool")); err != nil {
			t.Fatal(err)
		}
		for _, want := range slices.Concat([]string{p.Name + " ", "--setopt=exit_on_lock=1", "--assumeno install tool-0:2-1.x86_64"}, p.Strict, p.NoWeak) {
			if !strings.Contains(r.calls[0], want) {
				t.Errorf("%q lacks %s", r.calls[0], want)
			}
		}
		if strings.Contains(r.calls[0], "nogpgcheck") || strings.Contains(r.calls[0], "skip-broken") || strings.Contains(r.calls[0], "allowerasing") {
			t.Errorf("%q allows too much", r.calls[0])
		}
	}
}

func TestWeakDependenciesComeWhereTheConfigurationAsksForThem(t *testing.T) {
	for text, want := range map[string]bool{"[main]\n": false, "[main]\ninstall_weak_deps=True\n": true, "[main]\ninstall_weak_deps=0\n": false} {
		m, r := with(t, DNF, fstest.MapFS{DNF.Config: {Data: []byte(text)}}, func(apply.Command) (string, error) { return "Nothing to do.\n", nil })
		if _, err := m.Simulate(t.Context(), one("tool")); err != nil {
			t.Fatal(err)
		}
		if got := !strings.Contains(r.calls[0], "install_weak_deps=0"); got != want {
			t.Errorf("%q: weak dependencies %v, want %v", text, got, want)
		}
	}
}

func TestTheLockOfAnotherProcessIsToldApartFromOtherFailures(t *testing.T) {
	held := &apply.Failure{Command: "yum install", Err: errors.New("exit status 200"),
		Errs: "Another app is currently holding the yum lock; exiting as configured by exit_on_lock\n"}
	synctest.Test(t, func(t *testing.T) {
		times := 3
		m, _ := with(t, Yum, fstest.MapFS{}, func(apply.Command) (string, error) {
			if times--; times >= 0 {
				return "", held
			}
			return "Nothing to do\n", nil
		})
		if _, err := m.Simulate(t.Context(), one("tool")); err != nil {
			t.Errorf("after three tries: %v", err)
		}
		times = 1000
		if _, err := m.Simulate(t.Context(), one("tool")); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "yum's lock") {
			t.Errorf("held for ever: %v, want Conflict", err)
		}
	})
	m, r := with(t, DNF, fstest.MapFS{}, func(apply.Command) (string, error) {
		return "", &apply.Failure{Command: "dnf install", Err: errors.New("exit status 1"), Errs: "Error: Unable to find a match: tool\n"}
	})
	if _, err := m.Simulate(t.Context(), one("tool")); fault.KindOf(err) != fault.Failed || len(r.calls) != 1 {
		t.Errorf("another failure: %v after %d calls", err, len(r.calls))
	}
}

func TestAFailureAfterTheTableIsNotTakenForTheAnswerNo(t *testing.T) {
	m, _ := with(t, DNF, fstest.MapFS{}, func(apply.Command) (string, error) {
		return ofDNF, &apply.Failure{Command: "dnf install", Err: errors.New("exit status 1"), Errs: "Error: disk full\n"}
	})
	if _, err := m.Simulate(t.Context(), one("tool")); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("err = %v", err)
	}
}

func TestDownloadsWorkWithAndWithoutThePlugin(t *testing.T) {
	text := []byte("a package")
	p := one("tool")
	sums := t.TempDir()
	if err := os.WriteFile(filepath.Join(sums, "f"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if p[0].SHA256, err = apply.Digest(filepath.Join(sums, "f")); err != nil {
		t.Fatal(err)
	}
	for _, program := range []Program{DNF, Yum} {
		for _, plugin := range []bool{true, false} {
			m, r := with(t, program, fstest.MapFS{}, func(c apply.Command) (string, error) {
				first := c.Name == "yumdownloader" || slices.Contains(c.Args, "download")
				if first && !plugin {
					return "", errors.New("no such command")
				}
				for _, a := range c.Args {
					if dir, ok := strings.CutPrefix(a, "--destdir="); ok {
						return "", os.WriteFile(filepath.Join(dir, "tool.rpm"), text, 0o600)
					}
					if dir, ok := strings.CutPrefix(a, "--downloaddir="); ok {
						return "", os.WriteFile(filepath.Join(dir, "tool.rpm"), text, 0o600)
					}
				}
				return "", errors.New("where to")
			})
			if err := m.download(t.Context(), nil, p); err != nil || m.files.Have(p[0].SHA256) == "" {
				t.Errorf("%s, plugin %v: %v after %v", program.Name, plugin, err, r.calls)
			}
			if plugin != (len(r.calls) == 1) {
				t.Errorf("%s, plugin %v: %v", program.Name, plugin, r.calls)
			}
		}
	}
}

func TestFailedScriptsAreReadInEveryForm(t *testing.T) {
	got := failedScripts(`Error in POSTIN scriptlet in rpm package tool
Non-fatal POSTUN scriptlet failure in rpm package other
warning: %post(lib-1.0-1.x86_64) scriptlet failed, exit status 1
error: %pre(agent-1-1.x86_64) scriptlet failed, exit status 1
Error in POSTIN scriptlet in rpm package tool
  Running scriptlet: fine-1.1-1.x86_64    1/2
`)
	want := []string{"postin script of tool", "postun script of other", "post script of lib-1.0-1.x86_64", "pre script of agent-1-1.x86_64"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestARebootIsNeededAsNeedsRestartingSaysOrByTimes(t *testing.T) {
	boot := fstest.MapFS{"proc/stat": {Data: []byte("cpu 1\nbtime 1000\n")}}
	for name, c := range map[string]struct {
		root fstest.MapFS
		said string
		rpms string
		want bool
	}{
		"it says so":                {boot, "Core libraries or services have been updated since boot-up:\n  * kernel\n\nReboot is required to fully utilize these updates.\n", "", true},
		"it says no":                {boot, "No core libraries or services have been updated since boot-up.\nReboot should not be necessary.\n", "glibc 2000\n", false},
		"not there, core newer":     {boot, "", "tool 2000\nglibc 2000\n", true},
		"not there, core older":     {boot, "", "tool 2000\nglibc 900\n", false},
		"not there, nothing booted": {fstest.MapFS{}, "", "glibc 2000\n", false},
	} {
		m, _ := with(t, DNF, c.root, func(cmd apply.Command) (string, error) {
			if cmd.Name == "rpm" {
				return c.rpms, nil
			}
			return c.said, errors.New("exit status 1")
		})
		if got, err := m.RebootNeeded(); err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
}

func TestPlacesOfThePastCannotWriteOtherSettings(t *testing.T) {
	m, _ := with(t, DNF, fstest.MapFS{}, nil)
	for _, past := range []string{"http://a\ngpgcheck=0", "9 --nogpgcheck", "9\n"} {
		if options, err := m.past(0, "base", past); err == nil {
			t.Errorf("%q became %v", past, options)
		}
	}
}
