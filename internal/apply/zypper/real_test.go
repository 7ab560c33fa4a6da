//go:build linux

package zypper

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

func TestExactlyTheLockIsInstalledAndNothingOfTheConfigurationChanges(t *testing.T) {
	n := newNode(t, []rpmworld.Package{tool11, tool12, lib11, doc11}, []rpmworld.Package{tool10, lib10, doc10})
	// A service whose repository would offer more, if zypper were let to ask it.
	service := t.TempDir()
	put(t, filepath.Join(service, "repo/repoindex.xml"), fmt.Sprintf(`<repoindex ttl="0"><repo alias="more" enabled="true" url="file:%s"/></repoindex>`, n.archive))
	z := n.zypper()
	n.refresh(z)
	put(t, filepath.Join(n.root.Dir, "etc/zypp/services.d/s.service"), "[s]\nenabled=1\nautorefresh=1\ntype=ris\nurl=file:"+service+"\n")
	before := n.files("etc", "var/cache/zypp/raw")

	tool, lib := n.locked(tool11, "0:1.0-1"), n.locked(lib11, "2:1.0-1") // not the newest tool
	sim, err := z.Simulate(t.Context(), []baseline.LockedPackage{tool})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]record.Change{{Name: "lib", Arch: "x86_64", From: "2:1.0-1", To: "2:1.1-1"}}, sim.Extra([]baseline.LockedPackage{tool})); d != "" {
		t.Error("what the solver adds: ", d)
	}
	bundle := t.TempDir()
	got := n.install(z, apply.Order{Packages: []baseline.LockedPackage{tool, lib}, Offers: offering(tool, lib), Bundle: bundle, Keep: true})
	for _, o := range got {
		if o.From != apply.FromSource {
			t.Errorf("obtained %+v, want it from the source", o)
		}
		if d, err := apply.Digest(filepath.Join(bundle, o.SHA256)); d != o.SHA256 {
			t.Errorf("kept %s: %s, %v", o.Name, d, err)
		}
	}
	want := []string{"doc-(none):1.0-1.noarch", "lib-2:1.1-1.x86_64", "tool-(none):1.1-1.x86_64"}
	if d := cmp.Diff(want, zeroless(n.installed())); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(before, n.files("etc", "var/cache/zypp/raw")); d != "" {
		t.Error("configuration and metadata: ", d)
	}
	if need, err := z.RebootNeeded(); need || err != nil {
		t.Errorf("RebootNeeded = %v, %v", need, err)
	}
}

func TestTheBundleServesWhenTheSourceHasMovedOn(t *testing.T) {
	n := newNode(t, []rpmworld.Package{tool11, lib11}, []rpmworld.Package{tool10, lib10})
	tool, lib := n.locked(tool11, "0:1.0-1"), n.locked(lib11, "2:1.0-1")
	order := apply.Order{Packages: []baseline.LockedPackage{tool, lib}, Bundle: t.TempDir()}
	for _, p := range order.Packages {
		if err := apply.Place(filepath.Join(n.archive, p.Filename), filepath.Join(order.Bundle, p.SHA256)); err != nil {
			t.Fatal(err)
		}
	}
	n.withdraw(tool11)
	z := n.zypper()
	n.refresh(z)
	order.Offers = offering(lib)
	from := map[string]string{}
	for _, o := range n.install(z, order) {
		from[o.Name] = o.From
	}
	if d := cmp.Diff(map[string]string{"tool": apply.FromBundle, "lib": apply.FromSource}, from); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"lib-2:1.1-1.x86_64", "tool-(none):1.1-1.x86_64"}, zeroless(n.installed())); d != "" {
		t.Error(d)
	}
}

func TestATimeTravelAddressComesBeforeTheBundle(t *testing.T) {
	n := newNode(t, []rpmworld.Package{tool11, lib11}, []rpmworld.Package{tool10, lib11})
	tool := n.locked(tool11, "0:1.0-1")
	past := n.root.Repos["updates"]
	n.withdraw(tool11)
	z := n.zypper()
	n.refresh(z)
	got := n.install(z, apply.Order{
		Packages: []baseline.LockedPackage{tool}, Repositories: []baseline.Repository{{ID: "updates", TimeTravel: "file://" + past}},
	})
	if got[0].From != apply.FromTimeTravel {
		t.Errorf("obtained %+v", got)
	}
}

