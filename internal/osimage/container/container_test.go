//go:build linux

package container

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// source is a raw disk with text, noise and holes; its size is no multiple of any
// cluster.
func source(t testing.TB) (string, []byte) {
	t.Helper()
	disk := make([]byte, 12<<20+512*13)
	r := rand.New(rand.NewChaCha8([32]byte{7}))
	for at := 0; at < len(disk); {
		n := min(1+r.IntN(300000), len(disk)-at)
		switch r.IntN(3) {
		case 0:
			for i := range n {
				disk[at+i] = byte(r.Uint32())
			}
		case 1:
			copy(disk[at:at+n], strings.Repeat(fmt.Sprint("text ", at, "\n"), n/5))
		}
		at += n
	}
	name := filepath.Join(t.TempDir(), "source.raw")
	if err := os.WriteFile(name, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	return name, disk
}

func detect(t testing.TB, name string) (io.ReaderAt, int64, string) {
	t.Helper()
	f, size := imagetest.File(t, name)
	disk, n, format, err := Detect(f, size)
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(name), err)
	}
	return disk, n, format
}

// same reads a disk whole and in odd pieces. Formats round its size up.
func same(t testing.TB, r io.ReaderAt, size int64, want []byte) {
	t.Helper()
	if size < int64(len(want)) || size > int64(len(want))+4<<20 {
		t.Fatalf("disk of %d bytes, want %d", size, len(want))
	}
	got := make([]byte, size)
	if n, err := r.ReadAt(got, 0); n != len(got) || err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("read %d of %d bytes: %v", n, size, err)
	}
	want = append(bytes.Clone(want), make([]byte, size-int64(len(want)))...)
	if !bytes.Equal(got, want) {
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("byte %d is %#x, want %#x", i, got[i], want[i])
			}
		}
	}
	random := rand.New(rand.NewChaCha8([32]byte{9}))
	for range 300 {
		at := random.Int64N(size)
		b := make([]byte, random.IntN(200000))
		n, err := r.ReadAt(b, at)
		if full := min(int64(len(b)), size-at); int64(n) != full || (n < len(b)) != errors.Is(err, io.EOF) {
			t.Fatalf("read %d of %d at %d: %v", n, len(b), at, err)
		}
		if !bytes.Equal(b[:n], want[at:at+int64(n)]) {
			t.Fatalf("%d bytes at %d differ", n, at)
		}
	}
	if _, err := r.ReadAt(make([]byte, 1), size); !errors.Is(err, io.EOF) {
		t.Errorf("read behind the end: %v", err)
	}
}

func TestWhatQemuConvertsReadsAsItsSource(t *testing.T) {
	if testing.Short() {
		t.Skip("converts a disk twenty times")
	}
	raw, want := source(t)
	for name, args := range map[string][]string{
		"qcow2 v3":            {"-O", "qcow2"},
		"qcow2 v2":            {"-O", "qcow2", "-o", "compat=0.10"},
		"qcow2 zlib":          {"-O", "qcow2", "-c"},
		"qcow2 v2 zlib":       {"-O", "qcow2", "-c", "-o", "compat=0.10"},
		"qcow2 zstd":          {"-O", "qcow2", "-c", "-o", "compression_type=zstd"},
		"qcow2 4k":            {"-O", "qcow2", "-o", "cluster_size=4096"},
		"qcow2 512 zlib":      {"-O", "qcow2", "-c", "-o", "cluster_size=512"},
		"qcow2 2m":            {"-O", "qcow2", "-o", "cluster_size=2M"},
		"qcow2 2m zlib":       {"-O", "qcow2", "-c", "-o", "cluster_size=2M"},
		"qcow2 subclusters":   {"-O", "qcow2", "-o", "extended_l2=on,cluster_size=128k"},
		"qcow2 sub, zstd":     {"-O", "qcow2", "-c", "-o", "extended_l2=on,compression_type=zstd"},
		"qcow2 full":          {"-O", "qcow2", "-o", "preallocation=full"},
		"vmdk sparse":         {"-O", "vmdk", "-o", "subformat=monolithicSparse"},
		"vmdk zeroed":         {"-O", "vmdk", "-o", "subformat=monolithicSparse,zeroed_grain=on"},
		"vmdk stream":         {"-O", "vmdk", "-o", "subformat=streamOptimized"},
		"vhd fixed":           {"-O", "vpc", "-o", "subformat=fixed,force_size=on"},
		"vhd fixed, geometry": {"-O", "vpc", "-o", "subformat=fixed"},
		"vhd dynamic":         {"-O", "vpc", "-o", "subformat=dynamic"},
		"raw":                 {"-O", "raw"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "disk")
			imagetest.Run(t, "qemu-img", append(append([]string{"convert", "-f", "raw"}, args...), raw, out)...)
			r, size, format := detect(t, out)
			if word, _, _ := strings.Cut(name, " "); format != word {
				t.Errorf("format %q", format)
			}
			same(t, r, size, want)
		})
	}
}

