package roots

import (
	"bytes"
	"errors"
	"github.com/goldenami/rehydrate/internal/testkit"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tree makes files below a new folder: "dir/" is a folder, "a -> b" a link, "!a" a
// whiteout, "*a" an opaque folder; the rest are files that hold the layer's name.
func tree(t *testing.T, name string, entries ...string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), name)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(root, 0o755))
	for _, e := range entries {
		from, to, link := strings.Cut(e, " -> ")
		p := filepath.Join(root, strings.TrimLeft(from, "!*"))
		must(os.MkdirAll(filepath.Dir(p), 0o755))
		switch {
		case link:
			must(os.Symlink(to, p))
		case e[0] == '!':
			if err := unix.Mknod(p, unix.S_IFCHR, 0); err != nil {
				testkit.Missing(t, "whiteouts need root: %v", err)
			}
		case e[0] == '*':
			must(os.Mkdir(p, 0o755))
			if err := unix.Setxattr(p, "trusted.overlay.opaque", []byte("y"), 0); err != nil {
				testkit.Missing(t, "opaque folders need root: %v", err)
			}
		case strings.HasSuffix(e, "/"):
			must(os.MkdirAll(p, 0o755))
		default:
			must(os.WriteFile(p, []byte(name), 0o644))
		}
	}
	return root
}

func TestLookupShowsWhatTheOverlayShows(t *testing.T) {
	l := layers{
		tree(t, "top", "etc/new", "!etc/gone", "*opt", "opt/own", "!usr", "file-over-dir"),
		tree(t, "middle", "etc/both", "opt/hidden", "!srv", "srv2/x", "dir-over-file/x"),
		tree(t, "base", "etc/both", "etc/gone", "etc/base", "opt/hidden2", "usr/bin/x", "srv/x", "file-over-dir/x", "dir-over-file"),
	}
	for p, want := range map[string]string{
		"/etc/new": "top", "/etc/both": "middle", "/etc/base": "base", "/opt/own": "top", "etc/../etc/base": "base",
		"/file-over-dir": "top", "/dir-over-file/x": "middle",
		"/etc/gone": "", "/opt/hidden": "", "/opt/hidden2": "", "/usr/bin/x": "", "/usr": "", "/srv/x": "", "/file-over-dir/x": "", "/none": "", "/etc/base/below": "",
	} {
		real, _, err := l.lookup(p)
		if want == "" {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s, %v; want nothing", p, real, err)
			}
			continue
		}
		if got, err2 := os.ReadFile(real); err != nil || err2 != nil || string(got) != want {
			t.Errorf("%s: %q of %s, %v; want %s", p, got, real, err, want)
		}
	}
	if _, info, err := l.lookup("/"); err != nil || !info.IsDir() {
		t.Errorf("the root itself: %v", err)
	}
}

func TestResolveStaysInTheRoot(t *testing.T) {
	l := layers{tree(t, "base",
		"usr/sbin/x", "sbin -> usr/sbin", "abs -> /usr", "up -> ../../../../usr", "a -> b", "b -> a", "etc/resolv.conf -> ../run/stub", "usr/local -> /opt/l", "chain -> abs")}
	for p, want := range map[string]string{
		"/sbin/policy-rc.d": "/usr/sbin/policy-rc.d", "/abs/sbin/y": "/usr/sbin/y", "/up/sbin/y": "/usr/sbin/y", "/chain/sbin/y": "/usr/sbin/y",
		"/etc/resolv.conf": "/etc/resolv.conf", "/usr/local/sbin/z": "/opt/l/sbin/z", "/no/such/dir/f": "/no/such/dir/f", "/f": "/f",
	} {
		if got, err := l.resolve(p); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", p, got, err, want)
		}
	}
	if _, err := l.resolve("/a/x"); !errors.Is(err, errLoop) {
		t.Errorf("a loop: %v", err)
	}
}

func TestTwinLayerLooksLikeTheImage(t *testing.T) {
	base := tree(t, "base", "etc/", "usr/bin/", "usr/sbin -> bin", "proc/")
	if err := os.Chmod(filepath.Join(base, "etc"), 0o750); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(filepath.Join(base, "etc"), 5, 6); err != nil {
			t.Fatal(err)
		}
	}
	layer, store := t.TempDir(), t.TempDir()
	binds, err := twinLayer(layer, store, layers{base}, []ownFile{
		{path: "/etc/hosts", mode: 0o644, data: []byte("h"), bound: true},
		{path: "/usr/sbin/policy-rc.d", mode: 0o755, data: []byte("p"), bound: true, readOnly: true},
		{path: "/usr/local/sbin/reboot", mode: 0o755, data: []byte("r")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(binds) != 2 || binds[0].to != "/etc/hosts" || binds[1].to != "/usr/bin/policy-rc.d" || !binds[1].readOnly {
		t.Errorf("binds %+v", binds)
	}
	for p, want := range map[string]string{"etc/hosts": "", "usr/bin/policy-rc.d": "", "usr/local/sbin/reboot": "r"} {
		if got, err := os.ReadFile(filepath.Join(layer, p)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", p, got, err)
		}
	}
	if fi, err := os.Stat(filepath.Join(layer, "etc")); err != nil || fi.Mode().Perm() != 0o750 {
		t.Errorf("etc: %v, %v", fi.Mode(), err)
	}
	if _, err := os.Lstat(filepath.Join(layer, "proc")); err == nil {
		t.Error("proc is in the image already")
	}
	if fi, err := os.Lstat(filepath.Join(layer, "run")); err != nil || !fi.IsDir() {
		t.Errorf("run, which the image lacks: %v", err)
	}
}

func TestHostsFileNamesTheMachineAndItsHosts(t *testing.T) {
	got := string(hostsFile(config{Hostname: "web-1", Listen: "127.7.7.7:22", Hosts: map[string]string{"b": "10.0.0.2", "a": "10.0.0.1"}}))
	want := "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.7.7.7 web-1\n10.0.0.1 a\n10.0.0.2 b\n"
	if got != want {
		t.Errorf("got %q", got)
	}
	if got := string(hostsFile(config{Hostname: "x"})); !strings.Contains(got, "127.0.1.1 x\n") {
		t.Errorf("without an address: %q", got)
	}
}

func TestBootTimeIsTheMachines(t *testing.T) {
	got := withBootTime([]byte("cpu 1 2\nbtime 5\nprocesses 3\n"), time.Unix(77, 0))
	if string(got) != "cpu 1 2\nbtime 77\nprocesses 3\n" {
		t.Errorf("got %q", got)
	}
}

func TestOnlyProxySettingsArePassedOn(t *testing.T) {
	got := proxies([]string{"HTTP_PROXY=a", "https_proxy=b", "AWS_SECRET_ACCESS_KEY=s", "no_proxy=c", "PATH=p"})
	if strings.Join(got, " ") != "HTTP_PROXY=a https_proxy=b no_proxy=c" {
		t.Errorf("got %v", got)
	}
}

func TestAwaitKill(t *testing.T) {
	for in, want := range map[string]bool{"": false, "\n": false, "\nk": true, "k": true, "xyz": false} {
		if got := awaitKill(bytes.NewBufferString(in)); got != want {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestMaybeMachineLeavesOtherProgramsAlone(t *testing.T) {
	for _, args := range [][]string{nil, {"x"}, {"x", hiddenArg}, {"x", "run", "--twin"}, {"x", hiddenArg, verbHold, "more"}} {
		if MaybeMachine(args) {
			t.Errorf("%v", args)
		}
	}
}
