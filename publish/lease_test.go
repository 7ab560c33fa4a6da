package publish_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish"
)

const leaseName = "/golden/demo/lease"

// leased is a store whose lease another run has until a time.
func leased(owner string, until time.Time) *store {
	s := held("ami-old", publish.Envelope{Run: "run-0", BakedAt: t0.Add(-time.Hour)})
	s.lend(owner, until)
	return s
}

func (s *store) lend(owner string, until time.Time) {
	v, _ := json.Marshal(map[string]any{"owner": owner, "until": until})
	s.add(leaseName, string(v), "")
	all := s.versions[leaseName]
	all[len(all)-1].DataType = "text"
}

func (s *store) owner() string {
	var v struct {
		Owner string `json:"owner"`
	}
	_ = json.Unmarshal([]byte(s.newest(leaseName).Value), &v) // "" will not do
	return v.Owner
}

func TestALeaseIsGivenBackAtTheEnd(t *testing.T) {
	s := newStore()
	if _, err := run(t, s, input("ami-new")); err != nil {
		t.Fatal(err)
	}
	if s.owner() != "" || len(s.versions[leaseName]) < 2 {
		t.Errorf("the lease: %+v", s.versions[leaseName])
	}
	if !strings.Contains(s.newest(channel).Description, "fence=1") {
		t.Errorf("%s does not say under which lease it was written", s.newest(channel).Description)
	}
}

func TestALeaseIsWaitedForAndTakenWhenItsTimeIsOver(t *testing.T) {
	start := t0.Add(time.Hour)
	for _, c := range []struct {
		name     string
		until    time.Time
		min, max time.Duration
	}{
		{"by its own word", start.Add(time.Minute), 70 * time.Second, 90 * time.Second},
		{"long over", start.Add(-time.Hour), 0, 0},
		{"by a clock that is a day ahead, because it does not change", start.Add(24 * time.Hour), 2 * time.Minute, 130 * time.Second},
		{"by a clock that is a day behind", start.Add(-24 * time.Hour), 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := leased("run-9", c.until)
			var at time.Time
			s.between = func() {}
			stage := newStage(s)
			s.hook = func(call string, after bool) error {
				if call == "Put" && !after && at.IsZero() {
					at = stage.Clock.Now() // of the lease, which is the first write
				}
				return nil
			}
			p, err := stage.Plan(t.Context(), input("ami-new"))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := drive(t, stage, p, 0); err != nil {
				t.Fatal(err)
			}
			if d := at.Sub(start); d < c.min || d > c.max {
				t.Errorf("taken after %s, want %s to %s", d, c.min, c.max)
			}
			if s.newest(channel).Value != "ami-new" {
				t.Error("not published")
			}
		})
	}
}

func TestALeaseThatIsKeptUpIsNotTaken(t *testing.T) {
	s := leased("run-9", t0.Add(2*time.Hour))
	stage := newStage(s)
	p, err := stage.Plan(t.Context(), input("ami-new"))
	if err != nil {
		t.Fatal(err)
	}
	s.hook = func(call string, after bool) error {
		if call == "Get" && !after { // its owner is alive
			s.lend("run-9", stage.Clock.Now().Add(2*time.Minute))
		}
		return nil
	}
	_, _, err = drive(t, stage, p, 0)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "run run-9 has had the lease") {
		t.Errorf("got %v", err)
	}
	if len(s.writes) > 0 {
		t.Errorf("wrote %v", s.writes)
	}
}

