package rpmdb

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // what rpm stored; it finds damage, nothing is trusted for it
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A header is: count of index entries, length of the data, the entries (tag, type,
// offset, count), the data; all numbers big-endian. What came in the package file
// stands first, as an unchanged "region" that the stored digests cover; what rpm
// added when it installed the package stands behind it and counts over it.

const (
	maxTags = 1 << 16 // rpm's own limits
	maxData = 256 << 20
	// maxHeader bounds one header in memory; the largest real ones (kernels, icon
	// sets) have a few MiB.
	maxHeader = 64 << 20
	// maxTexts bounds what is kept of one list of texts.
	maxTexts = 8 << 20
)

// tags that are read.
const (
	tagImmutable  = 63
	tagSHA1       = 269
	tagSHA256     = 273
	tagName       = 1000
	tagVersion    = 1001
	tagRelease    = 1002
	tagEpoch      = 1003
	tagTime       = 1008
	tagVendor     = 1011
	tagArch       = 1022
	tagSource     = 1044
	tagProvides   = 1047
	tagObsoletes  = 1090
	tagProvFlags  = 1112
	tagProvVers   = 1113
	tagObsFlags   = 1114
	tagObsVers    = 1115
	tagModularity = 5096
)

// types of data.
const (
	typeInt32   = 4
	typeString  = 6
	typeBinary  = 7
	typeStrings = 8
	typeI18N    = 9
)

// pubkey is the name of the entries that hold keys.
const pubkey = "gpg-pubkey"

var headerMagic = []byte{0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0}

// header is a header taken apart as far as the bounds go.
type header struct{ index, data []byte }

type entry struct {
	tag, kind uint32
	offset    int32
	count     uint32
}

func (h header) entry(i int) entry {
	b := h.index[16*i:]
	return entry{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), int32(binary.BigEndian.Uint32(b[8:])), binary.BigEndian.Uint32(b[12:])}
}

// split checks the outer bounds of a header.
func split(blob []byte) (header, error) {
	if len(blob) < 8 {
		return header{}, errors.New("header is cut short")
	}
	tags, size := binary.BigEndian.Uint32(blob), binary.BigEndian.Uint32(blob[4:])
	if tags == 0 || tags >= maxTags || size > maxData {
		return header{}, fmt.Errorf("header states %d entries and %d bytes of data", tags, size)
	}
	if want := 8 + 16*int(tags) + int(size); len(blob) != want {
		return header{}, fmt.Errorf("header states %d bytes, the database has %d", want, len(blob))
	}
	return header{blob[8 : 8+16*tags], blob[8+16*tags:]}, nil
}

// parse reads one package from a header.
func parse(blob []byte) (Package, error) {
	h, err := split(blob)
	if err != nil {
		return Package{}, err
	}
	var p Package
	var sums [2]string
	for i := range len(h.index) / 16 {
		e := h.entry(i)
		if err := p.take(h, e, &sums); err != nil {
			return Package{}, fmt.Errorf("header tag %d: %w", e.tag, err)
		}
	}
	if err := p.check(); err != nil {
		return Package{}, err
	}
	if err := h.verify(sums); err != nil {
		return Package{}, fmt.Errorf("header of %s: %w", p.Name, err)
	}
	return p, nil
}

// take reads one entry into p; sums gets the SHA-1 and the SHA-256 of the region.
func (p *Package) take(h header, e entry, sums *[2]string) (err error) {
	switch e.tag {
	case tagName:
		p.Name, err = h.text(e)
	case tagVersion:
		p.Version, err = h.text(e)
	case tagRelease:
		p.Release, err = h.text(e)
	case tagArch:
		p.Arch, err = h.text(e)
	case tagVendor:
		p.Vendor, err = h.text(e)
	case tagSource:
		p.SourceRPM, err = h.text(e)
	case tagModularity:
		p.ModularityLabel, err = h.text(e)
	case tagSHA1:
		sums[0], err = h.text(e)
	case tagSHA256:
		sums[1], err = h.text(e)
	case tagEpoch, tagTime:
		var b []byte
		if b, err = h.words(e); err != nil || len(b) < 4 {
			return err
		}
		if n := binary.BigEndian.Uint32(b); e.tag == tagEpoch {
			p.Epoch = strconv.FormatUint(uint64(n), 10)
		} else {
			p.InstallTime = time.Unix(int64(n), 0).UTC()
		}
	case tagProvides:
		p.provides.names, err = h.texts(e)
	case tagProvVers:
		p.provides.versions, err = h.texts(e)
	case tagProvFlags:
		p.provides.flags, err = h.flags(e)
	case tagObsoletes:
		p.obsoletes.names, err = h.texts(e)
	case tagObsVers:
		p.obsoletes.versions, err = h.texts(e)
	case tagObsFlags:
		p.obsoletes.flags, err = h.flags(e)
	}
	return err
}

