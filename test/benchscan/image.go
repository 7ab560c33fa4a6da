//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/inventory"
	"github.com/goldenami/rehydrate/internal/inventory/files"
	"github.com/goldenami/rehydrate/internal/osimage"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit/debroot"
)

const (
	imageSize  = 2 << 30
	imageBlock = 512 << 10
)

// imageRows read one root out of 2 GiB images, from a file and through the EBS
// direct API.
func imageRows(ctx context.Context, env *Env) ([]Row, error) {
	root, suite, err := oldRoot(ctx, env)
	if err != nil {
		return nil, err
	}
	installed := dpkgQuery(root)
	var rows []Row
	for _, kind := range []string{"ext4", "xfs"} {
		img, err := makeImage(ctx, env, kind, root)
		if err != nil {
			return nil, err
		}
		need, err := neededBlocks(ctx, env, kind, img)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%s image, 2 GiB (%s)", kind, suite)
		ours := "disk image, packages depth"
		rows = append(rows,
			Row{
				Task: name + ": packages, blocks of 512 KiB", Unit: "blocks", Bar: AtMost(16), Runs: 1,
				Ours: Side{ours, "finds the file system, resolves links, reads the release file and the package database", packages(img, touched)},
			},
			Row{Task: name + ": packages, in process", Unit: "ms", Bar: AtMost(30), Ours: Side{Name: ours, Run: packages(img, took)}, Peer: installed},
			Row{
				Task: name + ": metadata, blocks against an independent walk", Unit: "blocks", Bar: Within(1.2), Runs: 1,
				Ours: Side{
					"disk image, metadata depth", "also reads users, groups, where unit links lead and the boot loader's configuration",
					metadata(img, touched),
				},
				Peer: Side{
					"independent walk", "nothing: the blocks that hold the superblock, every inode in use and every folder, as the kernel lists and debugfs or xfs_db locates them",
					func(ctx context.Context) (Sample, error) {
						set, err := findSpecial(ctx, root)
						return Sample{Value: float64(need), Set: set}, err
					},
				},
			},
			Row{Task: name + ": metadata, in process", Unit: "ms", Ours: Side{Name: "disk image, metadata depth", Run: metadata(img, took)}, Peer: findSide(root)},
		)
		ebs, err := ebsRows(ctx, env, name, img, installed)
		if err != nil {
			return nil, err
		}
		rows = append(rows, ebs...)
	}
	return rows, nil
}

// oldRoot is the oldest Debian root that is still served.
func oldRoot(ctx context.Context, env *Env) (root, suite string, err error) {
	for _, suite = range []string{"bullseye", "bookworm"} {
		if root, err = debroot.Make(ctx, env.Cache, suite, io.Discard); err == nil {
			return root, suite, nil
		}
	}
	return "", "", Missing("a Debian root: %w", err)
}

// makeImage writes root as a file system of a kind.
func makeImage(ctx context.Context, env *Env, kind, root string) (string, error) {
	img := filepath.Join(env.Dir, "root."+kind)
	mkfs, err := exec.LookPath("mkfs." + kind)
	if err != nil {
		return "", Missing("%w: `make packages` installs it", err)
	}
	f, err := os.Create(img)
	if err != nil {
		return "", err
	}
	if err := errors.Join(f.Truncate(imageSize), f.Close()); err != nil {
		return "", err
	}
	if kind == "ext4" {
		if out, err := exec.CommandContext(ctx, mkfs, "-q", "-d", root, img).CombinedOutput(); err != nil {
			return "", fmt.Errorf("mkfs.ext4: %w: %s", err, out)
		}
		return img, nil
	}
	// mkfs.xfs of this system takes no folder: it is mounted and filled.
	if out, err := exec.CommandContext(ctx, mkfs, "-q", img).CombinedOutput(); err != nil {
		return "", fmt.Errorf("mkfs.%s: %w: %s", kind, err, out)
	}
	return img, mounted(ctx, env, img, "", func(dir string) error {
		out, err := exec.CommandContext(ctx, "cp", "-a", root+"/.", dir).CombinedOutput()
		if err != nil {
			return fmt.Errorf("fill %s: %w: %s", img, err, out)
		}
		return nil
	})
}

// mounted calls f with an image's file system mounted.
func mounted(ctx context.Context, env *Env, img, options string, f func(dir string) error) error {
	dir, err := os.MkdirTemp(env.Dir, "mount-")
	if err != nil {
		return err
	}
	args := []string{"-o", strings.Trim("loop,"+options, ","), img, dir}
	if out, err := exec.CommandContext(ctx, "mount", args...).CombinedOutput(); err != nil {
		return Missing("mount %s: %w: %s", img, err, out)
	}
	err = f(dir)
	// Clean, even where a mount namespace of another program keeps it mounted. What was
	// mounted without its log stays as it is.
	_ = exec.Command("mount", "-o", "remount,ro", dir).Run()    //nolint:noctx // as below
	out, failed := exec.Command("umount", dir).CombinedOutput() //nolint:noctx // it must happen even when the work was called off
	if failed != nil {
		failed = fmt.Errorf("unmount %s: %w: %s", dir, failed, out)
	}
	return errors.Join(err, failed)
}

