package app

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

// settled is the overview of a line on which nothing is to be done.
func settled() *Overview {
	group := rollout.GroupPlan{Ring: "dev", Fleet: "web-dev", Group: "web-dev", InUse: "3", From: "ami-1", To: "ami-1", Nothing: true,
		Measured: rollout.Measured{Desired: 2}}
	return &Overview{
		Line: "web", Account: "111122223333", Region: "eu-west-1", Channel: "/golden/web/latest", InUse: "ami-1", Upon: "ami-1",
		Bake: bake.Plan{Skip: true, Reason: "the repositories are as they were", Current: &record.Bake{Image: "ami-1"}},
		Roll: &rollout.Plan{Rings: []rollout.RingPlan{{Name: "dev", Groups: []rollout.GroupPlan{group}}}}, Nodes: []string{"i-db"},
	}
}

func refuse(o *Overview) {
	o.Roll.Rings[0].Groups[0].Findings = []rollout.Finding{{Refuse: true, Kind: fault.Conflict, Text: "a refresh is under way", Hint: "wait for it"}, {Text: "surges to 3"}}
	o.Refused = o.Err().Error()
}

func TestPending_counts_all_that_a_run_would_do(t *testing.T) {
	if settled().Pending() {
		t.Error("a settled line has changes pending")
	}
	for name, change := range map[string]func(*Overview){
		"a bake":                            func(o *Overview) { o.Bake.Skip = false },
		"a baked image nobody published":    func(o *Overview) { o.InUse = "ami-0" },
		"a channel that does not exist":     func(o *Overview) { o.InUse = "" },
		"a group":                           func(o *Overview) { o.Roll.Rings[0].Groups[0].Nothing = false },
		"a roll that would be refused":      refuse,
		"a node without the lock's patches": func(o *Overview) { o.Unpatched = o.Nodes },
	} {
		o := settled()
		if change(o); !o.Pending() {
			t.Errorf("%s is not pending", name)
		}
	}
}

