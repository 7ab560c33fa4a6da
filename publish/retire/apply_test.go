package retire

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish/usage"
)

func TestAppliedPlansDoWhatTheySay(t *testing.T) {
	w := standard()
	results, errs := w.apply(t.Context(), w.plan(t, input()))
	if len(errs) != 0 || Err(results) != nil || len(results) != 4 {
		t.Fatalf("%v, %+v", errs, results)
	}
	want := []string{"deprecate " + id(3), "tag " + id(2), "disable " + id(2), "delete /golden/web/builds/run-1", "tag snap-1", "deregister " + id(1), "delete snap-1", "remove run-1"}
	if !slices.Equal(w.calls, want) {
		t.Errorf("calls %q", w.calls)
	}
	if !slices.Equal(results[2].Gone, []string{"/golden/web/builds/run-1", id(1), "snap-1"}) {
		t.Errorf("gone %q", results[2].Gone)
	}
	if p := w.plan(t, input()); !p.Nothing() {
		t.Errorf("a second time: %v", actions(p))
	}
}

func TestOurTemplateVersionsGoBeforeTheImage(t *testing.T) {
	w := standard()
	w.versions = []usage.TemplateVersion{{Template: "lt-1", Number: 1, Default: true, Image: id(9)},
		{Template: "lt-1", Number: 2, Image: id(1), Description: "rehydrate: version 1 with image " + id(1)},
		{Template: "lt-1", Number: 3, Image: id(5), Description: "rehydrate: version 1 with image " + id(5)}}
	w.groups = []usage.Group{{Name: "web", Template: usage.Template{ID: "lt-1", Version: "3"}}}
	if _, errs := w.apply(t.Context(), w.plan(t, input())); len(errs) != 0 {
		t.Fatal(errs)
	}
	if a, b := slices.Index(w.calls, "delete lt-1:2"), slices.Index(w.calls, "deregister "+id(1)); a < 0 || b < a || len(w.versions) != 2 {
		t.Errorf("calls %q", w.calls)
	}
}

var errCut = errors.New("the line is dead")

// Whatever call fails, or whenever the process dies, a new plan finishes the work:
// the end is that of an undisturbed retirement.
func TestARepetitionFinishesWhateverFailed(t *testing.T) {
	calm := standard()
	calm.apply(t.Context(), calm.plan(t, input()))
	for n := 1; ; n++ {
		w := standard()
		at := 0
		p := w.plan(t, input())
		w.hook = func(string) error {
			if at++; at >= n { // from then on nothing answers, as for a process that is dead
				return errCut
			}
			return nil
		}
		_, errs := w.apply(t.Context(), p)
		w.hook = nil
		if at < n {
			if n < 30 {
				t.Errorf("only %d calls were cut off", n)
			}
			break
		}
		if len(errs) == 0 {
			t.Errorf("cut at call %d and nobody said so", n)
		}
		again := w.plan(t, input())
		if results, errs := w.apply(t.Context(), again); len(errs) != 0 || Err(results) != nil {
			t.Fatalf("cut at call %d, repeated: %v, %v", n, errs, Err(results))
		}
		if len(w.images) != len(calm.images) || len(w.snaps) != len(calm.snaps) || len(w.parameters) != len(calm.parameters) || len(w.left) != len(calm.left) ||
			w.images[id(2)].State != calm.images[id(2)].State || w.images[id(3)].DeprecatedAt.IsZero() {
			t.Errorf("cut at call %d: left %d images, %d snapshots, %d parameters", n, len(w.images), len(w.snaps), len(w.parameters))
		}
	}
}

// One failing call fails one unit; a repetition of the same unit from its last state
// finishes too.
func TestAUnitGoesOnFromItsLastState(t *testing.T) {
	for _, call := range []string{"delete /golden/web/builds/run-1", "tag snap-1", "deregister " + id(1), "delete snap-1"} {
		w := standard()
		p := w.plan(t, input())
		s, _ := w.stage()
		failed := false
		w.hook = func(c string) error {
			if c == call && !failed {
				failed = true
				return errCut
			}
			return nil
		}
		var raw []byte
		for range 100 {
			next, n, err := s.Units(p)[2].Unit.Advance(t.Context(), raw)
			if err != nil {
				continue
			}
			if raw = next; n.Done {
				break
			}
		}
		if r, err := ReadResult(raw); err != nil || r.Outcome != OutcomeDone || !failed || len(w.snaps) != 4 {
			t.Errorf("%s failed once: %+v, %v", call, r, err)
		}
	}
}

