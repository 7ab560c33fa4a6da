package wait_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

func TestTheWallSleepsUntilTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		until := time.Now().Add(3 * time.Hour)
		if err := (wait.Wall{}).Sleep(t.Context(), until); err != nil || !time.Now().Equal(until) {
			t.Errorf("woke at %s, want %s: %v", time.Now(), until, err)
		}
		begun := time.Now()
		if err := (wait.Wall{}).Sleep(t.Context(), begun.Add(-time.Hour)); err != nil || !time.Now().Equal(begun) {
			t.Errorf("a time that has gone: woke at %s: %v", time.Now(), err)
		}
		if got := (wait.Wall{}).Now(); got.Location() != time.UTC {
			t.Errorf("now is in %s", got.Location())
		}
	})
}

func TestAPollAsksAtOnceAndThenAsOftenAsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var asked []time.Duration
		err := wait.Poll(t.Context(), wait.Wall{}, "the third time", 5*time.Second, time.Minute, func(context.Context) (bool, error) {
			asked = append(asked, time.Since(begun))
			return len(asked) == 3, nil
		})
		if err != nil || len(asked) != 3 || asked[0] != 0 || asked[2] != 10*time.Second {
			t.Errorf("asked at %v: %v", asked, err)
		}
	})
}

func TestAPollEndsWithItsLimitAnErrorOrItsContext(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		ask   func(n int) (bool, error)
		after time.Duration // when the context ends; 0: never
		kind  fault.Kind
		is    error
		says  string
		took  time.Duration
		asked int
	}{
		"limit":   {ask: func(int) (bool, error) { return false, nil }, says: "timed out after 12s waiting for Godot", took: 10 * time.Second, asked: 3},
		"error":   {ask: func(n int) (bool, error) { return false, map[bool]error{true: broken}[n == 2] }, is: broken, says: "broken", took: 5 * time.Second, asked: 2},
		"context": {ask: func(int) (bool, error) { return false, nil }, after: 7 * time.Second, kind: fault.Interrupted, is: context.Canceled, says: "wait for Godot", took: 7 * time.Second, asked: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.after > 0 {
					time.AfterFunc(c.after, cancel)
				}
				begun, asked := time.Now(), 0
				err := wait.Poll(ctx, wait.Wall{}, "Godot", 5*time.Second, 12*time.Second, func(context.Context) (bool, error) {
					asked++
					return c.ask(asked)
				})
				if err == nil || !strings.Contains(err.Error(), c.says) || fault.KindOf(err) != c.kind || c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("got %v of kind %d", err, fault.KindOf(err))
				}
				if took := time.Since(begun); took != c.took || asked != c.asked {
					t.Errorf("asked %d times in %s, want %d in %s", asked, took, c.asked, c.took)
				}
			})
		})
	}
}
