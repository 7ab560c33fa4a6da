package publish_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
)

// full is a channel with the hundred versions that Parameter Store keeps.
func full(labels ...string) *store {
	s := newStore()
	for n := range 100 {
		s.add(channel, fmt.Sprintf("ami-%d", n), publish.Envelope{Run: fmt.Sprintf("r%d", n), BakedAt: t0.Add(time.Duration(n-1000) * time.Hour)}.String())
	}
	s.versions[channel][0].Labels = labels
	return s
}

func TestAtAHundredVersionsOurLabelsMakeRoom(t *testing.T) {
	for _, labels := range [][]string{{"current"}, {"previous", "revoked"}, {"revoked-ami-0"}, {"passed"}, nil} {
		s := full(labels...)
		got, err := run(t, s, input("ami-new"))
		if err != nil || got.Version != 101 {
			t.Errorf("%v: %+v, %v", labels, got, err)
		}
		if s.labelled(channel, "current") != 101 || s.labelled(channel, "previous") != 100 {
			t.Errorf("%v: current is %d, previous is %d", labels, s.labelled(channel, "current"), s.labelled(channel, "previous"))
		}
	}
}

func TestAtAHundredVersionsALabelOfOthersIsTheirs(t *testing.T) {
	s := full("previous", "audited")
	_, err := run(t, s, input("ami-new"))
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "labelled audited") {
		t.Errorf("got %v", err)
	}
	if v := s.newest(channel); v.Value != "ami-99" || s.versions[channel][0].Labels[0] != "previous" {
		t.Errorf("the channel holds %s, its oldest is labelled %v", v.Value, s.versions[channel][0].Labels)
	}
}

func TestALabelOfOthersInOnePlaceIsFoundBeforeAnyPointerMoves(t *testing.T) {
	w := newCells(3).base(t)
	w.stores[2].versions[channel], w.stores[2].last[channel] = full("audited").versions[channel], 100
	_, p, err := plannedAndRun(t, w)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(fault.HintOf(err), "--region eu-west-1 --name "+channel+" --parameter-version 1 --labels audited") {
		t.Errorf("%v, next: %s", err, fault.HintOf(err))
	}
	if len(w.log) > 0 || len(p.Moves) != 3 {
		t.Errorf("wrote %v", w.log)
	}
}

func TestAFullChannelIsPutBackToo(t *testing.T) {
	w := newCells(2).base(t)
	w.stores[0].versions[channel], w.stores[0].last[channel] = full().versions[channel], 100
	w.stores[0].versions[channel][1].Labels = []string{"revoked-2"} // the oldest, once the first has gone
	w.stores[1].hook = func(call string, after bool) error {
		if call == "Put" && !after && w.stores[0].newest(channel).Value == "ami-new-0" { // the other has moved
			return fault.New(fault.Denied, "", "not allowed")
		}
		return nil
	}
	got, _, err := plannedAndRun(t, w)
	if fault.KindOf(err) != fault.Failed || !slices.Equal(outcomes(got), []string{"put-back", "refused"}) {
		t.Errorf("%v: %v", outcomes(got), err)
	}
	if v := w.stores[0].newest(channel); v.Value != "ami-99" || v.Version != 102 {
		t.Errorf("the channel holds %s as version %d", v.Value, v.Version)
	}
}

func plannedAndRun(t *testing.T, w *cells) (record.Publish, *publish.Plan, error) {
	t.Helper()
	s := w.stage()
	p, err := s.Plan(t.Context(), w.input("run-1", "new", t0))
	if err != nil {
		t.Fatal(err)
	}
	raw, _, err := drive(t, s, p, 0)
	if err != nil {
		return record.Publish{}, p, err
	}
	out, err := publish.Result(raw)
	return out, p, err
}
