//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// neededBlocks is how many blocks of an image a walk over all its files cannot do
// without: those with the superblock, with an inode in use or with a folder's
// entries. The kernel lists the inodes; the file system's own debugger, which shares
// nothing with our readers, says where they and the folders lie.
func neededBlocks(ctx context.Context, env *Env, kind, img string) (int, error) {
	var inodes, folders []uint64
	options := map[string]string{"ext4": "ro,noload", "xfs": "ro,norecovery"}[kind]
	err := mounted(ctx, env, img, options, func(dir string) error {
		return filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			ino := info.Sys().(*syscall.Stat_t).Ino
			inodes = append(inodes, ino)
			if d.IsDir() {
				folders = append(folders, ino)
			}
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	blocks := map[int64]bool{0: true}
	add := func(from, bytes int64) {
		for b := from / imageBlock; b <= (from+bytes-1)/imageBlock; b++ {
			blocks[b] = true
		}
	}
	if kind == "xfs" {
		err = locateXFS(ctx, img, inodes, folders, add)
	} else {
		err = locateExt4(ctx, img, inodes, folders, add)
	}
	return len(blocks), err
}

var located = regexp.MustCompile(`located at block (\d+), offset (0x[0-9a-f]+)`)

// locateExt4 asks debugfs; blocks have 4096 bytes.
func locateExt4(ctx context.Context, img string, inodes, folders []uint64, add func(from, bytes int64)) error {
	var script strings.Builder
	for _, i := range inodes {
		fmt.Fprintf(&script, "imap <%d>\n", i)
	}
	for _, i := range folders {
		fmt.Fprintf(&script, "blocks <%d>\n", i)
	}
	found, listed := 0, 0
	err := debugger(ctx, script.String(), func(line string) error {
		if m := located.FindStringSubmatch(line); m != nil {
			block, _ := strconv.ParseInt(m[1], 10, 64) // digits, by the pattern
			off, _ := strconv.ParseInt(m[2], 0, 64)    // likewise
			add(block*4096+off, 256)
			found++
			return nil
		}
		if f := strings.Fields(line); len(f) > 0 && strings.Trim(strings.Join(f, ""), "0123456789") == "" {
			for _, x := range f {
				block, err := strconv.ParseInt(x, 10, 64)
				if err != nil {
					return err
				}
				add(block*4096, 4096)
			}
			listed++
		}
		return nil
	}, "debugfs", "-f", "-", img)
	if err == nil && (found != len(inodes) || listed != len(folders)) {
		err = fmt.Errorf("debugfs located %d of %d inodes and %d of %d folders", found, len(inodes), listed, len(folders))
	}
	return err
}

var (
	converted  = regexp.MustCompile(`^0x([0-9a-f]+) \((\d+)\)$`)
	extentLine = regexp.MustCompile(`startblock (\d+) \(.*\) count (\d+)`)
)

// locateXFS asks xfs_db, first for inodes and extents, then for their addresses.
func locateXFS(ctx context.Context, img string, inodes, folders []uint64, add func(from, bytes int64)) error {
	var script strings.Builder
	for _, i := range folders {
		fmt.Fprintf(&script, "inode %d\nbmap\n", i)
	}
	type extent struct{ start, count int64 }
	var extents []extent
	err := debugger(ctx, script.String(), func(line string) error {
		if m := extentLine.FindStringSubmatch(line); m != nil {
			start, _ := strconv.ParseInt(m[1], 10, 64) // digits, by the pattern
			count, _ := strconv.ParseInt(m[2], 10, 64) // likewise
			extents = append(extents, extent{start, count})
		}
		return nil
	}, "xfs_db", "-r", img)
	if err != nil {
		return err
	}
	script.Reset()
	for _, i := range inodes {
		fmt.Fprintf(&script, "convert inode %d daddr\n", i)
	}
	for _, e := range extents {
		fmt.Fprintf(&script, "convert fsblock %d daddr\n", e.start)
	}
	n := 0
	err = debugger(ctx, script.String(), func(line string) error {
		m := converted.FindStringSubmatch(strings.TrimPrefix(line, "xfs_db> "))
		if m == nil {
			return nil
		}
		sector, _ := strconv.ParseInt(m[2], 10, 64) // digits, by the pattern
		switch {
		case n < len(inodes):
			add(sector*512, 512)
		case n-len(inodes) < len(extents):
			add(sector*512, extents[n-len(inodes)].count*4096)
		}
		n++
		return nil
	}, "xfs_db", "-r", img)
	if err == nil && n != len(inodes)+len(extents) {
		err = fmt.Errorf("xfs_db located %d of %d inodes and folders' extents", n, len(inodes)+len(extents))
	}
	return err
}

// debugger feeds a file system's debugger with commands, and line with what it says.
func debugger(ctx context.Context, script string, line func(string) error, name string, args ...string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + name); err != nil {
			return Missing("%w: `make packages` installs it", err)
		}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && err == nil {
		err = line(strings.TrimSpace(lines.Text()))
	}
	if err == nil {
		err = lines.Err()
	}
	if failed := cmd.Wait(); err == nil && failed != nil {
		err = fmt.Errorf("%s: %w", name, failed)
	}
	return err
}