func TestAKernelComesToStandBesideTheOldOne(t *testing.T) {
	kernel := func(v string) rpmworld.Package {
		return rpmworld.Package{Name: "kernel-default", Version: v, Provides: []string{"multiversion(kernel)"}}
	}
	n := newNode(t, []rpmworld.Package{kernel("6.5"), lib11}, []rpmworld.Package{kernel("6.3"), kernel("6.4")})
	put(t, filepath.Join(n.root.Dir, "etc/zypp/zypp.conf"), "[main]\nmultiversion = provides:multiversion(kernel)\n")
	z := n.zypper()
	n.refresh(z)
	k := n.locked(kernel("6.5"), "0:6.4-1")
	s, _, err := z.Obtain(t.Context(), apply.Order{Packages: []baseline.LockedPackage{k}, Offers: offering(k)})
	if err != nil {
		t.Fatal(err)
	}
	sim, err := s.Simulate(t.Context(), []baseline.LockedPackage{k})
	if err != nil {
		t.Fatal(err)
	}
	want := []record.Change{{Name: "kernel-default", Arch: "x86_64", To: "0:6.5-1"}}
	if d := cmp.Diff(apply.Simulation{Install: want, Beside: want}, sim); d != "" {
		t.Error(d)
	}
	if err := s.Install(t.Context(), []baseline.LockedPackage{k}); err != nil {
		t.Fatal(err)
	}
	if got := zeroless(n.installed()); len(got) != 3 {
		t.Errorf("installed: %q", got)
	}
}

func TestSourcesStandInForTheNodesOwn(t *testing.T) {
	n := newNode(t, []rpmworld.Package{lib11}, []rpmworld.Package{lib10})
	put(t, filepath.Join(n.root.Dir, "etc/zypp/repos.d/broken.repo"), "[broken]\nenabled=1\nautorefresh=1\nbaseurl=file:/nowhere\n")
	before := n.files("etc", "var/cache")
	dir := t.TempDir()
	put(t, filepath.Join(dir, "repos.d/own.repo"), "[own]\nenabled=1\ngpgcheck=0\nbaseurl=file:"+n.archive+"\n")
	lib := n.locked(lib11, "2:1.0-1")
	lib.Repository = "own"
	z := n.zypper()
	z.c.Sources = &Sources{Dir: filepath.Join(dir, "repos.d"), Cache: filepath.Join(dir, "cache")}
	n.refresh(z)
	if _, err := os.Stat(filepath.Join(dir, "cache/raw/own/repodata/repomd.xml")); err != nil {
		t.Error(err)
	}
	if sim, err := z.Simulate(t.Context(), []baseline.LockedPackage{lib}); err != nil || len(sim.Install) != 1 {
		t.Errorf("simulation = %+v, %v", sim, err)
	}
	if got := n.install(z, apply.Order{Packages: []baseline.LockedPackage{lib}, Offers: offering(lib)}); got[0].From != apply.FromSource {
		t.Errorf("obtained %+v", got)
	}
	after := n.files("etc", "var/cache")
	for name := range after { // zypper's own view of what is installed is no configuration
		if strings.Contains(name, "/@System/") {
			delete(after, name)
		}
	}
	if d := cmp.Diff(before, after); d != "" {
		t.Error(d)
	}
}

func TestAKilledRunLeavesNothingThatTheNextOneDoesNotClear(t *testing.T) {
	n := newNode(t, []rpmworld.Package{lib11}, []rpmworld.Package{lib10})
	lib := n.locked(lib11, "2:1.0-1")
	order := apply.Order{Packages: []baseline.LockedPackage{lib}, Offers: offering(lib)}
	killed := n.zypper()
	n.refresh(killed)
	before := n.files("etc", "var/cache/zypp/raw")
	if _, _, err := killed.Obtain(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	// Here the process ends, without Close; zypper's lock names a process that is gone.
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(n.root.Dir, "run/zypp.pid"), strconv.Itoa(gone.Process.Pid)+"\n")
	if d := cmp.Diff(before, n.files("etc", "var/cache/zypp/raw")); d != "" {
		t.Error("configuration and metadata: ", d)
	}
	z := n.zypper()
	n.refresh(z)
	n.install(z, order)
	if err := z.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(n.state); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestARestartThatAPackageAsksForIsReported(t *testing.T) {
	hint := rpmworld.Package{Name: "core", Version: "2", Provides: []string{"installhint(reboot-needed)"}}
	n := newNode(t, []rpmworld.Package{hint}, []rpmworld.Package{{Name: "core", Version: "1"}})
	core := n.locked(hint, "0:1-1")
	z := n.zypper()
	n.refresh(z)
	n.install(z, apply.Order{Packages: []baseline.LockedPackage{core}, Offers: offering(core)})
	if need, err := z.RebootNeeded(); !need || err != nil {
		t.Errorf("RebootNeeded = %v, %v", need, err)
	}
	out, err := exec.Command("zypper", "--root", n.root.Dir, "needs-rebooting").CombinedOutput()
	if exitCode(err) != exitReboot {
		t.Errorf("zypper's own answer: %v: %s", err, out)
	}
}
