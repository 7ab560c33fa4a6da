package roots

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/rawdisk"
)

// What Capture writes into an image's folder.
const (
	diskFile = "disk.raw"
	layerDir = "layer"
)

// Capture implements backing.Backing. The layer is copied first, and the disk image
// made from the copy, so that both hold the same even while the machine runs.
func (r *Roots) Capture(ctx context.Context, spec backing.Machine, dir string, size int64) (backing.Image, error) {
	m := r.machine(spec.ID)
	m.op.Lock()
	defer m.op.Unlock()
	i := backing.Image{
		Layers: append([]string{filepath.Join(dir, layerDir)}, spec.Image.Layers...),
		Disk:   filepath.Join(dir, diskFile),
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = copyUpper(ctx, filepath.Join(spec.Dir, upperDir), i.Layers)
	}
	if err == nil {
		err = writeDisk(ctx, i.Layers, i.Disk, size)
	}
	if err != nil {
		return backing.Image{}, fmt.Errorf("capture machine %s: %w", spec.ID, err)
	}
	return i, nil
}

// Disk implements backing.Backing.
func (r *Roots) Disk(ctx context.Context, i backing.Image, file string, size int64) error {
	if err := writeDisk(ctx, i.Layers, file, size); err != nil {
		return fmt.Errorf("write disk image %s: %w", file, err)
	}
	return nil
}

// copyUpper copies what a machine changed, with its whiteouts and attributes.
func copyUpper(ctx context.Context, upper string, to layers) error {
	if _, err := os.Lstat(upper); errors.Is(err, fs.ErrNotExist) { // never started
		if err := os.Mkdir(to[0], 0o755); err != nil {
			return err
		}
		return likeDir(to[0], to[1])
	}
	cmd := exec.CommandContext(ctx, "cp", "-a", "--reflink=auto", "-T", "--", upper, to[0])
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("copy the changed files: %w: %s", err, lastLine(out))
	}
	return nil
}

type captureRequest struct {
	Layers []string `json:"layers"`
	Mounts string   `json:"mounts"` // an empty folder to mount in
	File   string   `json:"file"`
	Size   int64    `json:"size"` // bytes; 0: as needed
}

// writeDisk writes the disk image in a process of its own, whose mounts end with it.
func writeDisk(ctx context.Context, l layers, file string, size int64) error {
	if len(l) == 0 {
		return fmt.Errorf("image has no layers: %w", backing.ErrUnavailable)
	}
	exe, err := sealedSelf()
	if err != nil {
		return err
	}
	for _, p := range append(layers{file}, l...) {
		if !filepath.IsAbs(p) {
			return fmt.Errorf("path %q: %w", p, errRelative)
		}
	}
	mounts, err := os.MkdirTemp(filepath.Dir(file), ".mounts-*")
	if err != nil {
		return err
	}
	defer os.Remove(mounts) // empty again
	b, err := json.Marshal(captureRequest{Layers: l, Mounts: mounts, File: file, Size: size})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, fmt.Sprintf("/proc/self/fd/%d", fdA))
	cmd.Args = []string{"twin-capture", hiddenArg, verbCapture}
	cmd.ExtraFiles = []*os.File{exe}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(b), &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID, Pdeathsig: unix.SIGKILL}
	ended := make(chan error)
	go func() { // a thread of its own: see running.start
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		ended <- cmd.Run()
	}()
	if err := <-ended; err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("make disk image: %w: %s", err, lastLine(out.Bytes()))
	}
	return nil
}

func captureMain() int {
	syscall.CloseOnExec(fdA)
	var q captureRequest
	err := json.NewDecoder(os.Stdin).Decode(&q)
	if err == nil {
		err = capture(q)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// capture mounts the merged layers read-only and fills a new file system with them.
func capture(q captureRequest) error {
	if err := ownMounts(q.Mounts); err != nil {
		return err
	}
	names, err := bindOverlay(q.Layers)
	if err != nil {
		return err
	}
	root := names[0] // overlayfs wants two
	if len(names) > 1 {
		root = "root"
		if err := os.Mkdir(root, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("overlay", root, "overlay", unix.MS_RDONLY, "lowerdir="+strings.Join(names, ":")); err != nil {
			return fmt.Errorf("mount layers: %w", err)
		}
	}
	// What a running system mounts over is not part of an image.
	for _, d := range []string{"proc", "sys", "dev", "run"} {
		at := filepath.Join(root, d)
		if fi, err := os.Lstat(at); err != nil || !fi.IsDir() {
			continue
		}
		if err := unix.Mount("twin", at, "tmpfs", unix.MS_RDONLY, "mode=755"); err != nil {
			return fmt.Errorf("cover %s: %w", d, err)
		}
	}
	size := q.Size
	if size == 0 {
		used, err := measure(root)
		if err != nil {
			return fmt.Errorf("measure root: %w", err)
		}
		size = max(2*rawdisk.GiB, rawdisk.RoundUp(used+used*3/10+64*rawdisk.MiB))
	}
	return fill(root, q.File, size)
}

func fill(root, file string, size int64) error {
	f, err := rawdisk.Create(file, size)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		if mkfs, err = exec.LookPath("/usr/sbin/mkfs.ext4"); err != nil {
			return fmt.Errorf("find mkfs.ext4 (package e2fsprogs): %w", err)
		}
	}
	cmd := exec.Command(mkfs, "-q", "-F", "-L", "root", "-d", root,
		"-E", fmt.Sprintf("offset=%d,nodiscard,lazy_itable_init=1,lazy_journal_init=1", rawdisk.Start),
		file, fmt.Sprintf("%dk", rawdisk.Partition(size)/1024))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(mkfs), err, lastLine(out))
	}
	return nil
}

// measure is the space in bytes that a tree takes in a file system of 4 KiB blocks.
func measure(root string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		const block, inode = 4096, 256
		sum += inode + (fi.Size()+block-1)/block*block
		return nil
	})
	return sum, err
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
