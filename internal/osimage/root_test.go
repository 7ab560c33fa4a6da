//go:build linux

package osimage

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
)

const (
	uuidA  = "aaaaaaaa-1111-2222-3333-444444444444"
	uuidB  = "bbbbbbbb-1111-2222-3333-444444444444"
	uuidV  = "cccccccc-1111-2222-3333-444444444444"
	mib    = 1 << 20
	status = "Package: x\nStatus: install ok installed\nVersion: 1\n"
)

// system is the least that is a root.
func system(more ...string) map[string]string {
	m := map[string]string{"etc/os-release": "ID=debian\n", "var/": "", "usr/": "", "home/": "", "sbin/init": "x"}
	for i := 0; i+1 < len(more); i += 2 {
		if m[more[i]] = more[i+1]; more[i+1] == "\x00" {
			delete(m, more[i])
		}
	}
	return m
}

// ext is an ext4 image of 8 MiB that holds these files; folders end in a slash.
func ext(t testing.TB, uuid, label string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		p := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(p, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	img := imagetest.Sparse(t, 8*mib)
	imagetest.Run(t, "mkfs.ext4", "-q", "-F", "-U", uuid, "-L", label, "-d", dir, img)
	return img
}

// raw is an image of 1 MiB that begins with these bytes at an offset.
func raw(t testing.TB, at int64, mark string) string {
	t.Helper()
	img := imagetest.Sparse(t, mib)
	f, err := os.OpenFile(img, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(mark), at); err != nil {
		t.Fatal(err)
	}
	return img
}

// join lays images side by side behind a GPT.
func join(t testing.TB, images ...string) string {
	t.Helper()
	var parts []imagetest.Part
	at := int64(mib)
	for _, img := range images {
		i, err := os.Stat(img)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, imagetest.Part{Image: img, Start: at})
		at += i.Size()
	}
	return imagetest.GPT(t, 512, at+mib, parts...)
}

func openDisk(t testing.TB, disk string) (*Root, error) {
	t.Helper()
	f, size := imagetest.File(t, disk)
	return Open(f, size)
}

// edit writes bytes into an image.
func edit(t testing.TB, img string, at int64, b []byte) string {
	t.Helper()
	f, err := os.OpenFile(img, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
	return img
}

// unclean is a file system without checksums that says that it was not unmounted.
func unclean(t testing.TB, uuid string, files map[string]string) string {
	t.Helper()
	img := ext(t, uuid, "", files)
	imagetest.Run(t, "tune2fs", "-O", "^metadata_csum", img)
	return edit(t, img, 1024+58, []byte{0, 0})
}

// torn is a file system whose root directory is noise.
func torn(t testing.TB) string {
	t.Helper()
	img := ext(t, uuidB, "", system())
	b, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte("lost+found"))
	return edit(t, img, int64(at)-4, []byte{0xFF, 0xFF})
}

func TestTheRootThatBootsIsFound(t *testing.T) {
	boot := ext(t, uuidV, "boot", map[string]string{"vmlinuz": "x"})
	plain := ext(t, uuidA, "", system())
	for name, c := range map[string]struct {
		disk string
		want int    // partition
		err  string // in the error
	}{
		"behind /boot":                      {join(t, boot, plain), 2, ""},
		"the second of two, by its fstab":   {join(t, plain, ext(t, uuidB, "", system("etc/fstab", "UUID="+uuidB+" / ext4 defaults 0 1\n"))), 2, ""},
		"the first of two, by its label":    {join(t, ext(t, uuidB, "sys", system("etc/fstab", "LABEL=sys / ext4 defaults 0 1\n")), plain), 1, ""},
		"the one with an init":              {join(t, ext(t, uuidB, "", system("sbin/init", "\x00")), plain), 2, ""},
		"two alike":                         {join(t, plain, ext(t, uuidB, "", system())), 0, "more than one root file system: partition 1 and partition 2"},
		"beside an LVM that may hold it":    {join(t, boot, raw(t, 512, "LABELONE")), 0, "LVM is not supported"},
		"a root beside an LVM":              {join(t, plain, raw(t, 512, "LABELONE")), 0, "LVM is not supported"},
		"a root beside an LVM, sure":        {join(t, raw(t, 512, "LABELONE"), ext(t, uuidB, "", system("etc/fstab", "/dev/disk/by-uuid/"+uuidB+" / ext4 rw 0 1\n"))), 2, ""},
		"beside one that is damaged":        {join(t, torn(t), plain), 0, "partition 1: lstat usr/lib/os-release: damaged file system"},
		"no root":                           {join(t, boot), 0, "no root file system among 1 partitions"},
		"not unmounted":                     {join(t, boot, unclean(t, uuidA, system())), 0, "partition 2: file system was not cleanly unmounted"},
		"an unclean one that will not boot": {join(t, unclean(t, uuidA, map[string]string{"data": "x"}), ext(t, uuidB, "", system())), 2, ""},
	} {
		root, err := openDisk(t, c.disk)
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", name, err, c.err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case root.Partition != c.want || root.Table != "gpt" || root.Type != "ext4":
			t.Errorf("%s: %+v", name, root)
		}
	}
}

