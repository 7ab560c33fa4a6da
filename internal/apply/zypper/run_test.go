package zypper

import (
	"context"
	"errors"
	"fmt"
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

// code is an exit code as exec.ExitError carries it.
type code int

func (c code) Error() string { return fmt.Sprintf("exit status %d", int(c)) }
func (c code) ExitCode() int { return int(c) }

// told is a Runner that ends with a code after saying something.
type told struct {
	code  int
	out   string
	calls []apply.Command
}

func (r *told) Run(ctx context.Context, c apply.Command) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.calls = append(r.calls, c)
	if r.code == 0 {
		return []byte(r.out), nil
	}
	return []byte(r.out), &apply.Failure{Command: "zypper", Out: r.out, Err: code(r.code)}
}

func scripted(t *testing.T, r *told) *Zypper {
	return New(Config{Runner: r, State: filepath.Join(t.TempDir(), "state"), Root: fstest.MapFS{}, Clock: wait.Wall{}, LockTimeout: 10 * time.Second})
}

var some = []baseline.LockedPackage{{Package: baseline.Package{Name: "a", Arch: "noarch", Epoch: "1", Version: "2", Release: "3"}}}

func TestExitCodesAreWhatTheyMean(t *testing.T) {
	const fine = `<stream><install-summary></install-summary></stream>`
	for _, c := range []struct {
		code   int
		out    string
		err    string // part of the error; empty: none
		reboot bool
		hint   bool
	}{
		{0, fine, "", false, false},
		{exitReboot, fine, "", true, false},
		{exitRestart, fine, "", false, false},
		{exitScript, fine, "the script of one of them failed", false, false},
		{exitCommit, fine, "the installation began and failed", false, false},
		{exitSkipped, fine, "a repository was left out", false, false},
		{exitNotFound, `<stream><message type="error">No provider of 'a' found.</message></stream>`, "not offered: No provider of 'a' found.", false, true},
		{4, `<stream><prompt><text>Do you agree with the terms of the license?</text></prompt></stream>`, "a licence would have to be agreed to", false, true},
		{4, `<stream><prompt><description>Problem: no way</description></prompt></stream>`, "exit status 4: no way", false, true},
		{4, `cut <off`, "exit status 4", false, false},
		{0, `<stream></stream>`, "gave no summary", false, false},
		{0, `<stream><install-summary>`, "ends early", false, false},
	} {
		z := scripted(t, &told{code: c.code, out: c.out})
		_, err := z.Simulate(t.Context(), some)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("code %d, %s: error = %v, want %q", c.code, c.out, err, c.err)
		}
		if (fault.HintOf(err) != "") != c.hint {
			t.Errorf("code %d, %s: hint %q", c.code, c.out, fault.HintOf(err))
		}
		if need, err := z.RebootNeeded(); need != c.reboot || err != nil {
			t.Errorf("code %d: RebootNeeded = %v, %v", c.code, need, err)
		}
	}
}

func TestTheMarkOfAPendingRestartIsSeen(t *testing.T) {
	for _, name := range []string{"run/reboot-needed", "var/run/reboot-needed"} {
		z := scripted(t, &told{})
		z.c.Root = fstest.MapFS{name: {}}
		if need, err := z.RebootNeeded(); !need || err != nil {
			t.Errorf("%s: %v, %v", name, need, err)
		}
	}
}

func TestALockThatStaysIsAConflictAfterTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &told{code: exitLocked, out: `<stream><message type="error">System management is locked by the application with pid 7 (yast).</message></stream>`}
		began := time.Now()
		err := scripted(t, r).Refresh(t.Context())
		if fault.KindOf(err) != fault.Conflict || fault.HintOf(err) == "" {
			t.Errorf("error = %v", err)
		}
		if spent := time.Since(began); spent < 10*time.Second || spent > 15*time.Second || len(r.calls) < 3 {
			t.Errorf("%d calls in %v", len(r.calls), spent)
		}
	})
}

func TestAnInterruptedRunSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := scripted(t, &told{out: "<stream/>"}).Simulate(ctx, some); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

func TestZypperIsAskedForExactPackagesWithoutAPerson(t *testing.T) {
	r := &told{out: `<stream><install-summary></install-summary></stream>`}
	z := scripted(t, r)
	if _, err := z.Simulate(t.Context(), some); err != nil {
		t.Fatal(err)
	}
	r.calls = r.calls[:1]
	s := &session{zypper: z, options: []string{"--reposd-dir", "/x"}}
	if err := s.Install(t.Context(), some); err != nil {
		t.Fatal(err)
	}
	for i, c := range r.calls {
		for _, want := range []string{"--non-interactive", "--xmlout", "--no-refresh", "--name", "--no-recommends", "a.noarch=1:2-3"} {
			if !slices.Contains(c.Args, want) {
				t.Errorf("call %d lacks %s: %v", i, want, c.Args)
			}
		}
		for _, never := range []string{"--auto-agree-with-licenses", "--force", "--force-resolution", "--no-gpg-checks", "--allow-vendor-change"} {
			if slices.Contains(c.Args, never) {
				t.Errorf("call %d has %s", i, never)
			}
		}
	}
	if dry, real := r.calls[0], r.calls[1]; !slices.Contains(dry.Args, "--dry-run") || slices.Contains(real.Args, "--dry-run") || !real.Whole || dry.Whole {
		t.Errorf("calls = %+v", r.calls)
	}
	if err := s.Install(t.Context(), nil); err != nil || len(r.calls) != 2 {
		t.Errorf("installing nothing runs zypper: %v, %v", r.calls[2:], err)
	}
}
