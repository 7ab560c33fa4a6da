package files

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/record"
)

const dpkgInfo = "var/lib/dpkg/info"

// vouch is what a package says of a file.
type vouch struct {
	pkg string
	md5 [16]byte
}

// vouchers reads what dpkg's packages say of their files (PACKAGE.md5sums), by the
// paths that the files have on this root. MD5 is what dpkg keeps: it shows accident
// and carelessness, and proves nothing against somebody who means to hide. Without
// dpkg there is none: rpm's digests are not looked at.
func (r *reader) vouchers() (map[string]vouch, error) {
	list, err := fs.ReadDir(r.root, dpkgInfo)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.unread("which files differ from what their packages installed: only dpkg's digests are compared")
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		r.unread("%s may not be read", dpkgInfo)
		return nil, nil
	case err != nil:
		return nil, err
	}
	away, err := r.diverted()
	if err != nil {
		return nil, err
	}
	merged := r.mergedFolders()
	out := map[string]vouch{}
	for _, e := range list {
		pkg, ok := strings.CutSuffix(e.Name(), ".md5sums")
		if !ok {
			continue
		}
		text, err := r.small(dpkgInfo + "/" + e.Name())
		if err != nil {
			return nil, err
		}
		bad := parseSums(text, func(sum [16]byte, name string) {
			name = moved(name, pkg, away)
			if top, rest, ok := strings.Cut(name, "/"); ok && merged[top] != "" {
				name = merged[top] + "/" + rest
			}
			out[name] = vouch{pkg, sum}
		})
		if bad > 0 {
			r.unread("%d lines of %s make no sense", bad, clean(e.Name()))
		}
		if len(out) > r.limits.Entries {
			return nil, fmt.Errorf("packages have more than %d files: given up", r.limits.Entries)
		}
	}
	return out, nil
}

// parseSums reads lines of md5sum and says how many make no sense.
func parseSums(text []byte, give func(sum [16]byte, name string)) (bad int) {
	for line := range bytes.Lines(text) {
		l := strings.TrimRight(string(line), "\r\n")
		var sum [16]byte
		if len(l) < 35 || l[32:34] != "  " && l[32:34] != " *" {
			bad++
			continue
		}
		if _, err := hex.Decode(sum[:], []byte(l[:32])); err != nil || !fs.ValidPath(strings.TrimPrefix(l[34:], "./")) {
			bad++
			continue
		}
		give(sum, strings.TrimPrefix(l[34:], "./"))
	}
	return bad
}

// diversion is a file that dpkg was told to lay elsewhere, but for one package.
type diversion struct{ to, by string }

// diverted reads dpkg's diversions: from, to and by whom, a line each.
func (r *reader) diverted() (map[string]diversion, error) {
	text, err := r.small("var/lib/dpkg/diversions")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	l := strings.Split(string(text), "\n")
	out := map[string]diversion{}
	for i := 0; i+2 < len(l); i += 3 {
		out[strings.TrimPrefix(l[i], "/")] = diversion{strings.TrimPrefix(l[i+1], "/"), l[i+2]}
	}
	return out, nil
}

func moved(name, pkg string, away map[string]diversion) string {
	owner, _, _ := strings.Cut(pkg, ":") // libc6:amd64
	if d, ok := away[name]; ok && d.by != owner {
		return d.to
	}
	return name
}

// mergedFolders are top folders that are links into usr: packages may still name the
// files by the old path.
func (r *reader) mergedFolders() map[string]string {
	out := map[string]string{}
	for _, top := range []string{"bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32"} {
		if to, err := fs.ReadLink(r.root, top); err == nil {
			if to = strings.TrimPrefix(path.Clean(to), "/"); to == "usr/"+top || top == "sbin" && to == "usr/bin" {
				out[top] = to
			}
		}
	}
	return out
}

// compare notes the files that are not what their package installed; found has the
// MD5 of each that is there.
func (r *reader) compare(vouched map[string]vouch, found map[string][16]byte) {
	present := map[string]bool{}
	for _, f := range r.present {
		present[f] = true
	}
	for name, v := range vouched {
		pkg, _, _ := strings.Cut(v.pkg, ":")
		a := record.Altered{Path: clean(name), Package: clean(pkg)}
		switch sum, ok := found[name]; {
		case ok && sum == v.md5:
			r.facts.Vouched++
			continue
		case ok:
			r.facts.Vouched++
			a.How = "content"
		case present[name]:
			a.How = "kind"
		default:
			a.How = "missing"
		}
		r.facts.Altered = append(r.facts.Altered, a)
	}
	slices.SortFunc(r.facts.Altered, func(a, b record.Altered) int { return cmp.Compare(a.Path, b.Path) })
}
