//go:build linux

package imagetest

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/testkit"
)

// Tool finds a program, also where only root looks for it.
func Tool(t testing.TB, name string) string {
	t.Helper()
	for _, p := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	testkit.Missing(t, "%s: `make packages` installs it", name)
	return ""
}

// Run runs a program that must succeed and returns what it said.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(Tool(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// NeedRoot ends a test that mounts or makes devices when it may not.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		testkit.Missing(t, "needs root to mount, to own files and to make devices")
	}
}

// Sparse is an empty file of that size.
func Sparse(t testing.TB, size int64) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk.img")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return name
}

// File opens an image; it is closed with the test.
func File(t testing.TB, name string) (*os.File, int64) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	i, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return f, i.Size()
}

// Mount mounts an image for the length of fill.
func Mount(t testing.TB, img, options string, fill func(dir string)) {
	t.Helper()
	NeedRoot(t)
	dir := t.TempDir()
	Run(t, "mount", "-o", strings.TrimSuffix("loop,"+options, ","), img, dir)
	done := false
	defer func() {
		if !done {
			_ = exec.Command("umount", "-l", dir).Run()
		}
	}()
	fill(dir)
	// A mount namespace that another program made meanwhile keeps the file system
	// mounted for as long as it lives; read-only, it is clean all the same.
	Run(t, "mount", "-o", "remount,ro", dir)
	Run(t, "umount", dir)
	done = true
	released(t, img)
}

// held is how long other programs' namespaces, such as those of the twin's machines in
// other tests, may keep an image.
const held = 5 * time.Minute

// released waits until no loop device has the image, so that it can be mounted again
// in another way.
func released(t testing.TB, img string) {
	t.Helper()
	for end := time.Now().Add(held); ; <-time.After(100 * time.Millisecond) { // the kernel tells nobody
		out, err := exec.Command("losetup", "-j", img).CombinedOutput()
		if err != nil {
			t.Fatalf("losetup: %v: %s", err, out)
		}
		if len(out) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is still in use: %s", img, out)
		}
	}
}

// Tree is a small root with what real ones have and formats treat unlike: links of
// all lengths, holes, long names, large directories, odd owners, modes and times.
// As another user than root, owners and devices are left out.
func Tree(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, body string) string {
		p := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(p), 0o755))
		must(t, os.WriteFile(p, []byte(body), 0o644))
		return p
	}
	write("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
	write("var/lib/dpkg/status", strings.Repeat("Package: x\n", 20000))
	write("empty", "")
	write("tiny", "x")
	write("short", strings.Repeat("short enough to be kept inside an inode", 3))
	write("names/"+strings.Repeat("n", 255), "long name")
	write("names/ümläut – 名前", "utf-8")
	write("names/\xff\x01odd bytes\n", "odd")
	write("deep/"+strings.Repeat("d/", 60)+"end", "deep")
	for i := range 2500 {
		write(fmt.Sprintf("many/a-rather-long-file-name-number-%05d", i), "")
	}
	for i := range 30 {
		write(fmt.Sprintf("few/f%02d", i), fmt.Sprint(i))
	}
	random := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 3<<20+12345)
	_, _ = random.Read(noise)
	write("noise", string(noise))
	sparse(t, write("sparse", ""), noise)
	for n := 1; n < 1020; n += 37 {
		link(t, dir, fmt.Sprintf("links/%04d", n), strings.Repeat("t", min(n, 200))+strings.Repeat("/u", max(0, n-200)/2))
	}
	for name, target := range map[string]string{
		"etc/os-release": "../usr/lib/os-release", "lib": "usr/lib", "abs": "/usr/lib/os-release",
		"loop": "loop", "ring1": "ring2", "ring2": "ring1", "out": "../../../../../../etc/os-release",
	} {
		link(t, dir, name, target)
	}
	must(t, os.Link(filepath.Join(dir, "tiny"), filepath.Join(dir, "hard")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	for name, mode := range map[string]os.FileMode{"setuid": 0o755 | os.ModeSetuid, "setgid": 0o2755&0o777 | os.ModeSetgid, "none": 0, "tmp": 0o777 | os.ModeSticky | os.ModeDir} {
		p := filepath.Join(dir, "modes", name)
		if mode.IsDir() {
			must(t, os.MkdirAll(p, 0o700))
		} else {
			write("modes/"+name, "x")
		}
		must(t, os.Chmod(p, mode.Perm()|mode&(os.ModeSetuid|os.ModeSetgid|os.ModeSticky)))
	}
	for name, year := range map[string]int{"y1950": 1950, "y2030": 2030, "y2100": 2100, "y2400": 2400} {
		at := time.Date(year, 3, 4, 5, 6, 7, 0, time.UTC)
		must(t, os.Chtimes(write("times/"+name, ""), at, at))
	}
	if os.Geteuid() == 0 {
		must(t, os.Lchown(write("owners/a", ""), 1000, 2000))
		must(t, os.Lchown(write("owners/b", ""), 100000, 4000000000))
		must(t, syscall.Mknod(filepath.Join(dir, "null"), syscall.S_IFCHR|0o666, 1<<8|3))
		must(t, syscall.Mknod(filepath.Join(dir, "block"), syscall.S_IFBLK|0o660, 7<<8))
	}
	return dir
}

// sparse writes pieces with holes between them, the last behind the first 4 GiB.
func sparse(t testing.TB, name string, noise []byte) {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	must(t, err)
	defer f.Close()
	for i := range 600 { // more pieces than an inode has room for
		_, err := f.WriteAt(noise[i*100:i*100+100], int64(i)*40960)
		must(t, err)
	}
	must(t, f.Truncate(600*40960+77777))
}

func link(t testing.TB, dir, name, target string) {
	p := filepath.Join(dir, name)
	must(t, os.MkdirAll(filepath.Dir(p), 0o755))
	must(t, os.Symlink(target, p))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Counter counts which blocks of 512 KiB, as EBS snapshots have, are read.
type Counter struct {
	Disk io.ReaderAt

	mu      sync.Mutex
	touched map[int64]bool
	reads   int
	bytes   int64
}

// ReadAt reads and counts.
func (c *Counter) ReadAt(p []byte, off int64) (int, error) {
	c.mu.Lock()
	if c.touched == nil {
		c.touched = map[int64]bool{}
	}
	c.reads++
	c.bytes += int64(len(p))
	for b := off >> 19; b <= (off+int64(len(p))-1)>>19; b++ {
		c.touched[b] = true
	}
	c.mu.Unlock()
	return c.Disk.ReadAt(p, off)
}

// Touched lists the blocks that were read, in order.
func (c *Counter) Touched() []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.touched))
}

// Cost is how many blocks were touched, by how many reads of how many bytes.
func (c *Counter) Cost() (blocks, reads int, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.touched), c.reads, c.bytes
}
