package rehearse

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/replica"
	"github.com/goldenami/rehydrate/rollout"
)

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

func watching(t *testing.T) (*watcher, *copied) {
	t.Helper()
	c, err := copyOf(small(), web(), "")
	if err != nil {
		t.Fatal(err)
	}
	return newWatcher(c, noon), c
}

func event(kind replica.Kind, group string, after time.Duration) replica.Event {
	return replica.Event{Kind: kind, At: noon.Add(after), Account: "111122223333", Region: "eu-west-1", Group: group}
}

func TestTheLowestCapacityIsKeptForGroupRingAndAll(t *testing.T) {
	w, c := watching(t)
	for i, n := range []int{3, 2, 4} {
		e := event(replica.Capacity, "web-1", time.Duration(i+1)*time.Minute)
		e.Desired, e.InService = 4, n
		w.see(e)
	}
	e := event(replica.Came, "web-1", 5*time.Minute)
	e.Image = c.input.Image
	w.see(e)
	w.see(event(replica.Capacity, "nobody's", time.Hour)) // of a group that is not rehearsed
	called := event(replica.Called, "", 0)
	called.Op, called.Error = "ec2:DescribeInstances", "RequestLimitExceeded"
	w.see(called)
	r := w.report(c, nil, []record.Roll{{Account: "111122223333", Region: "eu-west-1", Group: "web-1", Outcome: rollout.RolledBack, Text: "why"}}, map[string]int{"prod": 2})
	if r.All.Desired != 6 || r.All.Lowest != 4 || r.All.LowestAt != 120 || r.Replaced != 1 || r.Requests != 1 || r.Throttled != 1 {
		t.Errorf("all %+v, replaced %d, calls %v", r.All, r.Replaced, r.Calls)
	}
	first := r.Groups[0]
	if first.Group != "web-1" || first.Lowest != 2 || first.LowestPercent() != 50 || first.Outcome != rollout.RolledBack || first.Text != "why" {
		t.Errorf("the group with the least capacity %+v", first)
	}
	if r.Groups[1].Outcome != NotBegun || len(r.Rings) != 1 || r.Rings[0].Failed != 1 || r.Rings[0].Allowed != 2 || r.Rings[0].Lowest != 4 {
		t.Errorf("%+v, rings %+v", r.Groups[1], r.Rings)
	}
}

func TestAnAlarmFiresOnceWhenEnoughIsReplaced(t *testing.T) {
	w, c := watching(t)
	fired := 0
	w.alarms = []*trigger{{percent: 40, fire: func() { fired++ }}}
	for i := range 6 {
		e := event(replica.Came, "web-1", time.Duration(i)*time.Second)
		e.Image = c.input.Image
		w.see(e)
		if want := map[bool]int{true: 1}[i >= 2]; fired != want { // 3 of 6 are the first 40 %
			t.Errorf("after %d: fired %d times", i+1, fired)
		}
	}
}

func TestASeriesStaysBoundedAndKeepsItsLowestPoints(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 5000).Draw(rt, "n")
		dip := rapid.IntRange(0, n-1).Draw(rt, "dip")
		var s series
		for i := range n {
			p := Point{At: float64(i), InService: 10, Desired: 10}
			if i == dip {
				p.InService = 1
			}
			s.add(p)
		}
		lowest := 10
		for i, p := range s.points {
			lowest = min(lowest, p.InService)
			if i > 0 && p.At <= s.points[i-1].At {
				rt.Fatalf("point %d at %g comes after %g", i, p.At, s.points[i-1].At)
			}
		}
		if len(s.points) > 2*maxPoints || lowest != 1 || s.points[0].At != 0 && dip != 0 || s.points[len(s.points)-1].At != float64(n-1) {
			rt.Fatalf("%d points from %g to %g, the lowest %d", len(s.points), s.points[0].At, s.points[len(s.points)-1].At, lowest)
		}
	})
}
