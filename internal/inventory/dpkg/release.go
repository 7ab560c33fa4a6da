package dpkg

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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
	files         map[string]indexFile // by path relative to the Release file

	snapshots string // the archive's address at a time, with snapshotID in it
	signed    []byte // what the signature covers
	signature []byte // nil: there is none
}

// indexFile is one entry of a Release file's SHA256 section.
type indexFile struct {
	sha256 string
	size   int64
}

// readRelease reads the metadata of source s; fs.ErrNotExist when apt has none.
func readRelease(root fs.FS, s Source) (*release, error) {
	prefix := listName(s.Index())
	name := prefix + "InRelease"
	text, err := readSmall(root, listsDir+name)
	var signature []byte
	if errors.Is(err, fs.ErrNotExist) {
		name = prefix + "Release"
		if text, err = readSmall(root, listsDir+name); err == nil {
			signature, err = readSmall(root, listsDir+name+".gpg")
			if errors.Is(err, fs.ErrNotExist) {
				err = nil // an unsigned archive; it will not be verified
			}
		}
	}
	if err != nil {
		return nil, err
	}
	r, err := parseRelease(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r.name = name
	if signature != nil {
		r.signature = signature
	}
	return r, nil
}

// parseRelease reads a Release file, clear-signed or not.
func parseRelease(text []byte) (*release, error) {
	sum := sha256.Sum256(text)
	r := &release{digest: hex.EncodeToString(sum[:]), files: map[string]indexFile{}, signed: text}
	plain := text
	if block, _ := clearsign.Decode(text); block != nil {
		plain, r.signed = block.Plaintext, block.Bytes
		var err error
		if r.signature, err = io.ReadAll(block.ArmoredSignature.Body); err != nil {
			return nil, fmt.Errorf("its signature cannot be decoded: %w", err)
		}
	} else if bytes.Contains(text, []byte("-----BEGIN PGP")) {
		return nil, errors.New("the signed text cannot be decoded")
	}
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
