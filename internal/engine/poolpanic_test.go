package engine

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/unit"
)

func TestPool_panics_for_its_caller_once_nothing_is_in_flight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		landed, later := false, false
		jobs := []unit.Job{
			{Name: "roll/bad", Unit: unit.Func("test.job", func(context.Context, *struct{}) (unit.Next, error) { panic("no more") })},
			{Name: "roll/slow", Unit: unit.Func("test.job", func(context.Context, *struct{}) (unit.Next, error) {
				time.Sleep(time.Hour)
				landed = true
				return unit.Again(0), nil
			})},
			{Name: "roll/later", Unit: unit.Func("test.job", func(context.Context, *struct{}) (unit.Next, error) {
				later = true
				return unit.Done(), nil
			})},
		}
		defer func() {
			p, ok := recover().(*Panic)
			if !ok || p.Value != "no more" || !strings.Contains(p.Error(), "poolpanic_test.go") {
				t.Errorf("got %v", p)
			}
			if !landed || later {
				t.Errorf("what was in flight landed: %t; another began: %t", landed, later)
			}
		}()
		_, err := pool(t, nil).Run(t.Context(), jobs, unit.Policy{Together: 2})
		t.Errorf("it ended with %v", err)
	})
}
