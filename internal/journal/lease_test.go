package journal

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

func noon() *fixed { return &fixed{time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)} }

func take(t *testing.T, o Objects, c wait.Clock, run string) *Lease {
	t.Helper()
	l, err := NewBucket(o, "").Lease(t.Context(), c, "web", run, "host of "+run)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLease_keeps_other_runs_away_and_names_the_holder(t *testing.T) {
	o, c := newBucket(), noon()
	l := take(t, o, c, "r1")
	_, err := NewBucket(o, "").Lease(t.Context(), c, "web", "r2", "host b")
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "r1 on host of r1") || !strings.Contains(err.Error(), "12:02:00Z") {
		t.Errorf("got %v", err)
	}
	if _, err := NewBucket(o, "").Lease(t.Context(), c, "db", "r2", "host b"); err != nil {
		t.Errorf("another line: %v", err)
	}
	l.Release(t.Context())
	take(t, o, c, "r2")
	if err := l.Check(t.Context()); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a lease that was given back checks as %v", err)
	}
}

func TestLease_of_a_dead_process_is_waited_for_by_its_own_run_only(t *testing.T) {
	o, c := newBucket(), noon()
	take(t, o, c, "r1") // never renewed
	if _, err := NewBucket(o, "").Lease(t.Context(), c, "web", "r2", "b"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("another run: %v", err)
	}
	begun := c.now
	take(t, o, c, "r1")
	if waited := c.now.Sub(begun); waited != LeaseTime {
		t.Errorf("waited for %s", waited)
	}
}

func TestLease_of_the_same_run_that_is_renewed_is_a_conflict(t *testing.T) {
	o, c := newBucket(), noon()
	held := take(t, o, c, "r1")
	renewing := &renewer{fixed: c, lease: held, t: t}
	if _, err := NewBucket(o, "").Lease(t.Context(), renewing, "web", "r1", "b"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
}

// renewer is a clock whose sleeps the holder uses to renew.
type renewer struct {
	*fixed
	lease *Lease
	t     *testing.T
}

func (r *renewer) Sleep(_ context.Context, until time.Time) error {
	r.now = until.Add(-time.Minute)
	if err := r.lease.Check(r.t.Context()); err != nil {
		r.t.Error(err)
	}
	r.now = until
	return nil
}

func TestLease_is_renewed_when_a_third_of_it_is_over(t *testing.T) {
	o, c := newBucket(), noon()
	l := take(t, o, c, "r1")
	was := o.n
	c.now = c.now.Add(LeaseTime / 4)
	if err := l.Check(t.Context()); err != nil || o.n != was {
		t.Errorf("%v after %d writes", err, o.n-was)
	}
	c.now = c.now.Add(LeaseTime / 4)
	if err := l.Check(t.Context()); err != nil || o.n != was+1 {
		t.Errorf("%v after %d writes", err, o.n-was)
	}
	if _, err := NewBucket(o, "").Lease(t.Context(), c, "web", "r2", "b"); err == nil || !strings.Contains(err.Error(), "12:03:00Z") {
		t.Errorf("got %v", err)
	}
}

func TestLease_that_was_taken_is_lost_for_good(t *testing.T) {
	o, c := newBucket(), noon()
	l := take(t, o, c, "r1")
	c.now = c.now.Add(time.Hour) // as a process that was stopped
	take(t, o, c, "r2")
	for range 2 {
		if err := l.Check(t.Context()); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "run r2 on host of r2") {
			t.Errorf("got %v", err)
		}
	}
	l.Release(t.Context()) // gives back nothing of r2's
	if _, err := NewBucket(o, "").Lease(t.Context(), c, "web", "r3", "b"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("r2's lease is gone: %v", err)
	}
}

func TestLease_that_ended_unclaimed_is_taken_up_again(t *testing.T) {
	o, c := newBucket(), noon()
	l := take(t, o, c, "r1")
	c.now = c.now.Add(time.Hour)
	if err := l.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := NewBucket(o, "").Lease(t.Context(), c, "web", "r2", "b"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
}

func TestLease_outlives_answers_that_are_lost(t *testing.T) {
	for name, what := range map[string]trouble{"away": away, "unheard": unheard, "repeated": repeated} {
		t.Run(name, func(t *testing.T) {
			o, c := newBucket(), noon()
			l := take(t, o, c, "r1")
			o.trouble = once("replace", what)
			for range 4 {
				c.now = c.now.Add(LeaseTime / 2)
				if err := l.Check(t.Context()); err != nil {
					t.Error(err)
				}
			}
			o.trouble = func(string) trouble { return away }
			c.now = c.now.Add(LeaseTime / 2)
			if err := l.Check(t.Context()); err != nil {
				t.Errorf("still ours, but: %v", err)
			}
			c.now = c.now.Add(LeaseTime)
			if err := l.Check(t.Context()); err == nil {
				t.Error("a lease that has ended and cannot be renewed checks")
			}
		})
	}
}

func TestLease_that_nobody_can_read_is_nobodys(t *testing.T) {
	for _, text := range []string{"", "{", `{"token":7}`, `[]`, `{"run":"r0","until":"2099-01-01T00:00:00Z"}`} {
		o, c := newBucket(), noon()
		o.objects["lines/web.lease"] = stored{[]byte(text), "1"}
		take(t, o, c, "r1")
	}
}

func TestLease_is_kept_in_real_time(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newBucket()
		l := take(t, o, wait.Wall{}, "r1")
		ctx, stop := context.WithCancel(t.Context())
		go l.Keep(ctx)
		time.Sleep(time.Hour)
		if _, err := NewBucket(o, "").Lease(t.Context(), wait.Wall{}, "web", "r2", "b"); fault.KindOf(err) != fault.Conflict {
			t.Errorf("after an hour of work the lease is free: %v", err)
		}
		stop()
		synctest.Wait()
		time.Sleep(2 * LeaseTime)
		take(t, o, wait.Wall{}, "r2")
	})
}