// A run that was away while its lease ran out does not write when it comes back: it
// waits for the new owner, and then finds what that has published.
func TestARunThatComesBackAfterItsLeaseIsStopped(t *testing.T) {
	s := held("ami-old", publish.Envelope{Run: "run-0", BakedAt: t0.Add(-time.Hour)})
	stage := newStage(s)
	p, err := stage.Plan(t.Context(), input("ami-new"))
	if err != nil {
		t.Fatal(err)
	}
	u := stage.Unit(p)
	var state json.RawMessage
	ctx := t.Context()
	sleep := func(n unit.Next) {
		if n.After > 0 {
			if err := stage.Clock.Sleep(ctx, stage.Clock.Now().Add(n.After)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for !strings.Contains(string(state), `"step":"pointer"`) {
		out, next, err := u.Advance(ctx, state)
		if err != nil {
			t.Fatal(err)
		}
		state = out
		sleep(next)
	}
	sleep(unit.Again(10 * time.Minute)) // it is away
	s.lend("run-9", stage.Clock.Now().Add(time.Minute))
	writes := len(s.writes)
	for range 5 {
		out, next, err := u.Advance(ctx, state)
		if err != nil {
			t.Fatal(err)
		}
		state = out
		sleep(next)
	}
	if len(s.writes) > writes {
		t.Errorf("it wrote %v under the lease of another", s.writes[writes:])
	}
	s.add(channel, "ami-late", publish.Envelope{Run: "run-9", BakedAt: t0.Add(time.Minute)}.String())
	s.lend("", stage.Clock.Now())
	for {
		out, next, err := u.Advance(ctx, state)
		if err != nil {
			t.Fatal(err)
		}
		state = out
		if next.Done {
			break
		}
		sleep(next)
	}
	if _, err := publish.Result(state); fault.KindOf(err) != fault.Conflict || s.newest(channel).Value != "ami-late" {
		t.Errorf("got %v; the channel holds %s", err, s.newest(channel).Value)
	}
}

// The write of a run that was paused after its look at the lease lands over what is
// newer. It finds that itself and puts it right, labels and envelope with it.
func TestALateWriteOverTheNewerIsPutRight(t *testing.T) {
	s := held("ami-old", publish.Envelope{Run: "run-0", BakedAt: t0.Add(-time.Hour)})
	newer := publish.Envelope{Run: "run-9", BakedAt: t0.Add(time.Minute)}
	s.between = func() { // paused right before its call
		v := s.add(channel, "ami-late", newer.String())
		if err := s.Label(context.Background(), channel, v, "current"); err != nil {
			t.Fatal(err)
		}
	}
	var warned []string
	stage := newStage(s)
	stage.Events = event.Func(func(e event.Event) {
		if e.Kind == event.Warned {
			warned = append(warned, e.Text)
		}
	})
	p, err := stage.Plan(t.Context(), input("ami-new"))
	if err != nil {
		t.Fatal(err)
	}
	raw, _, err := drive(t, stage, p, 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := publish.Result(raw)
	if fault.KindOf(err) != fault.Conflict || got.Pointers[0].Outcome != publish.Superseded {
		t.Errorf("%+v, %v", got, err)
	}
	now := s.newest(channel)
	if now.Value != "ami-late" || s.labelled(channel, "current") != now.Version || s.labelled(channel, "previous") != 1 && s.labelled(channel, "previous") != 3 {
		t.Errorf("%+v, previous %d", now, s.labelled(channel, "previous"))
	}
	if len(warned) == 0 || !strings.Contains(strings.Join(warned, "\n"), "older than ami-late") {
		t.Errorf("warned %v", warned)
	}
	found, err := stage.Verify(t.Context(), []publish.Expected{{Place: publish.Place{Channel: channel}}})
	if err != nil || found[0].State != publish.Incorrect || len(found[0].Why) != 1 { // the stand-in for the newer run wrote no builds entry
		t.Errorf("verify: %s, %v, %v", found[0].State, found[0].Why, err)
	}
}

func TestALeaseThatCannotBeWrittenStopsEverything(t *testing.T) {
	s := held("ami-old", publish.Envelope{})
	stage := newStage(s)
	p, err := stage.Plan(t.Context(), input("ami-new"))
	if err != nil {
		t.Fatal(err)
	}
	s.hook = func(call string, after bool) error {
		if call == "Put" && !after {
			return fault.New(fault.Denied, "", "not allowed")
		}
		return nil
	}
	if _, _, err := drive(t, stage, p, 0); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "lease /golden/demo/lease") {
		t.Errorf("got %v", err)
	}
}
