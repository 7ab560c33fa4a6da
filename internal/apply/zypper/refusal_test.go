//go:build linux

package zypper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

func TestWhatIsNowhereIsTheGatesNo(t *testing.T) {
	n := newNode(t, []rpmworld.Package{tool11, lib11}, []rpmworld.Package{tool10, lib10})
	tool := n.locked(tool11, "0:1.0-1")
	// The same name and version, other contents.
	other := tool11
	other.BuildTime = 1_700_000_000
	n.publish(rpmworld.Repo(t, rpmworld.Repository{ID: "updates", Packages: []rpmworld.Package{other, lib11}}))
	z := n.zypper()
	n.refresh(z)
	for _, offers := range []baseline.Available{offering(tool), {}} { // lied about, then true
		_, _, err := z.Obtain(t.Context(), apply.Order{Packages: []baseline.LockedPackage{tool}, Offers: offers})
		if fault.KindOf(err) != fault.GateSaysNo || !strings.Contains(err.Error(), "tool 0:1.1-1 (x86_64)") {
			t.Errorf("error = %v", err)
		}
	}
	if d := cmp.Diff([]string{"lib-2:1.0-1.x86_64", "tool-(none):1.0-1.x86_64"}, zeroless(n.installed())); d != "" {
		t.Error(d)
	}
}

