package app

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/schedule"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/rollout"
)

func TestAnImageThatThisPipelineDidNotMakeIsForeign(t *testing.T) {
	w := wiretest.World(t)
	e := ec2.New(w, nil, t.TempDir())
	cfg := wiretest.Client(t, w, e.Wire())
	err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		for id, tags := range map[string]map[string]string{"ami-00000000000000001": {bake.TagLine: "web"}, "ami-00000000000000002": {bake.TagLine: "db"}, "ami-00000000000000003": nil} {
			if _, err := e.AddImage(tx, ec2.Image{ID: id, Name: id, Tags: tags}, backing.Image{Layers: []string{"/nowhere"}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline{Request: Request{Cloud: &Cloud{Session: session.Of(cfg)}, Image: &config.Image{Label: "web", Channel: "/golden/web/latest"}}}
	for id, says := range map[string]string{
		"ami-00000000000000001": "", "ami-00000000000000002": "which is an image of db", "ami-00000000000000003": "did not make: it has no tag rehydrate:line",
		"ami-00000000000000004": "there is no such image",
	} {
		f, err := p.foreign(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if (f == nil) != (says == "") || f != nil && (!strings.Contains(f.Text, says) || f.Hint == "") {
			t.Errorf("%s: %+v", id, f)
		}
	}
}

func TestEveryCellRunsWhatWasPublishedThereAndAClosedOneIsUnknown(t *testing.T) {
	cells, _ := someCells(t)
	cfg := &config.Config{}
	for _, id := range []string{prod, closed} {
		cfg.Accounts = append(cfg.Accounts, &config.Account{Label: id, ID: id, Regions: []string{wiretest.Region}})
	}
	web := &config.Image{Label: "web", Channel: "/golden/web/latest", Rings: []string{"prod"}, Architecture: "x86_64"}
	cfg.Fleets = []*config.Fleet{{Label: "web", Image: web, Ring: "prod", ASGNames: []string{"web"}, Accounts: cfg.Accounts, Refresh: &config.Refresh{}}}
	p := &pipeline{Request: Request{Cloud: cells.home, Config: cfg, Image: web}, parts: &parts{cells: cells}}
	in := p.everywhere(t.Context(), rollInput(cfg, web, "ami-home"), &record.Publish{Image: "ami-home", Pointers: []record.Pointer{
		{Image: "ami-home"}, {Account: prod, Region: wiretest.Region, Image: "ami-prod", Arch: "x86_64"}, {Account: prod, Region: wiretest.Region, Image: "ami-arm", Arch: "arm64"}}})
	if got := in.Images[rollout.Cell{Account: prod, Region: wiretest.Region}]; got != "ami-prod" {
		t.Errorf("prod runs %q", got)
	}
	err := in.Unknown[rollout.Cell{Account: closed, Region: wiretest.Region}]
	if fault.KindOf(err) != fault.Denied || err == nil || fault.HintOf(err) == "" || len(in.Unknown) != 1 {
		t.Errorf("%v", in.Unknown)
	}
	if strings.Join(in.Owners, " ") != wiretest.Account+" "+prod+" "+closed {
		t.Errorf("owners %v", in.Owners)
	}
}

func TestOnlyTheRollOfWhatTheChannelHoldsCanBeKept(t *testing.T) {
	for says, c := range map[string]struct {
		change func(*Overview)
		kind   fault.Kind
	}{
		"no fleet":               {func(o *Overview) { o.Roll = nil }, fault.Usage},
		"holds nothing":          {func(o *Overview) { o.InUse = "" }, fault.NotFound},
		"baked and not publishe": {func(o *Overview) { o.Upon = "ami-2" }, fault.Conflict},
		"a refresh is under way": {refuse, fault.Conflict},
	} {
		o := settled()
		c.change(o)
		if _, err := o.ForRoll(); fault.KindOf(err) != c.kind || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	p, err := settled().ForRoll()
	if err != nil {
		t.Fatal(err)
	}
	p.Schema, p.Image = rollout.PlanSchema, "ami-1"
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := SavePlan(file, p); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadPlan(file); fault.KindOf(err) != fault.Usage {
		t.Errorf("a plan without a hash: %v", err)
	}
	if _, err := LoadPlan(file + "x"); fault.KindOf(err) != fault.Usage {
		t.Errorf("no file: %v", err)
	}
}

func TestThePageOfAnOverviewHasItsGroups(t *testing.T) {
	o := settled()
	refuse(o)
	var b strings.Builder
	if err := o.HTML(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Refused as it stands: 1 finding", "a refresh is under way", "web-dev", "surges to 3"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestThePolicyOfARingIsAllThatDecidesBesideThePlan(t *testing.T) {
	every, err := schedule.Parse("cron(0 8 ? * MON-FRI *)")
	if err != nil {
		t.Fatal(err)
	}
	later, err := schedule.Parse("cron(0 9 ? * MON-FRI *)")
	if err != nil {
		t.Fatal(err)
	}
	if got := ringPolicy(&config.Config{}, config.Ring{Name: "prod", Soak: time.Hour, Concurrency: 4, PerRegion: 2}); got != "" {
		t.Errorf("a ring without gates: %q", got)
	}
	seen := map[string]string{}
	for name, r := range map[string]config.Ring{
		"approval": {Approval: "ops"}, "another approval": {Approval: "boss"}, "alarm": {Alarms: []string{"errors"}},
		"window": {Windows: []schedule.Window{{Opens: every, Duration: time.Hour}}}, "another window": {Windows: []schedule.Window{{Opens: later, Duration: time.Hour}}},
		"longer window": {Windows: []schedule.Window{{Opens: every, Duration: 2 * time.Hour}}}, "failures": {MaxFailures: 2},
		"check": {Checks: []config.HealthCheck{{Name: "up", HTTP: "https://example.org"}}}, "drift": {DriftSample: true},
	} {
		got := ringPolicy(&config.Config{}, r)
		if got == "" || seen[got] != "" {
			t.Errorf("%s is as %q: %s", name, seen[got], got)
		}
		seen[got] = name
	}
	frozen := &config.Config{Freezes: []schedule.Freeze{{Name: "year end", From: time.Unix(0, 0), To: time.Unix(1, 0)}}}
	if got := ringPolicy(frozen, config.Ring{Approval: "ops"}); seen[got] != "" {
		t.Error("a freeze changes nothing")
	}
}

func TestThePlanSaysWhatTheAndonKeepsFromMoving(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"run by ana: go":         "",
		"pause by ana: too slow": "look: no group begins to move while the andon andon says pause by ana: too slow — rehydrate roll resume",
		"cancel":                 "look: no group begins to move while the andon andon says cancel — rehydrate roll resume",
		"panic":                  `look: no group begins to move: the andon says "panic", which is no order (andon) — write one of run, pause, pause-now, cancel and rollback`,
	} {
		p := over("andon", text, int64(len(text)))
		plan := settled().Roll
		p.stopped(t.Context(), plan)
		if len(plan.Findings) != 0 {
			t.Errorf("%q: nothing is to move: %+v", text, plan.Findings)
		}
		plan.Rings[0].Groups[0].Nothing = false
		p.stopped(t.Context(), plan)
		got := ""
		for _, f := range plan.Findings {
			got += findingText(f.Finding, "")
		}
		if got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}