func TestWhatComesIntoUseAfterThePlanIsKept(t *testing.T) {
	for name, use := range map[string]func(*world){
		"an instance": func(w *world) {
			w.instances = []usage.Instance{{ID: "i-1", Image: id(1), State: "pending"}, {ID: "i-2", Image: id(2)}, {ID: "i-3", Image: id(3)}}
		},
		"the channel": func(w *world) { w.hold(1, 2); w.parameters["/x"] = []usage.Parameter{{Value: id(3)}} },
		"no answer":   func(w *world) { w.hook = func(c string) error { return map[string]error{"groups": errCut}[c] } },
		"a sharing": func(w *world) {
			w.shared[id(2)], w.shared[id(3)] = []string{"all"}, []string{"all"}
			w.set(1, func(i *usage.Image) { i.Protected = "enabled" })
		},
		"a revocation of ownership": func(w *world) {
			for n := 1; n <= 3; n++ {
				w.set(n, func(i *usage.Image) { i.Tags[usage.TagLine] = "db" })
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := standard()
			p := w.plan(t, input())
			p.Runs = nil
			use(w)
			results, errs := w.apply(t.Context(), p)
			if len(errs) != 0 || fault.KindOf(Err(results)).ExitCode() != 11 || len(w.calls) != 0 {
				t.Errorf("%v, %v, calls %q", errs, Err(results), w.calls)
			}
			for _, r := range results {
				if r.Outcome != OutcomeKept || !strings.Contains(r.Text, "since the plan") {
					t.Errorf("got %+v", r)
				}
			}
		})
	}
}

func TestEC2IsAskedOnceMoreRightBeforeTheCall(t *testing.T) {
	w := standard()
	p := w.plan(t, input())
	looks := 0
	w.hook = func(c string) error {
		// After the look at the whole account, an instance is launched.
		if c == "references" {
			if looks++; looks == 1 {
				w.instances = []usage.Instance{{ID: "i-1", Image: id(3), State: "pending"}}
			}
		}
		return nil
	}
	s, _ := w.stage()
	raw, n, err := s.Units(p)[0].Unit.Advance(t.Context(), nil)
	if err != nil || !n.Done || len(w.calls) != 0 {
		t.Fatalf("%s, %v, calls %q", raw, err, w.calls)
	}
	if r, _ := ReadResult(raw); !strings.Contains(r.Text, "instance/i-1 uses it") {
		t.Errorf("got %+v", r)
	}
}

func TestProtectionThatCameSinceIsAConflictAndNoFailure(t *testing.T) {
	w := standard()
	w.hook = func(c string) error {
		if c == "deregister "+id(1) {
			return fault.New(fault.Conflict, "", "it is protected")
		}
		return nil
	}
	results, errs := w.apply(t.Context(), w.plan(t, input()))
	if len(errs) != 0 || fault.KindOf(Err(results)) != fault.Conflict || w.images[id(1)].ID == "" || len(w.left) != 1 {
		t.Errorf("%v, %+v", errs, results)
	}
}

func TestASnapshotLeftBehindIsFoundAndStrangeOnesAreNot(t *testing.T) {
	w := standard()
	delete(w.images, id(1))
	tag := func(name string, tags map[string]string) { w.snaps[name] = Snapshot{ID: name, Tags: tags} }
	tag("snap-1", map[string]string{usage.TagLine: line, TagRetired: id(1)})
	tag("snap-other", map[string]string{usage.TagLine: "db", TagRetired: id(1)})
	tag("snap-alive", map[string]string{usage.TagLine: line, TagRetired: id(5)})
	tag("snap-unmarked", map[string]string{usage.TagLine: line})
	tag("snap-2", map[string]string{usage.TagLine: line, TagRetired: id(1)}) // image 2 stands on it
	p := w.plan(t, input())
	if len(p.Leftovers) != 1 || p.Leftovers[0].Snapshot != "snap-1" {
		t.Fatalf("got %+v", p.Leftovers)
	}
	if _, errs := w.apply(t.Context(), p); len(errs) != 0 || !slices.Contains(w.calls, "delete snap-1") {
		t.Errorf("%v, %q", errs, w.calls)
	}
}

