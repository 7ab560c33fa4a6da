package journal

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
)

func TestFolder_creates_a_key_once(t *testing.T) {
	f := NewFolder(t.TempDir())
	if err := f.Create(t.Context(), "runs/a/bake/000001.json", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := f.Create(t.Context(), "runs/a/bake/000001.json", []byte("2")); !errors.Is(err, ErrExists) {
		t.Errorf("got %v, want ErrExists", err)
	}
	got, err := f.Get(t.Context(), "runs/a/bake/000001.json")
	if err != nil || string(got) != "1" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestFolder_lets_one_of_many_win(t *testing.T) {
	f := NewFolder(t.TempDir())
	var wins atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			err := f.Create(t.Context(), "runs/a/x/000001.json", []byte("x"))
			if err == nil {
				wins.Add(1)
			} else if !errors.Is(err, ErrExists) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d writers won", wins.Load())
	}
}

func TestFolder_leaves_nothing_but_records(t *testing.T) {
	dir := t.TempDir()
	f := NewFolder(dir)
	if err := f.Create(t.Context(), "runs/a/x/000001.json", []byte("x")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "runs/a/x"))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestJournal_keeps_units_apart(t *testing.T) {
	store := NewFolder(t.TempDir())
	j := Open(store, "r1")
	for _, r := range []Record{{Seq: 1, Unit: "roll/web"}, {Seq: 2, Unit: "roll/web"}, {Seq: 1, Unit: "roll/web/inner"}, {Seq: 1, Unit: "bake"}} {
		if err := j.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	records, err := j.Records(t.Context(), "roll/web")
	if err != nil || len(records) != 2 || records[1].Seq != 2 {
		t.Errorf("records %+v, %v", records, err)
	}
	units, err := j.Units(t.Context())
	if err != nil || len(units) != 3 || units[0] != "bake" {
		t.Errorf("units %v, %v", units, err)
	}
}

func TestJournal_a_taken_number_is_a_conflict(t *testing.T) {
	j := Open(NewFolder(t.TempDir()), "r1")
	if err := j.Append(t.Context(), Record{Seq: 1, Unit: "bake"}); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(t.Context(), Record{Seq: 1, Unit: "bake"}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
}

func TestJournal_names_a_damaged_record(t *testing.T) {
	dir := t.TempDir()
	j := Open(NewFolder(dir), "r1")
	if err := j.Append(t.Context(), Record{Seq: 1, Unit: "bake"}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "runs/r1/bake/000001.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Records(t.Context(), "bake"); err == nil || fault.HintOf(err) == "" {
		t.Errorf("got %v, want an error with a hint", err)
	}
}

func TestRuns_are_listed_once_in_order(t *testing.T) {
	store := NewFolder(t.TempDir())
	for _, id := range []string{"b", "a"} {
		for _, u := range []string{"x", "y"} {
			if err := Open(store, id).Append(t.Context(), Record{Seq: 1, Unit: u}); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := Runs(t.Context(), store)
	if err != nil || len(got) != 2 || got[0] != "a" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRuns_of_an_empty_store_are_none(t *testing.T) {
	got, err := Runs(t.Context(), NewFolder(filepath.Join(t.TempDir(), "none")))
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}
