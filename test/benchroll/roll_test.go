package main

import (
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if maybePart() {
		return
	}
	os.Exit(m.Run())
}

// TestAFleetInManyCells is the benchmark's scenario at 40 groups in ten cells, for what
// is right and not for how quick it is.
func TestAFleetInManyCellsIsPlannedRolledAndRehearsed(t *testing.T) {
	if testing.Short() {
		t.Skip("processes of their own: some seconds")
	}
	s := shape{Accounts: 5, Regions: 2, Groups: 4, Instances: 10}
	var out strings.Builder
	b := &bench{out: &out}
	if err := b.run(t.Context(), s); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, missed := range b.missed {
		// Small groups share no pages, and a busy machine is slow; the rest must hold.
		if strings.HasPrefix(missed, "calls that") || strings.HasPrefix(missed, "memory") {
			t.Errorf("missed: %s", missed)
		}
	}
	for _, want := range []string{"40 groups done", "ec2 CreateLaunchTemplateVersion          10\n", "autoscaling StartInstanceRefresh         40\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	t.Log("\n" + out.String())
}

func TestTheWorldIsWhatTheConfigurationSelects(t *testing.T) {
	s := shape{Accounts: 3, Regions: 2, Groups: 1, Instances: 2}
	_, name, err := s.write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg, line, err := load(name)
	if err != nil {
		t.Fatal(err)
	}
	in := input(cfg, line, s)
	if len(in.Fleets[0].Cells) != 6 || len(in.Images) != 6 || len(cfg.Accounts) != 3 || s.all() != 12 {
		t.Errorf("%d cells, %d images, %d accounts", len(in.Fleets[0].Cells), len(in.Images), len(cfg.Accounts))
	}
}
