package world_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// worker is a world in which work of that length on the wall begins at once and again at
// a timer after 10 s, and says at 1 min and 2 min how much of it has ended.
func worker(t *testing.T, length time.Duration) (w *world.World, seen *[]int) {
	t.Helper()
	w, err := world.Open(world.Options{Start: start, Mode: world.Manual})
	if err != nil {
		t.Fatal(err)
	}
	seen = new([]int)
	ended := 0
	begin := func(tx *world.Tx) {
		tx.Go("work", func(ctx context.Context) {
			select {
			case <-time.After(length):
			case <-ctx.Done():
				return
			}
			do(t, w, func(*world.Tx) error { ended++; return nil })
		})
	}
	w.OnTimer("begin", func(tx *world.Tx, _ json.RawMessage) error { begin(tx); return nil })
	w.OnTimer("look", func(*world.Tx, json.RawMessage) error { *seen = append(*seen, ended); return nil })
	w.Start()
	do(t, w, func(tx *world.Tx) error {
		begin(tx)
		tx.At(tx.Now.Add(10*time.Second), "begin", nil)
		tx.At(tx.Now.Add(time.Minute), "look", nil)
		tx.At(tx.Now.Add(2*time.Minute), "look", nil)
		return nil
	})
	return w, seen
}

func TestASettledStepOvertakesNoWorkWithinItsBound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		length time.Duration
		want   []int
		wall   time.Duration
	}{
		"work that ends":           {3 * time.Second, []int{2, 2}, 6 * time.Second},
		"work that ends too late":  {8 * time.Second, []int{1, 1}, 10 * time.Second},
		"work that does not end":   {time.Hour, []int{0, 0}, 10 * time.Second},
		"work that takes no while": {0, []int{2, 2}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, seen := worker(t, test.length)
				defer w.Close()
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				virtual, wall := passed(w, func() { w.Clock().StepSettled(ctx, start.Add(time.Hour)) })
				if !slices.Equal(*seen, test.want) || virtual != time.Hour || wall != test.wall {
					t.Errorf("ended %v, want %v; virtual %v, wall %v, want %v", *seen, test.want, virtual, wall, test.wall)
				}
			})
		})
	}
}

func TestAStepWithoutSettlingWaitsForNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, seen := worker(t, 3*time.Second)
		defer w.Close()
		if virtual, wall := passed(w, func() { w.Clock().Step(time.Hour) }); virtual != time.Hour || wall != 0 || !slices.Equal(*seen, []int{0, 0}) {
			t.Errorf("ended %v, virtual %v, wall %v", *seen, virtual, wall)
		}
	})
}
