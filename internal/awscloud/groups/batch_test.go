package groups_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/groups"
	"github.com/goldenami/rehydrate/rollout"
)

// counted answers for groups and instances whose names do not begin with "no", and
// counts calls.
type counted struct {
	rollout.Groups
	mu    sync.Mutex
	calls []int // keys asked for, by call
	err   error
	takes time.Duration
}

func (c *counted) called(n int) error {
	time.Sleep(c.takes)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, n)
	return c.err
}

func (c *counted) Find(_ context.Context, names []string, tags map[string]string) (out []rollout.Group, err error) {
	for _, n := range names {
		if !strings.HasPrefix(n, "no") {
			out = append(out, rollout.Group{Name: n})
		}
	}
	return out, c.called(len(names) + len(tags))
}

func (c *counted) Describe(_ context.Context, ids []string) (out []rollout.Instance, err error) {
	for _, id := range ids {
		if !strings.HasPrefix(id, "no") {
			out = append(out, rollout.Instance{ID: id, Image: "of " + id})
		}
	}
	return out, c.called(len(ids))
}

func TestQuestionsOfOneMomentBecomeFewCallsAndEveryoneGetsTheirAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counted{takes: time.Second}
		p := groups.Batched(rollout.Ports{Groups: c, Instances: c})
		var wg sync.WaitGroup
		for n := range 250 {
			wg.Go(func() {
				name := fmt.Sprintf("g%03d", n)
				if got, err := p.Groups.Find(t.Context(), []string{name}, nil); err != nil || len(got) != 1 || got[0].Name != name {
					t.Errorf("%s: %v, %v", name, got, err)
				}
			})
		}
		wg.Go(func() {
			if got, err := p.Groups.Find(t.Context(), []string{"none"}, nil); err != nil || len(got) != 0 {
				t.Errorf("a group that is not there: %v, %v", got, err)
			}
		})
		wg.Wait()
		if slices.Sort(c.calls); len(c.calls) != 3 || c.calls[2] != 100 {
			t.Errorf("calls for %v groups", c.calls)
		}
		c.calls = nil
		for n := range 30 {
			wg.Go(func() {
				ids := []string{fmt.Sprintf("i-%d-b", n), fmt.Sprintf("i-%d-a", n), "no-such"}
				got, err := p.Instances.Describe(t.Context(), ids)
				if err != nil || len(got) != 2 || got[0].ID != ids[1] || got[1].Image != "of "+ids[0] {
					t.Errorf("%v: %v, %v", ids, got, err)
				}
			})
		}
		wg.Wait()
		if len(c.calls) != 1 || c.calls[0] != 61 {
			t.Errorf("calls for %v instances", c.calls)
		}
	})
}

func TestWhoAsksLaterGetsANewAnswerTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counted{takes: time.Second}
		p := groups.Batched(rollout.Ports{Groups: c, Instances: c})
		var wg sync.WaitGroup
		for n := range 3 {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * 100 * time.Millisecond) // while the first call is under way
				if _, err := p.Groups.Find(t.Context(), []string{"web"}, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(c.calls) != 2 {
			t.Errorf("%d calls", len(c.calls))
		}
	})
}

// using is counted that finds instances by image, too.
type using struct{ *counted }

func (using) Using(context.Context, []string) (map[string]string, error) {
	return map[string]string{"i-1": "ami-1"}, nil
}

func TestWhatFindsInstancesByImageStillDoes(t *testing.T) {
	c := &counted{}
	if _, ok := groups.Batched(rollout.Ports{Groups: c, Instances: c}).Instances.(rollout.ImageUse); ok {
		t.Error("it does now, and did not before")
	}
	p := groups.Batched(rollout.Ports{Groups: c, Instances: using{c}})
	use, ok := p.Instances.(rollout.ImageUse)
	if !ok {
		t.Fatal("it does not any more")
	}
	if got, err := use.Using(t.Context(), nil); err != nil || got["i-1"] != "ami-1" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := p.Instances.Describe(t.Context(), []string{"i-2"}); err != nil || len(got) != 1 || len(c.calls) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestQuestionsThatComeOneByOneAreWaitedForButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counted{}
		p := groups.Batched(rollout.Ports{Groups: c, Instances: c})
		var wg sync.WaitGroup
		for n := range 40 {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * 15 * time.Millisecond)
				asked := time.Now()
				if _, err := p.Groups.Find(t.Context(), []string{fmt.Sprint("g", n)}, nil); err != nil {
					t.Error(err)
				}
				if waited := time.Since(asked); waited > 220*time.Millisecond {
					t.Errorf("waited for %s", waited)
				}
			})
		}
		wg.Wait()
		if len(c.calls) != 3 {
			t.Errorf("calls for %v groups", c.calls)
		}
	})
}

func TestACallThatHangsHoldsTheNextUpForALittleOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counted{takes: time.Hour}
		p := groups.Batched(rollout.Ports{Groups: c, Instances: c})
		begun := time.Now()
		var wg sync.WaitGroup
		for n := range 3 {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * time.Minute)
				if _, err := p.Groups.Find(t.Context(), []string{"web"}, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begun); took > time.Hour+2*time.Minute+3*time.Second || len(c.calls) != 3 {
			t.Errorf("%d calls took %s", len(c.calls), took)
		}
	})
}

func TestAFailureIsEverybodysAndIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("throttled")
		c := &counted{err: broken}
		p := groups.Batched(rollout.Ports{Groups: c, Instances: c})
		var wg sync.WaitGroup
		for n := range 5 {
			wg.Go(func() {
				if _, err := p.Groups.Find(t.Context(), []string{fmt.Sprint("g", n)}, nil); !errors.Is(err, broken) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		c.err = nil
		if got, err := p.Groups.Find(t.Context(), []string{"g"}, nil); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestOtherQuestionsGoThroughAsTheyAre(t *testing.T) {
	c := &counted{}
	p := groups.Batched(rollout.Ports{Groups: c, Instances: c})
	if _, err := p.Groups.Find(t.Context(), nil, map[string]string{"a": "b"}); err != nil {
		t.Error(err)
	}
	if got, err := p.Groups.Find(t.Context(), []string{"a", "b"}, nil); err != nil || len(got) != 2 || len(c.calls) != 2 {
		t.Errorf("%v, %v, %v", got, c.calls, err)
	}
	if got, err := p.Instances.Describe(t.Context(), nil); err != nil || len(got) != 0 || len(c.calls) != 2 {
		t.Errorf("%v, %v, %v", got, c.calls, err)
	}
}
