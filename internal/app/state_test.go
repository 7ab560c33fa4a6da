package app

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

func state(t *testing.T) State {
	t.Helper()
	s, err := OpenState(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLease_keeps_a_second_run_of_the_line_away_and_names_the_first(t *testing.T) {
	s := state(t)
	release, err := s.Lease(t.Context(), "web", "run-1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Lease(t.Context(), "web", "run-2")
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "leased by run run-1 on ") {
		t.Errorf("got %v", err)
	}
	other, err := s.Lease(t.Context(), "db", "run-3")
	if err != nil {
		t.Errorf("another line: %v", err)
	} else {
		other()
	}
	release()
	again, err := s.Lease(t.Context(), "web", "run-2")
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	again()
}

// A status is asked for while a run is resumed, in a loop perhaps.
func TestLease_is_given_while_others_look_whether_a_run_is_at_work(t *testing.T) {
	s := state(t)
	ctx, stop := context.WithCancel(t.Context())
	var looking sync.WaitGroup
	defer looking.Wait()
	defer stop()
	for round := range 200 {
		release, err := s.Lease(t.Context(), "web", "run-1")
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		release()
		if round > 0 {
			continue
		}
		looking.Go(func() { // from the first lease on there is something to look at
			for ctx.Err() == nil {
				if _, err := s.leased(ctx, "web", "run-1"); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestSave_and_Load_give_the_same_document(t *testing.T) {
	s := state(t)
	want := &record.Run{Schema: record.Schema, ID: "r-1", Line: "web", Outcome: "done", Bake: &record.Bake{Image: "ami-1", Left: []string{"snapshot snap-1"}},
		StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if err := s.Save(want); err != nil {
		t.Fatal(err)
	}
	got, err := s.Load("r-1")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	left, err := os.ReadDir(s.Artifacts("r-1"))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the document there lies something: %v, %v", left, err)
	}
}

func TestLoad_without_an_id_is_the_newest_run(t *testing.T) {
	s := state(t)
	if _, err := s.Load(""); fault.KindOf(err) != fault.NotFound {
		t.Errorf("of no runs: %v", err)
	}
	for _, id := range []string{"20260103-000000-aa", "20260101-000000-bb"} {
		if err := s.Save(&record.Run{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := s.Load(""); err != nil || r.ID != "20260103-000000-aa" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := s.Load("none"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("of an unknown id: %v", err)
	}
}

func TestNewest_is_of_the_line_and_accepted(t *testing.T) {
	s := state(t)
	for _, r := range []*record.Run{{ID: "1", Line: "web", Outcome: "done"}, {ID: "2", Line: "web", Outcome: "failed"}, {ID: "3", Line: "db", Outcome: "done"}} {
		if err := s.Save(r); err != nil {
			t.Fatal(err)
		}
	}
	done := func(r *record.Run) bool { return r.Outcome == "done" }
	if r, err := s.Newest("web", done); err != nil || r == nil || r.ID != "1" {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := s.Newest("api", done); err != nil || r != nil {
		t.Errorf("of a line without runs: %+v, %v", r, err)
	}
}

func TestNewRunID_sorts_by_time_and_differs_within_a_second(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	form := regexp.MustCompile(`^20260304-040607-[0-9a-f]{6}$`)
	var ids []string
	for _, when := range []time.Time{at, at, at.Add(time.Second)} {
		id, err := NewRunID(when)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if !form.MatchString(ids[0]) || ids[0] == ids[1] || !slices.IsSorted(ids[1:]) || ids[2] < ids[0] {
		t.Errorf("ids %v", ids)
	}
}

func TestSeen_is_kept_by_line(t *testing.T) {
	s := state(t)
	if got, err := s.Seen("web"); err != nil || len(got) != 0 {
		t.Errorf("a new ledger: %v, %v", got, err)
	}
	want := map[string]time.Time{"tool=1.2": time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err := s.SaveSeen("web", want); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Seen("web"); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := s.Seen("db"); err != nil || len(got) != 0 {
		t.Errorf("another line's: %v, %v", got, err)
	}
}