// meter counts the blocks that are touched.
type meter struct {
	disk io.ReaderAt

	mu     sync.Mutex
	blocks map[int64]bool
}

func (m *meter) ReadAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	for b := off / imageBlock; len(p) > 0 && b <= (off+int64(len(p))-1)/imageBlock; b++ {
		m.blocks[b] = true
	}
	m.mu.Unlock()
	return m.disk.ReadAt(p, off)
}

// value takes the figure of a run: touched blocks or milliseconds.
type value func(*meter, time.Duration) float64

func touched(m *meter, _ time.Duration) float64    { return float64(len(m.blocks)) }
func took(_ *meter, d time.Duration) float64       { return float64(d.Microseconds()) / 1000 }
func packages(img string, v value) runner          { return onImage(img, v, installedSet) }
func metadata(img string, v value) runner          { return onImage(img, v, specialSet) }
func shown(s Side) Side                            { s.Also = ""; return s }
func installedSet(r fs.FS) (set []string, e error) { return packagesOf(r) }

type runner = func(context.Context) (Sample, error)

// onImage opens an image anew and reads from it.
func onImage(img string, v value, read func(fs.FS) ([]string, error)) runner {
	return func(context.Context) (Sample, error) {
		f, err := os.Open(img)
		if err != nil {
			return Sample{}, err
		}
		defer f.Close()
		begun := time.Now()
		m := &meter{disk: f, blocks: map[int64]bool{}}
		root, err := osimage.Open(m, imageSize)
		if err != nil {
			return Sample{}, err
		}
		set, err := read(root)
		return Sample{v(m, time.Since(begun)), set}, err
	}
}

func packagesOf(root fs.FS) ([]string, error) {
	inv, _, err := inventory.Installed(root, inventory.Options{Now: time.Now()})
	set := []string{}
	for _, p := range inv.Installed {
		set = append(set, p.Name+" "+p.Arch+" "+p.Version)
	}
	return set, err
}

// dpkgQuery lists what dpkg itself says is installed on root.
func dpkgQuery(root string) Side {
	return Side{"dpkg-query -W on the folder", "it is a process of its own; it reads the database from the folder that the image was made of", func(ctx context.Context) (Sample, error) {
		ms, out, err := Timed(exec.CommandContext(ctx, "dpkg-query", "--admindir", filepath.Join(root, "var/lib/dpkg"),
			"-W", "-f", "${db:Status-Abbrev}${Package} ${Architecture} ${Version}\n"))
		set := []string{}
		for line := range strings.Lines(string(out)) {
			if p, ok := strings.CutPrefix(strings.TrimSpace(line), "ii "); ok {
				set = append(set, strings.TrimSpace(p))
			}
		}
		return Sample{ms, set}, err
	}}
}

// specialSet are the setuid and setgid files, and the sums of the whole tree.
func specialSet(root fs.FS) ([]string, error) {
	facts, _, err := files.Read(context.Background(), root, record.DepthMetadata, files.Options{})
	if err != nil {
		return nil, err
	}
	folders := facts.Total.Folders
	for _, f := range facts.Folders {
		if f.Path == "lost+found" { // mkfs made it
			folders -= f.Folders
		}
	}
	set := []string{fmt.Sprintf("%d folders, %d links", folders, facts.Total.Links)}
	for _, s := range facts.SetID {
		set = append(set, fmt.Sprintf("%s %s %d:%d", s.Mode, s.Path, s.UID, s.GID))
	}
	return set, nil
}

// findSpecial is the same by find.
func findSpecial(ctx context.Context, root string) ([]string, error) {
	s, err := findSide(root).Run(ctx)
	return s.Set, err
}

func findSide(root string) Side {
	return Side{"find on the folder, warm", "it is a process of its own; it walks the folder that the image was made of and reads no file", func(ctx context.Context) (Sample, error) {
		ms, out, err := Timed(exec.CommandContext(ctx, "find", root, "-mindepth", "1", "-printf", "%y %m %P %U:%G\n"))
		folders, links, set := 0, 0, []string{}
		for line := range strings.Lines(string(out)) {
			f := strings.Fields(line)
			switch {
			case f[0] == "d":
				folders++
			case f[0] == "l":
				links++
			case f[0] == "f" && len(f[1]) == 4 && f[1][0] >= '2':
				set = append(set, strings.Join(f[1:], " "))
			}
		}
		return Sample{ms, append(set, fmt.Sprintf("%d folders, %d links", folders, links))}, err
	}}
}
