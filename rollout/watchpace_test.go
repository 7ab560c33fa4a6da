package rollout

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestALookIsNeitherTooSoonNorTooLateAndMeetsOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "now"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		d := time.Duration(rapid.Int64Range(-int64(time.Hour), int64(240*time.Hour)).Draw(t, "d"))
		late := rapid.Bool().Draw(t, "late")
		got := meet(now, d, pollMost, late)
		if got < pollEvery || got > pollMost {
			t.Fatalf("waits %s", got)
		}
		want := min(max(d, pollEvery), pollMost)
		// The executor's tick takes it up to the grid.
		if at := now.Add(got + pollEvery/2); got > pollEvery+pollEvery/4 && at.Truncate(pollEvery) != at {
			t.Errorf("looks at %s, where nobody else does", at)
		}
		if late && got < want-pollEvery && want < pollMost/2 {
			t.Errorf("waits %s, sooner than %s", got, want)
		}
		if got < (want-pollEvery)/2 || got > 2*want {
			t.Errorf("waits %s where %s was due", got, want)
		}
	})
}

// pretended is a group of a fleet as its own looks show it: batches of instances that
// come one after the other.
type pretended struct {
	groupMover
	st          groupState
	begun, next time.Time
	batch       time.Duration
	size        int
	seenAt      time.Time // the look that showed the last instance
	looks       int
}

func (p *pretended) at(now time.Time) int { return min(p.size*int(now.Sub(p.begun)/p.batch), 50) }
func (p *pretended) end() time.Time {
	return p.begun.Add(p.batch * time.Duration((50+p.size-1)/p.size))
}

func (p *pretended) watch(now time.Time) {
	g := Group{Desired: 50}
	for i := range 50 {
		v := "1"
		if i < p.at(now) {
			v = "2"
		}
		g.Instances = append(g.Instances, Member{ID: fmt.Sprint(i), State: InService, Template: Template{ID: "lt", Version: v}})
	}
	p.looks++
	p.look(&p.st, g, now)
	p.next = now.Add(p.pace(&p.st, now)).Add(pollEvery - 1).Truncate(pollEvery) // as the executor's tick has it
	if p.seen.on == p.seen.of && p.seenAt.IsZero() {
		p.seenAt = now
	}
}

// However quick the batches are and whenever the groups of a cell began, one call shows
// many groups, and the end of each is noticed soon after it.
func TestGroupsOfACellShareTheirLooksAndTheirEndsAreNoticed(t *testing.T) {
	for _, c := range []struct {
		batch time.Duration
		size  int
		late  time.Duration // the end may be noticed so much later
		calls int           // for ten groups
	}{
		{20 * time.Second, 5, 75 * time.Second, 18},
		{2 * time.Minute, 5, 105 * time.Second, 24},
		{2 * time.Minute, 1, 2*time.Minute + 15*time.Second, 60},
		{10 * time.Minute, 5, 5 * time.Minute, 40},
	} {
		t.Run(fmt.Sprint(c.batch, " by ", c.size), func(t *testing.T) {
			begun := time.Date(2026, 3, 10, 12, 0, 7, 0, time.UTC)
			var all []*pretended
			for n := range 10 {
				p := &pretended{begun: begun.Add(time.Duration(n) * 11 * time.Second), batch: c.batch, size: c.size}
				p.Stage, p.x = nil, &Execution{}
				p.plan = GroupPlan{Template: Template{ID: "lt"}}
				p.st = groupState{Target: "2", Back: true, Since: p.begun} // nobody is told
				p.next = p.begun.Add(firstLook)
				all = append(all, p)
			}
			calls := 0
			for now := begun.Truncate(pollEvery); ; now = now.Add(pollEvery) {
				busy, called := false, false
				for _, p := range all {
					if !p.seenAt.IsZero() {
						continue
					}
					if busy = true; !p.next.After(now) {
						p.watch(now)
						called = true
					}
				}
				if called {
					calls++
				}
				if !busy {
					break
				}
			}
			looks := 0
			for n, p := range all {
				looks += p.looks
				if late := p.seenAt.Sub(p.end()); late > c.late {
					t.Errorf("the end of group %d was noticed after %s", n, late)
				}
			}
			t.Logf("%d calls for %d looks", calls, looks)
			if calls > c.calls {
				t.Errorf("%d calls for %d looks, at most %d", calls, looks, c.calls)
			}
		})
	}
}

func TestTheTimeThatIsLeftIsByTheQuickerOfAllAndTheLast(t *testing.T) {
	s := sight{on: 5, of: 50}
	if got := s.until(s.of, 100*time.Second); got != 900*time.Second {
		t.Errorf("in %s", got)
	}
	// The last ones came quicker than all before: that is believed, because it is sooner.
	now := time.Now()
	s.on, s.moved, s.before, s.gained = 10, now, now.Add(-50*time.Second), 5
	if got := s.until(s.of, 30*time.Minute); got != 400*time.Second {
		t.Errorf("in %s", got)
	}
}

type saying string

func (s saying) Name() string                         { return "andon" }
func (s saying) Read(context.Context) (string, error) { return string(s), nil }
func (s saying) Write(context.Context, string) error  { return nil }

// A checkpoint is not looked for by itself; who is to hold there looks as often as may be.
func TestCheckpointsAreLookedForOnceTheAndonWantsToHold(t *testing.T) {
	begun := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	for order, want := range map[string]time.Duration{"run": 2 * time.Minute, "pause": pollEvery} {
		a := &Andon{Switch: saying(order), Clock: stopped(begun)}
		if _, err := a.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		m := &groupMover{x: &Execution{Andon: a}, plan: GroupPlan{Preferences: Preferences{Checkpoints: []int{20, 100}}}}
		m.seen = sight{on: 9, of: 50, moved: begun.Add(5 * time.Minute)} // the checkpoint is near
		got := m.pace(&groupState{Since: begun}, begun.Add(5*time.Minute))
		if order == "run" && got < want || order != "run" && got != want {
			t.Errorf("with %s the next look is after %s", order, got)
		}
	}
}

type stopped time.Time

func (c stopped) Now() time.Time                             { return time.Time(c) }
func (stopped) Sleep(ctx context.Context, _ time.Time) error { return ctx.Err() }
