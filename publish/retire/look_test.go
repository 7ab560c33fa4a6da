package retire

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/usage"
)

func TestAnImageThatIsGoneSinceThePlanIsDone(t *testing.T) {
	w := standard()
	p := w.plan(t, input())
	for n := 1; n <= 3; n++ { // somebody was faster
		delete(w.images, id(n))
	}
	results, errs := w.apply(t.Context(), p)
	if len(errs) != 0 || Err(results) != nil {
		t.Fatalf("%v, %+v", errs, results)
	}
	for _, r := range results[:2] {
		if r.Outcome != OutcomeDone || !strings.HasSuffix(r.Text, "is gone") {
			t.Errorf("got %+v", r)
		}
	}
	if slices.ContainsFunc(w.calls, func(c string) bool { return strings.HasPrefix(c, "disable") || strings.HasPrefix(c, "deregister") }) {
		t.Errorf("calls %q", w.calls)
	}
}

// The second witness may be missing; one that does not answer keeps the image.
func TestTheLastLookKeepsAnImageUnlessEC2DoesNotOfferIt(t *testing.T) {
	for kind, kept := range map[fault.Kind]bool{fault.Unsupported: false, fault.Denied: true, fault.Failed: true} {
		w := standard()
		p := w.plan(t, input())
		looks := 0
		w.hook = func(c string) error {
			if c == "references" {
				if looks++; looks > 1 { // the first is the census's
					return fault.New(kind, "", "no")
				}
			}
			return nil
		}
		s, _ := w.stage()
		_, _, err := s.Units(p)[0].Unit.Advance(t.Context(), nil)
		if kept != (len(w.calls) == 0) || kept != (err != nil) {
			t.Errorf("kind %v: %v, calls %q", kind, err, w.calls)
		}
	}
}

func TestWhatIsNoLeftoverAnyMoreStays(t *testing.T) {
	w := standard()
	delete(w.images, id(1))
	w.snaps["snap-1"] = Snapshot{ID: "snap-1", Tags: map[string]string{usage.TagLine: line, TagRetired: id(1)}}
	p := w.plan(t, input())
	w.add(6, 1) // an image that stands on it
	w.set(6, func(i *usage.Image) { i.Snapshots = []string{"snap-1"} })
	results, errs := w.apply(t.Context(), p)
	n := slices.IndexFunc(results, func(r Result) bool { return r.Image == id(1) })
	if len(errs) != 0 || n < 0 || results[n].Outcome != OutcomeKept || slices.Contains(w.calls, "delete snap-1") {
		t.Errorf("%v, %+v", errs, results)
	}
}

// Nobody's age is guessed, no image is judged twice, and a policy that keeps nothing is none.
func TestOddImagesAndInputs(t *testing.T) {
	w := standard()
	w.set(3, func(i *usage.Image) { i.CreatedAt = time.Time{} })
	in := input()
	in.Cells = append(in.Cells, home)
	p := w.plan(t, in)
	if len(p.Items) != 5 {
		t.Errorf("%d items for 5 images", len(p.Items))
	}
	if x, _ := p.item(home, id(3)); x.Action != Keep || x.Why != "nobody knows how old it is" {
		t.Errorf("got %+v", x)
	}
	s, _ := w.stage()
	for name, change := range map[string]func(*Input){
		"no line":     func(in *Input) { in.Line = "" },
		"nowhere":     func(in *Input) { in.Cells = nil },
		"keep none":   func(in *Input) { in.Policy.Keep = 0 },
		"no rollback": func(in *Input) { in.Policy.RollbackDepth = 0 },
	} {
		in := input()
		change(&in)
		if _, err := s.Plan(t.Context(), in); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
