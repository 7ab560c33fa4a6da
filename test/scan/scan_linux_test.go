// Package scan holds rehydrate scan, as a whole, to what dpkg and apt say of the same
// root: as a folder, and as a disk image that nobody mounts.
package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/cli"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/testkit/debroot"
)

// root is a Debian root with its package lists: an old release with updates pending,
// or the current stable one.
func root(t *testing.T, suite string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("makes a Debian root and disk images")
	}
	dir, err := debroot.Make(t.Context(), testkit.Cache(t), suite, io.Discard)
	if err != nil {
		testkit.Missing(t, "a root of Debian %s: %v", suite, err)
	}
	return dir
}

// scan runs the program as a user does.
func scan(t *testing.T, args ...string) *record.Scan {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Run(context.Background(), append([]string{"rehydrate", "scan", "--output", "json"}, args...), strings.NewReader(""), &out, &errs)
	if code != 0 {
		t.Fatalf("scan %v: exit code %d\n%s", args, code, errs.String())
	}
	var s record.Scan
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return string(out)
}

// dpkg is what dpkg-query calls installed.
func dpkg(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(run(t, "dpkg-query", "--admindir="+filepath.Join(root, "var/lib/dpkg"), "-W", "-f", "${db:Status-Status} ${Package} ${Architecture} ${Version}\n")) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "installed "); ok {
			out = append(out, rest)
		}
	}
	slices.Sort(out)
	return out
}

// apt is what the root's own apt calls upgradable.
func apt(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	list, err := debroot.Command(t.Context(), root, "apt", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "list", "--upgradable").Output()
	if err != nil {
		t.Fatalf("apt list: %v", err)
	}
	for line := range strings.Lines(string(list)) {
		name, rest, ok := strings.Cut(line, "/")
		words := strings.Fields(rest)
		if ok && len(words) >= 6 && strings.Contains(rest, "[upgradable from: ") {
			out = append(out, fmt.Sprintf("%s %s %s %s", name, words[2], strings.TrimSuffix(words[5], "]"), words[1]))
		}
	}
	slices.Sort(out)
	return out
}

func installed(s *record.Scan) []string {
	var out []string
	for _, p := range s.Inventory.Installed {
		out = append(out, p.Name+" "+p.Arch+" "+p.Version)
	}
	slices.Sort(out)
	return out
}

func updates(s *record.Scan) []string {
	var out []string
	for _, u := range s.Updates {
		out = append(out, u.Name+" "+u.Arch+" "+u.Installed+" "+u.Version)
	}
	slices.Sort(out)
	return out
}

// image makes a disk image of root by the file system's own tool.
func image(t *testing.T, root, kind string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), kind+".img")
	switch kind {
	case "ext4":
		run(t, "truncate", "-s", "1G", name)
		run(t, "mkfs.ext4", "-q", "-F", "-d", root, name)
	case "gpt":
		bare := image(t, root, "ext4")
		run(t, "truncate", "-s", "1026M", name)
		cmd := exec.Command("sfdisk", "-q", name)
		cmd.Stdin = strings.NewReader("label: gpt\nstart=2048, size=2097152, type=L\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("sfdisk: %v: %s", err, out)
		}
		run(t, "dd", "if="+bare, "of="+name, "bs=1M", "seek=1", "conv=notrunc,sparse", "status=none")
	}
	return name
}

func TestScanSaysWhatDpkgAndAptSay(t *testing.T) {
	for _, suite := range []string{"bullseye", "bookworm"} {
		dir := root(t, suite)
		wantInstalled, wantUpdates := dpkg(t, dir), apt(t, dir)
		if len(wantInstalled) < 50 {
			t.Fatalf("%s: dpkg lists %d packages", suite, len(wantInstalled))
		}
		targets := map[string]string{"folder": dir}
		if suite == "bullseye" {
			targets["ext4 image"], targets["image with a partition table"] = image(t, dir, "ext4"), image(t, dir, "gpt")
		}
		for name, target := range targets {
			s := scan(t, target)
			if d := cmp.Diff(wantInstalled, installed(s)); d != "" {
				t.Errorf("%s, %s, installed:\n%s", suite, name, d)
			}
			if d := cmp.Diff(wantUpdates, updates(s)); d != "" || !s.UpdatesKnown {
				t.Errorf("%s, %s, updates (%s):\n%s", suite, name, s.UpdatesReason, d)
			}
			for _, r := range s.Sources {
				if !r.Verified || r.SignedBy == "" || r.SeenFrom == "" || r.Date.IsZero() {
					t.Errorf("%s, %s: source %+v", suite, name, r)
				}
			}
			t.Logf("%s, %s: %d packages, %d updates, read %d of %d blocks in %d ms", suite, name, len(s.Inventory.Installed), len(s.Updates), s.Read.Blocks, s.Read.Total, s.Read.MS)
		}
	}
}

