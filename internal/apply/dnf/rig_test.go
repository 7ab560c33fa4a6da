package dnf

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
	"github.com/goldenami/rehydrate/internal/wait"
)

// These tests let Debian's dnf 4 work on a root of synthetic packages; no
// distribution of rpms is involved, and no yum.

// old is what the root has, fresh what the repository offers.
var (
	old = []rpmworld.Package{
		{Name: "tool", Version: "1.0"}, {Name: "libz", Version: "1.0", Epoch: 1}, {Name: "noise", Version: "1.0", Arch: "noarch"},
		{Name: "kernel", Version: "5.9"}, {Name: "badpost", Version: "1.0"}, {Name: "badpre", Version: "1.0"},
		{Name: "oldname", Version: "1.0"}, {Name: "wantsnew", Version: "1.0"}, {Name: "broken", Version: "1.0"},
		{Name: "modular", Version: "1.0", Module: "stream:1:20260101:abc"},
	}
	fresh = []rpmworld.Package{
		{Name: "tool", Version: "1.1", Requires: []string{"tool-lib"}}, {Name: "tool-lib", Version: "1.1", Epoch: 2},
		{Name: "libz", Version: "1.2", Epoch: 1}, {Name: "noise", Version: "2.0", Arch: "noarch"},
		{Name: "kernel", Version: "5.14"}, {Name: "kernel", Version: "6.1"},
		{Name: "badpost", Version: "1.1", Scripts: map[string]string{"post": `error("no post")`}},
		{Name: "badpre", Version: "1.1", Scripts: map[string]string{"pre": `error("no pre")`}},
		{Name: "newname", Version: "2.0", Obsoletes: []string{"oldname < 2"}}, {Name: "wantsnew", Version: "1.1", Requires: []string{"newname"}},
		{Name: "broken", Version: "1.1", Requires: []string{"what-nobody-has"}},
		{Name: "modular", Version: "1.1", Module: "stream:1:20260202:abc"},
	}
)

// rig is a Manager over a root in which dnf works.
type rig struct {
	*Manager
	t     *testing.T
	root  *rpmworld.Root
	repo  string // folder of the repository base
	lines []string
}

// Run has the commands work on the rig's root.
func (r *rig) Run(ctx context.Context, c apply.Command) ([]byte, error) {
	args := append([]string{"-u", "DNF_TEST", "HOME=" + filepath.Dir(r.root.Dir), c.Name}, c.Args...)
	switch c.Name {
	case "dnf":
		args = slices.Insert(args, 4, "--installroot="+r.root.Dir)
		if !strings.Contains(strings.Join(c.Args, " "), "--releasever=") {
			args = slices.Insert(args, 5, "--releasever=9")
		}
	case "rpm":
		args = slices.Insert(args, 4, "--root="+r.root.Dir)
	}
	r.lines = append(r.lines, c.Name+" "+strings.Join(c.Args, " "))
	c.Name, c.Args = "env", args
	return apply.Exec{}.Run(ctx, c)
}

// newRig makes a rig; change may alter its world before.
func newRig(t *testing.T, change func(*rpmworld.World)) *rig {
	t.Helper()
	if testing.Short() {
		t.Skip("lets dnf install packages: left out by -short")
	}
	w := rpmworld.World{
		ID: "almalinux", VersionID: "9.4", Installed: old,
		Repositories: []rpmworld.Repository{{ID: "base", Packages: append(slices.Clone(old), fresh...)}},
	}
	if change != nil {
		change(&w)
	}
	root := rpmworld.Build(t, w)
	r := &rig{t: t, root: root, repo: root.Repos["base"]}
	if err := os.WriteFile(filepath.Join(filepath.Dir(root.Dir), ".rpmmacros"), []byte("%_dbpath /var/lib/rpm\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Manager = New(Config{
		Program: DNF, Runner: r, State: filepath.Join(t.TempDir(), "state"), Root: os.DirFS(root.Dir),
		Clock: wait.Wall{}, LockTimeout: time.Second, Say: func(f string, a ...any) { t.Logf(f, a...) },
	})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// installed is rpm's own list: name-epoch:version-release.arch, sorted.
func (r *rig) installed() []string {
	list := r.root.Query(r.t, "%{NAME}-%|EPOCH?{%{EPOCH}}:{0}|:%{VERSION}-%{RELEASE}.%{ARCH}")
	list = slices.DeleteFunc(list, func(s string) bool { return strings.HasPrefix(s, "gpg-pubkey") })
	slices.Sort(list)
	return list
}

// locked is the lock entry of a package of the repository in dir, as an upgrade of
// what is installed.
func (r *rig) locked(dir string, p rpmworld.Package) baseline.LockedPackage {
	r.t.Helper()
	file := filepath.Join(dir, "Packages", p.File())
	digest, err := apply.Digest(file)
	if err != nil {
		r.t.Fatal(err)
	}
	l := baseline.LockedPackage{
		Package:    baseline.Package{Name: p.Name, Arch: p.Arch, Epoch: fmt.Sprint(p.Epoch), Version: p.Version, Release: p.Release},
		Repository: "base", Filename: "Packages/" + p.File(), SHA256: digest,
	}
	if l.Arch == "" {
		l.Arch = "x86_64"
	}
	if l.Release == "" {
		l.Release = "1"
	}
	for _, i := range old {
		if i.Name == p.Name {
			l.From = i.Version
		}
	}
	return l
}

// lock is locked for the named packages of fresh.
func (r *rig) lock(names ...string) (list []baseline.LockedPackage) {
	r.t.Helper()
	for _, name := range names {
		n := len(list)
		for _, p := range fresh {
			if p.Name == name || p.Name+"-"+p.Version == name {
				list = append(list, r.locked(r.repo, p))
				break
			}
		}
		if len(list) == n {
			r.t.Fatalf("no package %s", name)
		}
	}
	return list
}

// order is an order for packages that the source offers.
func order(packages []baseline.LockedPackage) apply.Order {
	o := apply.Order{Packages: packages}
	for _, p := range packages {
		o.Offers.Packages = append(o.Offers.Packages, baseline.AvailablePackage{Package: p.Package, SHA256: p.SHA256})
	}
	return o
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// edit replaces text of a file of the root.
func (r *rig) edit(name, from, to string) {
	r.t.Helper()
	at := filepath.Join(r.root.Dir, name)
	text, err := os.ReadFile(at)
	r.must(err)
	if !strings.Contains(string(text), from) {
		r.t.Fatalf("%s has no %q: %s", name, from, text)
	}
	r.must(os.WriteFile(at, []byte(strings.ReplaceAll(string(text), from, to)), 0o644))
}

// copyRepo is a copy of the repository that may be changed, with fresh metadata.
func (r *rig) copyRepo(change func(dir string)) string {
	r.t.Helper()
	dir := filepath.Join(r.t.TempDir(), "copy")
	r.must(os.CopyFS(dir, os.DirFS(r.repo)))
	r.must(os.RemoveAll(filepath.Join(dir, "repodata")))
	change(dir)
	if out, err := exec.Command("createrepo_c", "-q", dir).CombinedOutput(); err != nil {
		r.t.Fatalf("createrepo_c: %v: %s", err, out)
	}
	return dir
}
