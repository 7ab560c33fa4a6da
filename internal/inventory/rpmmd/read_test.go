package rpmmd

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const someSum = `<checksum type="sha256">aa</checksum>`

func TestRepomdSaysWhatThereIsAndWhen(t *testing.T) {
	for _, c := range []struct{ doc, date string }{
		{`<repomd><revision>1735700000</revision><data type="primary">` + someSum + `<location href="x" xml:base="http://e/"/><size>3</size><open-size>4</open-size><timestamp>1600000000.5</timestamp></data></repomd>`, "2025-01-01T02:53:20Z"},
		{`<repomd><revision>17</revision><data type="primary">` + someSum + `<location href="x" xml:base="http://e/"/><size>3</size><open-size>4</open-size><timestamp>1600000000.5</timestamp></data></repomd>`, "2020-09-13T12:26:40Z"},
		{`<repomd><data type="primary">` + someSum + `<location href="x" xml:base="http://e/"/><size>3</size><open-size>4</open-size></data></repomd>`, "0001-01-01T00:00:00Z"},
	} {
		md, err := ParseRepomd([]byte(c.doc))
		if err != nil || md.Date.Format(time.RFC3339) != c.date {
			t.Fatalf("%s: %+v, %v", c.doc, md, err)
		}
		want := Data{Type: "primary", Href: "x", Base: "http://e/", Sum: Digest{"sha256", "aa"}, Size: 3, OpenSize: 4}
		if d, err := md.Find("primary"); err != nil || *d != want {
			t.Errorf("find = %+v, %v", d, err)
		}
		if d, err := md.Find("updateinfo"); err != nil || d != nil {
			t.Errorf("what is not there: %+v, %v", d, err)
		}
	}
}

func TestABadRepomdIsAnError(t *testing.T) {
	for doc, want := range map[string]string{
		"": "empty", "<html/>": "<html>", "<repomd/>": "no metadata", "<repomd><data type='x'/></repomd>": "lacks",
		"<repomd><data type='x'>" + someSum + "<location href='y'/><size>-1</size></data></repomd>": "not a number",
		"<repomd><data type='x'>" + someSum + "<location href='y'/>":                                "ends inside",
	} {
		if _, err := ParseRepomd([]byte(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", doc, err, want)
		}
	}
}

func TestAFormThatIsNotReadIsRefusedByName(t *testing.T) {
	for kind, want := range map[string]string{"primary_db": "sqlite", "primary_zck": "zchunk"} {
		md := Repomd{Data: []Data{{Type: kind}}}
		if _, err := md.Find("primary"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("only %s: %v", kind, err)
		}
		md.Data = append(md.Data, Data{Type: "primary"})
		if d, err := md.Find("primary"); err != nil || d.Type != "primary" {
			t.Errorf("%s beside the xml: %+v, %v", kind, d, err)
		}
	}
	for head, want := range map[string]string{"\x00ZCK1 and more": "zchunk", "SQLite format 3\x00": "sqlite"} {
		if err := data(head).Read(strings.NewReader(head), drain); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", head, err)
		}
	}
}

// data is an index entry that vouches for contents.
func data(contents string) Data {
	sum := sha256.Sum256([]byte(contents))
	return Data{Type: "x", Href: "x", Sum: Digest{"sha256", hex.EncodeToString(sum[:])}}
}

func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	fmt.Fprint(w, text)
	w.Close()
	return b.String()
}

