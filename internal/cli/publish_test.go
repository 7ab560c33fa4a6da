package cli

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

func TestAnImageIsFoundByItsChannels(t *testing.T) {
	web := &config.Image{Label: "web", Channel: "/golden/web/latest", Rings: []string{"dev", "prod"}, Channels: map[string]string{"dev": "/golden/web/dev", "prod": "/golden/web/prod"}}
	db := &config.Image{Label: "db", Channel: "/golden/db/latest", Rings: []string{"dev"}, Channels: map[string]string{"dev": "/golden/db/dev"}}
	cfg := &config.Config{File: "rehydrate.hcl", Images: []*config.Image{web, db}}
	for name, c := range map[string]struct {
		label string
		words []string
		want  *config.Image
		says  string
	}{
		"by a full name":              {"", []string{"/golden/db/latest"}, db, ""},
		"by a ring that only one has": {"", []string{"dev", "prod"}, web, ""},
		"by its label":                {"db", []string{"latest", "dev"}, db, ""},
		"not by what two have":        {"", []string{"latest"}, nil, "2 images of rehydrate.hcl have such a channel"},
		"not by what none has":        {"", []string{"stage"}, nil, "no image has the channel stage; there are: web (latest, dev, prod); db (latest, dev)"},
		"not by what it has not":      {"db", []string{"prod"}, nil, "there are: db (latest, dev)"},
		"not by a label of none":      {"api", []string{"latest"}, nil, `no image "api"`},
	} {
		got, err := imageWith(cfg, c.label, c.words)
		if got != c.want || (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || fault.KindOf(err) != fault.Usage) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestChannelsInWrongWordsAreRefusedBeforeAnythingIsOpened(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("rehydrate.hcl", []byte(`region = "eu-west-1"`), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, says := range map[string]string{
		"publish promote latest":                                "promote what to where?",
		"publish promote --twin":                                "promote what to where?",
		"publish rollback":                                      "roll back which channel?",
		"publish rollback --to 0 latest":                        "versions begin at 1",
		"publish rollback --to x latest":                        `invalid value "x"`,
		"publish history":                                       "the history of which channel?",
		"publish history --output md latest":                    `unknown --output "md"`,
		"publish verify --output html":                          `unknown --output "html"`,
		"publish history --output table latest":                 "rehydrate.hcl has no image",
		"publish --output table --verify":                       "rehydrate.hcl has no image",
		"publish --verify web --output json":                    "flag --output stands after an argument",
		"publish rollback --output table --image web /golden/x": `no image "web" in rehydrate.hcl`,
	} {
		code, out, errs := try(t, strings.Fields(args)...)
		if code != 2 || out != "" || !strings.Contains(errs, says) {
			t.Errorf("%s: exit code %d\n%s%s", args, code, out, errs)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 1 {
		t.Errorf("something was written: %v, %v", left, err)
	}
}

func TestChannelsInTables(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var entry, hand, back app.ChannelEntry
	entry.Account, entry.Region, entry.Version, entry.Image, entry.ModifiedAt = "111111111111", "eu-west-1", 3, "ami-1", at
	hand, back = entry, entry
	entry.Labels = []string{"current", "passed"}
	withEnvelope(&entry, "run-1", "")
	entry.Envelope.Generation = 2
	withEnvelope(&back, "run-0", "run-1")
	taken := entry
	taken.TakenBack = true
	for name, c := range map[string]struct {
		write func(*strings.Builder) error
		want  []string
	}{
		"history": {func(b *strings.Builder) error { return historyTable(b, []app.ChannelEntry{entry, hand, back, taken}) },
			[]string{"VERSION", "run-1", "2026-03-01 12:00", "current, passed", "(by hand)", "run-0 (put back by run-1)", "run-1 (taken back)"}},
		"verify": {func(b *strings.Builder) error {
			f := app.ChannelFinding{Place: entry.Place, State: "Incorrect", Expected: "ami-2", Actual: "ami-1", Why: []string{"it holds ami-1", "and more"}}
			return verifyTable(b, []app.ChannelFinding{f, {State: "Missing"}})
		}, []string{"STATE", "Incorrect", "ami-2", "it holds ami-1; and more", "Missing", "-"}},
		"moved": {func(b *strings.Builder) error {
			return movedTable(b, record.Publish{Pointers: []record.Pointer{{Channel: "/a/b", Image: "ami-1", Outcome: "refused", Text: "slow down"}}})
		}, []string{"OUTCOME", "refused: slow down", "/a/b     -  "}},
		"plan": {func(b *strings.Builder) error {
			p := &app.ChannelPlan{}
			p.Moves = slices.Grow(p.Moves, 2)[:2]
			p.Moves[0].Channel, p.Moves[0].Image = "/a/new", "ami-1"
			p.Moves[1].Channel, p.Moves[1].Image, p.Moves[1].From, p.Moves[1].Version = "/a/old", "ami-1", "ami-0", 4
			return planTable(b, p)
		}, []string{"GENERATION", "/a/new   -        -  ", "/a/old   4        ami-0"}},
	} {
		var b strings.Builder
		if err := c.write(&b); err != nil {
			t.Fatal(err)
		}
		for _, w := range c.want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s lacks %q:\n%s", name, w, b.String())
			}
		}
	}
}

func withEnvelope(e *app.ChannelEntry, run, back string) {
	v := app.ChannelEnvelope{Run: run, Back: back, BakedAt: e.ModifiedAt}
	e.Envelope = &v
}
