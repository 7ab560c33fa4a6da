package changes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// inventory has packages by name and version, in turns.
func inventory(os baseline.OperatingSystem, pairs ...string) baseline.Inventory {
	i := baseline.Inventory{OS: os, Product: "P", Arch: "amd64"}
	for n := 0; n < len(pairs); n += 2 {
		p := baseline.Package{Name: pairs[n], Arch: "amd64", Version: pairs[n+1]}
		if v, r, ok := strings.Cut(pairs[n+1], "-"); ok && os != baseline.Debian {
			p.Version, p.Release = v, r
		}
		i.Installed = append(i.Installed, baseline.Installed{Package: p})
	}
	return i
}

func TestPackages_lists_what_differs(t *testing.T) {
	got := Packages(inventory(baseline.Debian, "a", "1", "gone", "1", "same", "1", "kernel", "9", "kernel", "10"),
		inventory(baseline.Debian, "a", "2", "new", "1", "same", "1", "kernel", "10", "kernel", "11"))
	want := []record.Change{
		{Name: "a", Arch: "amd64", From: "1", To: "2"}, {Name: "gone", Arch: "amd64", From: "1"},
		{Name: "kernel", Arch: "amd64", From: "9", To: "11"}, {Name: "new", Arch: "amd64", To: "1"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPackages_sees_a_new_release_of_an_rpm(t *testing.T) {
	got := Packages(inventory(baseline.AmazonLinux2023, "a", "1-1"), inventory(baseline.AmazonLinux2023, "a", "1-2"))
	if d := cmp.Diff([]record.Change{{Name: "a", Arch: "amd64", From: "0:1-1", To: "0:1-2"}}, got); d != "" {
		t.Error(d)
	}
}

// Nothing differs from itself, and there and back names the same packages with From
// and To exchanged.
func TestPackages_is_its_own_mirror(t *testing.T) {
	draw := func(t *rapid.T, name string) baseline.Inventory {
		return inventory(baseline.Debian, rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "10", "3~rc1"}), 0, 12).Filter(func(v []string) bool { return len(v)%2 == 0 }).Draw(t, name)...)
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		if d := Packages(a, a); d != nil {
			t.Fatalf("differs from itself: %v", d)
		}
		there, back := Packages(a, b), Packages(b, a)
		if len(there) != len(back) {
			t.Fatalf("%d there, %d back", len(there), len(back))
		}
		seen := map[record.Change]int{}
		for i := range there {
			seen[there[i]]++
			seen[record.Change{Name: back[i].Name, Arch: back[i].Arch, From: back[i].To, To: back[i].From}]--
		}
		for c, n := range seen {
			if n != 0 {
				t.Fatalf("%+v: %d more there than back", c, n)
			}
		}
	})
}

