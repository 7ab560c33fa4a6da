package zypp

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestASignatureIsDemandedWhereZypperIsTold(t *testing.T) {
	for _, c := range []struct {
		conf, repo string
		want       bool
	}{
		{"", "", false}, {"", "gpgcheck=1", false}, {"", "repo_gpgcheck=1", true}, {"", "repo_gpgcheck=on", true},
		{"[main]\nrepo_gpgcheck = on\n", "", true}, {"[main]\nrepo_gpgcheck = on\n", "repo_gpgcheck=0", false},
	} {
		root := fstest.MapFS{"etc/zypp/zypp.conf": file(c.conf), "etc/zypp/repos.d/a.repo": file("[a]\nbaseurl=http://a/\n" + c.repo + "\n")}
		at, err := readLayout(root)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readRepos(root, at, "x86_64"); err != nil || len(got) != 1 || got[0].Signed != c.want {
			t.Errorf("%q, %q: %+v, %v", c.conf, c.repo, got, err)
		}
	}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestRepositoriesAreReadAsZypperReadsThem(t *testing.T) {
	root := fstest.MapFS{
		"etc/zypp/repos.d/a.repo": file(`# comment
[sles/updates]
name = SLES $releasever
autorefresh=1
baseurl=https://user:secret@example.com/$what/${missing:-15.6}/?token=x

[many]
enabled=0
priority=50
service=SMT
baseurl=http://a.example.com/r
   http://b.example.com/r?x=1, http://c.example.com/r
gpgkey=file:///etc/k1
   file:///etc/k2
path=/sub/../below
keeppackages=1
`),
		"etc/zypp/repos.d/b.repo": file("[mirrored]\nenabled=YES\nmirrorlist=http://example.com/list\npriority=0\n[odd]\nenabled=2\nbaseurl=dir:/srv/repo\n"),
		"etc/zypp/repos.d/c.txt":  file("[not a repo file"),
		"etc/zypp/vars.d/what":    file("updates\nsecond line\n"),
		"etc/products.d/baseproduct": file(
			"<?xml version=\"1.0\"?><product schemeversion=\"0\"><name>SLES</name><version>15.6</version></product>"),
	}
	at, err := readLayout(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readRepos(root, at, "x86_64")
	if err != nil {
		t.Fatal(err)
	}
	a, b := "etc/zypp/repos.d/a.repo", "etc/zypp/repos.d/b.repo"
	want := []Repo{
		{Alias: "sles/updates", Name: "SLES 15.6", File: a, Enabled: true, Autorefresh: true, Priority: 99,
			URLs: []string{"https://example.com/updates/15.6/?token=x"}},
		{Alias: "many", Name: "many", File: a, Priority: 50, Service: "SMT", Path: "below",
			URLs: []string{"http://a.example.com/r", "http://b.example.com/r?x=1", "http://c.example.com/r"},
			Keys: []string{"file:///etc/k1", "file:///etc/k2"}},
		{Alias: "mirrored", Name: "mirrored", File: b, Enabled: true, Priority: 99, Mirrors: "http://example.com/list"},
		{Alias: "odd", Name: "odd", File: b, Enabled: true, Priority: 99, URLs: []string{"dir:/srv/repo"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for i, url := range []string{"https://example.com/updates/15.6/?token=x", "http://a.example.com/r/below/", "http://example.com/list", "dir:/srv/repo/"} {
		if got[i].URL() != url {
			t.Errorf("URL of %s = %q, want %q", got[i].Alias, got[i].URL(), url)
		}
	}
	if got[0].cached() != "sles_updates" || got[3].folder() != "srv/repo" || got[0].folder() != "" {
		t.Errorf("cached %q, folders %q and %q", got[0].cached(), got[3].folder(), got[0].folder())
	}
}

func TestVariablesAreReplacedAsZypperReplacesThem(t *testing.T) {
	v := variables{"a": "1", "long_name": "x", "empty": "", "releasever": "15.6"}
	for text, want := range map[string]string{
		"$a": "1", "${a}b": "1b", "$ab": "$ab", "$": "$", "${": "${", "$long_name-$a": "x-1", "${unknown}": "${unknown}",
		"${a:-no}": "1", "${empty:-yes}": "yes", "${u:-$a}": "1", "${u:-${e:-deep}}": "deep", "${a:+then}": "then", "${u:+then}": "",
		"${u:-\\}x}": "}x", "${a:?}": "${a:?}", "$$a": "$1", "${u:-${}": "${u:-${}", "\\$a": "\\1", "": "",
	} {
		if got := v.expand(text); got != want {
			t.Errorf("expand(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestZyppConfMovesWhatIsRead(t *testing.T) {
	at, err := readLayout(fstest.MapFS{"etc/zypp/zypp.conf": file("[main]\n# cachedir = /no\ncachedir = /var/other/../zc\nreposdir=/etc/repos\nlocksfile.apply = no\n[other]\nvarsdir=/x\n")})
	if err != nil {
		t.Fatal(err)
	}
	if want := (layout{repos: "etc/repos", services: "etc/zypp/services.d", vars: "etc/zypp/vars.d", raw: "var/zc/raw"}); at != want {
		t.Errorf("layout = %+v", at)
	}
}

func TestAConfigurationThatCannotBeReadIsAnErrorThatNamesIt(t *testing.T) {
	for name, text := range map[string]string{
		"no section":   "name=x\n",
		"open section": "[x\n",
		"no key":       "[x]\nhttp://a\n",
		"no alias":     "[]\nname=x\n",
		"priority":     "[x]\npriority=high\n",
		"too long":     "[x]\nname=" + strings.Repeat("x", maxConfig),
	} {
		root := fstest.MapFS{"etc/zypp/repos.d/bad.repo": file(text)}
		at, err := readLayout(root)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readRepos(root, at, "x86_64"); err == nil || !strings.Contains(err.Error(), "bad.repo") {
			t.Errorf("%s: error = %v", name, err)
		}
	}
	root := fstest.MapFS{"etc/zypp/repos.d/a.repo": file("[x]\n"), "etc/zypp/repos.d/b.repo": file("[x]\n")}
	if _, err := readRepos(root, layout{repos: "etc/zypp/repos.d"}, "x"); err == nil || !strings.Contains(err.Error(), "x is configured in") {
		t.Errorf("one alias twice: %v", err)
	}
}

func TestAServiceThatHasGivenNothingIsAnError(t *testing.T) {
	root := fstest.MapFS{"etc/zypp/services.d/s.service": file("[smt]\nenabled=1\nurl=plugin:/smt\n[off]\nenabled=0\n")}
	at := layout{services: "etc/zypp/services.d"}
	if err := checkServices(root, at, []Repo{{Alias: "other"}}); err == nil || !strings.Contains(err.Error(), "service smt") {
		t.Errorf("error = %v", err)
	}
	if err := checkServices(root, at, []Repo{{Alias: "smt:updates", Service: "smt"}}); err != nil {
		t.Error(err)
	}
}

func TestExpansionIsBoundedAndLeavesTextsWithoutVariablesAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := variables{"a": rapid.StringN(0, 20, 40).Draw(t, "value")}
		text := rapid.StringOf(rapid.SampledFrom([]rune("$a{}:-+\\xé"))).Draw(t, "text")
		got := v.expand(text)
		if len(got) > max(maxExpanded+len(v["a"]), len(text)) {
			t.Fatalf("%d bytes became %d", len(text), len(got))
		}
		if !strings.Contains(text, "$") && got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

func FuzzParseRepos(f *testing.F) {
	f.Add([]byte("[a]\nbaseurl=http://x/$releasever\n  http://y\nenabled=1\npriority=9\n"))
	f.Add([]byte("[a]\nbaseurl=${x:-${y:+\\}}}\npath=../../..\n[b]\nmirrorlist=\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := parseRepos(text, variables{"x": "1", "y": ""}, false)
		if err != nil {
			return
		}
		for _, r := range list {
			if r.Alias == "" || r.Priority <= 0 {
				t.Fatalf("repository %+v", r)
			}
			if strings.HasPrefix(r.folder(), "/") || strings.HasPrefix(r.folder(), "..") || strings.Contains(r.cached(), "/") {
				t.Fatalf("folder %q, cached %q", r.folder(), r.cached())
			}
			_ = r.URL()
		}
	})
}

func FuzzExpand(f *testing.F) {
	f.Add("$a${b:-${c}}\\}")
	f.Fuzz(func(t *testing.T, text string) {
		got := variables{"a": "x", "b": ""}.expand(text)
		if len(got) > max(maxExpanded+1, len(text)) || !strings.Contains(text, "$") && got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

func FuzzParseLocks(f *testing.F) {
	f.Add("\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: gam*[!a]\n\nsolvable_name: k > 1.0\nversion: < 0:1-2\n")
	f.Add("solvable_name: (\nmatch_type: regex\n\n#x\nrepo: a\nquery_string: x\n")
	f.Fuzz(func(t *testing.T, text string) {
		locks, _ := parseLocks(text)
		for _, l := range locks {
			l.covers(some.Package, systemAlias)
			l.covers(some.Package, "updates")
		}
	})
}
