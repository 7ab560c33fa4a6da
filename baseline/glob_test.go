package baseline

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestGlobs(t *testing.T) { // §6.1
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"abc", "ABC", true}, {"abc", "abcd", false},
		{"*", "", true}, {"*", "a/b:c-d.e", true}, {"a*c", "abbc", true}, {"a*c", "acb", false},
		{"*b*", "abc", true}, {"**a", "xa", true}, {"?", "", false}, {"?", "x", true}, {"a?c", "a/c", true},
		{"[ab]c", "Bc", true}, {"[!ab]c", "bc", false}, {"[!ab]c", "xc", true}, {"[^ab]c", "xc", true},
		{"[a-c]1", "b1", true}, {"[a-c]1", "d1", false}, {"[A-C]1", "b1", true}, {"[]a]", "]", true},
		{"[a-]", "-", true}, {"[abc", "[abc", true}, {"a[", "a[", true}, {"*[", "x[", true}, {"[0-9]*", "9x", true},
		{"kernel*", "kernel-tools", true}, {"curl", "libcurl", false},
	} {
		g := compileGlob(c.pattern)
		if got := g.match([]byte(c.text)); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.text, got)
		}
	}
}

// TestGlobsAgreeWithRegularExpressions compares with another implementation.
func TestGlobsAgreeWithRegularExpressions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab.*?]{0,8}`).Draw(t, "pattern")
		text := rapid.StringMatching(`[abB.]{0,10}`).Draw(t, "text")
		translated := strings.NewReplacer(".", `\.`, "*", ".*", "?", ".").Replace(pattern)
		want := regexp.MustCompile("(?is)^" + translated + "$").MatchString(text)
		g := compileGlob(pattern)
		if got := g.match([]byte(text)); got != want {
			t.Fatalf("%q on %q: got %v", pattern, text, got)
		}
	})
}

func TestHostilePatternsStayLinear(t *testing.T) {
	g := compileGlob(strings.Repeat("a*", 50) + "b")
	text := []byte(strings.Repeat("a", 4000))
	begin := time.Now()
	for range 10 {
		if g.match(text) {
			t.Fatal("no b in the text")
		}
	}
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("ten matches took %v", took)
	}
}

func TestEveryFormOfEveryFormatMatches(t *testing.T) { // §6
	p := Package{Name: "dbus", Arch: "x86_64", Epoch: "1", Version: "1.12.28", Release: "1.amzn2023.0.1"}
	rpm := []string{
		"dbus", "dbus.x86_64", "dbus-1.12.28", "dbus-1.12.28-1.amzn2023.0.1", "dbus-1.12.28-1.amzn2023.0.1.x86_64",
		"1.12.28", "1.12.28-1.amzn2023.0.1", "1:1.12.28-1.amzn2023.0.1", "dbus-1:1.12.28-1.amzn2023.0.1",
		"dbus-1:1.12.28-1.amzn2023.0.1.x86_64", "1:dbus-1.12.28-1.amzn2023.0.1.x86_64", "dbus.x86_64:1:1.12.28-1.amzn2023.0.1",
	}
	deb := Package{Name: "dbus", Arch: "amd64", Version: "1:1.14-2"}
	for os, forms := range map[OperatingSystem][]string{
		AmazonLinux2023: rpm, Suse: append([]string{"dbus-1.12.28-1.amzn2023.0.1.x86_64.rpm"}, rpm...),
		Debian: {"dbus", "1:1.14-2", "dbus.amd64", "dbus-1:1.14-2", "amd64:1:1.14-2", "dbus.amd64:1:1.14-2"},
	} {
		pkg := p
		if os == Debian {
			pkg = deb
		}
		for _, form := range forms {
			for _, entry := range []string{form, strings.ToUpper(form), "*" + form[1:], form[:len(form)-1] + "?"} {
				if !MatchPattern(os, entry, pkg) {
					t.Errorf("%s: %q does not match", os, entry)
				}
			}
			for _, entry := range []string{form + "x", "x" + form} {
				if MatchPattern(os, entry, pkg) {
					t.Errorf("%s: %q matches", os, entry)
				}
			}
		}
	}
	if MatchPattern(AmazonLinux2023, "dbus-1.12.28-1.amzn2023.0.1.x86_64.rpm", p) {
		t.Error("the .rpm suffix is SUSE's")
	}
	if !MatchPattern(AmazonLinux2023, "0:1-1", Package{Name: "a", Version: "1", Release: "1"}) {
		t.Error("a missing epoch renders as 0")
	}
}

func TestIDsInLists(t *testing.T) {
	n := Notice{ID: "RHSA-2017:0864", CVEs: []string{"CVE-2017-1"}, Bugzillas: []string{"123456"}}
	p := Package{Name: "a", Version: "1", Release: "1"}
	for _, entry := range []string{"RHSA-2017:0864", "rhsa-2017:0864", "CVE-2017-1", "123456"} {
		if !MatchPattern(RedHat, entry, p, n) {
			t.Errorf("%s does not match", entry)
		}
		l := compileList(RedHat, []string{entry}, false)
		if l.matchVersion(&AvailablePackage{Package: p, Notices: []Notice{n}}, nil) >= 0 {
			t.Errorf("%s in a rejected list matched (AMB-09)", entry)
		}
		if MatchPattern(Debian, entry, p, n) {
			t.Errorf("%s matches on Debian", entry)
		}
	}
	for _, entry := range []string{"RHSA-2017*", "CVE-*", "12345", "RHSA-2017:086"} {
		if MatchPattern(RedHat, entry, p, n) {
			t.Errorf("%s matches: ids are compared whole", entry)
		}
	}
	// Digits alone are a Bugzilla number in an approved list, never a version.
	l := compileList(RedHat, []string{"2024"}, true)
	if l.matchPackage(&Package{Name: "a", Version: "2024", Release: "1"}, nil) >= 0 {
		t.Error("a Bugzilla number matched a version")
	}
	suse := Notice{ID: "SUSE-SLE-Module-15-2025-1"}
	reject := compileList(Suse, []string{"SUSE-SLE-*"}, false)
	if reject.matchVersion(&AvailablePackage{Package: p, Notices: []Notice{suse}}, nil) < 0 {
		t.Error("a SUSE patch name does not reject")
	}
}

// TestThePrefilterNeverRejectsAMatch compares lists with rendering everything.
func TestThePrefilterNeverRejectsAMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		os := rapid.SampledFrom([]OperatingSystem{RedHat, Suse, Debian}).Draw(t, "os")
		word := rapid.StringMatching(`[aB1]{0,2}`)
		p := Package{Name: word.Draw(t, "name"), Arch: word.Draw(t, "arch"), Epoch: rapid.SampledFrom([]string{"", "1"}).Draw(t, "epoch"), Version: word.Draw(t, "version")}
		if os != Debian {
			p.Release = word.Draw(t, "release")
		}
		entry := rapid.StringMatching(`[ab1*?:.\-rpm]{1,6}`).Draw(t, "entry")
		l := compileList(os, []string{entry}, false)
		e := &l.entries[0]
		want := false
		for i := range l.forms {
			want = want || e.matchForm(&l.forms[i], &p, nil)
		}
		if got := l.matchPackage(&p, nil) >= 0; got != want {
			t.Fatalf("%q on %+v: got %v, want %v", entry, p, got, want)
		}
	})
}
