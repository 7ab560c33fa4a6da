package rpmmd

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// MaxRepomd is the most that a repomd.xml may have, in bytes.
const MaxRepomd = 8 << 20

// Repomd is the index of a repository.
type Repomd struct {
	// SHA256 is the digest of the file itself, in lower-case hex.
	SHA256 string
	// Revision is what the publisher calls this state, often a time in seconds.
	Revision string
	// Date is the revision where that is a time, else the newest of the files' times;
	// zero if there is neither.
	Date time.Time
	Data []Data
}

// Data is one file that the index names.
type Data struct {
	Type string // primary, updateinfo, modules, primary_db, …
	// Href is where the file is, relative to the repository; Base replaces the
	// repository's own address when it is there.
	Href, Base string
	// Sum is of the file as it is stored.
	Sum Digest
	// Size and OpenSize are in bytes, zero when not stated.
	Size, OpenSize int64
}

// Digest is a checksum with its kind: sha1, sha224, sha256, sha384 or sha512.
type Digest struct{ Kind, Hex string }

// ParseRepomd reads a repomd.xml.
func ParseRepomd(file []byte) (Repomd, error) {
	if len(file) > MaxRepomd {
		return Repomd{}, fmt.Errorf("repomd.xml: it has more than %d bytes", MaxRepomd)
	}
	sum := sha256.Sum256(file)
	md := Repomd{SHA256: hex.EncodeToString(sum[:])}
	s := newScanner(bytes.NewReader(file))
	newest := int64(0)
	for {
		t, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Repomd{}, fmt.Errorf("repomd.xml: %w", err)
		}
		if t != start {
			continue
		}
		switch {
		case s.depth() == 1 && string(s.name) != "repomd":
			return Repomd{}, fmt.Errorf("repomd.xml: it is a <%s>", short(string(s.name)))
		case s.depth() == 2 && string(s.name) == "revision":
			if md.Revision, err = s.content(); err != nil {
				return Repomd{}, fmt.Errorf("repomd.xml: %w", err)
			}
		case s.depth() == 2 && string(s.name) == "data":
			d, at, err := s.data()
			if err != nil {
				return Repomd{}, fmt.Errorf("repomd.xml: %w", err)
			}
			md.Data, newest = append(md.Data, d), max(newest, at)
		}
	}
	if len(md.Data) == 0 {
		return Repomd{}, errors.New("repomd.xml: it names no metadata")
	}
	if at, ok := seconds(md.Revision); ok {
		newest = at
	}
	if newest > 0 {
		md.Date = time.Unix(newest, 0).UTC()
	}
	return md, nil
}

// data reads the <data> that just began, and its time.
func (s *scanner) data() (d Data, at int64, err error) {
	d.Type = s.attr("type")
	for depth := s.depth(); ; {
		t, err := s.next()
		if err != nil {
			return d, 0, err
		}
		if t == stop && s.depth() < depth {
			break
		}
		if t != start || s.depth() != depth+1 {
			continue
		}
		switch string(s.name) {
		case "checksum":
			d.Sum, err = s.digest()
		case "location":
			d.Href, d.Base = s.attr("href"), s.attr("base")
			if d.Base == "" {
				d.Base = s.attr("xml:base")
			}
		case "size":
			d.Size, err = s.number()
		case "open-size":
			d.OpenSize, err = s.number()
		case "timestamp":
			var text string
			text, err = s.content()
			at, _ = seconds(text)
		}
		if err != nil {
			return d, 0, fmt.Errorf("data of type %q: %w", short(d.Type), err)
		}
	}
	if d.Type == "" || d.Href == "" || d.Sum.Hex == "" {
		return d, 0, fmt.Errorf("data of type %q lacks its location or its checksum", short(d.Type))
	}
	return d, at, nil
}

func (s *scanner) digest() (Digest, error) {
	d := Digest{Kind: strings.ToLower(s.attr("type"))}
	if d.Kind == "sha" {
		d.Kind = "sha1"
	}
	text, err := s.content()
	d.Hex = strings.ToLower(text)
	return d, err
}

func (s *scanner) number() (int64, error) {
	name := string(s.name)
	text, err := s.content()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("<%s> is %q, not a number", name, short(text))
	}
	return n, nil
}

// seconds reads a time as repositories write it. What is too small for a date of
// this century is a counter.
func seconds(text string) (int64, bool) {
	whole, _, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	return n, err == nil && n > 1e9 && n < 1e11
}

// Find is the file of the type, in XML or YAML. A file that is there in another
// form only (a database, or zchunk) is an error that names the form; absent: nil.
func (md Repomd) Find(kind string) (*Data, error) {
	for i := range md.Data {
		if md.Data[i].Type == kind {
			return &md.Data[i], nil
		}
	}
	for _, form := range []struct{ suffix, name string }{{"_zck", "zchunk"}, {"_db", "an sqlite database"}} {
		for _, d := range md.Data {
			if d.Type == kind+form.suffix {
				return nil, fmt.Errorf("its %s exists as %s (%s) only, which is not supported", kind, form.name, d.Type)
			}
		}
	}
	return nil, nil
}