func TestOnlyTheFileThatTheIndexNamesCounts(t *testing.T) {
	file := packed("contents")
	good := data(file)
	good.OpenSize = 8
	if err := good.Read(strings.NewReader(file), drain); err != nil {
		t.Error(err)
	}
	lazy := func(io.Reader) error { return nil }
	if err := good.Read(strings.NewReader(file), lazy); err != nil {
		t.Errorf("a reader that stops early: %v", err)
	}
	for name, bad := range map[string]string{"another": packed("Contents"), "truncated": file[:len(file)-9], "longer": file + "x", "empty": ""} {
		if err := good.Read(strings.NewReader(bad), lazy); err == nil || !strings.Contains(err.Error(), "not the file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := file[:len(file)-9]
	if err := data(broken).Read(strings.NewReader(broken), drain); err == nil {
		t.Error("half an archive was read")
	}
	for _, kind := range []string{"md5", "", "crc"} {
		d := good
		d.Sum.Kind = kind
		if err := d.Read(strings.NewReader(file), drain); err == nil || !strings.Contains(err.Error(), "not accepted") {
			t.Errorf("checksum of kind %q: %v", kind, err)
		}
	}
	own := errors.New("own")
	if err := good.Read(strings.NewReader(file), func(io.Reader) error { return own }); !errors.Is(err, own) {
		t.Errorf("the reader's error became %v", err)
	}
}

func TestAFileUnpacksToNoMoreThanItsIndexStates(t *testing.T) {
	bomb := packed(strings.Repeat("\x00", 50<<20))
	d := data(bomb)
	d.OpenSize = 1000
	read := int64(0)
	err := d.Read(strings.NewReader(bomb), func(r io.Reader) error {
		n, err := io.Copy(io.Discard, r)
		read = n
		return err
	})
	if !errors.Is(err, errTooBig) || read > 1000 {
		t.Errorf("%d bytes read, %v", read, err)
	}
	if err := d.Read(strings.NewReader(bomb), func(io.Reader) error { return nil }); !errors.Is(err, errTooBig) {
		t.Errorf("a reader that does not look: %v", err)
	}
}

func TestAPackageOrAdvisoryThatLacksWhatItNeedsIsAnError(t *testing.T) {
	for doc, want := range map[string]string{
		`<metadata><package><name>a</name></package></metadata>`:    "package a: it lacks",
		`<metadata><package><name>a</name>`:                         "ends inside",
		`<updates/>`:                                                "<updates>",
		`<metadata><package><time build="x"/></package></metadata>`: "invalid syntax",
	} {
		if err := ReadPrimary(strings.NewReader(doc), nil, func(Package) error { return nil }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", doc, err, want)
		}
	}
	for doc, want := range map[string]string{
		`<updates><update><pkglist><collection><package name="a"/></collection></pkglist></update></updates>`: "a package lacks",
		`<updates><update type="security"></update></updates>`:                                                "no id",
		`<metadata/>`: "<metadata>",
	} {
		if err := ReadUpdateinfo(strings.NewReader(doc), nil, func(Advisory) error { return nil }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", doc, err, want)
		}
	}
	own := errors.New("own")
	one := `<metadata><package><name>a</name><arch>x</arch><version ver="1" rel="1"/><location href="h"/></package></metadata>`
	if err := ReadPrimary(strings.NewReader(one), nil, func(Package) error { return own }); !errors.Is(err, own) {
		t.Errorf("yield's error became %v", err)
	}
}

func TestListsWithoutEndAreRefused(t *testing.T) {
	entry := `<entry name="x"/>`
	primary := `<metadata><package><name>a</name><arch>x</arch><version ver="1" rel="1"/><location href="h"/><format><requires>` + strings.Repeat(entry, maxEntries+1) + `</requires></format></package></metadata>`
	if err := ReadPrimary(strings.NewReader(primary), nil, func(Package) error { return nil }); err == nil || !strings.Contains(err.Error(), "entries") {
		t.Errorf("requirements: %v", err)
	}
	named := `<updates><update><id>a</id><pkglist><collection>` + strings.Repeat(`<package name="a" version="1" release="1" arch="x"/>`, maxEntries+1) + `</collection></pkglist></update></updates>`
	if err := ReadUpdateinfo(strings.NewReader(named), nil, func(Advisory) error { return nil }); err == nil || !strings.Contains(err.Error(), "packages") {
		t.Errorf("packages: %v", err)
	}
	var many strings.Builder
	many.WriteString("<metadata>")
	for range maxSelected + 1 {
		many.WriteString(`<package><name>a</name><arch>x</arch><version ver="1" rel="1"/><location href="h"/></package>`)
	}
	many.WriteString("</metadata>")
	d := data(many.String())
	d.Type = "primary"
	open := func(Data) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(many.String())), nil }
	if _, err := Select(Repomd{Data: []Data{d}}, open, map[string]bool{"a": true}); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("versions: %v", err)
	}
}

func FuzzRepomd(f *testing.F) {
	f.Add([]byte(`<repomd><revision>1735700000</revision><data type="primary"><checksum type="sha">aa</checksum><open-checksum type="sha512">b</open-checksum><location href="x"/><size>3</size><open-size>4</open-size><timestamp>16</timestamp></data></repomd>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		md, err := ParseRepomd(doc)
		if err == nil && len(md.Data) == 0 {
			t.Fatal("an index of nothing")
		}
		for _, d := range md.Data {
			if err == nil && (d.Href == "" || d.Sum.Hex == "" || d.OpenSize < 0) {
				t.Fatalf("half an entry: %+v", d)
			}
		}
	})
}

func FuzzPrimary(f *testing.F) {
	f.Add([]byte(`<metadata xmlns:rpm="r" packages="1"><package type="rpm"><name>a</name><arch>x86_64</arch><version epoch="0" ver="1" rel="2"/><checksum type="sha256" pkgid="YES">aa</checksum><time file="1" build="2"/><size package="3" installed="4" archive="5"/><location href="a.rpm"/><format><rpm:provides><rpm:entry name="a" flags="EQ" epoch="0" ver="1" rel="2"/></rpm:provides><rpm:requires><rpm:entry name="b" pre="1"/></rpm:requires><rpm:obsoletes><rpm:entry name="c" flags="LT" epoch="1" ver="3"/></rpm:obsoletes><file>/bin/a</file></format></package></metadata>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		short := func(n string) bool { return len(n) < 3 }
		var whole, some []Package
		err := ReadPrimary(bytes.NewReader(doc), nil, func(p Package) error {
			if p.Name == "" || p.Version == "" || p.Release == "" || p.Arch == "" || p.Epoch == "" {
				t.Fatalf("half a package: %+v", p)
			}
			if short(p.Name) || slices.ContainsFunc(p.Obsoletes, func(c Capability) bool { return short(c.Name) }) {
				p.Requires, p.Provides = nil, nil // not read of what only obsoletes
				whole = append(whole, p)
			}
			return nil
		})
		err2 := ReadPrimary(bytes.NewReader(doc), func(n []byte) bool { return short(string(n)) }, func(p Package) error {
			p.Requires, p.Provides = nil, nil
			some = append(some, p)
			return nil
		})
		if err == nil && (err2 != nil || !reflect.DeepEqual(whole, some)) {
			t.Fatalf("all of it gives %+v\nthe wanted %+v, %v", whole, some, err2)
		}
	})
}

