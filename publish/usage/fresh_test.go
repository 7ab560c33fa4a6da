package usage

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/wait"
)

func TestALookIsTakenAgainWhenItIsTooOldToActOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks, fail := 0, false
		f := Fresh[int]{Clock: wait.Wall{}, Look: func(context.Context) (int, error) {
			time.Sleep(20 * time.Second) // a large account
			if fail {
				return 99, errors.New("no answer")
			}
			looks++
			return looks, nil
		}}
		get := func(want int) {
			t.Helper()
			if got, err := f.Get(t.Context()); got != want || err != nil {
				t.Errorf("look %d, %v; want %d", got, err, want)
			}
		}
		get(1)
		time.Sleep(10 * time.Second) // the look began 30 s ago
		get(1)
		time.Sleep(time.Second)
		get(2)
		time.Sleep(time.Minute)
		fail = true
		if got, err := f.Get(t.Context()); got != 0 || err == nil {
			t.Errorf("an old look, or a broken one, is given out: %d, %v", got, err)
		}
		fail = false
		get(3)
	})
}
