package engine

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/internal/wait"
)

type asked struct {
	Advances int
	By       string
	Refused  bool
}

// asker goes on only with an answer.
func asker() unit.Unit {
	return unit.Func("test.asker", func(ctx context.Context, s *asked) (unit.Next, error) {
		s.Advances++
		d, ok := unit.DecisionOf(ctx)
		if !ok {
			return unit.Next{Approval: "the board"}, nil
		}
		s.By, s.Refused = d.By, !d.Approved
		return unit.Done(), nil
	})
}

func TestAnApprovalIsWaitedForInAnyNumberOfProcesses(t *testing.T) {
	for _, approved := range []bool{true, false} {
		j := journal.Open(journal.NewFolder(t.TempDir()), "r1")
		run := func() (asked, error) {
			raw, err := (&Local{Journal: j, Clock: wait.Wall{}}).Run(t.Context(), "gate/prod", asker())
			var s asked
			if err == nil {
				err = json.Unmarshal(raw, &s)
			}
			return s, err
		}
		for range 3 {
			_, err := run()
			var w *Waiting
			if fault.KindOf(err) != fault.Waiting || !errors.As(err, &w) || w.Approval != "the board" || !strings.Contains(fault.HintOf(err), "rehydrate approve --by NAME r1") {
				t.Fatalf("got %v, hint %q", err, fault.HintOf(err))
			}
		}
		asks, err := j.Asks(t.Context())
		if err != nil || len(asks) != 1 || asks[0].Unit != "gate/prod" || asks[0].Approval != "the board" || asks[0].Decision != nil {
			t.Fatalf("asks %+v, %v", asks, err)
		}
		if err := j.Decide(t.Context(), asks[0], unit.Decision{Approved: approved, By: "ann"}); err != nil {
			t.Fatal(err)
		}
		s, err := run()
		if err != nil || s.By != "ann" || s.Refused == approved || s.Advances != 2 {
			t.Errorf("approved %v: %+v, %v", approved, s, err)
		}
		if again, err := run(); err != nil || again != s {
			t.Errorf("a run that has ended: %+v, %v", again, err)
		}
	}
}

// The answer belongs to one question: a second one is asked anew.
func TestAnAnswerIsNotGivenTwice(t *testing.T) {
	j := journal.Open(journal.NewFolder(t.TempDir()), "r1")
	greedy := unit.Func("test.greedy", func(ctx context.Context, n *int) (unit.Next, error) {
		if _, ok := unit.DecisionOf(ctx); ok {
			*n++
		}
		if *n == 2 {
			return unit.Done(), nil
		}
		return unit.Next{Approval: []string{"first", "second"}[*n]}, nil
	})
	for _, want := range []string{"first", "second"} {
		for range 2 {
			var w *Waiting
			if _, err := (&Local{Journal: j, Clock: wait.Wall{}}).Run(t.Context(), "u", greedy); !errors.As(err, &w) || w.Approval != want {
				t.Fatalf("got %v, want the approval %s", err, want)
			}
		}
		asks, err := j.Asks(t.Context())
		if err != nil || len(asks) != 1 || asks[0].Approval != want {
			t.Fatalf("asks %+v, %v", asks, err)
		}
		if err := j.Decide(t.Context(), asks[0], unit.Decision{Approved: true, By: "ann"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := (&Local{Journal: j, Clock: wait.Wall{}}).Run(t.Context(), "u", greedy); err != nil {
		t.Error(err)
	}
}

// A wait made of many looks leaves a process that may not wait so long after one.
func TestMaxWaitCountsTheWholeOfAWaitWithLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.Open(journal.NewFolder(t.TempDir()), "r1")
		end := time.Now().Add(time.Hour)
		looks := 0
		soak := unit.Func("test.soak", func(context.Context, *struct{}) (unit.Next, error) {
			looks++
			left := time.Until(end)
			if left <= 0 {
				return unit.Done(), nil
			}
			return unit.Next{After: time.Minute, Whole: left}, nil
		})
		l := &Local{Journal: j, Clock: wait.Wall{}, MaxWait: 20 * time.Minute}
		begun := time.Now()
		_, err := l.Run(t.Context(), "soak", soak)
		var w *Waiting
		if !errors.As(err, &w) || !w.Until.Equal(end) || !w.Due().Equal(begun.Add(time.Minute)) || looks != 1 || !time.Now().Equal(begun) {
			t.Fatalf("got %v after %d looks", err, looks)
		}
		time.Sleep(45 * time.Minute)
		if _, err := l.Run(t.Context(), "soak", soak); err != nil || !time.Now().Equal(end) {
			t.Errorf("the rest of the wait: %v at %s, want %s", err, time.Now(), end)
		}
	})
}
