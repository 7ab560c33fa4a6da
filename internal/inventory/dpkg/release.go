package dpkg

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/clearsign"

	"github.com/goldenami/rehydrate/baseline"
)

// listsDir is where apt keeps the metadata of archives.
const listsDir = "var/lib/apt/lists/"

// release is a Release or InRelease file.
type release struct {
	name          string // in listsDir
	digest        string // SHA-256 of the file as it is on disk
	origin        baseline.Origin
	date, until   time.Time
	architectures []string
	allInside     bool                 // lists of an architecture hold those of "all" too
	manual        bool                 // NotAutomatic: apt takes versions of it when asked to only
	bare          bool                 // there is no such file
	files         map[string]indexFile // by path relative to the Release file

	snapshots string // the archive's address at a time, with snapshotID in it

	text, detached []byte // the file as it is on disk, and the signature beside it
}

// indexFile is one entry of a Release file's SHA256 section.
type indexFile struct {
	sha256 string
	size   int64
}

// readRelease reads the metadata of source s; fs.ErrNotExist when apt has none.
func (c *collection) readRelease(s Source) (*release, error) {
	prefix := listName(s.Index())
	name := prefix + "InRelease"
	text, err := readSmall(c.root, listsDir+name)
	var detached []byte
	if errors.Is(err, fs.ErrNotExist) {
		name = prefix + "Release"
		if text, err = readSmall(c.root, listsDir+name); err == nil {
			detached, err = readSmall(c.root, listsDir+name+".gpg")
			if errors.Is(err, fs.ErrNotExist) {
				err = nil // an unsigned archive; it will not be verified
			}
		}
	}
	if err != nil {
		return nil, err
	}
	digest := hexSum(text)
	r, err := c.parsedRelease(text, digest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r.name, r.digest, r.text, r.detached = name, digest, text, detached
	return r, nil
}

// parsedRelease is parseRelease, of what the cache has of the text where it can be.
func (c *collection) parsedRelease(text []byte, digest string) (*release, error) {
	key := keyOf("release", digest)
	if kept, ok := c.cache.load(key); ok {
		if r, err := parseFields(kept); err == nil {
			return r, nil
		}
	}
	plain, _, _, err := unwrap(text)
	if err != nil {
		return nil, err
	}
	r, err := parseFields(plain)
	if err != nil {
		return nil, err
	}
	if used := usedFields(plain); r.namesList() {
		c.cache.save(key, used)
	}
	return r, nil
}

// unwrap takes a Release file, clear-signed or not, into its plain text, what the
// signature in it covers, and that signature; nil: there is none.
func unwrap(text []byte) (plain, signed, signature []byte, err error) {
	if block, _ := clearsign.Decode(text); block != nil {
		if signature, err = io.ReadAll(block.ArmoredSignature.Body); err != nil {
			return nil, nil, nil, fmt.Errorf("its signature cannot be decoded: %w", err)
		}
		return block.Plaintext, block.Bytes, signature, nil
	}
	if bytes.Contains(text, []byte("-----BEGIN PGP")) {
		return nil, nil, nil, errors.New("the signed text cannot be decoded")
	}
	return text, text, nil, nil
}

// parseRelease reads a Release file, clear-signed or not.
func parseRelease(text []byte) (*release, error) {
	plain, _, _, err := unwrap(text)
	if err != nil {
		return nil, err
	}
	return parseFields(plain)
}

// parseFields reads the plain text of a Release file.
func parseFields(plain []byte) (*release, error) {
	r := &release{files: map[string]indexFile{}}
	var bad error
	err := fields(bytes.TrimLeft(plain, "\n"), func(key, value []byte) {
		v := string(value)
		switch strings.ToLower(string(key)) {
		case "origin":
			r.origin.Origin = v
		case "label":
			r.origin.Label = v
		case "suite":
			r.origin.Suite = v
		case "codename":
			r.origin.Codename = v
		case "architectures":
			r.architectures = strings.Fields(v)
		case "date":
			r.date, bad = date(v, bad)
		case "valid-until":
			r.until, bad = date(v, bad)
		case "no-support-for-architecture-all":
			r.allInside = strings.Contains(v, "Packages")
		case "notautomatic":
			r.manual = strings.EqualFold(v, "yes")
		case "snapshots":
			r.snapshots = v
		case "sha256":
			bad = errors.Join(bad, r.index(v))
		}
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, err
	}
	if len(r.files) == 0 {
		return nil, errors.New("it lists no files by SHA-256")
	}
	return r, nil
}

// usedFields is a Release file with those of its fields that parseFields looks at,
// and of the files with the lists that apt reads: some 2 % of it.
func usedFields(plain []byte) []byte {
	var b bytes.Buffer
	_ = fields(bytes.TrimLeft(plain, "\n"), func(key, value []byte) { // was read before
		switch strings.ToLower(string(key)) {
		case "origin", "label", "suite", "codename", "architectures", "date", "valid-until", "no-support-for-architecture-all", "notautomatic", "snapshots":
			fmt.Fprintf(&b, "%s: %s\n", key, value)
		case "sha256":
			fmt.Fprintf(&b, "%s:\n", key)
			for line := range bytes.Lines(value) {
				if line = bytes.TrimSpace(line); isList(string(line)) {
					fmt.Fprintf(&b, " %s\n", line)
				}
			}
		}
	})
	return b.Bytes()
}

// isList says that path, or a line that ends in it, names a plain list, with or without
// a component.
func isList(path string) bool {
	path = path[strings.LastIndexByte(path, ' ')+1:]
	return path == "Packages" || strings.HasSuffix(path, "/Packages")
}

// namesList says that r names any plain list.
func (r *release) namesList() bool {
	for path := range r.files {
		if isList(path) {
			return true
		}
	}
	return false
}

// index reads lines of "digest size path".
func (r *release) index(section string) error {
	for line := range strings.SplitSeq(section, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 3 || len(words[0]) != sha256.Size*2 {
			return fmt.Errorf("a line of the SHA256 section is not digest, size, path: %q", line)
		}
		size, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil || size < 0 {
			return fmt.Errorf("a size in the SHA256 section is not a number: %q", line)
		}
		r.files[words[2]] = indexFile{strings.ToLower(words[0]), size}
	}
	return nil
}

// date reads the forms that archives write.
func date(v string, before error) (time.Time, error) {
	for _, layout := range []string{"Mon, _2 Jan 2006 15:04:05 MST", time.RFC1123Z} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.UTC(), before
		}
	}
	return time.Time{}, errors.Join(before, fmt.Errorf("date %q is in no known form", v))
}