func TestIsKernel(t *testing.T) {
	for name, want := range map[string]bool{
		"linux-image-6.1.0-18-amd64": true, "linux-image-amd64": true, "linux-image-6.1.0-18-amd64-dbg": false, "linux-headers-amd64": false,
		"kernel": true, "kernel-core": true, "kernel6.12": true, "kernel-default": true, "kernel-devel": false, "kernel-headers": false, "kernelshark": false,
	} {
		if isKernel(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}

func scan(target string, i baseline.Inventory, f *record.Facts) *record.Scan {
	return &record.Scan{Schema: 1, Target: target, Kind: record.KindDisk, Standing: record.StandsInventory, Inventory: i, Facts: f}
}

func TestImages_says_how_each_thing_differs(t *testing.T) {
	a := scan("a", inventory(baseline.Debian, "up", "1", "down", "2~", "gone", "1", "linux-image-6.1.0-1-amd64", "6.1"), &record.Facts{
		Depth: record.DepthDigest, Users: []record.User{{Name: "root", Password: "locked", Shell: "/bin/sh"}, {Name: "old", UID: 5, Password: "none"}},
		Groups:   []record.Group{{Name: "sudo", GID: 27}},
		Services: []record.Service{{Unit: "ssh.service", How: "wants", By: "multi-user.target"}},
		SetID:    []record.Special{{Path: "bin/su", Mode: "4755"}}, Kernels: []record.Kernel{{Version: "6.1", Image: true, Default: true}},
		Total: record.FolderSize{Path: ".", Bytes: 10, Files: 2}, Folders: []record.FolderSize{{Path: ".", Bytes: 1, Files: 1}, {Path: "usr", Bytes: 9, Files: 1}},
		Digests: []record.Digest{{Path: "etc/a", SHA256: "aa", Size: 1}, {Path: "etc/same", SHA256: "cc", Size: 1}}})
	b := scan("b", inventory(baseline.Debian, "up", "1.1", "down", "1", "new", "1", "linux-image-6.1.0-2-amd64", "6.1"), &record.Facts{
		Depth: record.DepthDigest, Users: []record.User{{Name: "root", Password: "set", Shell: "/bin/sh"}},
		Groups:   []record.Group{{Name: "sudo", GID: 27, Members: []string{"eve"}}},
		Services: []record.Service{{Unit: "ssh.service", How: "wants", By: "multi-user.target"}, {Unit: "ssh.service", How: "alias", By: "x.service"}, {Unit: "cron", How: "rc", By: "rc3.d", Vendor: true}},
		SetID:    []record.Special{{Path: "bin/su", Mode: "4755"}, {Path: "tmp/shell", Mode: "6777", UID: 1}}, Kernels: []record.Kernel{{Version: "6.1", Image: true}},
		Total: record.FolderSize{Path: ".", Bytes: 11, Files: 2}, Folders: []record.FolderSize{{Path: ".", Bytes: 2, Files: 1}, {Path: "usr", Bytes: 9, Files: 1}},
		Digests: []record.Digest{{Path: "etc/a", SHA256: "bb", Size: 1}, {Path: "etc/same", SHA256: "cc", Size: 1}}})
	got, err := Images(a, b)
	if err != nil {
		t.Fatal(err)
	}
	change := func(name, from, to, how string, kernel bool) record.PackageChange {
		return record.PackageChange{Change: record.Change{Name: name, Arch: "amd64", From: from, To: to}, How: how, Kernel: kernel}
	}
	want := &record.ImageDiff{
		Schema: 1, From: side(a), To: side(b), Depth: "digest",
		Packages: []record.PackageChange{
			change("down", "2~", "1", "downgraded", false), change("gone", "1", "", "removed", false),
			change("linux-image-6.1.0-1-amd64", "6.1", "", "removed", true), change("linux-image-6.1.0-2-amd64", "", "6.1", "added", true),
			change("new", "", "1", "added", false), change("up", "1", "1.1", "upgraded", false),
		},
		Kernels: []record.Difference{{Name: "6.1", How: "changed", From: "image, starts by default", To: "image"}},
		Services: []record.Difference{{Name: "cron", How: "added", To: "started in rc3.d (by its package)"},
			{Name: "ssh.service", How: "changed", From: "wanted by multi-user.target", To: "another name of x.service; wanted by multi-user.target"}},
		Users: []record.Difference{{Name: "old", How: "removed", From: "uid 5, gid 0, home none, shell none, password none"},
			{Name: "root", How: "changed", From: "uid 0, gid 0, home none, shell /bin/sh, password locked", To: "uid 0, gid 0, home none, shell /bin/sh, password set"}},
		Groups: []record.Difference{{Name: "sudo", How: "changed", From: "gid 27", To: "gid 27, members eve"}},
		SetID:  []record.Difference{{Name: "tmp/shell", How: "added", To: "mode 6777, uid 1, gid 0"}},
		Sizes:  []record.SizeChange{{Path: ".", FromBytes: 10, ToBytes: 11, FromFiles: 2, ToFiles: 2}, {Path: "./", FromBytes: 1, ToBytes: 2, FromFiles: 1, ToFiles: 1}},
		Files:  []record.Difference{{Name: "etc/a", How: "changed", From: "1 bytes, sha256 aa", To: "1 bytes, sha256 bb"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if same, err := Images(a, a); err != nil || !same.Same {
		t.Errorf("an image differs from itself: %+v, %v", same, err)
	}
}

func TestImages_compares_no_deeper_than_both_were_read_and_says_so(t *testing.T) {
	i := inventory(baseline.Debian, "a", "1")
	shallow, deep := scan("a", i, nil), scan("b", i, &record.Facts{Depth: record.DepthDigest, Users: []record.User{{Name: "x"}}, Unread: []string{"etc/shadow may not be read"}})
	got, err := Images(shallow, deep)
	if err != nil || got.Depth != "packages" || got.Users != nil || !got.Same {
		t.Errorf("%+v, %v", got, err)
	}
	want := []string{"what lies deeper than packages: a was read to packages, b to digest", "b: etc/shadow may not be read"}
	if d := cmp.Diff(want, got.Unknown); d != "" {
		t.Error(d)
	}
}

func TestImages_refuses_a_side_that_is_not_known(t *testing.T) {
	known := scan("a", inventory(baseline.Debian, "a", "1"), nil)
	unknown := scan("b", baseline.Inventory{}, nil)
	unknown.Standing, unknown.Reason = record.StandsUnknown, "file system was not cleanly unmounted"
	for _, pair := range [][2]*record.Scan{{known, unknown}, {unknown, known}} {
		if _, err := Images(pair[0], pair[1]); err == nil || !strings.Contains(err.Error(), "what b holds is unknown: file system was not") {
			t.Error(err)
		}
	}
}

func TestImages_gives_versions_of_two_worlds_no_order(t *testing.T) {
	a, b := inventory(baseline.Debian, "bash", "5"), inventory(baseline.AmazonLinux2023, "bash", "4-1")
	b.Product = "Q"
	got, err := Images(scan("a", a, nil), scan("b", b, nil))
	if err != nil || got.Same || got.Packages[0].How != record.Changed {
		t.Errorf("%+v, %v", got, err)
	}
}
