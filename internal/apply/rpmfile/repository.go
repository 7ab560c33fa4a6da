package rpmfile

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Entry is a package file of a repository: Name is relative to the repository.
type Entry struct {
	*Package
	Name   string
	SHA256 string // lower-case hex
}

// WriteRepository writes the metadata (repodata) that makes dir a repository of
// exactly entries. now is the metadata's own time, in seconds since 1970.
func WriteRepository(dir string, entries []Entry, now int64) error {
	data := filepath.Join(dir, "repodata")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return fmt.Errorf("write repository: %w", err)
	}
	primary, filelists := &document{}, &document{}
	primary.open(`<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="%d">`, len(entries))
	filelists.open(`<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="%d">`, len(entries))
	for _, e := range entries {
		primary.primary(e)
		filelists.filelists(e)
	}
	primary.line(`</metadata>`)
	filelists.line(`</filelists>`)
	md := &document{}
	md.open(`<repomd xmlns="http://linux.duke.edu/metadata/repo">`)
	md.line(`<revision>%d</revision>`, now)
	for _, part := range []struct {
		kind string
		doc  *document
	}{{"primary", primary}, {"filelists", filelists}} {
		packed, err := part.doc.packed()
		if err != nil {
			return fmt.Errorf("write repository: %w", err)
		}
		name := part.kind + ".xml.gz"
		if err := os.WriteFile(filepath.Join(data, name), packed, 0o644); err != nil {
			return fmt.Errorf("write repository: %w", err)
		}
		md.line(`<data type="%s">`, part.kind)
		md.line(`<checksum type="sha256">%s</checksum>`, sum(packed))
		md.line(`<open-checksum type="sha256">%s</open-checksum>`, sum(part.doc.Bytes()))
		md.line(`<location href="repodata/%s"/>`, name)
		md.line(`<timestamp>%d</timestamp><size>%d</size><open-size>%d</open-size>`, now, len(packed), part.doc.Len())
		md.line(`</data>`)
	}
	md.line(`</repomd>`)
	if err := os.WriteFile(filepath.Join(data, "repomd.xml"), md.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write repository: %w", err)
	}
	return nil
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// document is an XML text being written. Texts are escaped, numbers are not.
type document struct{ bytes.Buffer }

func (d *document) open(format string, args ...any) {
	d.line(`<?xml version="1.0" encoding="UTF-8"?>`)
	d.line(format, args...)
}

func (d *document) line(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = escape(s)
		}
	}
	fmt.Fprintf(d, format+"\n", args...)
}

func (d *document) packed() ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(d.Bytes())
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

func (d *document) primary(e Entry) {
	d.line(`<package type="rpm"><name>%s</name><arch>%s</arch>`, e.Package.Name, e.Arch)
	d.line(`<version epoch="%s" ver="%s" rel="%s"/>`, e.Epoch, e.Version, e.Release)
	d.line(`<checksum type="sha256" pkgid="YES">%s</checksum>`, e.SHA256)
	d.line(`<summary>%s</summary><description></description><packager></packager><url></url>`, e.Summary)
	d.line(`<time file="%d" build="%d"/>`, e.BuildTime, e.BuildTime)
	d.line(`<size package="%d" installed="%d" archive="0"/>`, e.Size, e.Installed)
	d.line(`<location href="%s"/><format>`, e.Name)
	d.line(`<rpm:license>%s</rpm:license><rpm:sourcerpm>%s</rpm:sourcerpm>`, e.License, e.SourceRPM)
	d.line(`<rpm:header-range start="%d" end="%d"/>`, e.HeaderStart, e.HeaderEnd)
	for _, r := range relations {
		list := e.Relations[r.element]
		if len(list) == 0 {
			continue
		}
		d.line(`<rpm:%s>`, r.element)
		for _, x := range list {
			d.relation(x)
		}
		d.line(`</rpm:%s>`, r.element)
	}
	// All paths, because a requirement can be a path: createrepo leaves the unusual
	// ones to filelists, which not every reader loads.
	d.files(e)
	d.line(`</format></package>`)
}

func (d *document) relation(r Relation) {
	if r.Flags == "" {
		d.line(`<rpm:entry name="%s"/>`, r.Name)
		return
	}
	rel := ""
	if r.Release != "" {
		rel = ` rel="` + escape(r.Release) + `"`
	}
	fmt.Fprintf(d, "<rpm:entry name=\"%s\" flags=\"%s\" epoch=\"%s\" ver=\"%s\"%s/>\n", escape(r.Name), r.Flags, escape(r.Epoch), escape(r.Version), rel)
}

func (d *document) files(e Entry) {
	for _, f := range e.Files {
		if f.Kind != "" {
			d.line(`<file type="%s">%s</file>`, f.Kind, f.Path)
			continue
		}
		d.line(`<file>%s</file>`, f.Path)
	}
}

func (d *document) filelists(e Entry) {
	d.line(`<package pkgid="%s" name="%s" arch="%s"><version epoch="%s" ver="%s" rel="%s"/>`, e.SHA256, e.Package.Name, e.Arch, e.Epoch, e.Version, e.Release)
	d.files(e)
	d.line(`</package>`)
}

var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// escape writes s as XML text: what XML cannot hold becomes U+FFFD.
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0xfffe || r == 0xffff {
			return 0xfffd
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return escapes.Replace(s)
}
