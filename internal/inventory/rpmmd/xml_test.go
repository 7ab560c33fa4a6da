package rpmmd

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// ours lists what the scanner sees of a document, and its error.
func ours(r io.Reader) (string, error) {
	s, out, run := newScanner(r), "", ""
	for {
		t, err := s.next()
		if t != text || err != nil {
			if run != "" {
				out += fmt.Sprintf("text %q\n", run)
			}
			run = ""
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		switch t {
		case start:
			out += "start " + string(s.name)
			eachAttr(s.attrs, func(n, v []byte) bool {
				out += fmt.Sprintf(" %s=%q", local(n), value(v))
				return true
			})
			out += "\n"
		case stop:
			out += "end " + string(s.name) + "\n"
		case text:
			v := s.raw
			if !s.cdata {
				if v, err = unescape(nil, s.raw); err != nil {
					return out, err
				}
			}
			run += string(v)
		}
	}
}

// theirs lists what encoding/xml sees of it.
func theirs(doc string) (string, error) {
	d, out, run := xml.NewDecoder(strings.NewReader(doc)), "", ""
	depth := 0
	for {
		t, err := d.RawToken()
		_, chars := t.(xml.CharData)
		_, comment := t.(xml.Comment)
		if (!chars && !comment) || err != nil {
			if run != "" {
				out += fmt.Sprintf("text %q\n", run)
			}
			run = ""
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			depth++
			out += "start " + t.Name.Local
			for _, a := range t.Attr {
				out += fmt.Sprintf(" %s=%q", a.Name.Local, a.Value)
			}
			out += "\n"
		case xml.EndElement:
			depth--
			out += "end " + t.Name.Local + "\n"
		case xml.CharData:
			if depth > 0 {
				run += string(t)
			}
		}
	}
}

var wellFormed = []string{
	`<a/>`,
	`<?xml version="1.0" encoding="UTF-8"?><a><b c="1" d='2"'>x</b><e/></a>`,
	"\xef\xbb\xbf<a>x</a>",
	`<a xmlns:r="u"><r:b r:c="&lt;&#65;&#x42;&quot;&apos;&amp;">&gt;</r:b></a>`,
	`<a>one<!-- <b> -- ></a> -->two<![CDATA[<c> ]] &amp; ]]>three</a>`,
	"<a\n b = \"c\"\t>\r\n</a >  \n<!-- end -->\n",
	`<a b=">"/>`,
}

func TestTheScannerSeesWhatEncodingXMLSees(t *testing.T) {
	for _, doc := range wellFormed {
		want, err := theirs(doc)
		if err != nil && !strings.Contains(doc, "-- >") { // encoding/xml refuses "--" in a comment
			t.Fatalf("encoding/xml on %q: %v", doc, err)
		}
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(doc), "bytes": iotest.OneByteReader(strings.NewReader(doc))} {
			got, err2 := ours(r)
			if err2 != nil || (err == nil && got != strings.ReplaceAll(want, `\r\n`, `\n`) && strings.ReplaceAll(got, `\r\n`, `\n`) != want) {
				t.Errorf("%s %q: %v\ngot\n%swant\n%s", name, doc, err2, got, want)
			}
		}
	}
}

func TestWhatIsNoDocumentIsAnError(t *testing.T) {
	for doc, want := range map[string]string{
		"": "empty", "   ": "empty", "<a>": "ends inside <a>", "<a><b></a>": "not open", "</a>": "not open", "<a": "unexpected EOF",
		"<a></a><b/>": "second document", "x<a/>": "outside", "<a/>x": "outside", "<a b=\"": "unexpected EOF", "<>": "no name",
		"<a><!-- x</a>": "unexpected EOF", "<a><![CDATA[ x</a>": "unexpected EOF", "<![CDATA[x]]>": "outside", "<a <b>": "not closed",
		`<!DOCTYPE a [<!ENTITY b "cc">]><a>&b;</a>`: "not allowed",
		`<a>&b;</a>`:      "not known",
		`<a>&lt</a>`:      "not closed",
		`<a>&#0;</a>`:     "not known",
		`<a>&#xD800;</a>`: "not known",
		`<?xml version="1.0" encoding="utf-16"?><a/>`:     "utf-16",
		strings.Repeat("<a>", 100):                        "deep",
		"<a b='" + strings.Repeat("x", maxToken+10) + "'": "more than",
		"<a>" + strings.Repeat("x", maxToken+10):          "more than",
		"<a><" + strings.Repeat("x", maxToken+10):         "more than",
	} {
		if _, err := ours(strings.NewReader(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", short(doc), err, want)
		}
	}
	if _, err := ours(iotest.TimeoutReader(strings.NewReader("<a>" + strings.Repeat("x", 1<<20)))); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("a reader's error became %v", err)
	}
}

func FuzzScanner(f *testing.F) {
	for _, d := range wellFormed {
		f.Add([]byte(d))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		whole, err := ours(bytes.NewReader(doc))
		bits, err2 := ours(iotest.OneByteReader(bytes.NewReader(doc)))
		if whole != bits || (err == nil) != (err2 == nil) {
			t.Fatalf("in one piece\n%s%v\nin bytes\n%s%v", whole, err, bits, err2)
		}
		if opened, closed := strings.Count(whole, "start "), strings.Count(whole, "end "); err == nil && opened < closed-strings.Count(string(doc), "end ") {
			t.Fatalf("%d starts, %d ends", opened, closed)
		}
	})
}
