package roots

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// layers are the directory trees of an overlay, uppermost first, looked at as the
// overlay itself would show them (kernel documentation, filesystems/overlayfs.rst).
type layers []string

var errLoop = errors.New("too many symbolic links")

// lookup finds what the overlay shows at a path, without following symbolic links
// anywhere in it: fs.ErrNotExist if nothing. real is the file in its layer.
func (l layers) lookup(p string) (real string, info fs.FileInfo, err error) {
	in := l
	p = path.Clean("/" + p)
	rel := ""
	parts := strings.Split(strings.Trim(p, "/"), "/")
	if p == "/" {
		parts = nil
	}
	if len(in) == 0 {
		return "", nil, fs.ErrNotExist
	}
	real = in[0]
	if info, err = os.Lstat(real); err != nil {
		return "", nil, err
	}
	for _, part := range parts {
		rel += "/" + part
		var next layers
		info = nil
		for _, root := range in {
			at := filepath.Join(root, rel)
			fi, err := os.Lstat(at)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
				continue
			}
			if err != nil {
				return "", nil, err
			}
			if isWhiteout(fi) {
				break
			}
			if info == nil {
				real, info = at, fi
			}
			if !fi.IsDir() {
				break
			}
			next = append(next, root)
			if isOpaque(at) {
				break
			}
		}
		if info == nil {
			return "", nil, fs.ErrNotExist
		}
		in = next
	}
	return real, info, nil
}

// resolve follows the symbolic links of p's folder, inside the root, and returns the
// path with which p is reached without any. Parts that do not exist stay as they are.
func (l layers) resolve(p string) (string, error) {
	done := "/"
	todo := strings.Split(strings.Trim(path.Clean("/"+p), "/"), "/")
	for links := 0; len(todo) > 1; {
		part := todo[0]
		todo = todo[1:]
		if part == "" || part == "." {
			continue
		}
		next := path.Join(done, part)
		real, info, err := l.lookup(next)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		if links++; links > 40 {
			return "", errLoop
		}
		to, err := os.Readlink(real)
		if err != nil {
			return "", err
		}
		if path.IsAbs(to) {
			done = "/"
		}
		todo = append(strings.Split(strings.Trim(to, "/"), "/"), todo...)
	}
	return path.Join(done, todo[len(todo)-1]), nil
}

// isWhiteout says whether a file stands for "deleted here": a character device 0/0.
func isWhiteout(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && fi.Mode()&fs.ModeCharDevice != 0 && st.Rdev == 0
}

func isOpaque(dir string) bool {
	var b [1]byte
	n, err := unix.Lgetxattr(dir, "trusted.overlay.opaque", b[:])
	return err == nil && n == 1 && b[0] == 'y'
}
