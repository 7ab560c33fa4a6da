package rpmdb

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
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

// pubkey is the name of the entries that hold keys.
const pubkey = "gpg-pubkey"

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
