package dnf

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

func TestSimulateSaysWhatDnfWouldDo(t *testing.T) {
	r := newRig(t, nil)
	sim, err := r.Simulate(t.Context(), r.lock("tool", "libz", "kernel-5.14", "noise"))
	r.must(err)
	slices.SortFunc(sim.Install, func(a, b record.Change) int { return strings.Compare(a.Name, b.Name) })
	kernel := record.Change{Name: "kernel", Arch: "x86_64", To: "0:5.14-1"}
	want := apply.Simulation{
		Install: []record.Change{
			kernel, {Name: "libz", Arch: "x86_64", From: "1:1.0-1", To: "1:1.2-1"}, {Name: "noise", Arch: "noarch", From: "0:1.0-1", To: "0:2.0-1"},
			{Name: "tool", Arch: "x86_64", From: "0:1.0-1", To: "0:1.1-1"}, {Name: "tool-lib", Arch: "x86_64", To: "2:1.1-1"},
		},
		Beside: []record.Change{kernel},
	}
	if d := cmp.Diff(want, sim); d != "" {
		t.Error(d)
	}
	if sim, err = r.Simulate(t.Context(), r.lock("wantsnew")); err != nil || len(sim.Remove) != 1 || sim.Remove[0].Name != "oldname" {
		t.Errorf("an obsoleted package: %+v, %v; want its removal", sim, err)
	}
	for name, want := range map[string]string{
		"broken": "nothing provides what-nobody-has needed by broken-1.1-1.x86_64",
	} {
		if _, err := r.Simulate(t.Context(), r.lock(name, "libz")); err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Failed {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	ghost := r.lock("libz")
	ghost[0].Version = "9"
	if _, err := r.Simulate(t.Context(), ghost); err == nil || !strings.Contains(err.Error(), "libz-1:9-1.x86_64") {
		t.Errorf("a version that nothing offers: %v", err)
	}
	if got := r.installed(); len(got) != len(old) {
		t.Errorf("a simulation changed the root: %v", got)
	}
}

// install obtains and installs what names say; the error is that of Install.
func (r *rig) install(o apply.Order) (record []record.Obtained, sim apply.Simulation, err error) {
	r.t.Helper()
	s, got, err := r.Obtain(r.t.Context(), o)
	r.must(err)
	sim, err = s.Simulate(r.t.Context(), o.Packages)
	r.must(err)
	return got, sim, s.Install(r.t.Context(), o.Packages)
}

func TestInstallChangesExactlyTheOrder(t *testing.T) {
	r := newRig(t, func(w *rpmworld.World) {
		w.Files = map[string]string{"etc/dnf/dnf.conf": "[main]\ngpgcheck=0\ninstallonly_limit=2\n"}
	})
	before := r.installed()
	o := order(r.lock("tool", "tool-lib", "libz", "kernel-5.14", "modular"))
	got, sim, err := r.install(o)
	r.must(err)
	if extra := sim.Extra(o.Packages); len(extra) > 0 || len(sim.Remove) > 0 {
		t.Errorf("simulation: %+v", sim)
	}
	for _, g := range got {
		if g.From != apply.FromSource {
			t.Errorf("%s came from %s", g.Name, g.From)
		}
	}
	want := slices.DeleteFunc(slices.Clone(before), func(s string) bool {
		return strings.HasPrefix(s, "tool-0") || strings.HasPrefix(s, "libz") || strings.HasPrefix(s, "modular")
	})
	want = append(want, Exact(o.Packages)...)
	slices.Sort(want)
	if d := cmp.Diff(want, r.installed()); d != "" {
		t.Errorf("rpm before and after differs from the order:\n%s", d)
	}
	// The dependency does not count as asked for by a person.
	if out := r.root.DNF(t, "repoquery", "--installed", "--qf", "%{name} %{reason} %{from_repo}", "tool-lib"); strings.TrimSpace(out) != "tool-lib dependency base" {
		t.Errorf("tool-lib: %q, want a dependency from base", out)
	}
	// The third kernel ends the first by the node's own limit, which is no removal.
	if _, sim, err = r.install(order(r.lock("kernel-6.1"))); err != nil {
		t.Fatal(err)
	}
	if len(sim.Remove) > 0 || len(sim.Retire) != 1 || sim.Retire[0].From != "0:5.9-1" || len(sim.Beside) != 1 {
		t.Errorf("third kernel: %+v", sim)
	}
	kernels := slices.DeleteFunc(r.installed(), func(s string) bool { return !strings.HasPrefix(s, "kernel-") })
	if !slices.Equal(kernels, []string{"kernel-0:5.14-1.x86_64", "kernel-0:6.1-1.x86_64"}) {
		t.Errorf("kernels: %v", kernels)
	}
}

func TestTheBundleServesAfterTheRepositoryMovedOn(t *testing.T) {
	r := newRig(t, nil)
	o := order(r.lock("tool", "tool-lib"))
	o.Bundle, o.Keep = t.TempDir(), true
	_, _, err := r.Obtain(t.Context(), o)
	r.must(err)
	moved := r.copyRepo(func(dir string) { r.must(os.Remove(filepath.Join(dir, "Packages", "tool-1.1-1.x86_64.rpm"))) })
	r.edit("etc/yum.repos.d/base.repo", r.repo, moved)
	again := newManager(r)
	late := order(o.Packages[1:])
	late.Packages = o.Packages
	if _, _, err := again.Obtain(t.Context(), late); fault.KindOf(err) != fault.GateSaysNo || !strings.Contains(err.Error(), "tool 0:1.1-1 (x86_64)") {
		t.Errorf("without a bundle: %v, want the gate's no naming tool", err)
	}
	late.Bundle = o.Bundle
	r.Manager = newManager(r)
	got, _, err := r.install(late)
	r.must(err)
	if got[0].From != apply.FromBundle || got[1].From != apply.FromSource {
		t.Errorf("obtained %+v", got)
	}
	if list := r.installed(); !slices.Contains(list, "tool-0:1.1-1.x86_64") || !slices.Contains(list, "tool-lib-2:1.1-1.x86_64") {
		t.Errorf("installed %v", list)
	}
}

// newManager is another run on the rig's root.
func newManager(r *rig) *Manager { return New(r.c) }

func TestThePastIsAskedByAddressAndByRelease(t *testing.T) {
	r := newRig(t, nil)
	p := r.lock("libz")
	base := filepath.Join(t.TempDir(), "by-release")
	r.must(os.MkdirAll(base, 0o755))
	r.must(os.Symlink(r.repo, filepath.Join(base, "2023.1")))
	empty := r.copyRepo(func(dir string) { r.must(os.RemoveAll(filepath.Join(dir, "Packages"))) })
	r.must(os.Symlink(empty, filepath.Join(base, "9")))
	r.edit("etc/yum.repos.d/base.repo", "file://"+r.repo, "file://"+base+"/$releasever")
	for _, past := range []string{"file://" + r.repo, "2023.1"} {
		o := apply.Order{Packages: p, Repositories: []baseline.Repository{{ID: "base", TimeTravel: past}}}
		_, got, err := newManager(r).Obtain(t.Context(), o)
		if err != nil || got[0].From != apply.FromTimeTravel {
			t.Errorf("%s: %+v, %v", past, got, err)
		}
	}
	o := apply.Order{Packages: p, Repositories: []baseline.Repository{{ID: "base", TimeTravel: "2022.0"}}}
	if _, _, err := newManager(r).Obtain(t.Context(), o); fault.KindOf(err) != fault.GateSaysNo || !strings.Contains(err.Error(), "libz 1:1.2-1") {
		t.Errorf("a release that never was: %v", err)
	}
}

func TestFailingScriptsAreErrorsThatNameThem(t *testing.T) {
	r := newRig(t, nil)
	_, _, err := r.install(order(r.lock("badpost", "libz")))
	if fault.KindOf(err) != fault.Partial || !strings.Contains(err.Error(), "postin script of badpost") {
		t.Errorf("a failing post script, which dnf calls success: %v", err)
	}
	if list := r.installed(); !slices.Contains(list, "badpost-0:1.1-1.x86_64") || !slices.Contains(list, "libz-1:1.2-1.x86_64") {
		t.Errorf("installed %v", list)
	}
	_, _, err = r.install(order(r.lock("badpre", "noise")))
	if err == nil || fault.KindOf(err) != fault.Failed || !strings.Contains(err.Error(), "prein script of badpre") {
		t.Errorf("a failing pre script: %v", err)
	}
	if list := r.installed(); !slices.Contains(list, "badpre-0:1.0-1.x86_64") || !slices.Contains(list, "noise-0:2.0-1.noarch") {
		t.Errorf("installed %v", list)
	}
}

func TestAnotherProcessesLockIsWaitedForAndNamed(t *testing.T) {
	r := newRig(t, nil)
	s, _, err := r.Obtain(t.Context(), order(r.lock("libz")))
	r.must(err)
	pid := exec.Command("sleep", "60")
	r.must(pid.Start())
	defer func() { _ = pid.Process.Kill(); _ = pid.Wait() }() // it has no other end
	lock := filepath.Join(r.root.Dir, "var/lib/dnf/rpmdb_lock.pid")
	r.must(os.MkdirAll(filepath.Dir(lock), 0o755))
	r.must(os.WriteFile(lock, []byte(strconv.Itoa(pid.Process.Pid)), 0o600))
	if err := s.Install(t.Context(), r.lock("libz")); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "dnf's lock") || fault.HintOf(err) == "" {
		t.Errorf("with the lock held: %v, want Conflict", err)
	}
	r.must(os.Remove(lock))
	r.must(s.Install(t.Context(), r.lock("libz")))
}

func TestARepositoryThatFailsIsAnErrorWhereDnfWouldSkipIt(t *testing.T) {
	r := newRig(t, nil)
	r.must(r.Refresh(t.Context()))
	r.must(os.WriteFile(filepath.Join(r.root.Dir, "etc/yum.repos.d/gone.repo"), []byte("[gone]\nname=g\nbaseurl=file:///nonexistent/gone\nskip_if_unavailable=1\ngpgcheck=0\n"), 0o600))
	r.root.DNF(t, "makecache", "--refresh") // dnf itself carries on
	if err := r.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "gone") || fault.HintOf(err) == "" {
		t.Errorf("Refresh = %v, want an error naming the repository", err)
	}
}
