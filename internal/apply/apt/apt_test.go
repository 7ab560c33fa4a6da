package apt

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
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

// runner is a Runner by functions; calls remembers the command lines.
type runner struct {
	run   func(apply.Command) (string, error)
	calls []string
}

func (r *runner) Run(_ context.Context, c apply.Command) ([]byte, error) {
	r.calls = append(r.calls, c.Name+" "+strings.Join(c.Args, " "))
	if r.run == nil {
		return nil, nil
	}
	out, err := r.run(c)
	return []byte(out), err
}

func newAPT(t *testing.T, r *runner) *APT {
	t.Helper()
	return New(Config{Runner: r, State: filepath.Join(t.TempDir(), "state"), Root: fstest.MapFS{}, Clock: wait.Wall{}, LockTimeout: 10 * time.Second})
}

// deb is a small package file and its lock entry.
func deb(name, version string) ([]byte, baseline.LockedPackage) {
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nDescription: x\n", name, version)
	var inner bytes.Buffer
	w := tar.NewWriter(&inner)
	_ = w.WriteHeader(&tar.Header{Name: "./control", Size: int64(len(control)), Mode: 0o644}) // into memory
	_, _ = w.Write([]byte(control))
	_ = w.Close()
	var out bytes.Buffer
	out.WriteString("!<arch>\n")
	for _, m := range []struct {
		name string
		text []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar", inner.Bytes()}} {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.text))
		out.Write(m.text)
		if len(m.text)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	sum := sha256.Sum256(out.Bytes())
	return out.Bytes(), baseline.LockedPackage{
		Package: baseline.Package{Name: name, Version: version, Arch: "all"}, Repository: "r",
		Filename: "pool/" + name + ".deb", Size: int64(out.Len()), SHA256: hex.EncodeToString(sum[:]),
	}
}

func offering(packages ...baseline.LockedPackage) baseline.Available {
	var a baseline.Available
	for _, p := range packages {
		a.Packages = append(a.Packages, baseline.AvailablePackage{Package: p.Package, SHA256: p.SHA256})
	}
	return a
}

func write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFilesComeFromSourceThenTimeTravelThenBundle(t *testing.T) {
	offered, a := deb("offered", "1")
	travelled, b := deb("travelled", "1")
	bundled, c := deb("bundled", "1")
	bundle := t.TempDir()
	for _, text := range [][]byte{offered, bundled} { // the source comes first although the bundle has it
		sum := sha256.Sum256(text)
		write(t, filepath.Join(bundle, hex.EncodeToString(sum[:])), text)
	}
	r := &runner{run: func(c apply.Command) (string, error) {
		switch apply.Verb(c.Args) {
		case "download":
			write(t, filepath.Join(c.Dir, "offered_1_all.deb"), offered)
			if slices.Contains(c.Args, "travelled=1") || slices.Contains(c.Args, "bundled=1") {
				t.Error("apt was asked for what no source offers")
			}
		case "download-file":
			if !slices.Contains(c.Args, "https://past.test/pool/travelled.deb") {
				return "", errors.New("404")
			}
			write(t, c.Args[len(c.Args)-2], travelled)
		}
		return "", nil
	}}
	apt := newAPT(t, r)
	s, got, err := apt.Obtain(t.Context(), apply.Order{
		Packages: []baseline.LockedPackage{a, b, c}, Offers: offering(a), Bundle: bundle, Keep: true,
		Repositories: []baseline.Repository{{ID: "r", TimeTravel: "https://past.test"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].From != apply.FromSource || got[1].From != apply.FromTimeTravel || got[2].From != apply.FromBundle {
		t.Errorf("obtained = %+v", got)
	}
	for _, p := range []baseline.LockedPackage{a, b, c} {
		if d, err := apply.Digest(filepath.Join(bundle, p.SHA256)); err != nil || d != p.SHA256 {
			t.Errorf("bundle file of %s: %s, %v", p.Name, d, err)
		}
	}
	if s == nil || !strings.Contains(r.calls[len(r.calls)-1], "Dir::Etc::sourceparts=/dev/null") {
		t.Errorf("the last call does not offer only the order's files: %v", r.calls[len(r.calls)-1])
	}
	repo, err := apt.files.Dir("repo")
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(repo, "Packages"))
	if err != nil || strings.Count(string(index), "Filename: ./") != 3 || !strings.Contains(string(index), "SHA256: "+b.SHA256) {
		t.Errorf("index = %s, %v", index, err)
	}
	if err := apt.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(repo); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("working files are left: %v", err)
	}
}

func TestWhatIsNowhereIsTheGatesNoWithThePackageNamed(t *testing.T) {
	_, p := deb("vanished", "1.2")
	other, _ := deb("vanished", "6.6.6")
	for name, c := range map[string]struct {
		bundle  []byte // under the name of p's digest
		offers  baseline.Available
		deliver []byte
		want    string
	}{
		"no source, no bundle":         {nil, baseline.Available{}, nil, "vanished 1.2 (all): no source offers it any more"},
		"bundle file with other bytes": {other, baseline.Available{}, nil, "holds other contents"},
		"source delivers other bytes":  {nil, offering(p), other, "vanished 1.2 (all): the source that offers it did not deliver"},
		"same version, other contents": {nil, baseline.Available{Packages: []baseline.AvailablePackage{{Package: p.Package, SHA256: strings.Repeat("0", 64)}}}, other, "vanished 1.2"},
	} {
		r := &runner{run: func(cmd apply.Command) (string, error) {
			if cmd.Dir != "" && c.deliver != nil {
				write(t, filepath.Join(cmd.Dir, "vanished.deb"), c.deliver)
			}
			return "", nil
		}}
		bundle := t.TempDir()
		if c.bundle != nil {
			write(t, filepath.Join(bundle, p.SHA256), c.bundle)
		}
		s, _, err := newAPT(t, r).Obtain(t.Context(), apply.Order{Packages: []baseline.LockedPackage{p}, Offers: c.offers, Bundle: bundle})
		if s != nil && err == nil || fault.KindOf(err) != fault.GateSaysNo || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (kind %d), want the gate's no with %q", name, err, fault.KindOf(err), c.want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %v", name, err)
		}
	}
}

func TestAFileThatIsAnotherPackageIsRefused(t *testing.T) {
	text, p := deb("evil", "1")
	p.Name = "tool" // the lock is wrong about what the file is
	bundle := t.TempDir()
	write(t, filepath.Join(bundle, p.SHA256), text)
	_, _, err := newAPT(t, &runner{}).Obtain(t.Context(), apply.Order{Packages: []baseline.LockedPackage{p}, Bundle: bundle})
	if err == nil || !strings.Contains(err.Error(), "its file is evil 1 (all), the lock says tool 1 (all)") {
		t.Errorf("error = %v", err)
	}
}

func TestRefreshFailsWhenAnySourceFails(t *testing.T) {
	for name, run := range map[string]func(apply.Command) (string, error){
		"apt fails":          func(apply.Command) (string, error) { return "", errors.New("apt-get update: exit status 100: 404") },
		"old apt only warns": func(apply.Command) (string, error) { return "Hit:1 http://a\nErr:2 http://b demo InRelease\n", nil },
	} {
		if err := newAPT(t, &runner{run: run}).Refresh(t.Context()); err == nil || fault.HintOf(err) == "" {
			t.Errorf("%s: error = %v, want one with a hint", name, err)
		}
	}
	if err := newAPT(t, &runner{run: func(apply.Command) (string, error) { return "Hit:1 http://a\n", nil }}).Refresh(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnotherPackageManagersLockIsWaitedFor(t *testing.T) {
	busyFor := func(n int) *runner {
		return &runner{run: func(apply.Command) (string, error) {
			if n--; n >= 0 {
				return "", errors.New("Could not get lock /var/lib/apt/lists/lock")
			}
			return "", nil
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		if err := newAPT(t, busyFor(3)).Refresh(t.Context()); err != nil {
			t.Errorf("after three tries: %v", err)
		}
		if err := newAPT(t, busyFor(1000)).Refresh(t.Context()); fault.KindOf(err) != fault.Conflict {
			t.Errorf("lock held for ever: %v, want Conflict", err)
		}
	})
}

func TestInstallKeepsConfigurationAndAutomaticMarks(t *testing.T) {
	r := &runner{run: func(c apply.Command) (string, error) {
		if apply.Verb(c.Args) == "showauto" {
			return "lib\nforeign:i386\n", nil
		}
		return "", nil
	}}
	s := &session{apt: newAPT(t, r), options: []string{"-o", "Dir::X=y"}}
	p := func(name, arch, from string) baseline.LockedPackage {
		return baseline.LockedPackage{Package: baseline.Package{Name: name, Arch: arch, Version: "2"}, From: from}
	}
	err := s.Install(t.Context(), []baseline.LockedPackage{p("tool", "amd64", "1"), p("lib", "amd64", "1"), p("foreign", "i386", "1"), p("new", "all", "")})
	if err != nil {
		t.Fatal(err)
	}
	install := r.calls[1]
	for _, want := range []string{"Dir::X=y", "--no-install-recommends", "--no-remove", "--force-confdef", "--force-confold", "DPkg::Lock::Timeout=10", "tool:amd64=2", "new=2"} {
		if !strings.Contains(install, want) {
			t.Errorf("%q lacks %s", install, want)
		}
	}
	if strings.Contains(install, "downgrades") || strings.Contains(install, "allow-remove") {
		t.Errorf("%q allows too much", install)
	}
	if r.calls[2] != "apt-mark auto lib foreign:i386 new" {
		t.Errorf("marks: %q, want lib, foreign and the new dependency automatic, tool as it was", r.calls[2])
	}
}

func TestRebootIsNeededWhenAPackageSaysSo(t *testing.T) {
	for name, want := range map[string]bool{"run/reboot-required": true, "var/run/reboot-required": true, "run/other": false} {
		a := New(Config{Root: fstest.MapFS{name: {}}})
		if got, err := a.RebootNeeded(); err != nil || got != want {
			t.Errorf("with %s: %v, %v; want %v", name, got, err, want)
		}
	}
}
