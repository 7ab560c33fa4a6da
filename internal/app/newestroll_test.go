package app

import (
	"context"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/internal/wait"
	"github.com/goldenami/rehydrate/rollout"
)

func TestTheNewestRollIsTheOneThatWasBegunLastHoweverItEnded(t *testing.T) {
	ctx := t.Context()
	s, err := OpenState(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in := Request{Config: &config.Config{}, Image: &config.Image{Label: "web"}, State: s}
	if _, err := newestRoll(ctx, in); fault.KindOf(err) != fault.NotFound {
		t.Errorf("of no run: %v", err)
	}
	add := func(id string, planned bool, refused error, stages ...record.Stage) {
		t.Helper()
		if err := s.Save(&record.Run{Schema: record.Schema, ID: id, Line: "web", StartedAt: time.Unix(0, 0), Stages: stages}); err != nil {
			t.Fatal(err)
		}
		if !planned {
			return
		}
		l := &engine.Local{Journal: journal.Open(s.Store(), id), Clock: wait.Wall{}}
		_, err := l.Run(ctx, "roll/plan", unit.Func("roll.plan", func(_ context.Context, p *rollout.Plan) (unit.Next, error) {
			p.Image = id
			return unit.Done(), refused
		}))
		if fault.KindOf(err) != fault.KindOf(refused) {
			t.Fatal(err)
		}
	}
	want := func(id string) {
		t.Helper()
		if got, err := newestRoll(ctx, in); got != id || err != nil {
			t.Errorf("%q, %v, not %s", got, err, id)
		}
	}
	add("20260101-000000-000001", true, nil, record.Stage{Name: "roll", Outcome: "done"})
	want("20260101-000000-000001")
	add("20260102-000000-000002", true, nil) // its process was killed, or is at work
	want("20260102-000000-000002")
	add("20260103-000000-000003", false, nil, record.Stage{Name: "publish", Outcome: "done"})
	add("20260104-000000-000004", true, fault.New(fault.Conflict, "", "refused"), record.Stage{Name: "roll", Outcome: "failed"})
	add("20260105-000000-000005", true, nil, record.Stage{Name: "roll", Outcome: "nothing-to-do"})
	want("20260102-000000-000002")
}
