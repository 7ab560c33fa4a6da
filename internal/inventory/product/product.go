// Package product says which operating system a root is, in Patch Manager's words.
//
// The mapping from os-release to product is data (products.csv): a new release is
// a new row, not new code (specification §16.1). A release that no row knows is an error, because
// a root that was not understood must not be judged.
package product

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
)

//go:embed products.csv
var products []byte

// Family is the package database that an operating system keeps.
type Family string

// The families.
const (
	Dpkg Family = "dpkg"
	RPM  Family = "rpm"
	Zypp Family = "zypp"
)

// Product is what a root is.
type Product struct {
	OS      baseline.OperatingSystem
	Name    string // such as Debian12 or Ubuntu22.04
	Family  Family
	Release Release
}

// Release holds the fields of os-release that matter here.
type Release struct {
	ID, VersionID, Codename, Pretty string
	PlatformID                      string // of module streams, such as platform:el8
}

// Read identifies root from etc/os-release or usr/lib/os-release.
func Read(root fs.FS) (Product, error) {
	var text []byte
	var err error
	// os-release(5): the first counts where both are there. It is usually a link to the
	// second, and one that leads nowhere is as good as none.
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		if text, err = readRelease(root, name); err == nil {
			break
		}
	}
	if err != nil {
		return Product{}, fault.As(fmt.Errorf("identify root: %w", err), fault.Unsupported,
			"is this the root of an operating system?")
	}
	return Identify(text)
}

// maxRelease bounds an os-release file; real ones have some 400 bytes.
const maxRelease = 1 << 20

func readRelease(root fs.FS, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRelease+1))
	if err == nil && len(text) > maxRelease {
		err = fmt.Errorf("read %s: it is longer than %d bytes", name, maxRelease)
	}
	return text, err
}

// Identify maps the text of an os-release file to a product.
func Identify(text []byte) (Product, error) {
	rel := parse(text)
	if rel.ID == "" {
		return Product{}, fault.New(fault.Unsupported, "", "identify root: os-release has no ID")
	}
	rows, err := csv.NewReader(bytes.NewReader(products)).ReadAll()
	if err != nil {
		return Product{}, errors.Join(errors.New("product table"), err)
	}
	for _, row := range rows[1:] {
		id, versions, system, prefix, style, family := row[0], row[1], row[2], row[3], row[4], row[5]
		if id != rel.ID || !listed(versions, rel.VersionID) {
			continue
		}
		return Product{
			OS: baseline.OperatingSystem(system), Name: prefix + version(style, rel.VersionID),
			Family: Family(family), Release: rel,
		}, nil
	}
	return Product{}, fault.New(fault.Unsupported, "supported systems are listed in docs; an unknown system is never judged",
		"identify root: no product for ID=%q VERSION_ID=%q", rel.ID, rel.VersionID)
}

// listed reports whether v is one of the space-separated versions or their minors;
// "*" lists every version but the empty one.
func listed(versions, v string) bool {
	if v == "" {
		return false
	}
	for _, have := range strings.Fields(versions) {
		if have == "*" || have == v || strings.HasPrefix(v, have+".") {
			return true
		}
	}
	return false
}

// version writes a VERSION_ID as product names have it.
func version(style, v string) string {
	switch style {
	case "major":
		major, _, _ := strings.Cut(v, ".")
		return major
	default:
		return v
	}
}

func parse(text []byte) Release {
	var rel Release
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			continue
		}
		value = unquote(value)
		switch key {
		case "ID":
			rel.ID = value
		case "VERSION_ID":
			rel.VersionID = value
		case "PLATFORM_ID":
			rel.PlatformID = value
		case "VERSION_CODENAME":
			rel.Codename = value
		case "PRETTY_NAME":
			rel.Pretty = value
		}
	}
	return rel
}

// unquote undoes the shell quoting that os-release(5) allows.
func unquote(s string) string {
	if len(s) < 2 {
		return s
	}
	switch q := s[0]; {
	case q == '\'' && s[len(s)-1] == q:
		return s[1 : len(s)-1]
	case q == '"' && s[len(s)-1] == q:
		var b strings.Builder
		for i := 1; i < len(s)-1; i++ {
			if s[i] == '\\' && i+1 < len(s)-1 && strings.IndexByte("\"$`\\", s[i+1]) >= 0 {
				i++
			}
			b.WriteByte(s[i])
		}
		return b.String()
	}
	return s
}