func TestWhatFstabLaysIntoTheTreeIsReadOrRefused(t *testing.T) {
	variable := ext(t, uuidV, "variable", map[string]string{"lib/dpkg/status": status, "lib/dpkg/info/": ""})
	usr := ext(t, uuidB, "", map[string]string{"lib/os-release": "ID=debian\n", "bin/sh": "x"})
	with := func(fstab string, more ...string) string {
		return ext(t, uuidA, "", system(append(more, "etc/fstab", "# a comment\nUUID="+uuidA+" / ext4 defaults 0 1\nproc /proc proc defaults 0 0\n"+fstab)...))
	}
	for name, c := range map[string]struct {
		disk   string
		mounts int
		remark string
		err    string
		is     error
	}{
		"/var by UUID":          {disk: join(t, with("UUID="+uuidV+" /var ext4 defaults 0 2\n"), variable), mounts: 1},
		"/var by label":         {disk: join(t, variable, with("LABEL=variable /var/ auto defaults\n")), mounts: 1},
		"/var by device":        {disk: join(t, variable, with("/dev/nvme0n1p1 /var ext4\n")), mounts: 1},
		"/usr and /var":         {disk: join(t, with("UUID="+uuidV+" /var ext4 x\nUUID="+uuidB+" /usr ext4 x\n"), usr, variable), mounts: 2},
		"/var elsewhere":        {disk: join(t, with("UUID="+uuidB+" /var ext4 defaults\n"), variable), err: "fstab puts /var on UUID=" + uuidB + ": a file system that is not on this disk"},
		"/var in LVM":           {disk: join(t, with("/dev/mapper/vg-var /var ext4 defaults\n"), variable), err: "/dev/mapper/vg-var"},
		"/var from a server":    {disk: join(t, with("nas:/var /var nfs defaults\n"), variable), err: "fstab puts /var on nas:/var"},
		"/var/lib/dpkg only":    {disk: join(t, with("UUID="+uuidB+" /var/lib/dpkg ext4 defaults\n")), err: "fstab puts /var/lib/dpkg"},
		"/var bound":            {disk: join(t, with("/home/var /var none bind\n")), err: "a folder mounted over another"},
		"/var not unmounted":    {disk: join(t, with("UUID="+uuidV+" /var ext4 x\n"), unclean(t, uuidV, map[string]string{"lib/": ""})), is: ErrDirty, err: "fstab puts /var"},
		"/var twice":            {disk: join(t, with("LABEL=variable /var ext4 x\n"), variable, variable), err: "partitions 2 and 3 have that name"},
		"/var without a folder": {disk: join(t, with("LABEL=variable /var ext4 x\n", "var/", "\x00"), variable), err: "its mount point is missing"},
		"/home elsewhere":       {disk: join(t, with("UUID="+uuidB+" /home ext4 defaults\n")), remark: "/home on UUID=" + uuidB + " was not read"},
		"/home is XFS to come":  {disk: join(t, with("PARTLABEL=none /home xfs nofail\n/swapfile none swap sw\n")), remark: "/home"},
		"/mnt/x not at boot":    {disk: join(t, with("UUID="+uuidB+" /var ext4 noauto\n"))},
	} {
		root, err := openDisk(t, c.disk)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || c.is != nil && !errors.Is(err, c.is) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v, want %q", name, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(root.Mounts) != c.mounts || strings.Join(root.Remarks, "")[:min(len(c.remark), len(strings.Join(root.Remarks, "")))] != c.remark {
			t.Errorf("%s: mounts %v, remarks %q", name, root.Mounts, root.Remarks)
		}
		if c.mounts > 0 {
			if b, err := fs.ReadFile(root, "var/lib/dpkg/status"); err != nil || string(b) != status {
				t.Errorf("%s: status %q, %v", name, b, err)
			}
			seen := 0
			if err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error { seen++; return err }); err != nil || seen < 12 {
				t.Errorf("%s: walked %d, %v", name, seen, err)
			}
		}
	}
}

