package rpm

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/inventory/rpmdb"
	"github.com/goldenami/rehydrate/internal/inventory/rpmmd"
)

var vars = variables{"basearch": "x86_64", "arch": "x86_64", "releasever": "2023", "releasever_major": "2023", "awsregion": "eu-west-1"}

func files(pairs ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1]), Mode: 0o644}
	}
	return out
}

func TestConfigurationFilesAreReadAsDNFReadsThem(t *testing.T) {
	got, err := parseINI([]byte("\ufeff# c\n; c\n[main]\nGPGcheck = 1\nempty=\n\n[a b]\nbaseurl=http://x/\n  http://y/,\n\thttp://z/\nname: with: colon\n# c\n"))
	want := []section{
		{"main", map[string]string{"gpgcheck": "1", "empty": ""}},
		{"a b", map[string]string{"baseurl": "http://x/\nhttp://y/,\nhttp://z/", "name": "with: colon"}},
	}
	if err != nil || !cmp.Equal(got, want, cmp.AllowUnexported(section{})) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got, cmp.AllowUnexported(section{})))
	}
	if got := words(want[1].keys["baseurl"]); !cmp.Equal(got, []string{"http://x/", "http://y/", "http://z/"}) {
		t.Errorf("addresses %q", got)
	}
	for text, want := range map[string]string{"a=1\n": "before the first section", "[a\n": "no section", "[]\n": "no section", "[a] b\n": "no section", "[a]\nnothing\n": "no setting", "[a]\n=x\n": "no setting"} {
		if _, err := parseINI([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestAValueOfManyLinesTakesNoLongerThanItIs(t *testing.T) {
	text := "[a]\nbaseurl=x\n" + strings.Repeat(" y\n", 1<<20)
	all, err := parseINI([]byte(text)) // with a copy for each line this would take hours
	if err != nil || len(all[0].keys["baseurl"]) != 1+2<<20 {
		t.Errorf("%d bytes, %v", len(all[0].keys["baseurl"]), err)
	}
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte("[nodejs]\nname=nodejs\nstream=18\nstate=enabled\n[nodejs]\nstate=disabled\n"))
	f.Add([]byte("[main]\nenabled = 1\nlocklist = /etc/x\n  y\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := settings(text)
		if err != nil {
			return
		}
		parts, err := parseINI(text)
		if err != nil {
			t.Fatal(err)
		}
		last := map[string]string{} // by section and key
		for _, p := range parts {
			for k, v := range p.keys {
				last[p.name+"\x00"+k] = v
			}
		}
		for name, keys := range got {
			for k, v := range keys {
				if want, ok := last[name+"\x00"+k]; !ok || v != want || k != strings.ToLower(k) {
					t.Fatalf("[%s] %s is %q, want %q", name, k, v, want)
				}
				delete(last, name+"\x00"+k)
			}
		}
		if len(last) > 0 {
			t.Fatalf("lost: %q", last)
		}
	})
}

func FuzzExpand(f *testing.F) {
	f.Add("http://x/$releasever/${basearch}/$$a$", "9")
	f.Add("${", "$a")
	f.Add("$A$unknown${empty}", "")
	f.Fuzz(func(t *testing.T, text, value string) {
		v := variables{"a": value, "basearch": "x86_64", "empty": ""}
		got := v.expand(text)
		if len(got) > len(text)*(1+max(len(value), len("x86_64"))) {
			t.Fatalf("%d bytes became %d", len(text), len(got))
		}
		if !strings.Contains(text, "$") && got != text {
			t.Fatalf("%q became %q", text, got)
		}
		if same := (variables{}).expand(text); same != text {
			t.Fatalf("without variables %q became %q", text, same)
		}
		if whole := v.expand("$a/" + text); whole != value+"/"+got {
			t.Fatalf("after a variable %q became %q, alone %q", text, whole, got)
		}
	})
}

func FuzzParseINI(f *testing.F) {
	f.Add([]byte("[main]\na=1\n b\n[c]\nd: e\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := parseINI(text)
		for _, s := range all {
			if err == nil && (s.name == "" || s.keys == nil) {
				t.Fatalf("half a section: %+v", s)
			}
			for k := range s.keys {
				if k != strings.ToLower(k) {
					t.Fatalf("key %q is not in lower case", k)
				}
			}
		}
		_, _ = readRepos(files("etc/dnf/dnf.conf", string(text)), vars, true) // no panic
	})
}

func TestVariablesAreReplaced(t *testing.T) {
	for in, want := range map[string]string{
		"http://r.$awsregion.e/$releasever/${basearch}/x": "http://r.eu-west-1.e/2023/x86_64/x",
		"$BASEARCH$releasever":                            "x86_642023",
		"$nothing/${no}/$/$":                              "$nothing/${no}/$/$",
		"${basearch":                                      "${basearch",
		"plain":                                           "plain", "": "",
	} {
		if got := vars.expand(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if got := unknown(vars.expand("http://x/$releasever/$nobody/y")); got != "$nobody" {
		t.Errorf("unknown variable %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[$a-z{}/_]{0,30}`).Draw(t, "text")
		if got := (variables{}).expand(text); got != text {
			t.Fatalf("without variables %q became %q", text, got)
		}
	})
}

func TestVariablesComeFromFilesAndTheRelease(t *testing.T) {
	al := product.Product{OS: baseline.AmazonLinux2023, Release: product.Release{ID: "amzn", VersionID: "2023"}}
	rhel := product.Product{OS: baseline.RedHat, Release: product.Release{ID: "rhel", VersionID: "9.4"}}
	for name, c := range map[string]struct {
		what  product.Product
		root  fstest.MapFS
		key   string
		want  string
		major string
	}{
		"the distribution's own":    {al, files(), "releasever", "2023", "2023"},
		"by major release":          {rhel, files(), "releasever", "9", "9"},
		"set by a file":             {al, files("etc/dnf/vars/releasever", "2023.6.20250101\n"), "releasever", "2023.6.20250101", "2023"},
		"dnf's folder counts more":  {al, files("etc/yum/vars/a", "1", "etc/dnf/vars/a", " 2 \nmore"), "a", "2", "2023"},
		"yum's folder counts alone": {al, files("etc/yum/vars/awsdomain", "example.com\n"), "awsdomain", "example.com", "2023"},
	} {
		v, err := readVariables(c.root, c.what, "x86_64", rpmdb.Database{})
		if err != nil || v[c.key] != c.want || v["releasever_major"] != c.major {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
	for arch, want := range map[string]string{"i686": "i386", "x86_64": "x86_64", "aarch64": "aarch64", "armv7hl": "armhfp"} {
		if got := baseArch(arch); got != want {
			t.Errorf("base of %s is %s", arch, got)
		}
	}
}

func TestRepositoriesAreThoseThatAreEnabled(t *testing.T) {
	c, err := readRepos(files(
		"etc/dnf/dnf.conf", "[main]\nexcludepkgs=kernel* vim\nrepo_gpgcheck=1\n[inline]\nbaseurl=http://inline/$releasever\n",
		"etc/yum.conf", "[main]\nreposdir=/nowhere\n",
		"etc/yum.repos.d/a.repo", "[a]\nmirrorlist=http://m/$basearch\ngpgkey=file:///k1\n file:///k2\npriority=10\n[off]\nenabled=0\n[$basearch-x]\nmetalink=http://l\nenabled=True\n",
		"etc/yum.repos.d/b.repo", "[a]\ncost=5\nskip_if_unavailable=1\nrepo_gpgcheck=0\nmodule_hotfixes=yes\n",
		"etc/yum.repos.d/c.repo.rpmsave", "[never]\nbaseurl=http://never\n",
		"etc/distro.repos.d/d.repo", "[d]\nmirrorlist=http://d/metalink?x\nincludepkgs=a,b\n",
	), vars, true)
	want := []repo{
		{id: "a", file: "/etc/yum.repos.d/a.repo", mirrors: "http://m/x86_64", keys: []string{"file:///k1", "file:///k2"}, priority: 10, cost: 5, hotfixes: true},
		{id: "d", file: "/etc/distro.repos.d/d.repo", metalink: "http://d/metalink?x", priority: 99, cost: 1000, checkSign: true},
		{id: "inline", file: "/etc/dnf/dnf.conf", base: []string{"http://inline/2023"}, priority: 99, cost: 1000, checkSign: true, release: "2023"},
		{id: "x86_64-x", file: "/etc/yum.repos.d/a.repo", metalink: "http://l", priority: 99, cost: 1000, checkSign: true},
	}
	if d := cmp.Diff(want, c.repos, cmp.AllowUnexported(repo{})); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	remarks := strings.Join(c.remarks, "\n")
	for _, w := range []string{"excludepkgs = kernel* vim is not honoured", "repository d: includepkgs = a b", "repository a: skip_if_unavailable"} {
		if !strings.Contains(remarks, w) {
			t.Errorf("no remark says %q: %q", w, remarks)
		}
	}
}

func TestARepositoryThatIsNotUnderstoodIsAnError(t *testing.T) {
	for text, want := range map[string]string{
		"[a]\nname=x\n":                          "repository a from /etc/yum.repos.d/x.repo: it has no baseurl",
		"[a]\nbaseurl=http://x\nenabled=maybe\n": "neither yes nor no",
		"[a]\nbaseurl=http://x\npriority=high\n": "not a number",
		"[a]\nbaseurl http://x\n":                "/etc/yum.repos.d/x.repo: line 2",
	} {
		if _, err := readRepos(files("etc/yum.repos.d/x.repo", text), vars, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestPasswordsStayOutOfReports(t *testing.T) {
	for in, want := range map[string]string{
		"https://user:secret@host/x/?token=secret#secret": "https://host/x/",
		"http://host/x":                "http://host/x",
		"http://user:sec%zzret@host/x": "(an address that cannot be read)",
	} {
		if got := plain(in); got != want || strings.Contains(got, "secret") {
			t.Errorf("%s became %s", in, got)
		}
	}
}

func TestStreamsBecomeActiveOneAModule(t *testing.T) {
	build := func(name, stream string, requires ...map[string][]string) rpmmd.Stream {
		return rpmmd.Stream{Name: name, Stream: stream, Requires: requires}
	}
	a := rpmmd.Modules{
		Streams:  []rpmmd.Stream{build("perl", "5.24"), build("perl", "5.26"), build("perl", "5.30"), build("web", "1", map[string][]string{"perl": {"-5.30"}}), build("db", "1"), build("loop", "1", map[string][]string{"pool": nil}), build("pool", "1", map[string][]string{"loop": {"1"}})},
		Defaults: map[string]string{"web": "1", "db": "1", "loop": "1"},
	}
	b := rpmmd.Modules{Defaults: map[string]string{"db": "2"}}
	off := map[string]bool{}
	for name, c := range map[string]struct {
		states moduleStates
		want   map[string]string
	}{
		"defaults; what they need; none where repositories disagree": {moduleStates{nil, off}, map[string]string{"web": "1", "perl": "5.24", "loop": "1", "pool": "1"}},
		"an enabled stream first":                                    {moduleStates{map[string]string{"perl": "5.24", "db": "1"}, off}, map[string]string{"web": "1", "perl": "5.24", "db": "1", "loop": "1", "pool": "1"}},
		"none of a disabled module":                                  {moduleStates{nil, map[string]bool{"web": true, "loop": true}}, map[string]string{}},
		"enabled and gone from every repository":                     {moduleStates{map[string]string{"old": "1"}, map[string]bool{"web": true, "loop": true}}, map[string]string{"old": "1"}},
	} {
		if d := cmp.Diff(c.want, c.states.active([]rpmmd.Modules{a, b}, "el8").streams); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

// dnf takes each of these for a folder.
func TestAFolderOfTheRootHasSeveralSpellings(t *testing.T) {
	for in, want := range map[string]string{
		"file:///srv/repo": "srv/repo", "file:/srv/repo/": "srv/repo", "/srv/repo": "srv/repo", "file://localhost/srv/repo": "srv/repo",
		"file:////srv//repo": "srv/repo", "file:///srv/../../repo": "repo", "/": "", "file:///": "",
	} {
		if got, ok := local(in); got != want || !ok {
			t.Errorf("%s: folder %q, %v; want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{"http://host/srv", "ftp://host/srv", "srv/repo", "file:srv", ""} {
		if got, ok := local(in); ok {
			t.Errorf("%s is taken for the folder %q", in, got)
		}
	}
}

// A search through contradicting needs ends.
func TestStreamsThatCannotGoTogetherEnd(t *testing.T) {
	var m rpmmd.Modules
	m.Defaults = map[string]string{}
	for i := range 40 {
		name, next := fmt.Sprintf("m%d", i), fmt.Sprintf("m%d", i+1)
		m.Defaults[name] = "a"
		for _, b := range []string{"x", "y"} {
			m.Streams = append(m.Streams, rpmmd.Stream{Name: name, Stream: "a", Context: b, Requires: []map[string][]string{{next: {"a"}}}})
		}
	}
	m.Streams = append(m.Streams, rpmmd.Stream{Name: "m40", Stream: "a", Requires: []map[string][]string{{"absent": {"a"}}}})
	if got := (moduleStates{}).active([]rpmmd.Modules{m}, "el8"); len(got.streams) != 0 || !got.tooMany {
		t.Errorf("active: %v, given up: %v", got.streams, got.tooMany)
	}
}

func TestCapabilitiesMeetAsInRPM(t *testing.T) {
	o := &offers{system: baseline.AmazonLinux2023}
	c := func(relation, version string) rpmmd.Capability {
		return rpmmd.Capability{Name: "x", Relation: relation, Version: version}
	}
	for _, k := range []struct {
		need, have rpmmd.Capability
		want       bool
	}{
		{c("", ""), c("=", "1-1"), true}, {c(">=", "2"), c("", ""), true},
		{c(">=", "2"), c("=", "2-1"), true}, {c(">", "2"), c("=", "2-1"), false}, {c(">", "2-1"), c("=", "2-2"), true},
		{c("=", "1:2"), c("=", "2"), false}, {c("<", "3"), c("=", "2-1"), true}, {c("<=", "1"), c("=", "2"), false},
		{c(">=", "2"), c("<", "3"), true}, {c("<", "2"), c(">", "3"), false}, {c("<", "2"), c("<", "1"), true}, {c("=", "2~rc1-1"), c("=", "2-1"), false},
	} {
		if got := o.overlap(k.need, k.have); got != k.want {
			t.Errorf("%+v by %+v: %v", k.need, k.have, got)
		}
	}
}
