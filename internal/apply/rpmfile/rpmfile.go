// Package rpmfile reads what an rpm package file says of itself, and describes such
// files as a repository that dnf and yum can read: createrepo is not on every node.
//
// The formats are rpm's package file (lead, signature header, header, payload) and
// the "rpm-md" repository metadata. Signatures are not checked here: that is the
// package manager's business.
package rpmfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goldenami/rehydrate/baseline"
)

// Package is what the header of a package file says.
type Package struct {
	baseline.Package
	Summary, License, SourceRPM string
	BuildTime                   int64 // seconds since 1970
	Installed                   int64 // bytes when installed
	Size                        int64 // bytes of the file
	HeaderStart, HeaderEnd      int64 // byte offsets of the header in the file

	// Relations by the rpm-md element: provides, requires, conflicts, obsoletes,
	// recommends, suggests, supplements, enhances.
	Relations map[string][]Relation
	Files     []File
}

// Relation is one entry of a dependency list.
type Relation struct {
	Name  string
	Flags string // EQ, LT, LE, GT, GE, or empty: any version
	// Epoch, Version and Release are empty where they are not stated.
	Epoch, Version, Release string
}

// File is a path that the package owns.
type File struct {
	Path string
	Kind string // "", dir or ghost
}

// Open reads the package file called name.
func Open(name string) (*Package, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return Read(f, info.Size())
}

const leadSize = 96

// Read reads a package file of size bytes.
func Read(r io.ReaderAt, size int64) (*Package, error) {
	lead := make([]byte, leadSize)
	if _, err := r.ReadAt(lead, 0); err != nil || string(lead[:4]) != "\xed\xab\xee\xdb" {
		return nil, errors.New("read rpm: not a package file")
	}
	_, end, err := readHeader(r, leadSize, size)
	if err != nil {
		return nil, fmt.Errorf("read rpm: signature: %w", err)
	}
	start := (end + 7) &^ 7 // the signature is padded
	h, end, err := readHeader(r, start, size)
	if err != nil {
		return nil, fmt.Errorf("read rpm: %w", err)
	}
	p := &Package{Size: size, HeaderStart: start, HeaderEnd: end, Relations: map[string][]Relation{}}
	if err := p.fill(h); err != nil {
		return nil, fmt.Errorf("read rpm: %w", err)
	}
	return p, nil
}

// relations are the tags (name, version, flags) of the dependency lists.
var relations = [...]struct {
	element              string
	name, version, flags uint32
}{
	{"provides", 1047, 1113, 1112},
	{"requires", 1049, 1050, 1048},
	{"conflicts", 1054, 1055, 1053},
	{"obsoletes", 1090, 1115, 1114},
	{"recommends", 5046, 5047, 5048},
	{"suggests", 5049, 5050, 5051},
	{"supplements", 5052, 5053, 5054},
	{"enhances", 5055, 5056, 5057},
}

func (p *Package) fill(h *header) error {
	p.Name, p.Version, p.Release, p.Arch = h.text(1000), h.text(1001), h.text(1002), h.text(1022)
	p.Summary, p.License, p.SourceRPM = h.text(1004), h.text(1014), h.text(1044)
	p.Epoch = "0"
	if n := h.numbers(1003); len(n) > 0 {
		p.Epoch = strconv.FormatUint(n[0], 10)
	}
	if n := h.numbers(1006); len(n) > 0 {
		p.BuildTime = int64(n[0])
	}
	for _, tag := range [...]uint32{1009, 5009} { // SIZE, LONGSIZE
		if n := h.numbers(tag); len(n) > 0 {
			p.Installed = int64(n[0]) //nolint:gosec // shown only
		}
	}
	if p.SourceRPM == "" {
		p.Arch = "src" // a source package states the architecture it was made on
	}
	for _, r := range relations {
		list, err := relate(r.element, h.texts(r.name), h.texts(r.version), h.numbers(r.flags))
		if err != nil {
			return err
		}
		if len(list) > 0 {
			p.Relations[r.element] = list
		}
	}
	if err := p.paths(h); err != nil {
		return err
	}
	if h.err != nil {
		return h.err
	}
	for what, text := range map[string]string{"name": p.Name, "version": p.Version, "release": p.Release, "architecture": p.Arch} {
		if text == "" || len(text) > 4096 || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '/' }) {
			return fmt.Errorf("impossible %s %.80q", what, text)
		}
	}
	return nil
}

func relate(element string, names, versions []string, flags []uint64) ([]Relation, error) {
	if len(versions) != len(names) || len(flags) != len(names) {
		return nil, fmt.Errorf("%s: %d names, %d versions and %d flags", element, len(names), len(versions), len(flags))
	}
	var list []Relation
	for i, name := range names {
		if strings.HasPrefix(name, "rpmlib(") {
			continue // what rpm itself must be able to do: rpm checks that
		}
		r := Relation{Name: name, Flags: sense(flags[i])}
		if r.Flags != "" {
			r.Epoch, r.Version, r.Release = split(versions[i])
		}
		list = append(list, r)
	}
	return list, nil
}

// sense is the comparison of a relation: bits 2 (less), 4 (greater) and 8 (equal).
func sense(flags uint64) string {
	return [...]string{"", "LT", "GT", "", "EQ", "LE", "GE", ""}[flags>>1&7]
}

// split takes [epoch:]version[-release] apart.
func split(v string) (epoch, version, release string) {
	if e, rest, ok := strings.Cut(v, ":"); ok {
		epoch, v = e, rest
	} else {
		epoch = "0"
	}
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return epoch, v[:i], v[i+1:]
	}
	return epoch, v, ""
}

// paths joins the file list's three parts.
func (p *Package) paths(h *header) error {
	names, dirs, at := h.texts(1117), h.texts(1118), h.numbers(1116)
	modes, flags := h.numbers(1030), h.numbers(1037)
	if len(names) == 0 {
		return nil
	}
	if len(at) != len(names) || len(modes) != len(names) || len(flags) != len(names) {
		return fmt.Errorf("file list: %d names, %d folders, %d modes and %d flags", len(names), len(at), len(modes), len(flags))
	}
	total := 0
	for i, name := range names {
		if at[i] >= uint64(len(dirs)) {
			return fmt.Errorf("file list: folder %d of %d", at[i], len(dirs))
		}
		f := File{Path: dirs[at[i]] + name}
		if total += len(f.Path); total > maxPaths {
			return fmt.Errorf("file list: more than %d bytes of paths", maxPaths)
		}
		switch {
		case modes[i]&0o170000 == 0o040000:
			f.Kind = "dir"
		case flags[i]&(1<<6) != 0:
			f.Kind = "ghost"
		}
		p.Files = append(p.Files, f)
	}
	return nil
}
