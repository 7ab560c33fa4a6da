package publish_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
)

// Every call of a publication to three cells fails once, before or after its effect;
// the run then goes on from its last saved state, and everything ends as if nothing had
// failed.
func TestThreeCellsSurviveAFailureAtEveryCall(t *testing.T) {
	points := 0
	for _, after := range []bool{false, true} {
		for at := 0; ; at++ {
			w := newCells(3).base(t)
			calls, hit := 0, false
			for _, s := range w.stores {
				s.hook = func(_ string, a bool) error {
					if a != after {
						return nil
					}
					if calls++; calls == at+1 {
						hit = true
						return errInjected
					}
					return nil
				}
			}
			s := w.stage()
			p, err := s.Plan(t.Context(), w.input("run-1", "new", t0))
			if errors.Is(err, errInjected) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			raw, _, err := drive(t, s, p, 1)
			if err == nil {
				_, err = publish.Result(raw)
			}
			if err != nil {
				t.Fatalf("call %d (after=%t): %v", at, after, err)
			}
			if !hit {
				break
			}
			points++
			for i, s := range w.stores {
				if v := s.versions[channel]; len(v) != 2 || v[1].Value != fmt.Sprintf("ami-new-%d", i) {
					t.Errorf("call %d (after=%t): cell %d: %+v", at, after, i, v)
				}
			}
			w.correct(t)
		}
	}
	if points < 80 {
		t.Errorf("only %d failures were tried", points)
	}
	t.Logf("%d failures", points)
}

// A run that dies anywhere leaves what verify shows, and going on with it ends it.
func TestWhateverFailsAllPointersMoveOrNoneDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newCells(3).base(t)
		broken := rapid.IntRange(0, 2).Draw(rt, "cell that fails")
		from := rapid.IntRange(0, 120).Draw(rt, "first call that fails")
		times := rapid.IntRange(1, 200).Draw(rt, "calls that fail")
		after := rapid.Bool().Draw(rt, "after its effect")
		calls := 0
		s := w.stage()
		p, err := s.Plan(t.Context(), w.input("run-1", "new", t0))
		if err != nil {
			rt.Fatal(err)
		}
		w.stores[broken].hook = func(_ string, a bool) error {
			if a != after {
				return nil
			}
			if calls++; calls > from && calls <= from+times {
				return errInjected
			}
			return nil
		}
		var raw json.RawMessage
		raw, _, err = drive(t, s, p, 300)
		if err != nil {
			rt.Fatalf("%v", err)
		}
		got, err := publish.Result(raw)
		held := w.held()
		w.stores[broken].hook = nil
		switch {
		case err == nil && slices.Equal(held, []string{"ami-new-0", "ami-new-1", "ami-new-2"}):
			w.correct(t)
		case fault.KindOf(err) == fault.Failed && slices.Equal(held, []string{"ami-old-0", "ami-old-1", "ami-old-2"}):
		case fault.KindOf(err) == fault.Partial && slices.Contains(outcomes(got), publish.Left):
		default:
			rt.Fatalf("held %v, said %v, %v", held, outcomes(got), err)
		}
	})
}
