package spread

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin"
)

// sampled rolls all cells, in each of which an instance is asked.
func sampled(t *testing.T, bucket any) map[string]*record.Drift {
	t.Helper()
	w := newWorld(t, options{bucket: bucket, distribute: `kms_key = "alias/golden"`, image: `
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
	asked := map[string]*record.Drift{}
	for _, r := range doc.Roll {
		if r.Drift == nil {
			t.Fatalf("%s %s has no sample", r.Account, r.Region)
		}
		asked[r.Account+r.Region] = r.Drift
	}
	if len(asked) != len(accounts)*len(regions) {
		t.Errorf("cells %v", asked)
	}
	return asked
}

func TestEveryCellIsSampledForDriftThroughItsOwnSession(t *testing.T) {
	t.Parallel()
	for cell, d := range sampled(t, nil) {
		account := cell[:12]
		switch {
		case account == home && (d.Outcome != record.DriftNone || d.Instance == ""),
			account != home && (d.Outcome != record.Unknown || !strings.Contains(d.Text, "ended Failed") ||
				!strings.Contains(d.Text, "does the policy of bucket artifacts let account "+account+" read and write?")):
			t.Errorf("%s: %+v", cell, d)
		}
	}
}

// The policy is the one that docs/gates.md gives.
func TestABucketPolicyLetsTheInstancesOfOtherAccountsBeSampledForDrift(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/gates.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "## Drift sample")
	_, rest, _ = strings.Cut(rest, "```json\n")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/gates.md has no policy")
	}
	for cell, d := range sampled(t, map[string]any{"name": "artifacts", "policy": json.RawMessage(text)}) {
		if d.Outcome != record.DriftNone || d.Instance == "" {
			t.Errorf("%s: %+v", cell, d)
		}
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