func TestAnUnmetDependencyIsRefusedByName(t *testing.T) {
	n := newNode(t, []rpmworld.Package{tool11, lib11}, []rpmworld.Package{tool10, lib10})
	tool := n.locked(tool11, "0:1.0-1")
	z := n.zypper()
	n.refresh(z)
	s, _, err := z.Obtain(t.Context(), apply.Order{Packages: []baseline.LockedPackage{tool}, Offers: offering(tool)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Simulate(t.Context(), []baseline.LockedPackage{tool})
	for what, err := range map[string]error{"Simulate": err, "Install": s.Install(t.Context(), []baseline.LockedPackage{tool})} {
		if err == nil || !strings.Contains(err.Error(), "nothing provides lib >= 2:1.1 needed by tool-1.1-1.x86_64") && !strings.Contains(err.Error(), "nothing provides 'lib >= 2:1.1'") {
			t.Errorf("%s: error = %v", what, err)
		} else if fault.HintOf(err) == "" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q has no hint or several lines", what, err)
		}
	}
	if d := cmp.Diff([]string{"lib-2:1.0-1.x86_64", "tool-(none):1.0-1.x86_64"}, zeroless(n.installed())); d != "" {
		t.Error(d)
	}
}

func TestAFileThatIsAnotherPackageIsNotInstalled(t *testing.T) {
	n := newNode(t, []rpmworld.Package{lib11}, []rpmworld.Package{tool10, lib10})
	lie := n.locked(lib11, "")
	lie.Name, lie.Epoch = "tool", "0" // the lock is wrong about what the file is
	z := n.zypper()
	n.refresh(z)
	_, _, err := z.Obtain(t.Context(), apply.Order{Packages: []baseline.LockedPackage{lie}, Bundle: bundled(t, filepath.Join(n.archive, lie.Filename), lie.SHA256)})
	if err == nil || !strings.Contains(err.Error(), "its file is lib 2:1.1-1 (x86_64), the lock says tool 0:1.1-1 (x86_64)") {
		t.Errorf("error = %v", err)
	}
	if d := cmp.Diff([]string{"lib-2:1.0-1.x86_64", "tool-(none):1.0-1.x86_64"}, zeroless(n.installed())); d != "" {
		t.Error(d)
	}
}

func TestASignatureIsDemandedAsInTheConfiguredRepository(t *testing.T) {
	n := newNode(t, []rpmworld.Package{lib11}, []rpmworld.Package{lib10})
	lib := n.locked(lib11, "2:1.0-1") // an unsigned package
	z := n.zypper()
	n.refresh(z)
	conf := filepath.Join(n.root.Dir, "etc/zypp/repos.d/updates.repo")
	for _, c := range []struct {
		settings string
		refused  bool
	}{{"gpgcheck=1\npkg_gpgcheck=1\n", true}, {"gpgcheck=1\nrepo_gpgcheck=0\n", true}, {"gpgcheck=1\n", false}} {
		put(t, conf, "[updates]\nenabled=1\nbaseurl=file:"+n.archive+"\n"+c.settings)
		order := apply.Order{Packages: []baseline.LockedPackage{lib}, Bundle: bundled(t, filepath.Join(n.archive, lib.Filename), lib.SHA256)}
		s, _, err := z.Obtain(t.Context(), order)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Install(t.Context(), order.Packages)
		if (err != nil) != c.refused || c.refused && !strings.Contains(strings.ToLower(err.Error()), "sign") {
			t.Errorf("%q: error = %v, want refused %v", c.settings, err, c.refused)
		}
		if got := n.installed()[0]; (got == "lib-2:1.1-1.x86_64") == c.refused {
			t.Errorf("%q: %s is installed", c.settings, got)
		}
	}
}

func TestALicenceIsNotAgreedToInAnybodysName(t *testing.T) {
	n := newNode(t, []rpmworld.Package{lib11}, []rpmworld.Package{lib10})
	lib := n.locked(lib11, "2:1.0-1")
	data := filepath.Join(t.TempDir(), "susedata.xml")
	put(t, data, fmt.Sprintf(`<susedata packages="1"><package pkgid="%s" name="lib" arch="x86_64"><version epoch="2" ver="1.1" rel="1"/><eula>You owe us a beer.</eula></package></susedata>`, lib.SHA256))
	if out, err := exec.Command("modifyrepo_c", "--mdtype=susedata", data, filepath.Join(n.archive, "repodata")).CombinedOutput(); err != nil {
		t.Fatalf("modifyrepo_c: %v: %s", err, out)
	}
	z := n.zypper()
	n.refresh(z)
	_, err := z.Simulate(t.Context(), []baseline.LockedPackage{lib})
	if err == nil || !strings.Contains(err.Error(), "a licence would have to be agreed to: the licence of lib") || fault.HintOf(err) == "" {
		t.Errorf("error = %v", err)
	}
}

func TestALockedPackageIsRefused(t *testing.T) {
	n := newNode(t, []rpmworld.Package{lib11}, []rpmworld.Package{lib10})
	put(t, filepath.Join(n.root.Dir, "etc/zypp/locks"), "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: lib\n\n")
	lib := n.locked(lib11, "2:1.0-1")
	z := n.zypper()
	n.refresh(z)
	s, _, err := z.Obtain(t.Context(), apply.Order{Packages: []baseline.LockedPackage{lib}, Offers: offering(lib)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Install(t.Context(), []baseline.LockedPackage{lib}); err == nil || !strings.Contains(err.Error(), "conflicting requests") {
		t.Errorf("error = %v", err)
	}
	if d := cmp.Diff([]string{"lib-2:1.0-1.x86_64"}, n.installed()); d != "" {
		t.Error(d)
	}
}

func TestARemovalIsSeenInTheSimulation(t *testing.T) {
	old := rpmworld.Package{Name: "olddoc", Version: "1"}
	n := newNode(t, []rpmworld.Package{doc11}, []rpmworld.Package{doc10, old})
	doc := n.locked(doc11, "0:1.0-1")
	z := n.zypper()
	n.refresh(z)
	sim, err := z.Simulate(t.Context(), []baseline.LockedPackage{doc})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]record.Change{{Name: "olddoc", Arch: "x86_64", From: "0:1-1"}}, sim.Remove); d != "" {
		t.Error(d)
	}
}

func TestAnotherProcessesLockIsWaitedForToALimit(t *testing.T) {
	n := newNode(t, []rpmworld.Package{lib11}, []rpmworld.Package{lib10})
	z := n.zypper()
	n.refresh(z)
	pid := filepath.Join(n.root.Dir, "run/zypp.pid")
	put(t, pid, strconv.Itoa(os.Getpid())+"\n") // a process that lives and is not zypper's own
	err := z.Refresh(t.Context())
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "zypper's lock") {
		t.Errorf("error = %v (kind %d), want a conflict", err, fault.KindOf(err))
	}
	z.c.LockTimeout = time.Minute
	z.c.Runner = afterwards{z.c.Runner, func() error { return os.Truncate(pid, 0) }}
	if err := z.Refresh(t.Context()); err != nil {
		t.Errorf("after the lock was given up: %v", err)
	}
}

// afterwards does something after each command.
type afterwards struct {
	apply.Runner
	do func() error
}

func (a afterwards) Run(ctx context.Context, c apply.Command) ([]byte, error) {
	out, err := a.Runner.Run(ctx, c)
	return out, errors.Join(err, a.do())
}

func TestARepositoryThatFailsMakesRefreshFail(t *testing.T) {
	n := newNode(t, []rpmworld.Package{lib11}, []rpmworld.Package{lib10})
	put(t, filepath.Join(n.root.Dir, "etc/zypp/repos.d/gone.repo"), "[gone]\nenabled=1\nautorefresh=1\ngpgcheck=0\nbaseurl=file:/nowhere/at/all\n")
	err := n.zypper().Refresh(t.Context())
	if err == nil || !strings.Contains(err.Error(), "gone") || fault.HintOf(err) == "" {
		t.Errorf("error = %v", err)
	}
	for _, name := range []string{"gone", "updates"} {
		if err := os.Remove(filepath.Join(n.root.Dir, "etc/zypp/repos.d", name+".repo")); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.zypper().Refresh(t.Context()); err == nil {
		t.Error("no repository at all counts as refreshed")
	}
}
