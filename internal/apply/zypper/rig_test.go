//go:build linux

package zypper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
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

// zeroless writes the epoch of a package without one as rpm does where it is absent:
// the fixtures state epoch 0.
func zeroless(list []string) []string {
	for i, s := range list {
		list[i] = strings.Replace(s, "-0:", "-(none):", 1)
	}
	return list
}

func bundled(t *testing.T, file, sha string) string {
	t.Helper()
	dir := t.TempDir()
	if err := apply.Place(file, filepath.Join(dir, sha)); err != nil {
		t.Fatal(err)
	}
	return dir
}
