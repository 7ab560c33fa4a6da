package publish_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
)

// withdraw marks what the cells hold as taken back by a roll.
func (w *cells) withdraw(t *testing.T, image string) {
	t.Helper()
	var all []publish.Taken
	for i, at := range w.places(channel) {
		all = append(all, publish.Taken{Place: at, Image: fmt.Sprintf("ami-%s-%d", image, i)})
	}
	u := w.stage().WithdrawUnit(all)
	var state json.RawMessage
	for range 50 {
		out, next, err := u.Advance(t.Context(), state)
		if err != nil {
			t.Fatal(err)
		}
		if state = out; next.Done {
			return
		}
	}
	t.Fatal("it does not end")
}

func TestWhatARollTookBackWithNothingBeforeItIsNeitherPublishedAgainNorPromoted(t *testing.T) {
	w := newCells(2).base(t)
	w.withdraw(t, "old")
	w.withdraw(t, "old") // again changes nothing
	_, err := w.publish(t, w.input("nightly", "old", t0.Add(-24*time.Hour)), nil)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "a roll took it back, and nothing preceded it (version 1)") {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{"run --force", "whoever reads the channel still gets it", "image revoke --force --reason WHY ami-old-0", "rollback --to 1"} {
		if !strings.Contains(fault.HintOf(err), want) {
			t.Errorf("the hint does not say %q: %s", want, fault.HintOf(err))
		}
	}
	if err := w.stage().Withheld(t.Context(), w.places(channel)[1], "ami-old-1"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("%v", err)
	}
	p := publish.Promotion{Run: "p-1", Steps: []publish.Step{{Cell: threeCells[0], From: channel, To: "/golden/demo/dev"}}}
	if _, err := w.stage().PlanPromotion(t.Context(), p); fault.KindOf(err) != fault.GateSaysNo || !strings.Contains(err.Error(), "taken back by a roll") {
		t.Errorf("promoted: %v", err)
	}
	all, err := w.stage().History(t.Context(), w.places(channel)[1])
	if err != nil || !all[0].Withdrawn || !slices.Contains(all[0].Labels, "withdrawn-1") {
		t.Errorf("%+v, %v", all, err)
	}
	var d publish.EnvelopeDocument
	if err := json.Unmarshal([]byte(w.stores[0].newest(publish.EnvelopeName(channel)).Value), &d); err != nil || !d.Withdrawn {
		t.Errorf("%+v, %v", d, err)
	}
	found := w.verify(t, "")
	for _, f := range found {
		if f.State != publish.Incorrect || len(f.Why) != 1 || !strings.Contains(f.Why[0], "taken back by a roll") {
			t.Errorf("%+v", f)
		}
	}
}

func TestANewerImageGoesOverWhatWasWithdrawnAndNoRollbackComesBackToIt(t *testing.T) {
	w := newCells(2).base(t)
	w.withdraw(t, "old")
	if _, err := w.publish(t, w.input("run-1", "new", t0), nil); err != nil {
		t.Fatal(err)
	}
	for _, f := range w.verify(t, "") {
		if f.State != publish.Correct {
			t.Errorf("%+v", f)
		}
	}
	if _, _, err := w.rollback(t, "back", 0); fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "version 1 is passed over: a roll took it back") {
		t.Errorf("%v", err)
	}
	if _, err := w.publish(t, w.input("nightly", "old", t0.Add(-24*time.Hour)), nil); fault.KindOf(err) != fault.Conflict {
		t.Errorf("%v", err)
	}
}

func TestWhatWasWithdrawnStandsWhenSomebodyAsksForIt(t *testing.T) {
	for name, newer := range map[string]bool{"while the channel holds it": false, "after a newer one": true} {
		t.Run(name, func(t *testing.T) {
			w := newCells(2).base(t)
			w.withdraw(t, "old")
			if newer {
				if _, err := w.publish(t, w.input("run-1", "new", t0), nil); err != nil {
					t.Fatal(err)
				}
			}
			if _, _, err := w.rollback(t, "asked", 1); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(w.held(), " "); got != "ami-old-0 ami-old-1" {
				t.Errorf("%s", got)
			}
			for _, f := range w.verify(t, "") {
				if f.State != publish.Correct {
					t.Errorf("%+v", f)
				}
			}
			if got, err := w.publish(t, w.input("nightly", "old", t0.Add(-24*time.Hour)), nil); err != nil || !got.Skipped {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestADeletedChannelDoesNotForgetWhatWasWithdrawn(t *testing.T) {
	w := newCells(1).base(t)
	w.withdraw(t, "old")
	delete(w.stores[0].versions, channel)
	delete(w.stores[0].last, channel)
	if _, err := w.publish(t, w.input("nightly", "old", t0.Add(-24*time.Hour)), nil); fault.KindOf(err) != fault.Conflict || !strings.Contains(fault.HintOf(err), "delete /golden/demo/latest/envelope too") {
		t.Errorf("%v", err)
	}
	if _, err := w.publish(t, w.input("run-1", "new", t0), nil); err != nil {
		t.Error(err)
	}
}

func TestAChannelThatHoldsAnotherImageByNowIsNotWithdrawn(t *testing.T) {
	w := newCells(1).base(t)
	if _, err := w.publish(t, w.input("run-1", "new", t0), nil); err != nil {
		t.Fatal(err)
	}
	w.withdraw(t, "old")
	all, err := w.stage().History(t.Context(), w.places(channel)[0])
	if err != nil || all[0].Withdrawn || all[1].Withdrawn {
		t.Errorf("%+v, %v", all, err)
	}
}

// A Region that was added with the image has nothing to go back to; the others have.
func TestARollbackThatMayLeavePlacesBehindTakesTheOthersBack(t *testing.T) {
	w := three(t, 3)
	w.stores[1].versions[channel] = w.stores[1].versions[channel][2:]
	var left []string
	r := publish.Rollback{Run: "back", Places: w.places(channel), Without: func(at publish.Place, why error) { left = append(left, at.Region) }}
	p, err := w.stage().PlanRollback(t.Context(), r)
	if err != nil || len(p.Moves) != 2 || len(left) != 1 || left[0] != "us-east-1" {
		t.Fatalf("%+v, left %v, %v", p, left, err)
	}
	// The first place may be the one.
	w = three(t, 3)
	w.stores[0].versions[channel] = w.stores[0].versions[channel][2:]
	left, r.Places = nil, w.places(channel)
	if p, err = w.stage().PlanRollback(t.Context(), r); err != nil || len(p.Moves) != 2 || len(left) != 1 || left[0] != "eu-west-1" {
		t.Fatalf("%+v, left %v, %v", p, left, err)
	}
}
