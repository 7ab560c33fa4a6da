package sarif

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report/scantest"
)

func render(t *testing.T, s *record.Scan) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func results(t *testing.T, s *record.Scan) []result {
	t.Helper()
	var d document
	if err := json.Unmarshal(render(t, s), &d); err != nil {
		t.Fatal(err)
	}
	if d.Version != "2.1.0" || len(d.Runs) != 1 {
		t.Fatalf("%+v", d)
	}
	return d.Runs[0].Results
}

func TestWrite_keeps_to_the_official_schema(t *testing.T) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	official, err := c.Compile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range scantest.All() {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(render(t, s)))
		if err != nil {
			t.Fatal(err)
		}
		if err := official.Validate(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := official.Validate(map[string]any{"version": "2.1.0", "runs": []any{map[string]any{}}}); err == nil {
		t.Error("a run without a tool passes the schema")
	}
}

func TestWrite_has_one_result_for_everything_that_does_not_comply(t *testing.T) {
	var got []string
	for _, r := range results(t, scantest.Sample()) {
		got = append(got, r.RuleID+" "+r.Level+" "+r.Locations[0].Logical[0].Name)
		if rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("rule %s has index %d", r.RuleID, r.RuleIndex)
		}
		if strings.Contains(strings.ToLower(r.Message.Text), "vulnerab") {
			t.Error("it speaks of vulnerabilities")
		}
	}
	if want := "baseline error libssl3.amd64, lock error libssl3.amd64, update note tzdata.amd64"; strings.Join(got, ", ") != want {
		t.Errorf("got %v", got)
	}
	first := results(t, scantest.Sample())[0]
	if !strings.Contains(first.Message.Text, "CVEs the vendor says this update fixes: CVE-2026-1001.") || !strings.HasPrefix(first.Locations[0].Logical[0].Full, "pkg:deb/debian/libssl3@") {
		t.Errorf("%+v", first)
	}
}

func TestWrite_of_an_unknown_target_is_an_error_and_a_compliant_one_nothing(t *testing.T) {
	r := results(t, scantest.Unknown())
	if len(r) != 1 || r[0].RuleID != ruleUnknown || r[0].Level != "error" || !strings.Contains(r[0].Message.Text, "not cleanly unmounted") {
		t.Errorf("%+v", r)
	}
	if r := results(t, scantest.Rpm()); r == nil || len(r) != 0 {
		t.Errorf("%+v, want an empty list", r)
	}
}

func TestStatesNobodyKnowsAreErrors(t *testing.T) {
	for state, want := range map[baseline.State]string{"Surprise": "error", baseline.StateMissing: "error", baseline.StateInstalled: "", baseline.StateInstalledPendingReboot: "warning"} {
		if got := levelOf(baseline.Item{State: state}); got != want {
			t.Errorf("%s is %q, want %q", state, got, want)
		}
	}
}

func TestFingerprintsStayWhenVersionsMove(t *testing.T) {
	moved := scantest.Sample()
	moved.Evaluation.Items[1].Version = "9"
	a, b := results(t, scantest.Sample())[0], results(t, moved)[0]
	if a.Fingerprints["package/v1"] != b.Fingerprints["package/v1"] || a.Message == b.Message {
		t.Errorf("%+v\n%+v", a, b)
	}
}