func TestAQcow2IsReadAsItIsNow(t *testing.T) {
	for _, options := range []string{"compat=1.1", "compat=0.10", "extended_l2=on,cluster_size=64k"} {
		t.Run(options, func(t *testing.T) {
			img := filepath.Join(t.TempDir(), "disk.qcow2")
			imagetest.Run(t, "qemu-img", "create", "-q", "-f", "qcow2", "-o", options, img, "16M")
			imagetest.Run(t, "qemu-io", "-c", "write -P 1 0 8M", img)
			imagetest.Run(t, "qemu-img", "snapshot", "-c", "before", img)
			imagetest.Run(t, "qemu-io", "-c", "write -P 2 1000 3000", "-c", "write -z 1M 1M", "-c", "discard 3M 1M", "-c", "write -P 3 70000 5000",
				"-c", "write -z 5000000 4096", "-c", "write -P 4 12M 100k", "-c", "write -c -P 5 14M 64k", img)
			raw := filepath.Join(t.TempDir(), "disk.raw")
			imagetest.Run(t, "qemu-img", "convert", "-O", "raw", img, raw)
			want, err := os.ReadFile(raw)
			if err != nil {
				t.Fatal(err)
			}
			r, size, _ := detect(t, img)
			same(t, r, size, want)
		})
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	raw, _ := source(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	create := func(name, format string, args ...string) string {
		imagetest.Run(t, "qemu-img", append(append([]string{"create", "-q", "-f", format}, args...), at(name), "16M")...)
		return at(name)
	}
	text := func(name, body string) string {
		if err := os.WriteFile(at(name), []byte(body+strings.Repeat("\x00", 2048)), 0o600); err != nil {
			t.Fatal(err)
		}
		return at(name)
	}
	imagetest.Run(t, "qemu-img", "convert", "-O", "vmdk", "-o", "subformat=monolithicFlat", raw, at("flat.vmdk"))
	imagetest.Run(t, "qemu-img", "convert", "-O", "vmdk", "-o", "subformat=twoGbMaxExtentSparse", raw, at("split.vmdk"))
	create("base.vmdk", "vmdk")
	for want, name := range map[string]string{
		"backing file":             create("over.qcow2", "qcow2", "-F", "raw", "-b", raw),
		"encryption":               create("secret.qcow2", "qcow2", "--object", "secret,id=s,data=x", "-o", "encrypt.format=aes,encrypt.key-secret=s"),
		"data in another file":     create("data.qcow2", "qcow2", "-o", "data_file="+at("data.raw")),
		`raw file "flat-flat.vmdk`: at("flat.vmdk"),
		"descriptor of 1 pieces":   at("split.vmdk"),
		"one piece of several":     at("split-s001.vmdk"),
		"over a parent":            create("child.vmdk", "vmdk", "-b", at("base.vmdk"), "-F", "vmdk"),
		"VHDX":                     create("disk.vhdx", "vhdx"),
		"VDI":                      create("disk.vdi", "vdi"),
		"QED":                      create("disk.qed", "qed"),
		"qcow version 1":           create("disk.qcow", "qcow"),
		"gzip":                     text("disk.gz", "\x1f\x8b\x08\x00"),
		"OVA":                      text("disk.ova", strings.Repeat("a", 257)+"ustar"),
	} {
		f, size := imagetest.File(t, name)
		_, _, _, err := Detect(f, size)
		if _, ok := errors.AsType[*inode.UnsupportedError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", filepath.Base(name), err, want)
		}
	}
}

// changed is a copy of an image with some bytes changed.
func changed(t testing.TB, name string, change func(b []byte) []byte) (io.ReaderAt, int64) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b = change(b)
	return bytes.NewReader(b), int64(len(b))
}

func TestWhatWasNotClosedOrIsDamagedIsSaid(t *testing.T) {
	raw, _ := source(t)
	dir := t.TempDir()
	convert := func(name, format, options string) string {
		out := filepath.Join(dir, name)
		imagetest.Run(t, "qemu-img", "convert", "-f", "raw", "-O", format, "-o", options, raw, out)
		return out
	}
	qcow := convert("a.qcow2", "qcow2", "compat=1.1")
	vmdk := convert("a.vmdk", "vmdk", "subformat=monolithicSparse")
	stream := convert("s.vmdk", "vmdk", "subformat=streamOptimized")
	vhd := convert("a.vhd", "vpc", "subformat=dynamic")
	fixed := convert("f.vhd", "vpc", "subformat=fixed,force_size=on")
	resum := func(f []byte, at int) {
		var sum uint32
		for i, c := range f {
			if i < at || i >= at+4 {
				sum += uint32(c)
			}
		}
		be.PutUint32(f[at:], ^sum)
	}
	for name, c := range map[string]struct {
		img    string
		change func(b []byte) []byte
		want   error
	}{
		"qcow2 in use":     {qcow, func(b []byte) []byte { b[79] |= 1; return b }, inode.ErrDirty},
		"qcow2 corrupt":    {qcow, func(b []byte) []byte { b[79] |= 2; return b }, inode.ErrDamaged},
		"qcow2 clusters":   {qcow, func(b []byte) []byte { b[23] = 40; return b }, inode.ErrDamaged},
		"qcow2 size":       {qcow, func(b []byte) []byte { b[24] = 0x7F; return b }, inode.ErrDamaged},
		"qcow2 few rows":   {qcow, func(b []byte) []byte { be.PutUint32(b[36:], 0); return b }, inode.ErrDamaged},
		"qcow2 short":      {qcow, func(b []byte) []byte { return b[:80] }, inode.ErrDamaged},
		"vmdk in use":      {vmdk, func(b []byte) []byte { b[72] = 1; return b }, inode.ErrDirty},
		"vmdk grains":      {vmdk, func(b []byte) []byte { b[20] = 3; return b }, inode.ErrDamaged},
		"vmdk no footer":   {stream, func(b []byte) []byte { b = footed(b); return b[:len(b)-1<<20] }, inode.ErrDamaged},
		"vhd checksum":     {vhd, func(b []byte) []byte { b[len(b)-512+50] ^= 1; return b }, inode.ErrDamaged},
		"vhd short":        {vhd, func(b []byte) []byte { return b[:len(b)-512] }, inode.ErrDamaged},
		"vhd saved":        {vhd, func(b []byte) []byte { f := b[len(b)-512:]; f[84] = 1; resum(f, 64); return b }, inode.ErrDirty},
		"vhd header":       {vhd, func(b []byte) []byte { b[512+32] ^= 1; return b }, inode.ErrDamaged},
		"vhd fixed, short": {fixed, func(b []byte) []byte { return b[1<<20:] }, inode.ErrDamaged},
	} {
		r, size := changed(t, c.img, c.change)
		if _, _, _, err := Detect(r, size); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// footed moves the directory's place of a VMDK into a footer, as VMware exports.
func footed(b []byte) []byte {
	footer := append(make([]byte, vmdkSector), b[:vmdkSector]...) // a marker, the header again
	le.PutUint64(b[56:], vmdkAtEnd)
	return append(append(b, footer...), make([]byte, vmdkSector)...)
}

func TestAVMDKMayKeepItsDirectoryAtTheEnd(t *testing.T) {
	raw, want := source(t)
	out := filepath.Join(t.TempDir(), "disk.vmdk")
	imagetest.Run(t, "qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", raw, out)
	r, size := changed(t, out, footed)
	disk, n, format, err := Detect(r, size)
	if err != nil || format != "vmdk" {
		t.Fatal(format, err)
	}
	same(t, disk, n, want)
}

func TestADamagedPieceIsAnErrorNotOtherBytes(t *testing.T) {
	raw, want := source(t)
	for name, args := range map[string][]string{
		"qcow2": {"-O", "qcow2", "-c"}, "qcow2 zstd": {"-O", "qcow2", "-c", "-o", "compression_type=zstd"},
		"vmdk": {"-O", "vmdk", "-o", "subformat=streamOptimized"},
	} {
		out := filepath.Join(t.TempDir(), "disk")
		imagetest.Run(t, "qemu-img", append(append([]string{"convert", "-f", "raw"}, args...), raw, out)...)
		// All of the middle is noise: some piece there cannot be unpacked.
		r, size := changed(t, out, func(b []byte) []byte {
			for i := len(b) / 2; i < len(b)*3/4; i++ {
				b[i] = byte(i * 31)
			}
			return b
		})
		disk, n, _, err := Detect(r, size)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := make([]byte, n)
		if _, err := disk.ReadAt(got, 0); !errors.Is(err, inode.ErrDamaged) {
			t.Errorf("%s: %v, bytes right: %v", name, err, bytes.Equal(got, want))
		}
	}
}
