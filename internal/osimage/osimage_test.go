package osimage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diskfs/go-diskfs/partition/gpt"
)

const sector = 512

// tree is a small root with the links that real ones have, and some that hostile
// ones have.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, body string) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
	write("var/lib/dpkg/status", strings.Repeat("Package: x\n", 20000))
	write("var/lib/dpkg/status.d/b", "b")
	write("var/lib/dpkg/status.d/a", "a")
	for link, target := range map[string]string{
		"etc/os-release": "../usr/lib/os-release", "lib": "usr/lib", "abs": "/usr/lib/os-release",
		"loop": "loop", "ring1": "ring2", "ring2": "ring1", "out": "../../../../../../etc/os-release",
	} {
		p := filepath.Join(dir, link)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, p); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// disk is an ext4 file system of the tree, bare or in a partition table.
func disk(t *testing.T, table bool) []byte {
	t.Helper()
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		if mkfs, err = exec.LookPath("/usr/sbin/mkfs.ext4"); err != nil {
			if os.Getenv("REQUIRE_ALL") == "1" {
				t.Fatal("mkfs.ext4 is missing: install e2fsprogs")
			}
			t.Skip("mkfs.ext4 is missing: install e2fsprogs")
		}
	}
	img := filepath.Join(t.TempDir(), "img")
	if out, err := exec.Command(mkfs, "-q", "-d", tree(t), img, "16M").CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v\n%s", err, out)
	}
	body, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	if !table {
		return body
	}
	const start = 2048
	out := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size := int64(len(body)) + 2*start*sector
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	tab := &gpt.Table{LogicalSectorSize: sector, PhysicalSectorSize: sector, ProtectiveMBR: true, Partitions: []*gpt.Partition{
		{Index: 1, Start: start, Size: uint64(len(body)), Type: gpt.LinuxFilesystem, Name: "root"},
	}}
	if err := tab.Write(f, size); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(body, start*sector); err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func open(t *testing.T, img []byte) *Root {
	t.Helper()
	r, err := Open(bytes.NewReader(img), int64(len(img)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOpen_finds_the_root_on_a_bare_file_system_and_behind_a_gpt(t *testing.T) {
	for _, table := range []bool{false, true} {
		r := open(t, disk(t, table))
		if (r.Partition == 1) != table {
			t.Errorf("table %v: partition %d, table %q", table, r.Partition, r.Table)
		}
		b, err := fs.ReadFile(r, "var/lib/dpkg/status")
		if err != nil || len(b) != 11*20000 {
			t.Errorf("read %d bytes, %v", len(b), err)
		}
	}
}

func TestRoot_follows_links_but_never_out_or_for_ever(t *testing.T) {
	r := open(t, disk(t, false))
	for name, want := range map[string]string{
		"etc/os-release": "ID=debian", "lib/os-release": "ID=debian", "abs": "ID=debian", "out": "ID=debian",
	} {
		b, err := fs.ReadFile(r, name)
		if err != nil || !strings.HasPrefix(string(b), want) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for _, name := range []string{"loop", "ring1"} {
		if _, err := fs.ReadFile(r, name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want too many links", name, err)
		}
	}
	for _, name := range []string{"/etc/os-release", "../x", "a/../b"} {
		if _, err := r.Open(name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}

func TestRoot_says_not_exist_for_what_is_not_there(t *testing.T) {
	r := open(t, disk(t, false))
	for _, name := range []string{"none", "none/deeper/still", "etc/none"} {
		if _, err := fs.ReadFile(r, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("read %s: %v", name, err)
		}
		if _, err := fs.Stat(r, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat %s: %v", name, err)
		}
		if _, err := fs.ReadDir(r, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("list %s: %v", name, err)
		}
	}
	d, err := fs.ReadDir(r, "var/lib/dpkg/status.d")
	if err != nil || len(d) != 2 || d[0].Name() != "a" {
		t.Errorf("list: %v, %v", d, err)
	}
}

func TestOpen_refuses_a_dirty_file_system(t *testing.T) {
	for name, dirty := range map[string]func(sb []byte){
		"journal to replay": func(sb []byte) {
			binary.LittleEndian.PutUint32(sb[96:], binary.LittleEndian.Uint32(sb[96:])|4)
		},
		"not unmounted": func(sb []byte) { binary.LittleEndian.PutUint16(sb[58:], 0) },
		"with errors":   func(sb []byte) { binary.LittleEndian.PutUint16(sb[58:], 1|2) },
	} {
		img := disk(t, false)
		dirty(img[1024:])
		checksum(img)
		if _, err := Open(bytes.NewReader(img), int64(len(img))); !errors.Is(err, ErrDirty) {
			t.Errorf("%s: got %v, want ErrDirty", name, err)
		}
	}
}

// checksum makes the superblock's checksum right again.
func checksum(img []byte) {
	sb := img[1024:2048]
	sum := ^crc32.Checksum(sb[:1020], crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(sb[1020:], sum)
}

// failing fails every read beyond an offset.
type failing struct {
	io.ReaderAt
	from int64
}

var errDisk = errors.New("disk on fire")

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.from {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestRoot_never_takes_a_failing_disk_for_a_missing_file(t *testing.T) {
	img := disk(t, false)
	for from := int64(0); from < int64(len(img)); from += 64 << 10 {
		r, err := Open(failing{bytes.NewReader(img), from}, int64(len(img)))
		if err != nil {
			continue // refused at once: also right
		}
		if _, err := fs.ReadFile(r, "var/lib/dpkg/status"); errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("failing from %d: a missing file", from)
		}
	}
}

func TestOpen_of_noise_is_an_error(t *testing.T) {
	for _, n := range []int{0, 1, 511, 1024, 4096, 1 << 20} {
		if _, err := Open(bytes.NewReader(make([]byte, n)), int64(n)); err == nil {
			t.Errorf("%d zero bytes opened", n)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("XFSB"))
	img := make([]byte, 8192)
	copy(img[1024+56:], "\x53\xef\x01\x00")
	f.Add(img)
	f.Fuzz(func(t *testing.T, head []byte) {
		disk := make([]byte, 128<<10)
		copy(disk, head)
		r, err := Open(bytes.NewReader(disk), int64(len(disk)))
		if err == nil {
			_, _ = fs.ReadFile(r, "etc/os-release") // must only not panic or hang
		}
	})
}
