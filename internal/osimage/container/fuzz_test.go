//go:build linux

package container

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
)

var update = flag.Bool("update", false, "make the fuzzer's images again")

// seeds are small containers of every kind, by the options of qemu-img.
var seeds = []struct {
	name string
	args []string
}{
	{"qcow2", []string{"-O", "qcow2", "-o", "cluster_size=512"}},
	{"packed", []string{"-O", "qcow2", "-c", "-o", "cluster_size=4096"}},
	{"zstd", []string{"-O", "qcow2", "-c", "-o", "cluster_size=4096,compression_type=zstd"}},
	{"parts", []string{"-O", "qcow2", "-o", "cluster_size=16k,extended_l2=on"}},
	{"vmdk", []string{"-O", "vmdk", "-o", "subformat=monolithicSparse"}},
	{"stream", []string{"-O", "vmdk", "-o", "subformat=streamOptimized"}},
	{"vhd", []string{"-O", "vpc", "-o", "subformat=dynamic"}},
	{"fixed", []string{"-O", "vpc", "-o", "subformat=fixed,force_size=on"}},
}

func seedPath(name string) string { return filepath.Join("testdata", name+".gz") }

func TestSeedsAreWhole(t *testing.T) {
	if *update {
		raw := filepath.Join(t.TempDir(), "raw")
		body := make([]byte, 300<<10)
		for i := range 20 {
			copy(body[i*14000:], "some text of a disk")
		}
		if err := os.WriteFile(raw, body, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, s := range seeds {
			out := filepath.Join(t.TempDir(), "disk")
			imagetest.Run(t, "qemu-img", append(append([]string{"convert", "-f", "raw"}, s.args...), raw, out)...)
			imagetest.Pack(t, out, seedPath(s.name))
		}
	}
	for _, s := range seeds {
		p := &imagetest.Patched{Base: imagetest.Packed(t, seedPath(s.name))}
		disk, size, _, err := Detect(p, int64(len(p.Base)))
		if err != nil {
			t.Fatal(s.name, err)
		}
		b := make([]byte, 19)
		if _, err := disk.ReadAt(b, 19*14000); err != nil || string(b) != "some text of a disk" || size < 300<<10 {
			t.Errorf("%s: %q, %v", s.name, b, err)
		}
	}
}

func FuzzDetect(f *testing.F) {
	var bases [][]byte
	var places [][]int64
	for i, s := range seeds {
		b := imagetest.Packed(f, seedPath(s.name))
		bases, places = append(bases, b), append(places, imagetest.Places(b))
		f.Add(uint8(i), []byte{})
		f.Add(uint8(i), []byte{0, 0, 0x80 | 40, 0xFF, 0xFF, 0xFF, 0xFF, 16, 0, 0x9C, 7, 0, 0, 0})
	}
	f.Fuzz(func(t *testing.T, which uint8, input []byte) {
		n := int(which) % len(bases)
		p := imagetest.Patch(bases[n], places[n], input)
		mend(p)
		disk, size, _, err := Detect(p, int64(len(p.Base)))
		if err != nil {
			return
		}
		if size <= 0 || size > maxDisk {
			t.Fatalf("a disk of %d bytes", size)
		}
		b := make([]byte, 10000)
		for at := int64(0); at < min(size, 1<<20); at += int64(len(b)) {
			if n, err := disk.ReadAt(b, at); n < len(b) && err == nil || errors.Is(err, io.EOF) && at+int64(n) < size {
				t.Fatalf("%d bytes at %d of %d: %v", n, at, size, err)
			}
		}
		_, _ = disk.ReadAt(b, max(0, size-5000))
	})
}

// mend makes the checksums of a VHD right, so that the fuzzer gets past them.
func mend(p *imagetest.Patched) {
	sum := func(off int64, length, at int) {
		if off < 0 || off+int64(length) > int64(len(p.Base)) || off/4096 != (off+int64(length)-1)/4096 {
			return
		}
		b := p.Page(off / 4096)[off%4096 : off%4096+int64(length)]
		var s uint32
		for i, c := range b {
			if i < at || i >= at+4 {
				s += uint32(c)
			}
		}
		be.PutUint32(b[at:], ^s)
	}
	if end := int64(len(p.Base)) - 512; end >= 0 && string(p.Base[end:end+8]) == "conectix" {
		sum(end, 512, 64)
		if string(p.Base[512:520]) == "cxsparse" {
			sum(512, 1024, 36)
		}
	}
}