// Every format that is read gives the same answer, and an image that is none of them
// is unknown or refused, by name.
func TestScanReadsEveryImageFormat(t *testing.T) {
	dir := root(t, "bullseye")
	raw := image(t, dir, "gpt")
	want := dpkg(t, dir)
	for format, args := range map[string][]string{"qcow2": {"-O", "qcow2", "-c"}, "vmdk": {"-O", "vmdk", "-o", "subformat=streamOptimized"}, "vhd": {"-O", "vpc"}} {
		name := filepath.Join(t.TempDir(), "disk."+format)
		run(t, "qemu-img", append(append([]string{"convert"}, args...), raw, name)...)
		s := scan(t, "--inventory-only", name)
		if d := cmp.Diff(want, installed(s)); d != "" || s.Format != format {
			t.Errorf("%s (called %s):\n%s", format, s.Format, d)
		}
		t.Logf("%s: read %d of %d blocks, %d bytes in %d ms", format, s.Read.Blocks, s.Read.Total, s.Read.Bytes, s.Read.MS)
	}
	btrfs := filepath.Join(t.TempDir(), "btrfs.img")
	run(t, "truncate", "-s", "128M", btrfs)
	f, err := os.OpenFile(btrfs, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("_BHRfS_M"), 0x10040); err != nil { // its superblock's magic
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{btrfs: "btrfs", filepath.Join(dir, "bin/bash"): "unknown: "} {
		var out, errs bytes.Buffer
		code := cli.Run(context.Background(), []string{"rehydrate", "scan", target}, strings.NewReader(""), &out, &errs)
		if code != 10 || !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "next: ") {
			t.Errorf("%s: exit code %d\n%s%s", target, code, out.String(), errs.String())
		}
	}
}

// A scan changes nothing: neither a file of the root nor a byte of the image.
func TestScanLeavesItsTargetAsItIs(t *testing.T) {
	dir := root(t, "bullseye")
	img := image(t, dir, "ext4")
	state := func() string {
		tree := run(t, "find", dir, "-xdev", "-printf", "%p %s %T@ %C@ %m\n")
		return tree + run(t, "sha256sum", img)
	}
	before := state()
	for _, target := range []string{dir, img} {
		scan(t, "--depth", "metadata", target)
	}
	if d := cmp.Diff(strings.Split(before, "\n"), strings.Split(state(), "\n")); d != "" {
		t.Error(d)
	}
}

// A disk image that was taken while mounted is unknown, with what to do about it.
func TestAnImageThatIsInUseIsUnknown(t *testing.T) {
	img := image(t, root(t, "bullseye"), "ext4")
	at := t.TempDir()
	if out, err := exec.Command("mount", "-o", "loop", img, at).CombinedOutput(); err != nil {
		testkit.Missing(t, "a loop mount: %v: %s", err, out)
	}
	mounted := true
	unmount := func() {
		if mounted {
			// A namespace that another test's program made meanwhile keeps the file system
			// mounted for as long as it lives; read-only, it is clean all the same.
			run(t, "mount", "-o", "remount,ro", at)
			run(t, "umount", at)
			mounted = false
		}
	}
	t.Cleanup(unmount)
	if err := os.WriteFile(filepath.Join(at, "new"), []byte(time.Now().String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "sync", "-f", at)
	taken := filepath.Join(t.TempDir(), "taken.img")
	run(t, "cp", "--sparse=always", img, taken)
	unmount()
	var out, errs bytes.Buffer
	code := cli.Run(context.Background(), []string{"rehydrate", "scan", "--inventory-only", taken}, strings.NewReader(""), &out, &errs)
	if code != 10 || !strings.Contains(out.String(), "unknown: ") || !strings.Contains(out.String(), "cleanly unmounted") || !strings.Contains(out.String(), "next: stop the machine") {
		t.Errorf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
	if s := scan(t, "--inventory-only", img); len(s.Inventory.Installed) < 50 {
		t.Errorf("after it was unmounted: %d packages", len(s.Inventory.Installed))
	}
}
