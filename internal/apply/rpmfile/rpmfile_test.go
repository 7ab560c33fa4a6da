package rpmfile

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

var packages = []rpmworld.Package{
	{Name: "plain", Version: "1.0"},
	{Name: "rich", Version: "2.0~rc1", Release: "3.el9", Epoch: 4, Requires: []string{"plain >= 1.0", "plain < 9", "(x if y)", "/usr/bin/thing"},
		Provides: []string{"virtual(a) = 1:2-3", "nothing"}, Obsoletes: []string{"old < 2"}, Conflicts: []string{"enemy > 3"}},
	{Name: "any", Version: "1", Arch: "noarch"},
	{Name: "modular", Version: "1", Module: "stream:1:20260101:abc"},
}

// slow leaves out what builds packages.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds packages: left out by -short")
	}
}

// entries are the package files of dir.
func entries(t *testing.T, dir string) []Entry {
	t.Helper()
	var names []string
	if err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".rpm") {
			names = append(names, name)
		}
		return err
	}); err != nil || len(names) == 0 {
		t.Fatalf("no packages: %v", err)
	}
	var list []Entry
	for _, name := range names {
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := apply.Digest(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, Entry{p, relative, digest})
	}
	return list
}

func TestHeadersSayWhatRpmReads(t *testing.T) {
	slow(t)
	dir := rpmworld.RPMs(t, packages)
	for _, e := range entries(t, dir) {
		out, err := exec.Command("rpm", "-qp", "--nosignature", "--queryformat", "%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH} %{SIZE} %{BUILDTIME} %{SOURCERPM}", filepath.Join(dir, e.Name)).Output()
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for i, s := range []any{e.Package.Name, apply.Version(e.Package.Package), e.Arch, e.Installed, e.BuildTime, e.SourceRPM} {
			if i > 0 {
				got.WriteByte(' ')
			}
			b := &document{}
			b.line("%v", s)
			got.WriteString(strings.TrimSpace(b.String()))
		}
		if got.String() != string(out) {
			t.Errorf("got %s, rpm says %s", got.String(), out)
		}
	}
}

// TestTheRepositoryIsReadByDnfLikeCreaterepos compares, by dnf, our metadata with createrepo's.
func TestTheRepositoryIsReadByDnfLikeCreaterepos(t *testing.T) {
	slow(t)
	theirs := rpmworld.Repo(t, rpmworld.Repository{ID: "theirs", Packages: packages})
	ours := t.TempDir()
	if err := os.CopyFS(ours, os.DirFS(theirs)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(ours, "repodata")); err != nil {
		t.Fatal(err)
	}
	if err := WriteRepository(ours, entries(t, ours), 1767225600); err != nil {
		t.Fatal(err)
	}
	query := func(dir string, args ...string) string {
		t.Helper()
		root := t.TempDir()
		cmd := exec.Command("dnf", append([]string{"--installroot=" + root, "--releasever=9", "-q", "--setopt=reposdir=/dev/null",
			"--setopt=cachedir=" + root + "/cache", "--repofrompath=r,file://" + dir, "--repo=r", "--nogpgcheck", "repoquery"}, args...)...)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+root)
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("dnf repoquery: %v: %s", err, errs.String())
		}
		return string(out)
	}
	for _, args := range [][]string{
		{"--qf", "%{name} %{epoch}:%{version}-%{release} %{arch} %{size} %{installsize} %{buildtime} %{license} %{summary} %{source_name}"},
		{"--provides", "*"}, {"--requires", "*"}, {"--obsoletes", "*"}, {"--conflicts", "*"}, {"--list", "*"},
		{"--whatprovides", "virtual(a) < 1:3"}, {"--whatrequires", "plain"},
	} {
		want := query(theirs, args...)
		if d := cmp.Diff(want, query(ours, args...)); d != "" {
			t.Errorf("%v:\n%s", args, d)
		}
	}
	if want := query(theirs, "--provides", "rich"); !strings.Contains(want, "virtual(a) = 1:2-3") {
		t.Errorf("the oracle says nothing: %q", want)
	}
}

