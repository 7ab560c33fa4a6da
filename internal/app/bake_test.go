package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// tools are four programs that are there.
func tools(t *testing.T) Tools {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		return p
	}
	return Tools{Packer: at("packer"), AmazonPlugin: at("amazon"), Plugin: at("ours"), Node: at("node"), PluginFolder: dir}
}

func TestPacker_names_the_tool_that_is_missing(t *testing.T) {
	for what, take := range map[string]func(*Tools) *string{
		"Packer":                  func(t *Tools) *string { return &t.Packer },
		"packer-plugin-amazon":    func(t *Tools) *string { return &t.AmazonPlugin },
		"packer-plugin-rehydrate": func(t *Tools) *string { return &t.Plugin },
		"rehydrate-node":          func(t *Tools) *string { return &t.Node },
	} {
		for _, path := range []string{"", "/nowhere/at/all"} {
			in := Request{Tools: tools(t), Image: &config.Image{Label: "web"}, Cloud: &Cloud{}}
			*take(&in.Tools) = path
			_, err := in.packer()
			if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "bake web: "+what+" was not found") || !strings.Contains(err.Error(), path) || fault.HintOf(err) == "" {
				t.Errorf("%s at %q: %v", what, path, err)
			}
		}
	}
}

func TestPacker_finds_a_template_beside_the_configuration(t *testing.T) {
	in := Request{Tools: tools(t), Image: &config.Image{Template: "web.pkr.hcl"}, Cloud: &Cloud{}, Config: &config.Config{File: "/etc/golden/rehydrate.hcl"}}
	if p, err := in.packer(); err != nil || p.Template != filepath.FromSlash("/etc/golden/web.pkr.hcl") || len(p.Plugins) != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPackerEnv_points_at_the_twin_only(t *testing.T) {
	p := &pipeline{Request: Request{Cloud: &Cloud{Region: "eu-west-1"}}}
	if env := p.packerEnv(); env != nil {
		t.Errorf("on AWS: %v", env)
	}
	p.Cloud.Twin = "http://127.0.0.1:4599"
	if env := strings.Join(p.packerEnv(), " "); !strings.Contains(env, "AWS_ENDPOINT_URL=http://127.0.0.1:4599") || !strings.Contains(env, "AWS_REGION=eu-west-1") {
		t.Errorf("on the twin: %s", env)
	}
}

func TestBaked_is_the_run_that_made_the_image(t *testing.T) {
	p := over("/c", "", 0)
	p.State, p.Run = state(t), "run-2"
	p.doc = &record.Run{ID: "run-2", Line: "web"}
	if _, err := p.baked(); fault.KindOf(err) != fault.Usage {
		t.Errorf("before a bake: %v", err)
	}
	p.doc.Bake = &record.Bake{Image: "ami-1", Skipped: true}
	if _, err := p.baked(); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a bake of another state folder: %v", err)
	}
	if err := p.State.Save(&record.Run{ID: "run-1", Line: "web", Bake: &record.Bake{Image: "ami-1"}}); err != nil {
		t.Fatal(err)
	}
	if r, err := p.baked(); err != nil || r.ID != "run-1" {
		t.Errorf("%+v, %v", r, err)
	}
	p.doc.Bake.Skipped = false
	if r, err := p.baked(); err != nil || r != p.doc {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestLearn_keeps_the_first_time_a_version_was_offered(t *testing.T) {
	p := over("/c", "", 0)
	p.State, p.Run = state(t), "run-1"
	p.doc = &record.Run{ID: "run-1", Line: "web", Bake: &record.Bake{Files: record.Files{Report: "report.json"}}}
	early, now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	if err := p.State.SaveSeen("web", map[string]time.Time{"tool=1.1": early}); err != nil {
		t.Fatal(err)
	}
	offer := func(v string) baseline.AvailablePackage {
		return baseline.AvailablePackage{Package: baseline.Package{Name: "tool", Version: v}}
	}
	n := record.NodeReport{StartedAt: now, Before: &baseline.Node{Available: baseline.Available{Packages: []baseline.AvailablePackage{offer("1.1"), offer("1.2")}}}}
	data, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.State.Save(p.doc); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.artifact("report.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.learn(); err != nil {
		t.Fatal(err)
	}
	seen, err := p.State.Seen("web")
	if err != nil || !seen["tool=1.1"].Equal(early) || !seen["tool=1.2"].Equal(now) {
		t.Errorf("%v, %v", seen, err)
	}
}

func TestLeft_names_what_a_bake_could_not_remove(t *testing.T) {
	if got := left(nil); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	if got := left([]string{"key-pair k", "snapshot s"}); got != "; could not be removed: key-pair k, snapshot s" {
		t.Errorf("%q", got)
	}
}
