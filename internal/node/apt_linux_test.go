package node_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/node"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit"
)

// made is a small Debian package.
type made struct{ name, version, fields, conf, postinst string }

// pack builds packages and a flat archive of them in dir.
func pack(t *testing.T, dir string, packages ...made) {
	t.Helper()
	for _, p := range packages {
		tree := filepath.Join(t.TempDir(), p.name)
		file := func(name, text string, mode os.FileMode) {
			t.Helper()
			if err := os.MkdirAll(filepath.Dir(filepath.Join(tree, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(tree, name), []byte(text), mode); err != nil {
				t.Fatal(err)
			}
		}
		file("DEBIAN/control", fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nPriority: optional\nSection: misc\nMaintainer: t <t@example.test>\n%sDescription: t\n", p.name, p.version, p.fields), 0o644)
		if p.conf != "" {
			file("etc/"+p.name+".conf", p.conf, 0o644)
			file("DEBIAN/conffiles", "/etc/"+p.name+".conf\n", 0o644)
		}
		if p.postinst != "" {
			file("DEBIAN/postinst", "#!/bin/sh\n"+p.postinst+"\n", 0o755)
		}
		if out, err := output("dpkg-deb", "--root-owner-group", "--build", tree, filepath.Join(dir, p.name+"_"+p.version+"_all.deb")); err != nil {
			t.Fatal(out, err)
		}
	}
	if out, err := output("sh", "-c", `cd "$0" && apt-ftparchive packages . >Packages && apt-ftparchive -o APT::FTPArchive::Release::Suite=mine release . >Release`, dir); err != nil {
		t.Fatal(out, err)
	}
}

// etcApt is every file of apt's configuration and its lists, with their contents.
func (r *real) etcApt(root string) string {
	r.t.Helper()
	return r.must(output("sh", "-c", `cd "$0" && find etc/apt var/lib/apt/lists -type f | sort | xargs sha256sum; ls var/lib/rehydrate | grep run- || true`, root))
}

// TestAptKeepsWhatItMustOnARealRoot: configuration files, sources, locks, refusals and
// scripts that fail, with real apt and dpkg.
func TestAptKeepsWhatItMustOnARealRoot(t *testing.T) {
	root := testkit.CopyRoot(t)
	r := &real{t: t, binary: filepath.Join(t.TempDir(), "rehydrate-node")}
	r.must(output("env", "CGO_ENABLED=0", "go", "build", "-o", r.binary, "../../cmd/rehydrate-node"))
	r.must(output("cp", r.binary, filepath.Join(root, "usr/local/bin/rehydrate-node")))
	archive := filepath.Join(root, "srv/mine")
	if err := os.MkdirAll(archive, 0o755); err != nil {
		t.Fatal(err)
	}
	pack(t, archive,
		made{name: "kept", version: "1", conf: "one\n"}, made{name: "needy", version: "1"}, made{name: "plain", version: "1"}, made{name: "failing", version: "1"})
	r.must(r.in(root, "sh", "-c", "dpkg -i /srv/mine/*.deb && echo mine >/etc/kept.conf"))
	pack(t, archive,
		made{name: "kept", version: "2", conf: "two\n"}, made{name: "needy", version: "2", fields: "Depends: what-nobody-has\n"}, made{name: "plain", version: "2"})

	const policy = `{"Name":"mine","OperatingSystem":"DEBIAN","ApprovalRules":{"PatchRules":[
 {"PatchFilterGroup":{"PatchFilters":[{"Key":"PRIORITY","Values":["optional"]}]},"EnableNonSecurity":true}]},
 "Sources":[{"Name":"mine","Products":["*"],"Configuration":"deb [trusted=yes] file:/srv/mine ./"}]}`
	req := record.NodeRequest{Operation: node.Install, Baseline: json.RawMessage(policy), LockTimeout: 3}
	configured := r.etcApt(root)

	// Another process holds dpkg's lock.
	lock, err := os.OpenFile(filepath.Join(root, "var/lib/dpkg/lock-frontend"), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := unix.FcntlFlock(lock.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}); err != nil {
		t.Fatal(err)
	}
	before := r.packages(root)
	if _, err := r.run(root, req); err == nil || !strings.Contains(err.Error(), "exit status 11") || !strings.Contains(err.Error(), "lock") {
		t.Errorf("with dpkg's lock held: %v, want exit 11", err)
	}
	if d := cmp.Diff(before, r.packages(root)); d != "" {
		t.Errorf("something changed:\n%s", d)
	}
	if err := unix.FcntlFlock(lock.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Whence: io.SeekStart}); err != nil {
		t.Fatal(err)
	}

	// The alternative source only; needy is refused, the rest installed.
	rep, err := r.run(root, req)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"kept:all": "2", "plain:all": "2"}
	if d := cmp.Diff(want, differs(before, r.packages(root))); d != "" {
		t.Errorf("dpkg before and after:\n%s", d)
	}
	if s := states(rep.Evaluation); s["needy.all"] != baseline.StateFailed || s["plain.all"] != baseline.StateInstalled {
		t.Errorf("states of needy and plain: %s, %s", s["needy.all"], s["plain.all"])
	}
	if !slices.ContainsFunc(rep.Findings, func(s string) bool { return strings.Contains(s, "needy") && strings.Contains(s, "what-nobody-has") }) {
		t.Errorf("the findings do not say why: %q", rep.Findings)
	}
	if text, err := os.ReadFile(filepath.Join(root, "etc/kept.conf")); err != nil || string(text) != "mine\n" {
		t.Errorf("the administrator's file is %q, %v", text, err)
	}
	if now := r.etcApt(root); now != configured {
		t.Errorf("apt's configuration or lists changed:\n%s", cmp.Diff(configured, now))
	}

	// A script that fails.
	pack(t, archive, made{name: "failing", version: "2", postinst: "echo no post >&2; exit 1"})
	rep, err = r.run(root, req)
	// dpkg leaves it half-configured: whether that counts as installed, nobody knows.
	if err == nil || !strings.Contains(rep.Error, "error processing package failing") || !strings.Contains(rep.Error, "package failing is half-configured") {
		t.Errorf("a failing script: %v", err)
	}
	if rep.After != nil || len(rep.Changes) > 0 {
		t.Errorf("a root that could not be read is reported as %v, %v", rep.After, rep.Changes)
	}
	if now := r.etcApt(root); now != configured {
		t.Errorf("apt's configuration or lists changed:\n%s", cmp.Diff(configured, now))
	}
}
