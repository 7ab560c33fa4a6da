package dpkg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
)

func TestStanzasAreTheSameHoweverTheyArrive(t *testing.T) {
	text := "\n\nA: 1\nB: 2\n\n\n\nC: 3\n more\n\nD: 4"
	want := []string{"A: 1\nB: 2\n", "C: 3\n more\n", "D: 4"}
	for name, r := range map[string]io.Reader{
		"at once": strings.NewReader(text), "bytes": iotest.OneByteReader(strings.NewReader(text)), "with the end": iotest.DataErrReader(strings.NewReader(text)),
	} {
		if got := all(t, r); !cmp.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	long := "A: " + strings.Repeat("x", 1<<20) + "\n"
	if got := all(t, strings.NewReader(long+"\n"+long)); len(got) != 2 || got[0] != long || got[1] != long {
		t.Error("a paragraph longer than the buffer was not read whole")
	}
}

func all(t testing.TB, r io.Reader) []string {
	t.Helper()
	var list []string
	for s := newStanzas(r); ; {
		p, err := s.next()
		if errors.Is(err, io.EOF) {
			return list
		}
		must(t, err)
		list = append(list, string(p))
	}
}

func TestFieldsAreTheSameInOnePieceOrNot(t *testing.T) {
	for text, want := range map[string]string{
		"A: 1 \nB:\n x\n y\nC: z\n":         "A=1|B=\n x\n y|C=z|",
		"A: 1\r\nB: 2\r\n x\r\n y\r\n":      "A=1|B=2\n x\n y|",
		"A: a\n b\n# comment\n c\n d\nB: e": "A=a\n b\n c\n d|B=e|",
		"A: a \n b \n":                      "A=a \n b |",
		"":                                  "",
	} {
		got := ""
		must(t, fields([]byte(text), func(k, v []byte) { got += string(k) + "=" + string(v) + "|" }))
		if got != want {
			t.Errorf("fields(%q) = %q, want %q", text, got, want)
		}
	}
	for _, bad := range []string{" x", "A", ": x", "A: 1\nrubbish"} {
		if err := fields([]byte(bad), func(_, _ []byte) {}); err == nil {
			t.Errorf("fields(%q) gave no error", bad)
		}
	}
}

func TestAFailedReadIsNoEnd(t *testing.T) {
	s := newStanzas(io.MultiReader(strings.NewReader("A: 1\n"), iotest.ErrReader(errors.New("disk"))))
	if _, err := s.next(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("next = %v, want the read error", err)
	}
}

func TestListNamesAreApts(t *testing.T) {
	for uri, want := range map[string]string{
		"http://deb.example.org/debian/dists/bookworm/InRelease":    "deb.example.org_debian_dists_bookworm_InRelease",
		"http://127.0.0.77:8077/dists/demo/main/x":                  "127.0.0.77:8077_dists_demo_main_x",
		"https://user:secret@host/a_b~c/":                           "host_a%5fb%7ec_",
		"file:/var/local/repo/./Packages":                           "_var_local_repo_._Packages",
		"http://x/dists/bookworm-security/main/binary-all/Packages": "x_dists_bookworm-security_main_binary-all_Packages",
	} {
		if got := listName(uri); got != want {
			t.Errorf("listName(%s) = %s, want %s", uri, got, want)
		}
	}
}

func TestOneLineSources(t *testing.T) {
	got, err := parseList([]byte("# c\n\ndeb-src http://a b c\ndeb [arch=amd64,arm64 signed-by=/k.gpg trusted=yes]  http://a/x  b  main contrib # tail\ndeb\tfile:/r ./\n"))
	must(t, err)
	want := []Source{
		{URI: "http://a/x/", Suite: "b", Components: []string{"main", "contrib"}, Architectures: []string{"amd64", "arm64"}, SignedBy: []string{"/k.gpg"}, Trusted: true},
		{URI: "file:/r/", Suite: "./", Components: []string{}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !got[1].Flat() || got[1].Index() != "file:/r/./" || got[0].Index() != "http://a/x/dists/b/" {
		t.Errorf("Index = %s, %s", got[0].Index(), got[1].Index())
	}
	for _, bad := range []string{"deb http://a", "rpm http://a b c", "deb [arch=x http://a b c", "deb http://a b", "deb http://a b/ main", "deb [x] http://a b c"} {
		if got, err := parseList([]byte(bad)); err == nil {
			t.Errorf("parseList(%q) = %v, want an error", bad, got)
		}
	}
}

func TestParagraphSources(t *testing.T) {
	got, err := parseDeb822([]byte("# c\nTypes: deb deb-src\n# snapshot\nURIs: http://a\n http://b/\nSuites: s t\nComponents: main\nArchitectures: amd64\nSigned-By: /k.gpg\n\nTypes: deb\nEnabled: no\nURIs: http://off\nSuites: s\n\nTypes: deb-src\nURIs: http://src\nSuites: s\nComponents: main\n"))
	must(t, err)
	var names []string
	for _, s := range got {
		names = append(names, s.String())
		if !cmp.Equal(s.SignedBy, []string{"/k.gpg"}) || !cmp.Equal(s.Architectures, []string{"amd64"}) {
			t.Errorf("source %+v lacks its options", s)
		}
	}
	if want := []string{"http://a/ s main", "http://a/ t main", "http://b/ s main", "http://b/ t main"}; !cmp.Equal(names, want) {
		t.Errorf("sources = %q, want %q", names, want)
	}
	if _, err := parseDeb822([]byte("Types: deb\nSuites: x\n")); err == nil {
		t.Error("a paragraph without URIs was accepted")
	}
}

func TestNoPasswordInNames(t *testing.T) {
	s := Source{URI: "https://user:secret@host/x/", Suite: "s", Components: []string{"main"}}
	for _, text := range []string{s.String(), id(s), plain(s.URI), site(s.URI)} {
		if strings.Contains(text, "secret") {
			t.Errorf("%q holds the password", text)
		}
	}
}

// dpkg itself is the oracle for what is installed.
func TestInstalledAgreesWithDpkg(t *testing.T) {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version} ${Architecture}\n").Output()
	if err != nil {
		if os.Getenv("REQUIRE_ALL") == "1" {
			t.Fatal("dpkg-query is needed: ", err)
		}
		t.Skip("no dpkg-query on this machine: ", err)
	}
	list, err := readStatus(os.DirFS("/"))
	must(t, err)
	have := map[string]bool{}
	for _, p := range list {
		have[p.Name+" "+p.Version+" "+p.Arch] = true
	}
	for line := range strings.Lines(string(out)) {
		state, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if have[rest] != (state == "installed") {
			t.Errorf("dpkg says %s is %s, we say installed: %v", rest, state, have[rest])
		}
		delete(have, rest)
	}
	if len(have) > 0 {
		t.Errorf("dpkg does not know %v", have)
	}
}

func FuzzPackages(f *testing.F) {
	f.Add([]byte(offer("tool", "1.2", "amd64") + offer("x", "1", "all")))
	f.Add([]byte("Package: tool\nSize: x\n"))
	f.Add([]byte(" folded\n\nPackage tool\n"))
	w := wanted{system: baseline.Debian, also: map[string]bool{"tool": true}}
	f.Fuzz(func(t *testing.T, text []byte) {
		_ = parsePackages(bytes.NewReader(text), w, nil, func(p baseline.AvailablePackage) {
			if p.Name == "" || p.Version == "" || len(p.SHA256) != 64 {
				t.Fatalf("half an offer: %+v", p)
			}
		})
	})
}

func FuzzRelease(f *testing.F) {
	f.Add([]byte("Origin: x\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n " + strings.Repeat("a", 64) + " 3 main/binary-amd64/Packages\n"))
	f.Add([]byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nx\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := parseRelease(text); err == nil && len(r.files) == 0 {
			t.Fatal("a Release file without files was accepted")
		}
	})
}

func FuzzSources(f *testing.F) {
	f.Add([]byte("deb [arch=amd64] http://a b c\n"))
	f.Add([]byte("Types: deb\nURIs: http://a\nSuites: b\nComponents: c\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, parse := range []func([]byte) ([]Source, error){parseList, parseDeb822} {
			list, err := parse(text)
			if err != nil {
				continue
			}
			for _, s := range list {
				if s.URI == "" || s.Suite == "" || s.Flat() != (len(s.Components) == 0) {
					t.Fatalf("half a source: %+v", s)
				}
			}
		}
	})
}

