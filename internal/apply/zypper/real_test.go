//go:build linux

package zypper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// node is a root with real packages, that real zypper works on from outside, and the
// archive that it is configured with.
type node struct {
	t       *testing.T
	root    *rpmworld.Root
	archive string // a copy that may be changed
	state   string
}

// rooted is the machine's zypper, working on another root.
type rooted string

func (r rooted) Run(ctx context.Context, c apply.Command) ([]byte, error) {
	c.Args = append([]string{"--root", string(r)}, c.Args...)
	return apply.Exec{}.Run(ctx, c)
}

var (
	tool10 = rpmworld.Package{Name: "tool", Version: "1.0"}
	tool11 = rpmworld.Package{Name: "tool", Version: "1.1", Requires: []string{"lib >= 2:1.1"}}
	tool12 = rpmworld.Package{Name: "tool", Version: "1.2", Requires: []string{"lib >= 2:1.1"}}
	lib10  = rpmworld.Package{Name: "lib", Version: "1.0", Epoch: 2}
	lib11  = rpmworld.Package{Name: "lib", Version: "1.1", Epoch: 2}
	doc10  = rpmworld.Package{Name: "doc", Version: "1.0", Arch: "noarch"}
	doc11  = rpmworld.Package{Name: "doc", Version: "1.1", Arch: "noarch", Obsoletes: []string{"olddoc"}}
)

func newNode(t *testing.T, offered, installed []rpmworld.Package) *node {
	t.Helper()
	if testing.Short() {
		t.Skip("works with real zypper and rpm: left out by -short")
	}
	if _, err := exec.LookPath("zypper"); err != nil {
		testkit.Missing(t, "%v: `make tools` installs it", err)
	}
	if os.Geteuid() != 0 {
		testkit.Missing(t, "zypper changes a root as root only")
	}
	root := rpmworld.Build(t, rpmworld.World{
		ID: "sles", VersionID: "15.6", NoCache: true, Installed: installed,
		Repositories: []rpmworld.Repository{{ID: "updates", Packages: offered}},
	})
	// Debian's rpm keeps its database in the home folder unless told where.
	home := t.TempDir()
	put(t, filepath.Join(home, ".rpmmacros"), "%_dbpath /var/lib/rpm\n")
	t.Setenv("HOME", home)
	n := &node{t: t, root: root, archive: filepath.Join(t.TempDir(), "archive"), state: filepath.Join(t.TempDir(), "state")}
	n.publish(root.Repos["updates"])
	put(t, filepath.Join(root.Dir, "etc/zypp/repos.d/updates.repo"), "[updates]\nenabled=1\nautorefresh=1\ngpgcheck=0\nbaseurl=file:"+n.archive+"\n")
	return n
}

// publish makes the archive what the folder is.
func (n *node) publish(dir string) {
	n.t.Helper()
	if err := os.RemoveAll(n.archive); err != nil {
		n.t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", dir, n.archive).CombinedOutput(); err != nil {
		n.t.Fatalf("publish: %v: %s", err, out)
	}
}

// withdraw takes a package out of the archive.
func (n *node) withdraw(p rpmworld.Package) {
	n.t.Helper()
	if err := os.Remove(filepath.Join(n.archive, "Packages", p.File())); err != nil {
		n.t.Fatal(err)
	}
	if out, err := exec.Command("createrepo_c", "--quiet", n.archive).CombinedOutput(); err != nil {
		n.t.Fatalf("createrepo_c: %v: %s", err, out)
	}
}

// zypper is an adapter working on the root.
func (n *node) zypper() *Zypper {
	z := New(Config{
		Runner: rooted(n.root.Dir), State: n.state, Root: os.DirFS(n.root.Dir), LockTimeout: time.Second,
		Say: func(format string, args ...any) { n.t.Logf(format, args...) },
	})
	n.t.Cleanup(func() {
		if err := z.Close(); err != nil {
			n.t.Error(err)
		}
	})
	return z
}

// locked is the lock's entry for a package that the archive held at first.
func (n *node) locked(p rpmworld.Package, from string) baseline.LockedPackage {
	n.t.Helper()
	p = rpmworld.Parse(p.NEVRA())
	file := "Packages/" + p.File()
	text, err := os.ReadFile(filepath.Join(n.root.Repos["updates"], file))
	if err != nil {
		n.t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return baseline.LockedPackage{
		Package: baseline.Package{Name: p.Name, Arch: p.Arch, Epoch: strconv.Itoa(p.Epoch), Version: p.Version, Release: p.Release},
		From:    from, Repository: "updates", Filename: file, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:]),
	}
}

// installed is rpm's own answer.
func (n *node) installed() []string {
	n.t.Helper()
	list := n.root.Query(n.t, "%{name}-%{epoch}:%{version}-%{release}.%{arch}")
	slices.Sort(list)
	return list
}

// files are the digests of the files under the folders of the root.
func (n *node) files(dirs ...string) map[string]string {
	n.t.Helper()
	all := map[string]string{}
	for _, dir := range dirs {
		err := filepath.WalkDir(filepath.Join(n.root.Dir, dir), func(name string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			all[name], err = apply.Digest(name)
			return err
		})
		if err != nil {
			n.t.Fatal(err)
		}
	}
	return all
}

func (n *node) refresh(z *Zypper) {
	n.t.Helper()
	if err := z.Refresh(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) install(z *Zypper, o apply.Order) []record.Obtained {
	n.t.Helper()
	s, obtained, err := z.Obtain(n.t.Context(), o)
	if err != nil {
		n.t.Fatal(err)
	}
	sim, err := s.Simulate(n.t.Context(), o.Packages)
	if err != nil {
		n.t.Fatal(err)
	}
	if extra := sim.Extra(o.Packages); len(extra) > 0 || len(sim.Install) != len(o.Packages) || len(sim.Remove) > 0 {
		n.t.Fatalf("simulation = %+v", sim)
	}
	if err := s.Install(n.t.Context(), o.Packages); err != nil {
		n.t.Fatal(err)
	}
	return obtained
}

func offering(packages ...baseline.LockedPackage) baseline.Available {
	var a baseline.Available
	for _, p := range packages {
		a.Packages = append(a.Packages, baseline.AvailablePackage{Package: p.Package, SHA256: p.SHA256})
	}
	return a
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

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

// zeroless writes the epoch of a package without one as rpm does where it is absent:
// the fixtures state epoch 0.
func zeroless(list []string) []string {
	for i, s := range list {
		list[i] = strings.Replace(s, "-0:", "-(none):", 1)
	}
	return list
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

func bundled(t *testing.T, file, sha string) string {
	t.Helper()
	dir := t.TempDir()
	if err := apply.Place(file, filepath.Join(dir, sha)); err != nil {
		t.Fatal(err)
	}
	return dir
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