func TestAnXFSRootIsRead(t *testing.T) {
	if testing.Short() {
		t.Skip("makes an xfs file system of 300 MiB")
	}
	dir := t.TempDir()
	for name, body := range map[string]string{"release": "ID=amzn\n", "table": "UUID=" + uuidA + " / xfs defaults 0 0\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	proto := filepath.Join(dir, "proto")
	text := "/ignored\n0 0\nd--755 0 0\netc d--755 0 0\nos-release ---644 0 0 " + dir + "/release\nfstab ---644 0 0 " + dir + "/table\n$\n$\n"
	if err := os.WriteFile(proto, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	img := imagetest.Sparse(t, 300*mib)
	imagetest.Run(t, "mkfs.xfs", "-q", "-f", "-m", "uuid="+uuidA, "-L", "/", "-p", proto, img)
	disk := join(t, raw(t, 54, "FAT16   "), img)
	root, err := openDisk(t, disk)
	if err != nil || root.Type != "xfs" || root.Partition != 2 || len(root.Remarks) != 0 {
		t.Fatalf("%+v, %v", root, err)
	}
	if b, err := fs.ReadFile(root, "etc/os-release"); err != nil || string(b) != "ID=amzn\n" {
		t.Errorf("%q, %v", b, err)
	}
	for _, format := range []string{"qcow2", "vmdk", "vpc"} {
		out := filepath.Join(t.TempDir(), "disk")
		imagetest.Run(t, "qemu-img", "convert", "-f", "raw", "-O", format, disk, out)
		f, size := imagetest.File(t, out)
		root, err := OpenFile(f, size)
		if err != nil || root.Type != "xfs" || root.Partition != 2 || root.Format != strings.Replace(format, "vpc", "vhd", 1) {
			t.Errorf("%s: %+v, %v", format, root, err)
		}
	}
}

func TestOpen_names_what_it_cannot_read(t *testing.T) {
	for _, m := range magics {
		switch m.what {
		case swapSpace, fatFamily, extFamily, xfsFamily:
			continue
		}
		img := make([]byte, mib)
		copy(img[m.at:], m.bytes)
		_, err := Open(bytes.NewReader(img), int64(len(img)))
		if u, ok := errors.AsType[*UnsupportedError](err); !ok || u.What != m.what {
			t.Errorf("bare %s: got %v", m.what, err)
		}
		if _, err := openDisk(t, join(t, raw(t, m.at, m.bytes))); err == nil || !strings.Contains(err.Error(), "partition 1: "+m.what) {
			t.Errorf("%s in a partition: got %v", m.what, err)
		}
	}
}

func TestARAIDMemberIsNotItsFileSystem(t *testing.T) {
	img := ext(t, uuidA, "", system())
	i, err := os.Stat(img)
	if err != nil {
		t.Fatal(err)
	}
	edit(t, img, i.Size()-8192, []byte("\xfc\x4e\x2b\xa9")) // version 1.0
	disk := imagetest.GPT(t, 512, 16*mib, imagetest.Part{Image: img, Start: mib, Type: "raid"})
	if _, err := openDisk(t, disk); err == nil || !strings.Contains(err.Error(), "software RAID") {
		t.Error(err)
	}
}