func FuzzStatus(f *testing.F) {
	f.Add([]byte(status("a", "1", "amd64") + status("b", "2", "all")))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, _ := parseStatus(bytes.NewReader(text), false)
		for _, p := range list {
			if p.Name == "" || p.Version == "" {
				t.Fatalf("half a package: %+v", p)
			}
		}
	})
}

// A list of 48 MB, of which 400 packages are installed, in under 150 ms.
func BenchmarkPackages48MB(b *testing.B) {
	var text bytes.Buffer
	w := wanted{system: baseline.Debian, installed: map[string][]baseline.Installed{}}
	filler := strings.Repeat(" A line of description that is about this long, as in the archive.\n", 8)
	for i := 0; text.Len() < 48<<20; i++ {
		name := fmt.Sprintf("package-%06d", i)
		text.WriteString(strings.TrimSuffix(offer(name, "1.2", "amd64"), "\n") + filler + "\n")
		if i%150 == 0 {
			w.installed[name] = []baseline.Installed{{Package: baseline.Package{Name: name, Version: "1.1", Arch: "amd64"}}}
		}
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		found := 0
		r := feed(bytes.NewReader(text.Bytes()), true)
		err := parsePackages(r, w, nil, func(baseline.AvailablePackage) { found++ })
		r.end()
		if err != nil || found != len(w.installed) {
			b.Fatal(found, err)
		}
	}
}

func TestAListOfNothingButOnePackageEnds(t *testing.T) {
	one := strings.Replace(offer("tool", "1", "amd64"), "Description: x\n", "", 1)
	w := wanted{system: baseline.Debian, also: map[string]bool{"tool": true}}
	err := parsePackages(io.LimitReader(&repeated{text: one}, int64(len(one))*(maxOffers+10)), w, nil, func(baseline.AvailablePackage) {})
	if err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("error = %v, want one that says so", err)
	}
}

// repeated is a text without end.
type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}
