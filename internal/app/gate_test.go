package app

import (
	"os"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/record"
)

// gated is a pipeline whose bake is in the state folder.
func gated(t *testing.T, channel string, version int64) *pipeline {
	t.Helper()
	p := over("/c", channel, version)
	p.State, p.Run = state(t), "run-1"
	p.Image.Channel, p.Image.Hygiene = "/c", []string{"hygiene"}
	p.Image.Baseline = &config.Baseline{Baseline: &baseline.Baseline{Name: "b"}}
	p.doc = &record.Run{ID: "run-1", Line: "web", Bake: &record.Bake{Image: "ami-new", SourceImage: "ami-source", Marker: "m-1", Builder: "packer 1.15.0",
		Files: record.Files{Lock: "lock.json", Report: "report.json"}}}
	if err := p.State.Save(p.doc); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGateInput_compares_with_what_the_channel_holds_or_else_with_the_source(t *testing.T) {
	for want, p := range map[string]*pipeline{"ami-old": gated(t, "ami-old", 3), "ami-source": gated(t, "", 0)} {
		in, err := p.gateInput(t.Context())
		if err != nil || in.InUse != want || in.Image != "ami-new" {
			t.Errorf("compares %s with %s, want %s (%v)", in.Image, in.InUse, want, err)
		}
		if in.Marker != "m-1" || in.Builder != "packer 1.15.0" || len(in.SkipCheck) != 1 {
			t.Errorf("%+v", in)
		}
	}
}

func TestGateInput_takes_missing_evidence_for_missing_and_broken_for_an_error(t *testing.T) {
	p := gated(t, "", 0)
	in, err := p.gateInput(t.Context())
	if err != nil || in.Lock != nil || in.Evidence != nil {
		t.Errorf("nothing there: %+v, %v", in, err)
	}
	for _, name := range []string{"lock.json", "report.json"} {
		p := gated(t, "", 0)
		if err := os.WriteFile(p.artifact(name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := p.gateInput(t.Context()); err == nil {
			t.Errorf("a broken %s is taken for none", name)
		}
	}
}