// check refuses a package without identity, and one whose identity no rpm could
// have built.
func (p *Package) check() error {
	if p.Epoch == "" {
		p.Epoch = "0"
	}
	for _, f := range []struct{ what, text string }{
		{"name", p.Name}, {"version", p.Version}, {"release", p.Release}, {"architecture", p.Arch},
	} {
		if f.text == "" && (f.what != "architecture" || p.Name != pubkey) {
			return fmt.Errorf("header of %q has no %s", p.Name, f.what)
		}
		if len(f.text) > 4096 || !utf8.ValidString(f.text) || strings.ContainsFunc(f.text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return fmt.Errorf("header has an impossible %s: %.80q", f.what, f.text)
		}
	}
	p.Vendor = strings.ToValidUTF8(p.Vendor, "\uFFFD")
	if p.SourceRPM == "(none)" {
		p.SourceRPM = ""
	}
	return nil
}

// from returns the data that starts at e's offset.
func (h header) from(e entry) ([]byte, error) {
	if e.offset < 0 || int(e.offset) >= len(h.data) {
		return nil, fmt.Errorf("its data would start at %d of %d bytes", e.offset, len(h.data))
	}
	return h.data[e.offset:], nil
}

// text reads a single string.
func (h header) text(e entry) (string, error) {
	if e.kind != typeString && e.kind != typeI18N || e.count < 1 {
		return "", fmt.Errorf("is of type %d with %d values, not a text", e.kind, e.count)
	}
	b, err := h.from(e)
	if err != nil {
		return "", err
	}
	end := bytes.IndexByte(b, 0)
	if end < 0 {
		return "", errors.New("its text does not end")
	}
	return string(b[:end]), nil
}

// texts reads a list of strings, each with its NUL.
func (h header) texts(e entry) (string, error) {
	if e.kind != typeStrings && e.kind != typeString {
		return "", fmt.Errorf("is of type %d, not a list of texts", e.kind)
	}
	b, err := h.from(e)
	if err != nil {
		return "", err
	}
	end := 0
	for range e.count { // ends at the data's end at the latest: each text has a NUL
		n := bytes.IndexByte(b[end:], 0)
		if n < 0 {
			return "", fmt.Errorf("its %d texts do not end", e.count)
		}
		if end += n + 1; end > maxTexts {
			return "", fmt.Errorf("its %d texts take more than %d MiB", e.count, maxTexts>>20)
		}
	}
	return string(b[:end]), nil
}

// words reads numbers of four bytes.
func (h header) words(e entry) ([]byte, error) {
	if e.kind != typeInt32 {
		return nil, fmt.Errorf("is of type %d, not a number", e.kind)
	}
	b, err := h.from(e)
	if err != nil {
		return nil, err
	}
	if uint64(e.count)*4 > uint64(len(b)) {
		return nil, fmt.Errorf("its %d numbers do not fit", e.count)
	}
	return b[:4*e.count], nil
}

func (h header) flags(e entry) (string, error) {
	b, err := h.words(e)
	return string(b), err
}

// verify checks the digest that the package file stated for its header, as rpm does
// when it reads its database. Packages older than that digest are not checked.
func (h header) verify(sums [2]string) error {
	if sums[0] == "" && sums[1] == "" {
		return nil
	}
	first := h.entry(0)
	if first.tag != tagImmutable {
		return nil // made by an rpm before version 4; the digest is not of this form
	}
	// The region ends with a trailer that says how many entries it has.
	end := int(first.offset) + 16
	if first.kind != typeBinary || first.count != 16 || first.offset < 0 || end > len(h.data) {
		return errors.New("its region is not what rpm writes")
	}
	trailer := header{index: h.data[first.offset:end]}.entry(0)
	size := -int(trailer.offset)
	if size < 16 || size%16 != 0 || size > len(h.index) {
		return errors.New("its region's trailer is not what rpm writes")
	}
	lengths := binary.BigEndian.AppendUint32(nil, uint32(size/16))
	lengths = binary.BigEndian.AppendUint32(lengths, uint32(end))
	sum, got := sha256.New(), sums[1]
	if got == "" {
		sum, got = sha1.New(), sums[0] //nolint:gosec // see above
	}
	for _, part := range [][]byte{headerMagic, lengths, h.index[:size], h.data[:end]} {
		sum.Write(part)
	}
	if want := hex.EncodeToString(sum.Sum(nil)); want != got {
		return fmt.Errorf("it is damaged: its digest is %s, rpm stored %.64s", want, got)
	}
	return nil
}
