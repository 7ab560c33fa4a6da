package spread

import (
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin"
)

// A bucket of the twin belongs to its account alone: it models no bucket policies, so the
// instances of other accounts are asked and cannot fetch what they are to run.
func TestEveryCellIsSampledForDriftThroughItsOwnSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{distribute: `kms_key = "alias/golden"`, image: `
  rings = ["all"]
  ring "all" {
    concurrency  = 6
    drift_sample = true
  }`})
	w.keys(t)
	doc, said, err := w.run(t, "", "", nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	asked := map[string]bool{}
	for _, r := range doc.Roll {
		asked[r.Account+r.Region] = true
		switch d := r.Drift; {
		case d == nil:
			t.Errorf("%s %s has no sample", r.Account, r.Region)
		case r.Account == home && (d.Outcome != record.DriftNone || d.Instance == ""),
			r.Account != home && (d.Outcome != record.Unknown || !strings.Contains(d.Text, "ended Failed") ||
				!strings.Contains(d.Text, "does the policy of bucket artifacts let account "+r.Account+" read and write?")):
			t.Errorf("%s %s: %+v", r.Account, r.Region, d)
		}
	}
	if len(asked) != len(accounts)*len(regions) {
		t.Errorf("cells %v", asked)
	}
}

func TestDriftThatFailsARingKeepsLaterRingsFromMoving(t *testing.T) {
	t.Parallel()
	ring := func(name string) string {
		return "\n  ring \"" + name + "\" {\n    drift_sample = true\n    drift_fails = true\n  }"
	}
	w := newWorld(t, options{distribute: `kms_key = "alias/golden"`, image: `rings = ["first", "second"]` + ring("first") + ring("second"),
		fleets: fleet("home", "first", home) + fleet("stage", "second", stage, prod)})
	w.keys(t)
	w.faults(t, twin.Rule{Service: "ssm", Operation: "SendCommand", Account: home, Region: there, Times: -1, Error: &twin.RuleError{Code: "AccessDeniedException"}})
	doc, said, err := w.run(t, "", "", nil)
	if fault.KindOf(err) != fault.Partial || !strings.Contains(err.Error(), "drift of web in "+home+"/"+there+": unknown") || !strings.Contains(err.Error(), "later rings were not touched") {
		t.Fatalf("%v\n%s", err, said)
	}
	if len(doc.Roll) != 2 {
		t.Errorf("%d groups were begun", len(doc.Roll))
	}
	for _, r := range doc.Roll {
		want := record.DriftNone
		if r.Region == there {
			want = record.Unknown
		}
		if r.Drift == nil || r.Drift.Outcome != want {
			t.Errorf("%s %s: %+v", r.Account, r.Region, r.Drift)
		}
	}
	for _, r := range regions {
		if n := w.runs(t, prod, r); n[w.pointer(t, prod, r)] != 0 {
			t.Errorf("the second ring moved in %s: %v", r, n)
		}
	}
	// Who goes on with the run does not ask again, and comes no further.
	w.faults(t)
	again, _, err := w.run(t, doc.ID, "", nil)
	if fault.KindOf(err) != fault.Partial || len(again.Roll) != 2 {
		t.Errorf("%d groups, %v", len(again.Roll), err)
	}
}
