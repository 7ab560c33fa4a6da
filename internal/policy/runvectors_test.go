package policy

import (
	"encoding/xml"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
)

func nobody(ref string) (Policy, error) { return Policy{}, errors.New("nobody asked for " + ref) }

const specVectors = "../../baseline/testdata/patch-vectors.json"

func TestRunVectors_passes_the_specification(t *testing.T) {
	data, err := os.ReadFile(specVectors)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := RunVectors("v", data, nobody)
	if err != nil || sum.Passed != 180 || sum.Total != 180 || len(sum.ByKind) != 5 {
		t.Errorf("%d of %d passed, kinds %v, %v", sum.Passed, sum.Total, sum.ByKind, err)
	}
}

const delayed = `{"id": "a", "kind": "evaluate", "title": "t", "os": "DEBIAN", "product": "Debian12", "operation": "Scan", "now": "2026-01-20T00:00:00Z",
	"baseline": "web", %OPTIONS%
	"available": [{"name": "bash", "arch": "amd64", "version": "5.2-2", "priority": "required", "changelog": {"date": "2026-01-19T00:00:00Z"}, "firstSeen": "2026-01-19T00:00:00Z",
		"origins": [{"archive": "stable-security", "trusted": true}]}],
	"installed": [{"name": "bash", "arch": "amd64", "version": "5.2-1"}],
	"expected": {"packages": {"bash.amd64": {"state": "%STATE%"}}}}`

func vectorFile(options, state string) []byte {
	return []byte(`{"vectors": [` + strings.NewReplacer("%OPTIONS%", options, "%STATE%", state).Replace(delayed) + `]}`)
}

// A vector names its baseline, and gets the extension that the baseline's block
// asks for unless it says otherwise.
func TestRunVectors_finds_a_baseline_by_its_name(t *testing.T) {
	for name, c := range map[string]struct {
		extension      bool
		options, state string
	}{
		"as SSM does it":                   {false, "", "Missing"},
		"with the extension of the block":  {true, "", "InstalledOther"},
		"with the extension switched off":  {true, `"options": {"aptApprovalDelay": false},`, "Missing"},
		"with the extension by the vector": {false, `"options": {"aptApprovalDelay": true},`, "InstalledOther"},
	} {
		find := func(ref string) (Policy, error) {
			if ref != "web" {
				t.Errorf("%s: asked for %q", name, ref)
			}
			return Policy{Baseline: want(), AptApprovalDelay: c.extension}, nil
		}
		sum, err := RunVectors("v", vectorFile(c.options, c.state), find)
		if err != nil || sum.Passed != 1 {
			t.Errorf("%s: %v, %v", name, sum.Failed(), err)
		}
	}
	if _, err := RunVectors("v", vectorFile("", "Missing"), nobody); err == nil || !strings.Contains(err.Error(), "vector a: baseline: nobody asked for web") {
		t.Errorf("an unknown baseline: %v", err)
	}
}

func TestRunVectors_names_every_vector_at_fault(t *testing.T) {
	_, err := RunVectors("v.json", []byte(`{"vectors": [
		{"id": "a", "kind": "match", "title": "t", "os": "DEBIAN", "patern": "x", "expected": {"match": true}},
		{"id": "b", "kind": "match", "title": "t", "os": "DEBIAN", "pattern": "x", "package": {"name": "x", "version": "1"}, "expected": {"match": true}},
		{"id": "c", "kind": "guess", "expected": {"x": 1}},
		{"id": "d", "kind": "match", "title": "t", "os": "DEBIAN", "pattern": "x", "package": {"name": "x", "version": "1"}},
		{"kind": "match", "expected": {"match": true}}]}`), nobody)
	if fault.KindOf(err) != fault.Usage {
		t.Fatalf("got %v", err)
	}
	for _, w := range []string{`a: "patern": there is no such field`, `c: the vector: unknown kind "guess"`, "d.expected: nothing: at least one", "vectors[4]: the vector: ", "no id", "4 faults", "docs/baseline-test-format.md"} {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in\n%v", w, err)
		}
	}
	if strings.Contains(err.Error(), "    b:") {
		t.Errorf("b is in order:\n%v", err)
	}
}

func TestRunVectors_refuses_what_is_no_vector_file(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "JSON",
		"[]":                            "array",
		"{}":                            "none",
		`{"vectors": [], "vecters": 1}`: "vecters",
		`{"vectors": [{"id": "a", "kind": "reboot", "input": {"operation": "Scan"}, "expected": {"reboot": false}},
			{"id": "a", "kind": "reboot", "input": {"operation": "Scan"}, "expected": {"reboot": false}}]}`: "occurs twice",
	} {
		if _, err := RunVectors("v", []byte(text), nobody); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: got %v, want %q", text, err, want)
		}
	}
}

func TestJUnit_is_what_CI_systems_read(t *testing.T) {
	good, err := RunVectors("v", vectorFile("", "Missing"), func(string) (Policy, error) { return Policy{Baseline: want()}, nil })
	if err != nil {
		t.Fatal(err)
	}
	bad, err := RunVectors("v", vectorFile("", "Installed<&>"), func(string) (Policy, error) { return Policy{Baseline: want()}, nil })
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := JUnit(&b, []Suite{{File: "good.json", Summary: good}, {File: "bad.json", Summary: bad}, {File: "worse.json", Refused: "worse.json is refused\n  by name"}}); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string `xml:"name,attr"`
				Class   string `xml:"classname,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
				} `xml:"failure"`
				Error *struct {
					Message string `xml:"message,attr"`
				} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(b.String()), &doc); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if doc.Tests != 3 || doc.Failures != 1 || doc.Errors != 1 || len(doc.Suites) != 3 {
		t.Fatalf("%s", b.String())
	}
	if c := doc.Suites[0].Cases[0]; c.Name != "a t" || c.Class != "evaluate" || c.Failure != nil {
		t.Errorf("%+v", c)
	}
	if c := doc.Suites[1].Cases[0]; c.Failure == nil || c.Failure.Message != "packages[bash.amd64].state: expected Installed<&>, got Missing" {
		t.Errorf("%+v", c.Failure)
	}
	if c := doc.Suites[2].Cases[0]; c.Error == nil || c.Error.Message != "worse.json is refused" {
		t.Errorf("%+v", c.Error)
	}
}

func FuzzRunVectors(f *testing.F) {
	f.Add(vectorFile("", "Missing"))
	f.Add([]byte(`{"vectors": [{"id": "a", "kind": "validate", "baseline": {}, "expected": {"valid": false}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		sum, err := RunVectors("v", data, func(string) (Policy, error) { return Policy{Baseline: &baseline.Baseline{Name: "web"}}, nil })
		if err == nil && sum.Total == 0 {
			t.Fatal("nothing ran and nothing was refused")
		}
	})
}