func FuzzUpdateinfo(f *testing.F) {
	f.Add([]byte(`<updates><update from="x" status="final" type="security" version="1"><id>A-1</id><title>t</title><severity>Low</severity><issued date="2025-01-01"/><updated date="2025-01-02"/><references><reference href="h" id="CVE-1" type="cve"/><reference id="7" type="bugzilla"/></references><pkglist><collection short="s"><module name="m" stream="1" version="2" context="c" arch="x"/><package name="a" epoch="1" version="2" release="3" arch="noarch" src="a.src.rpm"><filename>a</filename><reboot_suggested>1</reboot_suggested></package></collection></pkglist></update></updates>`))
	f.Add([]byte(`<updates><update><id>A</id><pkglist><collection><package name="&#97;" version="2" release="3" arch="noarch"/></collection></pkglist></update></updates>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		short := func(n string) bool { return len(n) < 2 }
		var whole, some []Advisory
		err := ReadUpdateinfo(bytes.NewReader(doc), nil, func(a Advisory) error {
			if a.ID == "" || len(a.Packages) == 0 {
				t.Fatalf("half an advisory: %+v", a)
			}
			a.Packages = slices.DeleteFunc(slices.Clone(a.Packages), func(p AdvisedPackage) bool { return !short(p.Name) })
			if len(a.Packages) > 0 {
				whole = append(whole, a)
			}
			return nil
		})
		err2 := ReadUpdateinfo(bytes.NewReader(doc), func(n []byte) bool { return short(string(n)) }, func(a Advisory) error {
			some = append(some, a)
			return nil
		})
		// What is left out is not looked into, so its faults may go unseen.
		if err == nil && (err2 != nil || !reflect.DeepEqual(whole, some)) {
			t.Fatalf("all of it gives %+v\nthe wanted %+v, %v", whole, some, err2)
		}
	})
}

func TestMirrorsComeInTheirOrder(t *testing.T) {
	m, err := ParseMetalink([]byte(`<metalink xmlns:mm0="x"><files><file name="repomd.xml"><verification><hash type="md5">aa</hash><hash type="sha256">BB</hash></verification>
<mm0:alternates><mm0:alternate><verification><hash type="sha256">cc</hash></verification></mm0:alternate></mm0:alternates>
<resources><url preference="1">http://b/x/repodata/repomd.xml</url><url preference="9">https://a/repodata/repomd.xml</url><url preference="99">rsync://c/repodata/repomd.xml</url><url>http://d/else</url></resources></file></files></metalink>`))
	want := Metalink{Mirrors: []string{"https://a/", "http://b/x/"}, SHA256: []string{"bb", "cc"}}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := ParseMetalink([]byte("<html/>")); err == nil {
		t.Error("a page counted as a metalink")
	}
	got := ParseMirrors([]byte("# c\nhttp://a/\n\n https://b/repodata/repomd.xml\nrsync://c/\nfile:///d\n<html>\nhttp://\n"))
	if !slices.Equal(got, []string{"http://a/", "https://b/", "file:///d"}) {
		t.Errorf("mirrors %q", got)
	}
}

func FuzzMirrors(f *testing.F) {
	f.Add([]byte(`<metalink><hash type="sha256">aa</hash><url preference="3">http://b/repodata/repomd.xml</url></metalink>`))
	f.Add([]byte("http://a/\nfile:///b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, _ := ParseMetalink(text)
		for _, a := range append(m.Mirrors, ParseMirrors(text)...) {
			if !readable(a) {
				t.Fatalf("%q is no address", a)
			}
		}
	})
}
