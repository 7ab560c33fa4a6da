package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// sample is a run with every section, and texts that must not break a table or page.
func sample() *record.Run {
	t0 := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return &record.Run{
		Schema: record.Schema, ID: "20260304-050607-abcdef", Line: "web", Account: "111122223333", Region: "eu-west-1",
		StartedAt: t0, EndedAt: t0.Add(time.Hour), Outcome: "done", Modelled: []string{"EC2 by the twin"}, Real: []string{"apt"},
		Stages: []record.Stage{
			{Name: "bake", StartedAt: t0, EndedAt: t0.Add(20 * time.Second), WallMS: 20100, Outcome: "done", Text: "ami-1 | from <b>ami-0</b>"},
			{Name: "roll", StartedAt: t0, EndedAt: t0.Add(30 * time.Minute), WallMS: 900, Outcome: "done"},
			{Name: "patch", StartedAt: t0},
		},
		Bake: &record.Bake{Image: "ami-1", ImageName: "web-1", SourceImage: "ami-0", Builder: "packer 1.15.0", LockDigest: "sha256:1", Left: []string{"key-pair key-1", "snapshot snap-<1>"},
			Changes: []record.Change{{Name: "openssl", From: "1", To: "2"}, {Name: "new", To: "1"}}},
		Validate: &record.Verdict{Image: "ami-1", Outcome: record.Fail, Reasons: []string{"lock: <script>alert(1)</script>"}, Packages: 99,
			Checks: []record.Check{{Name: "lock", Outcome: record.Fail, Text: "one | differs"}}, Against: "ami-0",
			Changes: []record.Change{{Name: "gone", From: "1"}}, Read: record.ReadCost{Blocks: 9, Total: 4096, Bytes: 4718592, MS: 12},
			Evaluation: &baseline.Result{Items: []baseline.Item{{ID: "x.amd64", State: baseline.StateMissing, Version: "3"}, {ID: "y.amd64", State: baseline.StateInstalled}}}},
		Publish: &record.Publish{Channel: "/golden/web/latest", Build: "/golden/web/builds/1", Image: "ami-1", From: "ami-0", Version: 7},
		Roll: []record.Roll{{Ring: "prod", Group: "web-prod", Outcome: "done", OnImage: 6, Of: 6, FromV: "1", ToV: "2", MinHealthy: 5,
			Drift: &record.Drift{Instance: "i-7", Outcome: record.DriftFound, Text: "1 of 99 locked packages is not at its version", Packages: []record.Change{{Name: "curl", From: "1", To: "2"}}}},
			{Ring: "prod", Group: "web-<b>", Account: "222222222222", Region: "eu-west-2", Outcome: "halted", OnImage: 1, Of: 3, FromV: "1", ToV: "2", Frozen: true,
				Text: "it | cannot go back", Mixed: map[string][]string{"ami-1": {"i-1"}, "ami-0": {"i-2", "i-3"}},
				Manual: []string{`go back by hand: aws autoscaling start-instance-refresh --preferences '{"SkipMatching":true}'`, "then let others roll again: rehydrate roll resume"}}},
		Patch: []record.Patched{{Instance: "i-1", Outcome: "done", Lock: "exact", Today: "NON_COMPLIANT",
			Obtained: []record.Obtained{{From: "bundle"}, {From: "source"}, {From: "source"}}}},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs; look at it, then run with -update:\n%s", name, got)
	}
}

func TestWrite_matches_the_goldens(t *testing.T) {
	for format, name := range map[string]string{"table": "run.txt", "md": "run.md", "html": "run.html"} {
		var b bytes.Buffer
		if err := Write(&b, format, sample()); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
}

func TestHTML_escapes_and_needs_nothing_from_outside(t *testing.T) {
	var b bytes.Buffer
	if err := HTML(&b, sample()); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<b>ami-0", "http://", "https://", "<link", "src="} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

func TestMarkdown_keeps_texts_in_their_cells(t *testing.T) {
	var b bytes.Buffer
	if err := Markdown(&b, sample()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `ami-1 \| from &lt;b>ami-0`) {
		t.Errorf("a cell breaks its row:\n%s", b.String())
	}
}

func TestJSON_is_the_document(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, "json", sample()); err != nil {
		t.Fatal(err)
	}
	var r record.Run
	if err := json.Unmarshal(b.Bytes(), &r); err != nil || r.ID != sample().ID || len(r.Roll) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestEmpty_run_renders_in_every_format(t *testing.T) {
	for _, f := range Formats {
		if err := Write(&bytes.Buffer{}, f, &record.Run{}); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestWrite_refuses_an_unknown_format(t *testing.T) {
	if err := Write(&bytes.Buffer{}, "xml", sample()); fault.KindOf(err) != fault.Usage {
		t.Errorf("got %v", err)
	}
}

func TestOutcomes_nobody_knows_are_not_good(t *testing.T) {
	for _, o := range []string{"surprise", "fail", "failed", "halted", "rolled-back"} {
		if good(o) != "bad" {
			t.Errorf("%s is %s", o, good(o))
		}
	}
}