func TestText_of_the_overview(t *testing.T) {
	fresh := settled()
	fresh.Bake = bake.Plan{ImageName: "web-x86_64-1", Source: bake.Image{ID: "ami-0", Name: "debian-12"}, Reason: "no earlier bake of web is known"}
	fresh.InUse, fresh.Unpatched, fresh.Twin = "", fresh.Nodes, "http://127.0.0.1:1"
	fresh.Roll.Rings[0].Groups[0].Nothing, fresh.Roll.Rings[0].Groups[0].Pin = false, true
	fresh.Roll.Rings[0].Groups[0].Measured.Alone = "goes on to the end"
	fresh.Roll.Rings[0].Measured = &rollout.RingMeasured{Duration: estimate.Span{High: time.Hour}}
	refused := settled()
	refuse(refused)
	const validate = "  validate  marker, lock, baseline, changes, hygiene from the snapshot; nothing is launched\n"
	for name, c := range map[string]struct {
		of   *Overview
		want string
	}{
		"settled": {settled(), "plan for image web (account 111122223333, region eu-west-1)\n" +
			"  bake      nothing: the repositories are as they were\n" + validate +
			"  publish   /golden/web/latest, which holds ami-1\n" +
			"  roll      ring dev: web-dev, 2 instances: nothing: every instance runs ami-1\n" +
			"  patch     nothing: i-db had every version of the lock when last patched\n"},
		"fresh": {fresh, "plan for image web (account 111122223333, region eu-west-1, modelled by the twin)\n" +
			"  bake      web-x86_64-1 from ami-0 (debian-12): no earlier bake of web is known\n" + validate +
			"  publish   /golden/web/latest, which does not exist yet: it will be created\n" +
			"  roll      ring dev: web-dev, 2 instances: template version 3 (ami-1) with only the image replaced\n" +
			"            first pinned to version 3, which it runs now\n" +
			"            ring dev takes 0 s (0 s to 1 h), surge none\n            without us AWS goes on to the end\n" +
			"  patch     i-db in place, with the same lock\n"},
		"refused": {refused, "plan for image web (account 111122223333, region eu-west-1)\n" +
			"  bake      nothing: the repositories are as they were\n" + validate +
			"  publish   /golden/web/latest, which holds ami-1\n" +
			"  roll      ring dev: web-dev, 2 instances: nothing: every instance runs ami-1\n" +
			"            refused: a refresh is under way — wait for it\n            note: surges to 3\n" +
			"  patch     nothing: i-db had every version of the lock when last patched\n" +
			"  refused   roll group web-dev of fleet web-dev: a refresh is under way\n"},
	} {
		if d := cmp.Diff(strings.Split(c.want, "\n"), strings.Split(c.of.Text(), "\n")); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
	if err := refused.Err(); fault.KindOf(err) != fault.Conflict {
		t.Errorf("the refusal is %v", err)
	}
}

func TestUnpatched_believes_only_a_run_that_patched_by_this_lock(t *testing.T) {
	p := over("/c", "", 0)
	p.State = state(t)
	o := settled()
	run := func(id, image, outcome string) *record.Run {
		return &record.Run{ID: id, Line: "web", Account: p.Cloud.Account, Region: p.Cloud.Region, Bake: &record.Bake{Image: image},
			Patch: []record.Patched{{Instance: "i-db", Outcome: outcome}}}
	}
	for _, step := range []struct {
		add  *record.Run
		want []string
	}{
		{nil, o.Nodes},
		{run("1", "ami-0", "done"), o.Nodes},
		{run("2", "ami-1", "failed"), o.Nodes},
		{run("3", "ami-1", "nothing-to-do"), nil},
		{run("4", "ami-1", "a word from a newer version"), o.Nodes},
		{run("5", "ami-1", "done"), nil},
	} {
		if step.add != nil {
			if err := p.State.Save(step.add); err != nil {
				t.Fatal(err)
			}
		}
		got, err := p.unpatched(o)
		if err != nil || len(got) != len(step.want) || !slices.Equal(got, step.want) {
			t.Errorf("after %+v: %v, %v", step.add, got, err)
		}
	}
	o.Bake.Skip = false
	if got, err := p.unpatched(o); err != nil || !slices.Equal(got, o.Nodes) {
		t.Errorf("before a bake: %v, %v", got, err)
	}
}

func TestText_tellsWhatSurgeTakesAndWhatWeightsMean(t *testing.T) {
	o := settled()
	g := &o.Roll.Rings[0].Groups[0]
	g.Nothing = false
	free, cpus, limit, runs := 7, 4, 64, 20
	g.Measured.Bounds = rollout.Bounds{Floor: 7, Ceiling: 13, WithoutZone: 3, Units: true}
	g.Measured.Desired = 8
	g.Measured.Estimate.Steps, g.Measured.Estimate.Surge = 2, estimate.Hours{Low: 0.1, Likely: 0.5, High: 1}
	g.Measured.Room = rollout.Room{Wanted: 2, Addresses: &free, CPUs: &cpus}
	o.Roll.Quotas = []rollout.Headroom{{Code: "L-1", Name: "On-Demand Standard", Surge: 4, Limit: &limit, Running: &runs}, {Code: "L-2", Name: "unknown", Surge: 4, Why: "denied"}}
	text := o.Text()
	for _, want := range []string{"web-dev, 8 units of capacity: template version 3", "keeps 7 to 13 in service, 3 if the fullest zone fails then; ",
		"surge about 0.5 instance-hours (0.1 to 1.0); up to 2 more instances at a time (4 vCPUs), 7 addresses free\n",
		"quota: 20 of 64 vCPUs run of On-Demand Standard (L-1), and up to 4 more may be wanted at a time: it fits\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "L-2") {
		t.Errorf("an unknown quota is said to fit:\n%s", text)
	}
	g.From, g.Findings = "resolve:ssm:/golden/web/latest", []rollout.Finding{{Refuse: true, Text: "by alias"}}
	if text := o.Text(); !strings.Contains(text, "web-dev, 8 units of capacity: not planned") {
		t.Errorf("a group that cannot be rolled:\n%s", text)
	}
}

func TestThePageOfAPlanSaysWhatRefusesTheRunBeforeItsRoll(t *testing.T) {
	no := fault.New(fault.Denied, "add to the policy of the key: that", "the role may not CreateGrant")
	for name, change := range map[string]func(*Overview){
		"a key":                    func(o *Overview) { o.kept = no },
		"this machine":             func(o *Overview) { o.lacks = no },
		"a plan that has moved":    func(o *Overview) { o.moved = no },
		"a key, and there is none": func(o *Overview) { o.kept, o.Roll = no, nil },
	} {
		o := settled()
		if change(o); !errors.Is(o.Err(), no) {
			t.Errorf("%s: %v", name, o.Err())
		}
		var b strings.Builder
		if err := o.HTML(&b); err != nil || !strings.Contains(b.String(), "Refused as it stands: 1 finding") || !strings.Contains(b.String(), "may not CreateGrant") || !strings.Contains(b.String(), "policy of the key: that") {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
	}
}
