package app

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/rollout"
)

func TestARunIsRunningWhileItsLineIsLeasedAndInterruptedAfterwards(t *testing.T) {
	s := state(t)
	for _, c := range []struct {
		was    record.Run
		leased string
		want   string
	}{
		{record.Run{Outcome: "done"}, "r1", "done"}, // somebody rolls back another run, or looks
		{record.Run{Outcome: "done", Going: true}, "r1", "running"},
		{record.Run{Outcome: "done", Going: true}, "", "interrupted"},
		{record.Run{Outcome: "done", Going: true}, "r2", "interrupted"},
		{record.Run{Outcome: "waiting", Going: true}, "r1", "running"},
		{record.Run{}, "r1", "running"},
		{record.Run{}, "", "interrupted"},
	} {
		release := func() {}
		if c.leased != "" {
			var err error
			if release, err = s.Lease(t.Context(), "web", c.leased); err != nil {
				t.Fatal(err)
			}
		}
		c.was.ID, c.was.Line, c.was.Message = "r1", "web", "the message before"
		got, err := s.AsItStands(t.Context(), &c.was)
		if err != nil || got.Outcome != c.want || (got.Message == c.was.Message) != (c.want == c.was.Outcome) {
			t.Errorf("%+v with a lease of %q: %+v, %v", c.was, c.leased, got, err)
		}
		release()
	}
}

func TestARollThatIsAtWorkOrWasKilledIsNotTheOutcomeOfTheStageBefore(t *testing.T) {
	r := newRolling(t)
	in := r.Request
	in.Until = "publish"
	doc, err := Run(t.Context(), in)
	if err != nil || doc.Outcome != "done" || doc.Going {
		t.Fatalf("%+v, %v", doc, err)
	}
	var during *record.Run
	var status *RollStatus
	r.Run = doc.ID
	r.when, r.do = regexp.MustCompile("started instance refresh .* of web-dev"), func() {
		var err error
		if during, err = r.State.Load(doc.ID); err != nil {
			t.Error(err)
		}
		if status, err = Status(t.Context(), r.Request); err != nil {
			t.Error(err)
		}
	}
	if doc = r.run(fault.Failed); doc.Going || doc.Outcome != "done" {
		t.Errorf("%+v", doc)
	}
	if status == nil || status.Outcome != "running" {
		t.Fatalf("during the roll: %+v", status)
	}
	if err := r.State.Save(during); err != nil { // as a process leaves it that is killed then
		t.Fatal(err)
	}
	if status, err = Status(t.Context(), r.Request); err != nil || status.Outcome != "interrupted" || !strings.Contains(status.Message, "--resume "+doc.ID) {
		t.Errorf("%+v, %v", status, err)
	}
}

func TestAWayBackThatFailsOnAGroupLeavesTheRunHaltedWithWhatIsLeft(t *testing.T) {
	r := newRolling(t)
	r.put(exampleLine, r.base)
	doc := r.run(fault.Failed)
	plan, err := PlanRollBack(t.Context(), r.Request, false)
	if err != nil || plan.Run != doc.ID {
		t.Fatal(err)
	}
	told := fmt.Sprintf("%s %s>%s", plan.Channels[0].Channel, plan.Channels[0].From, plan.Channels[0].To)
	for _, g := range plan.Groups {
		told += fmt.Sprintf(", %s %s %s>%s %s>%s", g.Ring, g.Group, g.From, g.To, g.FromVersion, g.ToVersion)
	}
	image := doc.Publish.Image
	want := fmt.Sprintf("%s %[2]s>%[3]s, prod web-prod %[2]s>%[3]s 2>1, dev web-dev %[2]s>%[3]s 2>1", exampleLine, image, r.base)
	if told != want || len(plan.Channels) != 1 {
		t.Errorf("it would do %s, not %s", told, want)
	}
	r.Run, r.Store = doc.ID, &stuckStore{Store: r.State.Store(), word: "web-dev"}
	if _, err := RollBack(t.Context(), r.Request, "asked for", false); err == nil {
		t.Fatal("the way back did not fail")
	}
	now, err := r.State.Load(doc.ID)
	if err != nil || now.Going || now.Outcome != rollout.Halted {
		t.Errorf("%+v, %v", now, err)
	}
	for _, want := range []string{"1 of 2 groups are back, left: web-dev;", "no room", "rehydrate roll rollback --run " + doc.ID} {
		if !strings.Contains(now.Message, want) {
			t.Errorf("%q does not say %q", now.Message, want)
		}
	}
	if s := now.Stages[len(now.Stages)-1]; s.Outcome != rollout.Halted || !strings.Contains(s.Text, exampleLine+" is back on "+r.base) {
		t.Errorf("%+v", s)
	}
	if st, err := Status(t.Context(), r.Request); err != nil || st.Outcome != rollout.Halted || st.Message != now.Message {
		t.Errorf("%+v, %v", st, err)
	}
	if plan, err = PlanRollBack(t.Context(), r.Request, false); err != nil || len(plan.Channels) != 0 || len(plan.Groups) != 1 || plan.Groups[0].Group != "web-dev" {
		t.Errorf("what is left: %+v, %v", plan, err)
	}
	// Whatever the twin's clock says, ids are by one clock: they order what happened.
	units, err := journal.Open(r.State.Store(), doc.ID).Units(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := regexp.MustCompile(`rollback(?:-channel-|/)(\d{8}-\d{6}-[0-9a-f]{6})`).FindAllStringSubmatch(strings.Join(units, " "), -1)
	history, err := params.New(r.Cloud.Session).History(t.Context(), exampleLine)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := publish.ParseEnvelope(history[len(history)-1].Description)
	for _, id := range append(ids, []string{"", e.Run}) {
		if id[1][:15] < doc.ID[:15] { // to the second
			t.Errorf("%s is older than the run, %s", id[1], doc.ID)
		}
	}
	if len(ids) < 2 {
		t.Errorf("no ways back in %v", units)
	}
	// What is left goes back when it is asked for again.
	if now, err = RollBack(t.Context(), r.Request, "asked for again", false); err != nil || now.Outcome != rollout.RolledBack || now.Message != "asked for again" {
		t.Errorf("%+v, %v", now, err)
	}
	r.wants(r.base)
}