func TestTextsCannotBreakOutOfTheMetadata(t *testing.T) {
	dir := t.TempDir()
	p := &Package{Summary: "a \"b\" <c> & \x01 \xff", Files: []File{{Path: "/x<y>&"}}, Relations: map[string][]Relation{"requires": {{Name: `"/><evil`, Flags: "EQ", Epoch: "0", Version: `1"`}}}}
	p.Package.Name = "n"
	if err := WriteRepository(dir, []Entry{{p, "f.rpm", "00"}}, 0); err != nil {
		t.Fatal(err)
	}
	d := &document{}
	d.primary(Entry{p, "f.rpm", "00"})
	var back struct {
		Summary string   `xml:"summary"`
		Files   []string `xml:"format>file"`
		Entries []struct {
			Name string `xml:"name,attr"`
			Ver  string `xml:"ver,attr"`
		} `xml:"format>requires>entry"`
	}
	text := strings.ReplaceAll(d.String(), "rpm:", "")
	if err := xml.Unmarshal([]byte(text), &back); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if back.Summary != "a \"b\" <c> & \uFFFD \uFFFD" || back.Files[0] != "/x<y>&" || back.Entries[0].Name != `"/><evil` || back.Entries[0].Ver != `1"` {
		t.Errorf("read back %+v", back)
	}
}

func TestDamagedPackagesAreRefused(t *testing.T) {
	slow(t)
	dir := rpmworld.RPMs(t, packages)
	whole, err := os.ReadFile(entries(t, dir)[0].nameIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Read(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	for cut := int64(0); cut < p.HeaderEnd; cut += 7 {
		if _, err := Read(bytes.NewReader(whole[:cut]), cut); err == nil {
			t.Fatalf("cut at %d of %d was read", cut, p.HeaderEnd)
		}
	}
	huge := bytes.Clone(whole)
	binary.BigEndian.PutUint32(huge[p.HeaderStart+12:], 0xfffffff0)
	if _, err := Read(bytes.NewReader(huge), int64(len(huge))); err == nil || !strings.Contains(err.Error(), "bytes of data") {
		t.Errorf("a header of 4 GiB: %v", err)
	}
	many := bytes.Clone(whole)
	for i := p.HeaderStart + 16; i < p.HeaderStart+16+16*20; i += 16 { // counts of the first entries
		binary.BigEndian.PutUint32(many[i+12:], 0xffffffff)
	}
	if _, err := Read(bytes.NewReader(many), int64(len(many))); err == nil {
		t.Error("entries of 2^32 values were read")
	}
}

func (e Entry) nameIn(dir string) string { return filepath.Join(dir, e.Name) }

func FuzzRead(f *testing.F) {
	f.Add([]byte("\xed\xab\xee\xdb"))
	if _, err := exec.LookPath("rpmbuild"); err == nil && os.Geteuid() == 0 && !testing.Short() {
		dir := rpmworld.RPMs(f, packages[1:2])
		names, _ := filepath.Glob(filepath.Join(dir, "*.rpm"))
		for _, n := range names {
			if text, err := os.ReadFile(n); err == nil {
				f.Add(text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := Read(bytes.NewReader(in), int64(len(in)))
		if err != nil {
			return
		}
		if p.Package.Name == "" || p.Arch == "" || p.Version == "" || p.HeaderEnd > int64(len(in)) {
			t.Fatalf("half a package: %+v", p)
		}
		d := &document{}
		d.primary(Entry{p, "x.rpm", ""})
		d.line("")
		if err := xml.Unmarshal([]byte(strings.ReplaceAll(d.String(), "rpm:", "rpm-")), new(struct{})); err != nil {
			t.Fatalf("no XML: %v", err)
		}
	})
}
