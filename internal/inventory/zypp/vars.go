package zypp

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// variables are zypper's repository variables by name.
type variables map[string]string

// readVars reads the variables of root: those of its vars.d, and the built-in ones
// that no file replaces. As in zypper, $releasever is the base product's version, and
// empty without one.
func readVars(root fs.FS, dir, arch string) (variables, error) {
	v := variables{}
	files, err := fs.ReadDir(root, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read zypper's variables: %w", err)
	}
	for _, f := range files {
		if f.IsDir() || strings.HasPrefix(f.Name(), ".") {
			continue
		}
		text, err := readFile(root, dir+"/"+f.Name())
		if err != nil {
			return nil, fmt.Errorf("read zypper's variables: %w", err)
		}
		v[f.Name()], _, _ = strings.Cut(string(text), "\n")
	}
	release, err := releaseOf(root)
	if err != nil {
		return nil, err
	}
	v.unless("arch", arch)
	v.unless("basearch", arch)
	v.unless("releasever", release)
	major, minor, _ := strings.Cut(v["releasever"], ".")
	v.unless("releasever_major", major)
	v.unless("releasever_minor", minor)
	return v, nil
}

func (v variables) unless(name, value string) {
	if v[name] == "" {
		v[name] = value
	}
}

// releaseOf reads the version of the base product.
func releaseOf(root fs.FS) (string, error) {
	const name = "etc/products.d/baseproduct"
	text, err := readFile(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the base product: %w", err)
	}
	var p struct {
		Version  string `xml:"version"`
		Baseline string `xml:"baseversion"`
		Patch    string `xml:"patchlevel"`
	}
	if err := xml.Unmarshal(text, &p); err != nil {
		return "", fmt.Errorf("read the base product from %s: %w", name, err)
	}
	if p.Version == "" && p.Baseline != "" {
		return p.Baseline + "." + p.Patch, nil
	}
	return strings.TrimSpace(p.Version), nil
}

// maxExpanded bounds a text with variables and what they make of it, maxNested how
// deep one may stand in another's default.
const (
	maxExpanded = 4 << 10
	maxNested   = 8
)

// expand replaces $name, ${name}, ${name:-default} and ${name:+alternative}; a plain
// variable that is not known stays as it is.
func (v variables) expand(text string) string { return v.expandTo(text, 0) }

func (v variables) expandTo(text string, depth int) string {
	if depth > maxNested || len(text) > maxExpanded {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text) && b.Len() < maxExpanded; {
		if depth > 0 && text[i] == '\\' && i+1 < len(text) && strings.IndexByte("$}\\", text[i+1]) >= 0 {
			b.WriteByte(text[i+1])
			i += 2
			continue
		}
		end := 0
		if text[i] == '$' {
			end = variable(text[i:])
		}
		if end == 0 {
			b.WriteByte(text[i])
			i++
			continue
		}
		b.WriteString(v.value(text[i:i+end], depth))
		i += end
	}
	return b.String()
}

// value is what the variable reference stands for.
func (v variables) value(ref string, depth int) string {
	name := strings.TrimSuffix(strings.TrimPrefix(ref[1:], "{"), "}")
	key, word, conditional := strings.Cut(name, ":")
	have, known := v[key]
	switch {
	case !conditional && known:
		return have
	case !conditional:
		return ref
	case word[0] == '-' && have == "":
		return v.expandTo(word[1:], depth+1)
	case word[0] == '-':
		return have
	case have != "":
		return v.expandTo(word[1:], depth+1)
	}
	return ""
}

// variable is the length of the variable reference that text begins with, 0 if it is none.
func variable(text string) int {
	braced := strings.HasPrefix(text, "${")
	i := 1
	if braced {
		i = 2
	}
	from := i
	for i < len(text) && (text[i] == '_' || letter(text[i])) {
		i++
	}
	switch {
	case i == from:
		return 0
	case !braced:
		return i
	case i < len(text) && text[i] == '}':
		return i + 1
	case i+1 >= len(text) || text[i] != ':' || text[i+1] != '-' && text[i+1] != '+':
		return 0
	}
	for i += 2; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '$':
			n := variable(text[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case '}':
			return i + 1
		}
	}
	return 0
}

func letter(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
