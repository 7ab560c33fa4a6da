package scan

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report/scantest"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func render(t *testing.T, format string, s *record.Scan) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, s); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

func TestWrite_matches_the_goldens(t *testing.T) {
	for _, name := range []string{"table", "md", "csv", "html"} {
		got := render(t, name, scantest.Sample())
		path := filepath.Join("testdata", "scan."+name)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s differs; look at it, then run with -update:\n%s", path, d)
		}
	}
}

func TestWrite_renders_every_report_in_every_format(t *testing.T) {
	for name, s := range scantest.All() {
		for _, f := range Formats() {
			if text := render(t, f, s); text == "" {
				t.Errorf("%s as %s is empty", name, f)
			} else if strings.Contains(strings.ToLower(text), "vulnerab") {
				t.Errorf("%s as %s speaks of vulnerabilities", name, f)
			}
		}
	}
}

func TestFormats_are_those_that_have_a_renderer(t *testing.T) {
	for _, f := range Formats() {
		if formats()[f] == nil {
			t.Errorf("%s has none", f)
		}
	}
	if len(formats()) != len(Formats()) {
		t.Errorf("%d renderers, %d formats", len(formats()), len(Formats()))
	}
	if err := Write(&bytes.Buffer{}, "xml", scantest.Sample()); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "cyclonedx") {
		t.Errorf("got %v", err)
	}
}

func TestJSON_is_the_document_and_can_be_rendered_again(t *testing.T) {
	for name, s := range scantest.All() {
		var back record.Scan
		if err := json.Unmarshal([]byte(render(t, "json", s)), &back); err != nil {
			t.Fatal(err)
		}
		for _, f := range []string{"table", "html", "csv", "junit"} {
			if render(t, f, s) != render(t, f, &back) {
				t.Errorf("%s as %s differs after a round trip", name, f)
			}
		}
	}
}

// An unknown standing shows in every format for people, with its reason and, where
// there is one, what to do.
func TestUnknownIsNeverHidden(t *testing.T) {
	for _, f := range []string{"table", "md", "html"} {
		text := render(t, f, scantest.Unknown())
		for _, want := range []string{"unknown", "file system was not cleanly unmounted", "unmount it and take the image again"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", f, want, text)
			}
		}
		text = render(t, f, scantest.NoLists())
		if !strings.Contains(strings.ToLower(text), "pending updates are unknown") || strings.Contains(strings.ToLower(text), "no pending updates") {
			t.Errorf("%s: unknown updates look like none:\n%s", f, text)
		}
	}
}

// Debian's indices name no CVE: that must not read as none.
func TestNoCVENamedIsNotNoCVEFixed(t *testing.T) {
	s := scantest.Sample()
	for i := range s.Updates {
		s.Updates[i].Advisories, s.Updates[i].CVEs = nil, nil
	}
	for _, f := range []string{"table", "md", "html"} {
		if text := render(t, f, s); !strings.Contains(strings.ToLower(text), strings.ToLower(unstatedText)) || strings.Contains(text, "<b>0</b><span class=\"soft\">CVEs") {
			t.Errorf("%s:\n%s", f, text)
		}
		if text := render(t, f, scantest.Sample()); strings.Contains(strings.ToLower(text), strings.ToLower(unstatedText)) {
			t.Errorf("%s says so of sources that do state CVEs", f)
		}
	}
}

func TestHTML_escapes_and_needs_nothing_from_outside(t *testing.T) {
	text := render(t, "html", scantest.Nasty())
	if strings.Count(text, "<script") != 1 || strings.Contains(text, "<script>alert") {
		t.Error("the target's text became a script")
	}
	body := regexp.MustCompile(`(?s)<script>.*</script>`).ReplaceAllString(text, "")
	for _, bad := range []string{"src=", "<link", "@import", "url(", "href=", "onclick", "fetch("} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if !strings.Contains(text, "default-src 'none'") {
		t.Error("the page does not forbid loading")
	}
}

func TestATargetsTextStaysInItsLine(t *testing.T) {
	s := scantest.Sample()
	s.Inventory.Product, s.Remarks = "x\x1b[31m", []string{"a\nbroken\x1b]0;title\x07\u2028c\u009bd"}
	s.Updates[0].Origin = "one | two\nthree <b>"
	for _, f := range []string{"table", "md"} {
		text := render(t, f, s)
		if strings.ContainsAny(text, "\x1b\x07\u2028\u009b") {
			t.Errorf("%s lets control characters through: %q", f, text)
		}
		if strings.Contains(text, "\nthree") || strings.Contains(text, "\nbroken") {
			t.Errorf("%s: a text breaks its line", f)
		}
	}
	if !strings.Contains(render(t, "md", s), `one \| two three &lt;b>`) {
		t.Error("a cell breaks its row")
	}
}

func TestCSV_has_a_row_for_every_package_and_no_formula(t *testing.T) {
	for name, s := range scantest.All() {
		rows, err := csv.NewReader(strings.NewReader(render(t, "csv", s))).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(rows) < 1+len(s.Inventory.Installed) {
			t.Errorf("%s: %d rows for %d packages", name, len(rows), len(s.Inventory.Installed))
		}
		for _, r := range rows {
			for _, c := range r {
				if c != "" && strings.ContainsRune("=+-@", rune(c[0])) {
					t.Errorf("%s: cell %q is a formula", name, c)
				}
			}
		}
	}
}

func TestCSV_lists_what_the_lock_wants_and_is_not_there(t *testing.T) {
	s := scantest.Sample()
	s.Findings = append(s.Findings, baseline.LockFinding{LockedPackage: baseline.LockedPackage{Package: baseline.Package{Name: "gone", Arch: "amd64", Version: "1"}}, Standing: baseline.StandingAbsent})
	if text := render(t, "csv", s); !strings.Contains(text, "\nami-0123456789abcdef0,non-compliant,gone,amd64,,") || !strings.Contains(text, ",absent\n") {
		t.Error(text)
	}
}

func TestAgesAreThoseAtTheScan(t *testing.T) {
	at := scantest.At()
	for _, c := range []struct {
		before time.Duration
		want   string
	}{{30 * time.Minute, "30 minutes old"}, {5 * time.Hour, "5 hours old"}, {100 * time.Hour, "4 days old"}, {-time.Hour, "dated after the scan"}} {
		if got := age(at.Add(-c.before), at); got != c.want {
			t.Errorf("%s: %q, want %q", c.before, got, c.want)
		}
	}
	if got := age(time.Time{}, at); got != "of no date" {
		t.Errorf("no date: %q", got)
	}
}

func TestSourcesSayWhoseSignatureCounted(t *testing.T) {
	text := render(t, "table", scantest.Sample())
	for _, want := range []string{"verified by A4285295FC7B1A81600062A9605C66F00D6C9793", "not verified", "3 days old", "90 minutes old", "read from var/lib/apt/lists/"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table does not say %q:\n%s", want, text)
		}
	}
	s := scantest.Sample()
	s.Sources[0].ValidUntil = scantest.At().Add(-time.Hour)
	for _, f := range []string{"table", "html"} {
		if !strings.Contains(render(t, f, s), "no longer valid") {
			t.Errorf("%s hides an expired index", f)
		}
	}
}

func TestWordsNobodyKnowsAreNotGood(t *testing.T) {
	for word, want := range map[string]string{"surprise": "bad", "": "unsure", record.StandsUnknown: "unsure", "Missing": "bad", record.StandsCompliant: "good"} {
		if got := tone(word); got != want {
			t.Errorf("%q is %s, want %s", word, got, want)
		}
	}
}
