package scenario

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/rollout"
)

const line = "/golden/web/latest"

// move moves the channel as planned.
func (a *account) move(ctx context.Context, run string, p *publish.Plan, err error) error {
	if err != nil {
		return err
	}
	raw, err := (&engine.Local{Journal: journal.Open(a.store, run), Clock: a}).Run(ctx, "publish", a.publish.Unit(p))
	if err != nil {
		return err
	}
	_, err = publish.Result(raw)
	return err
}

// released publishes an image that the gate has passed.
func (a *account) released(run, image string, baked time.Time) {
	a.t.Helper()
	p, err := a.publish.Plan(a.t.Context(), publish.Input{Run: run, Channel: line, Image: image,
		Verdict: &record.Verdict{Image: image, Outcome: record.Pass}, Bake: &record.Bake{CreatedAt: baked}})
	if err := a.move(a.t.Context(), run, p, err); err != nil {
		a.t.Fatal(err)
	}
}

// held are the images of the channel's versions and their generations, oldest first.
func (a *account) held() (images []string, generations []int64) {
	a.t.Helper()
	all, err := a.publish.History(a.t.Context(), publish.Place{Channel: line})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, e := range all {
		images, generations = append(images, e.Image), append(generations, e.Envelope.Generation)
	}
	return images, generations
}

func TestScenario35_the_channel_goes_back_before_the_groups_as_a_new_generation(t *testing.T) {
	a := open(t)
	a.group("dev", 2)
	a.group("web", 4)
	a.released("run-0", oldImage, a.Now())
	a.released("run-1", newImage, a.Now().Add(time.Hour))
	p := a.plan(newImage, []string{"dev"}, []string{"web"})
	var pull func()
	pull = func() {
		if len(a.refreshes("web")) == 0 {
			a.in(15*time.Second, pull)
			return
		}
		a.switches.pull("rollback by ana: errors")
	}
	a.in(time.Minute, pull)
	x := a.execution()
	calls := 0
	x.Returning = func(ctx context.Context, scope *rollout.Plan, _ string) error {
		calls++
		if n := len(a.refreshes("dev")); n != 1 || len(scope.Rings) != 2 {
			t.Errorf("a group that was done went back before the channel: %d refreshes, %d rings", n, len(scope.Rings))
		}
		plan, err := a.publish.PlanRollback(ctx, publish.Rollback{Run: "run-2", Places: []publish.Place{{Channel: line}}})
		return a.move(ctx, "run-2", plan, err)
	}
	a.inv.Roll(true)
	_, err := x.Roll(t.Context(), p)
	a.inv.Roll(false)
	if fault.KindOf(err) != fault.RolledBack || calls != 1 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	a.wants(oldImage, map[string]int{"dev": 2, "web": 4})
	images, generations := a.held()
	if d := cmp.Diff([]string{oldImage, newImage, oldImage}, images); d != "" {
		t.Error(d)
	}
	if generations[2] <= generations[1] {
		t.Errorf("generations %v: whoever compares them takes the older image for an older one", generations)
	}
	if n := a.inv.Checked("pointer"); n < 3 {
		t.Errorf("the pointer was looked at %d times", n)
	}
}
