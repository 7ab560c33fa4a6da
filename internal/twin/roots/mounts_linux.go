package roots

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A machine's folder.
const (
	upperDir   = "upper"    // what the machine changed: the only thing a capture adds
	workDir    = "work"     // the overlay's own
	mountDir   = "mnt"      // where the holder mounts, in its own namespace
	hostKey    = "host_key" // of the SSH server; not part of the root
	logFile    = "machine.log"
	twinDevDir = "/dev/.twin" // files that commands mount over parts of their /proc
)

// bindOverlay mounts folders under short names, so that neither their length nor
// their characters matter to the overlay's options, and returns those names.
func bindOverlay(dirs []string) ([]string, error) {
	var names []string
	for i, d := range dirs {
		name := fmt.Sprintf("l%d", i)
		if err := os.Mkdir(name, 0o755); err != nil {
			return nil, err
		}
		if err := unix.Mount(d, name, "", unix.MS_BIND, ""); err != nil {
			return nil, fmt.Errorf("bind image layer %s: %w", d, err)
		}
		names = append(names, name)
	}
	return names, nil
}

// ownMounts makes this namespace's mounts private and puts an empty tmpfs at dir,
// which becomes the working directory.
func ownMounts(dir string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("twin", dir, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount tmpfs at %s: %w", dir, err)
	}
	return os.Chdir(dir)
}

// mountRoot builds the machine's root and makes it the root of this process.
func mountRoot(c config) error {
	if err := ownMounts(filepath.Join(c.Dir, mountDir)); err != nil {
		return err
	}
	names, err := bindOverlay(c.Layers)
	if err != nil {
		return err
	}
	for _, d := range []string{"state", "twin", "files", "root"} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount(c.Dir, "state", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", c.Dir, err)
	}
	upper := filepath.Join("state", upperDir)
	if err := prepareUpper(upper, names[0]); err != nil {
		return err
	}
	binds, err := twinLayer("twin", "files", append(layers{upper}, names...), ownFiles(c))
	if err != nil {
		return fmt.Errorf("make the twin's own layer: %w", err)
	}
	if err := mountOverlay("root", append([]string{"twin"}, names...)); err != nil {
		return err
	}
	if err := mountKernel("root"); err != nil {
		return err
	}
	for _, b := range binds {
		if err := b.mount("root"); err != nil {
			return err
		}
	}
	if err := bootFiles("root" + twinDevDir); err != nil {
		return err
	}
	return pivot("root")
}

// prepareUpper makes the upper folder look like the image's top folder, whose mode
// and owner it hides.
func prepareUpper(upper, top string) error {
	work := filepath.Join("state", workDir)
	if err := os.MkdirAll(work, 0o700); err != nil {
		return err
	}
	// A volatile mount that was not unmounted leaves this. What it warns of, a crash
	// of the kernel, would have ended the twin too.
	if err := os.RemoveAll(filepath.Join(work, "work/incompat")); err != nil {
		return err
	}
	if err := os.Mkdir(upper, 0o755); err == nil {
		return likeDir(upper, top)
	} else if !os.IsExist(err) {
		return err
	}
	return nil
}

// likeDir gives a folder the mode and owner of another.
func likeDir(dir, model string) error {
	fi, err := os.Stat(model)
	if err != nil {
		return err
	}
	st := fi.Sys().(*syscall.Stat_t)
	if err := os.Chown(dir, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	return os.Chmod(dir, fi.Mode()&(fs.ModePerm|fs.ModeSticky|fs.ModeSetgid))
}

// mountOverlay mounts state/upper over lower. Redirects, metadata-only copies and
// the index stay off: they would tie an upper folder to this very stack, and Capture
// puts it into another. "volatile" leaves out fsync, which a machine that lives no
// longer than the host does not need and dpkg does all the time.
func mountOverlay(at string, lower []string) error {
	o := "lowerdir=" + strings.Join(lower, ":") + ",upperdir=state/" + upperDir + ",workdir=state/" + workDir +
		",redirect_dir=off,metacopy=off,index=off"
	err := unix.Mount("overlay", at, "overlay", 0, o+",volatile")
	if err == unix.EINVAL {
		err = unix.Mount("overlay", at, "overlay", 0, o)
	}
	if err != nil {
		return fmt.Errorf("mount overlay of %d layers: %w", len(lower), err)
	}
	return nil
}

var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// mountKernel mounts what the kernel provides: proc, a /dev of six nodes, /run.
func mountKernel(root string) error {
	for _, m := range []struct {
		at, kind, opts string
		flags          uintptr
	}{
		{"proc", "proc", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		{"dev", "tmpfs", "mode=755,size=1m", unix.MS_NOSUID},
		{"dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=620,gid=5", unix.MS_NOSUID | unix.MS_NOEXEC},
		{"dev/shm", "tmpfs", "mode=1777", unix.MS_NOSUID | unix.MS_NODEV},
		{"run", "tmpfs", "mode=755", unix.MS_NOSUID | unix.MS_NODEV},
		{"run/lock", "", "", 0},
	} {
		at := filepath.Join(root, m.at)
		if strings.Contains(m.at, "/") {
			if err := os.Mkdir(at, 0o755); err != nil {
				return err
			}
		}
		if m.kind == "" {
			if err := os.Chmod(at, 0o777|fs.ModeSticky); err != nil {
				return err
			}
			continue
		}
		if err := unix.Mount(m.kind, at, m.kind, m.flags, m.opts); err != nil {
			return fmt.Errorf("mount /%s: %w", m.at, err)
		}
	}
	for _, d := range devices {
		if err := (bind{from: "/dev/" + d, to: "/dev/" + d, create: true}).mount(root); err != nil {
			return err
		}
	}
	for name, to := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0",
		"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(to, filepath.Join(root, "dev", name)); err != nil {
			return err
		}
	}
	return nil
}

// bind is a file mounted over another.
type bind struct {
	from, to string
	readOnly bool
	create   bool
}

func (b bind) mount(root string) error {
	to := filepath.Join(root, b.to)
	if b.create {
		if err := os.WriteFile(to, nil, 0o644); err != nil {
			return err
		}
	}
	if err := unix.Mount(b.from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind over %s: %w", b.to, err)
	}
	if b.readOnly {
		if err := unix.Mount("", to, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
			return fmt.Errorf("make %s read-only: %w", b.to, err)
		}
	}
	return nil
}

// bootFiles writes what commands see instead of the host's: an identifier of this
// boot, which is how Packer plugins tell a reboot, and the time of this boot.
func bootFiles(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	id := fmt.Sprintf("%x-%x-%x-%x-%x\n", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	if err := os.WriteFile(path.Join(dir, "boot_id"), []byte(id), 0o444); err != nil {
		return err
	}
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return err
	}
	return os.WriteFile(path.Join(dir, "stat"), withBootTime(stat, time.Now()), 0o444)
}

// withBootTime replaces the btime line of /proc/stat (proc_stat(5)).
func withBootTime(stat []byte, t time.Time) []byte {
	lines := strings.SplitAfter(string(stat), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "btime ") {
			lines[i] = fmt.Sprintf("btime %d\n", t.Unix())
		}
	}
	return []byte(strings.Join(lines, ""))
}

// pivot makes dir, a mount, the root and lets go of the old one.
func pivot(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot into the machine's root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the host's root: %w", err)
	}
	return os.Chdir("/")
}
