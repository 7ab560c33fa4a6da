package journal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// LeaseTime is how long a lease stands without being renewed.
const LeaseTime = 2 * time.Minute

// Holder is who has a lease.
type Holder struct {
	Run   string    `json:"run"`
	Who   string    `json:"who"`   // host and process, for people
	Token string    `json:"token"` // of this holder alone
	Until time.Time `json:"until"` // on the run's clock
	// Free says that it was given back.
	Free bool `json:"free,omitempty"`
}

// Lease keeps others away for a time. It guards and does not fence: a holder that was
// paused longer than LeaseTime may wake beside another one, finds out at its next
// Check, and until then is held back by the journal's create-once alone.
type Lease struct {
	doc   *Document
	name  string
	clock wait.Clock
	mu    sync.Mutex
	mine  Holder
	lost  error // who has it now; final
}

// Lease takes the lease of that name for a run. When another run holds it, or this
// run in a process that renews, that is a conflict. A process of this run that renews
// no more is waited for, on the clock, until its lease has ended.
func (b Bucket) Lease(ctx context.Context, clock wait.Clock, name, run, who string) (*Lease, error) {
	l := &Lease{doc: b.Document("lines/" + name + ".lease"), name: name, clock: clock, mine: Holder{Run: run, Who: who, Token: rand.Text()}}
	waited := false
	for range maxTries {
		h, err := l.holder(ctx)
		if err != nil {
			return nil, err
		}
		if h.stands(clock.Now()) {
			if h.Run != run || waited {
				return nil, fault.New(fault.Conflict, "wait for it, or end it; the lease of a process that died ends by itself", "image line %s is leased until %s by run %s on %s",
					name, h.Until.UTC().Format(time.RFC3339), h.Run, h.Who)
			}
			waited = true
			if err := clock.Sleep(ctx, h.Until); err != nil {
				return nil, fmt.Errorf("wait until the lease of %s on %s has ended: %w", name, h.Who, err)
			}
			continue
		}
		switch err := l.write(ctx, clock.Now().Add(LeaseTime)); {
		case err == nil:
			return l, nil
		case fault.KindOf(err) != fault.Conflict:
			return nil, fmt.Errorf("lease %s: %w", name, err)
		}
		waited = true // somebody was quicker: look who
	}
	return nil, fault.New(fault.Conflict, "try again", "lease %s: others were quicker, %d times", name, maxTries)
}

// Held says whether a run has the lease of that name, and its process renews it.
func (b Bucket) Held(ctx context.Context, clock wait.Clock, name, run string) (bool, error) {
	h, err := (&Lease{doc: b.Document("lines/" + name + ".lease"), name: name}).holder(ctx)
	return err == nil && h.Run == run && h.stands(clock.Now()), err
}

func (h Holder) stands(now time.Time) bool { return h.Token != "" && !h.Free && now.Before(h.Until) }

// holder reads who has it; the zero Holder is nobody. A lease that cannot be read is
// nobody's: whoever wrote it cannot renew it either.
func (l *Lease) holder(ctx context.Context) (Holder, error) {
	body, err := l.doc.Load(ctx)
	if fault.KindOf(err) == fault.NotFound {
		l.doc.tag = ""
		return Holder{}, nil
	}
	if err != nil {
		return Holder{}, fmt.Errorf("lease %s: %w", l.name, err)
	}
	var h Holder
	if json.Unmarshal(body, &h) != nil {
		return Holder{}, nil
	}
	return h, nil
}

func (l *Lease) write(ctx context.Context, until time.Time) error {
	h := l.mine
	h.Until = until
	body, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := l.doc.Save(ctx, body); err != nil {
		return err
	}
	l.mine = h
	return nil
}

// Check says whether the lease is still ours, renewing it when a third of its time is
// over. Its error is of kind fault.Conflict when somebody else has taken it.
func (l *Lease) Check(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return l.lost
	}
	now := l.clock.Now()
	if l.mine.Until.Sub(now) > LeaseTime*2/3 {
		return nil
	}
	err := l.write(ctx, now.Add(LeaseTime))
	if fault.KindOf(err) != fault.Conflict {
		if err != nil && now.Before(l.mine.Until) {
			return nil // still ours; the next Check tries again
		}
		return err
	}
	h, herr := l.holder(ctx)
	if herr != nil {
		return herr
	}
	if h.Token == l.mine.Token { // an earlier renewal, whose answer was lost
		l.mine = h
		return l.write(ctx, now.Add(LeaseTime))
	}
	l.lost = fault.New(fault.Conflict, "this process was away for too long; look at `rehydrate history`", "the lease of image line %s was taken by run %s on %s", l.name, h.Run, h.Who)
	return l.lost
}

// Keep renews the lease in real time until ctx ends. On a clock that jumps, as the
// twin's does, Check before each record does the rest.
func (l *Lease) Keep(ctx context.Context) {
	for {
		if (wait.Wall{}).Sleep(ctx, time.Now().Add(LeaseTime/4)) != nil {
			return
		}
		if fault.KindOf(l.Check(ctx)) == fault.Conflict {
			return // for good; who writes next is told
		}
	}
}

// Release gives it back. What fails here ends by itself.
func (l *Lease) Release(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return
	}
	l.mine.Free = true
	_ = l.write(ctx, l.clock.Now()) // it ends by itself
	l.lost = fault.New(fault.Conflict, "", "the lease of image line %s was given back", l.name)
}
