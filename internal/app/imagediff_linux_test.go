package app

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/testkit/debroot"
)

// changedRoots are a Debian root and a copy in which known things were changed by
// the system's own tools.
func changedRoots(t *testing.T) (before, after string) {
	t.Helper()
	if testing.Short() {
		t.Skip("copies whole roots: left out by -short")
	}
	imagetest.NeedRoot(t)
	made, err := debroot.Make(t.Context(), testkit.Cache(t), "bookworm", io.Discard)
	if err != nil {
		testkit.Missing(t, "a Debian root: %v", err)
	}
	dir := t.TempDir()
	deb := func(name, version string) string {
		at := filepath.Join(dir, name+version)
		for file, text := range map[string]string{
			"DEBIAN/control":         fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: x\n", name, version),
			"usr/share/" + name:      "version " + version + "\n",
			"usr/share/doc/" + name:  "the same in every version\n",
			"usr/share/big-" + name:  strings.Repeat(version, 1000),
			"opt/" + name + "/plain": "",
		} {
			p := filepath.Join(at, file)
			if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		imagetest.Run(t, "dpkg-deb", "-b", at)
		return at + ".deb"
	}
	install := func(root string, debs ...string) {
		imagetest.Run(t, "dpkg", append([]string{"--root=" + root, "--force-downgrade", "-i"}, debs...)...)
	}
	before, after = filepath.Join(dir, "before"), filepath.Join(dir, "after")
	imagetest.Run(t, "cp", "-a", made, before)
	install(before, deb("newer", "1.0~rc1"), deb("older", "1:1"), deb("linux-image-6.1.0-1-amd64", "6.1.1"))
	imagetest.Run(t, "cp", "-a", before, after)
	install(after, deb("newer", "1.0"), deb("older", "2"), deb("linux-image-6.1.0-2-amd64", "6.1.2"))
	imagetest.Run(t, "dpkg", "--root="+after, "--purge", "--force-all", "linux-image-6.1.0-1-amd64")
	imagetest.Run(t, "chroot", after, "useradd", "--system", "--no-create-home", "eve")
	imagetest.Run(t, "chroot", after, "usermod", "--lock", "--shell", "/bin/false", "root")
	imagetest.Run(t, "systemctl", "--root="+after, "disable", "fstrim.timer")
	imagetest.Run(t, "chmod", "u+s", filepath.Join(after, "usr/bin/dash"))
	imagetest.Run(t, "chmod", "u-s", filepath.Join(after, "usr/bin/chfn"))
	return before, after
}

func TestRunImageDiff_finds_what_was_changed_between_two_real_images(t *testing.T) {
	before, after := changedRoots(t)
	from, to := imagetest.Sparse(t, 1<<30), imagetest.Sparse(t, 1<<30)
	imagetest.Run(t, "mkfs.ext4", "-q", "-d", before, from)
	imagetest.Run(t, "mkfs.ext4", "-q", "-d", after, to)
	d, err := RunImageDiff(t.Context(), ImageDiffRequest{From: from, To: to, Scan: ScanRequest{Depth: record.DepthDigest}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range d.Packages {
		got = append(got, fmt.Sprintf("%s %s kernel %t: %s → %s", p.Name, p.How, p.Kernel, p.From, p.To))
	}
	for kind, list := range map[string][]record.Difference{"service": d.Services, "user": d.Users, "group": d.Groups, "setuid": d.SetID, "capable": d.Capable, "writable": d.Writable, "kernel": d.Kernels} {
		for _, x := range list {
			got = append(got, fmt.Sprintf("%s %s %s", kind, x.Name, x.How))
		}
	}
	for _, x := range d.Files {
		if !strings.HasPrefix(x.Name, "var/lib/dpkg/") && !strings.HasPrefix(x.Name, "var/log/") && !strings.HasPrefix(x.Name, "etc/") { // what the tools keep for themselves
			got = append(got, fmt.Sprintf("file %s %s", x.Name, x.How))
		}
	}
	slices.Sort(got)
	want := []string{
		"newer upgraded kernel false: 1.0~rc1 → 1.0", "older downgraded kernel false: 1:1 → 2",
		"linux-image-6.1.0-1-amd64 removed kernel true: 6.1.1 → ", "linux-image-6.1.0-2-amd64 added kernel true:  → 6.1.2",
		"service fstrim.timer removed", "user eve added", "user root changed", "group eve added", "setuid usr/bin/dash added", "setuid usr/bin/chfn removed",
	}
	for _, n := range []string{"newer", "older"} {
		want = append(want, "file usr/share/"+n+" changed", "file usr/share/big-"+n+" changed")
	}
	for n, how := range map[string]string{"1": "removed", "2": "added"} {
		name := "linux-image-6.1.0-" + n + "-amd64"
		for _, f := range []string{"usr/share/", "usr/share/doc/", "usr/share/big-"} {
			want = append(want, "file "+f+name+" "+how)
		}
		want = append(want, "file opt/"+name+"/plain "+how)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d.Same || d.Depth != record.DepthDigest || len(d.Unknown) > 0 || len(d.From.Costs) != 3 || d.From.Costs[2].Blocks == 0 {
		t.Errorf("same %t, depth %s, not known %v, costs %+v", d.Same, d.Depth, d.Unknown, d.From.Costs)
	}
	if same, err := RunImageDiff(t.Context(), ImageDiffRequest{From: before, To: from, Scan: ScanRequest{Depth: record.DepthDigest}}); err != nil || !same.Same {
		t.Errorf("an image and its own folder: %+v, %v", same, err)
	}
}
