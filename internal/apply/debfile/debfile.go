// Package debfile reads Debian binary packages (deb(5)): an ar archive of two tar
// archives. It streams; nothing is unpacked to disk.
package debfile

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

const (
	magic      = "!<arch>\n"
	headerSize = 60
	maxControl = 4 << 20  // a control paragraph
	maxLog     = 32 << 20 // an unpacked changelog
	maxTar     = 16 << 30 // a member, unpacked; the largest real packages have some 3 GB
	maxWindow  = 128 << 20
)

// Control returns the control paragraph of the package in r, with its final line
// break.
func Control(r io.Reader) ([]byte, error) {
	members, err := tarOf(r, "control.tar")
	if err != nil {
		return nil, err
	}
	for {
		h, err := members.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("read .deb: it has no control file")
		}
		if err != nil {
			return nil, fmt.Errorf("read .deb: control.tar: %w", err)
		}
		if path.Clean(h.Name) != "control" {
			continue
		}
		text, err := limited(members, maxControl)
		if err != nil {
			return nil, fmt.Errorf("read .deb: control: %w", err)
		}
		return append(bytes.TrimRight(text, "\n"), '\n'), nil
	}
}

// Changelogs returns the Debian changelogs of package name in r: the package's own
// and that of a binary rebuild, if any. ErrNoChangelog when there is none.
func Changelogs(r io.Reader, name string) ([][]byte, error) {
	members, err := tarOf(r, "data.tar")
	if err != nil {
		return nil, err
	}
	var debian, native [][]byte
	for {
		h, err := members.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read .deb: data.tar: %w", err)
		}
		dir, file := path.Split(path.Clean("/" + h.Name))
		if len(debian) > 0 && !strings.HasPrefix(dir, "/usr/share/doc/"+name+"/") {
			break // dpkg-deb writes a folder's files one after the other
		}
		if h.Typeflag != tar.TypeReg || dir != "/usr/share/doc/"+name+"/" || !strings.HasPrefix(file, "changelog") {
			continue
		}
		var text io.Reader = members
		base, packed := strings.CutSuffix(file, ".gz")
		if base != "changelog" && !strings.HasPrefix(base, "changelog.Debian") {
			continue
		}
		if packed {
			if text, err = gzip.NewReader(members); err != nil {
				return nil, fmt.Errorf("read .deb: %s: %w", file, err)
			}
		}
		all, err := limited(text, maxLog)
		if err != nil {
			return nil, fmt.Errorf("read .deb: %s: %w", file, err)
		}
		if base == "changelog" {
			native = append(native, all)
		} else {
			debian = append(debian, all)
		}
	}
	// Beside changelog.Debian, plain changelog is upstream's and has another form.
	switch {
	case len(debian) > 0:
		return debian, nil
	case len(native) > 0:
		return native, nil
	}
	return nil, ErrNoChangelog
}

// ErrNoChangelog says that a package ships no changelog of its own.
var ErrNoChangelog = errors.New("read .deb: it has no changelog")

// tarOf finds the ar member called name, or name with a packing suffix.
func tarOf(r io.Reader, name string) (*tar.Reader, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(r, head[:len(magic)]); err != nil || string(head[:len(magic)]) != magic {
		return nil, errors.New("read .deb: it is no ar archive")
	}
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, fmt.Errorf("read .deb: it has no member %s: %w", name, err)
		}
		member := strings.TrimSuffix(strings.TrimRight(string(head[:16]), " "), "/")
		size, err := strconv.ParseInt(strings.TrimSpace(string(head[48:58])), 10, 64)
		if err != nil || size < 0 || string(head[58:]) != "`\n" {
			return nil, errors.New("read .deb: a member's header is damaged")
		}
		body := io.LimitReader(r, size)
		if packing, ok := strings.CutPrefix(member, name); ok {
			plain, err := unpack(body, packing)
			if err != nil {
				return nil, fmt.Errorf("read .deb: %s: %w", member, err)
			}
			return tar.NewReader(&bounded{plain, maxTar}), nil
		}
		if n, err := io.Copy(io.Discard, body); err != nil || n != size {
			return nil, fmt.Errorf("read .deb: member %s is cut short", member)
		}
		if size%2 == 1 { // members are padded to even offsets
			if _, err := io.ReadFull(r, head[:1]); err != nil {
				return nil, fmt.Errorf("read .deb: after member %s: %w", member, err)
			}
		}
	}
}

func unpack(r io.Reader, packing string) (io.Reader, error) {
	switch packing {
	case "":
		return r, nil
	case ".gz":
		return gzip.NewReader(r)
	case ".xz":
		return xz.NewReader(r)
	case ".zst":
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	}
	return nil, fmt.Errorf("packing %q is not known", packing)
}

// bounded fails where a reader gives more than left bytes: a small file can unpack
// to more than anybody has time for.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("it unpacks to more than %d bytes", int64(maxTar))
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func limited(r io.Reader, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("it is longer than %d bytes", most)
	}
	return text, err
}