func TestASnapshotThatCannotGoIsNotSaidToBeDeleted(t *testing.T) {
	w := standard()
	delete(w.images, id(1))
	w.snaps["snap-1"] = Snapshot{ID: "snap-1", Tags: map[string]string{usage.TagLine: line, TagRetired: id(1)}}
	p := w.plan(t, input())
	w.hook = func(c string) error {
		if c == "delete snap-1" {
			return fault.New(fault.Conflict, "", "it is locked")
		}
		return nil
	}
	results, errs := w.apply(t.Context(), p)
	n := slices.IndexFunc(results, func(r Result) bool { return r.Image == id(1) })
	if len(errs) != 0 || n < 0 || results[n].Outcome != OutcomeKept || len(results[n].Gone) != 0 || !strings.Contains(results[n].Text, "it is locked") {
		t.Errorf("%v, %+v", errs, results)
	}
}

// The time between disabling and deregistering is for whoever misses the image. A mark
// from an earlier attempt, or from before somebody enabled the image again, must not eat
// into it.
func TestTheDaysOfADisabledImageCountFromTheDayItWasDisabled(t *testing.T) {
	w := standard()
	w.set(2, func(i *usage.Image) {
		i.CreatedAt, i.Tags[TagDisabled] = now.AddDate(0, 0, -200), now.AddDate(0, 0, -100).Format(time.RFC3339)
	})
	if _, errs := w.apply(t.Context(), w.plan(t, input())); len(errs) != 0 {
		t.Fatal(errs)
	}
	if i := w.images[id(2)]; i.State != usage.StateDisabled || i.Tags[TagDisabled] != now.Format(time.RFC3339) {
		t.Fatalf("it is %s, marked %s", i.State, i.Tags[TagDisabled])
	}
	if x, _ := w.plan(t, input()).item(home, id(2)); x.Action != Keep || !strings.Contains(x.Why, "deregistered from 2026-07-01 on") {
		t.Errorf("it would be %s: %s", x.Action.done(), x.Why)
	}
}

func TestAnEndedContextEndsThePlan(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, _ := standard().stage()
	if _, err := s.Plan(ctx, input()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAStateOfAnotherShapeIsAnError(t *testing.T) {
	if _, err := ReadResult([]byte(`[`)); err == nil {
		t.Error("no error")
	}
}

func TestApplyGoesOnAfterAFailureAndSaysPartial(t *testing.T) {
	w := standard()
	p := w.plan(t, input())
	s, _ := w.stage()
	run := func(ctx context.Context, _ string, u unit.Unit) (raw json.RawMessage, err error) {
		for n := (unit.Next{}); err == nil && !n.Done; {
			raw, n, err = u.Advance(ctx, raw)
		}
		return raw, err
	}
	w.hook = func(c string) error {
		if c == "disable "+id(2) {
			return fault.New(fault.Denied, "", "not allowed")
		}
		return nil
	}
	results, err := s.Apply(t.Context(), p, run)
	if fault.KindOf(err).ExitCode() != 3 || len(results) != 4 || w.images[id(1)].ID != "" || !strings.Contains(Text(results), "not allowed") {
		t.Errorf("%v\n%s", err, Text(results))
	}
	if n := slices.IndexFunc(results, func(r Result) bool { return r.Outcome == OutcomeFailed }); n < 0 || results[n].Image != id(2) || results[n].Cell != home || results[n].Action != Disable {
		t.Errorf("which one failed is not said: %+v", results)
	}
	w.hook = nil
	if results, err := s.Apply(t.Context(), w.plan(t, input()), run); err != nil || len(results) != 1 {
		t.Errorf("repeated: %v, %+v", err, results)
	}
}
