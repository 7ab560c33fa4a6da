package junit

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report/scantest"
)

func read(t *testing.T, s *record.Scan) suites {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, s); err != nil {
		t.Fatal(err)
	}
	var out suites
	dec := xml.NewDecoder(&b)
	dec.Strict = true
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// say is each case with how it ended.
func say(all suites) string {
	var out []string
	for _, s := range all.Suites {
		for _, c := range s.Cases {
			word := "ok"
			switch {
			case c.Failure != nil:
				word = "failure " + c.Failure.Type
			case c.Error != nil:
				word = "error " + c.Error.Type
			case c.Skipped != nil:
				word = "skipped"
			}
			out = append(out, c.Class+"/"+c.Name+": "+word)
		}
	}
	return strings.Join(out, "\n")
}

func TestWrite_has_a_case_for_every_package_that_was_judged(t *testing.T) {
	got := read(t, scantest.Sample())
	want := `reading/ami-0123456789abcdef0 is read: 4 packages: ok
baseline/bash.amd64: ok
baseline/libssl3.amd64: failure Missing
baseline/tzdata.amd64: ok
baseline/zlib1g.amd64: ok
lock/bash.amd64: ok
lock/libssl3.amd64: failure older`
	if say(got) != want {
		t.Errorf("got\n%s", say(got))
	}
	if got.Tests != 7 || got.Failures != 2 || got.Errors != 0 || got.Time != "0.041" {
		t.Errorf("%+v", got)
	}
	m := got.Suites[1].Cases[1].Failure.Message
	if m != "Missing: installed 1:3.0.15-1~deb12u1, wanted 1:3.0.17-1~deb12u2; CVEs the vendor says this update fixes: CVE-2026-1001" {
		t.Errorf("message %q", m)
	}
}

func TestWrite_never_lets_an_unknown_target_pass(t *testing.T) {
	got := read(t, scantest.Unknown())
	if got.Errors != 1 || got.Tests != 1 || !strings.Contains(got.Suites[0].Cases[0].Error.Message, "not cleanly unmounted") {
		t.Errorf("%+v", got)
	}
}

func TestWrite_without_a_baseline_calls_no_update_a_failure(t *testing.T) {
	s := scantest.Sample()
	s.Evaluation, s.Lock, s.Findings = nil, nil, nil
	got := read(t, s)
	if got.Failures != 0 || !strings.HasSuffix(say(got), "updates/libssl3.amd64: skipped\nupdates/tzdata.amd64: skipped") {
		t.Errorf("%s", say(got))
	}
}

func TestWrite_takes_an_available_security_update_as_the_baseline_does(t *testing.T) {
	for status, want := range map[string]int{baseline.Compliant: 0, baseline.NonCompliant: 1} {
		s := scantest.Rpm()
		s.Evaluation = &baseline.Result{Status: status, Items: []baseline.Item{{ID: "x", State: baseline.StateAvailableSecurityUpdate}}}
		if got := read(t, s); got.Failures != want {
			t.Errorf("%s: %s", status, say(got))
		}
	}
}

func TestWrite_is_well_formed_whatever_a_target_holds(t *testing.T) {
	for name, s := range scantest.All() {
		got := read(t, s)
		n := 0
		for _, x := range got.Suites {
			n += len(x.Cases)
		}
		if n != got.Tests || n == 0 {
			t.Errorf("%s: %d cases, it says %d", name, n, got.Tests)
		}
	}
	s := scantest.Sample()
	s.Evaluation.Items[0].ID = "bell\x07\xff"
	if got := read(t, s); got.Tests != 7 {
		t.Errorf("%+v", got)
	}
}
