package notify

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Sender delivers one message. It may be called again with the same message. An error of
// kind fault.Throttled, or of none, is worth another try; others are not.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Target is a place that hears of some kinds of event.
type Target struct {
	Name   string
	Kinds  []string
	Sender Sender
}

// The bounds of a target.
const (
	queue    = 256              // messages that wait
	attempts = 4                // deliveries of one message
	first    = time.Second      // pause after the first that failed; it doubles
	limit    = 30 * time.Second // of one delivery
)

// Notifier is the listener. The zero Notifier tells nobody.
type Notifier struct {
	lines  []*line
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// line is one target with its queue.
type line struct {
	Target
	queue chan Message

	mu     sync.Mutex
	closed bool
	loss   Loss
}

// Loss is what became of a target's messages.
type Loss struct {
	Target  string
	Told    int   // messages that the target was to get
	Dropped int   // not sent, because the queue was full or time was up
	Failed  int   // given up
	Cause   error // of the last that was given up
}

// Lost says how many of them it did not get.
func (l Loss) Lost() int { return l.Dropped + l.Failed }

// New begins to listen for the targets, until Close. Deliveries end with the context at
// the latest.
func New(ctx context.Context, targets []Target) *Notifier {
	n := &Notifier{}
	ctx, n.cancel = context.WithCancel(ctx)
	for _, t := range targets {
		l := &line{Target: t, queue: make(chan Message, queue), loss: Loss{Target: t.Name}}
		n.lines = append(n.lines, l)
		n.done.Go(func() { l.run(ctx) })
	}
	return n
}

// Emit implements event.Sink. It does not wait.
func (n *Notifier) Emit(e event.Event) {
	var m Message
	for _, l := range n.lines {
		if !slices.Contains(l.Kinds, string(e.Kind)) {
			continue
		}
		if m.ID == "" {
			m = NewMessage(e)
		}
		l.put(m)
	}
}

func (l *line) put(m Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loss.Told++
	if l.closed {
		l.loss.Dropped++
		return
	}
	select {
	case l.queue <- m:
	default:
		l.loss.Dropped++
	}
}

// Close stops listening, gives what waits the time that is left to be delivered, and
// returns what became of each target's messages.
func (n *Notifier) Close(patience time.Duration) []Loss {
	if n.cancel == nil {
		return nil
	}
	for _, l := range n.lines {
		l.mu.Lock()
		if !l.closed {
			l.closed = true
			close(l.queue)
		}
		l.mu.Unlock()
	}
	flushed := make(chan struct{})
	go func() { n.done.Wait(); close(flushed) }()
	timer := time.AfterFunc(patience, n.cancel)
	defer timer.Stop()
	<-flushed // a sender that is cut off ends soon; one that does not is abandoned, see send
	n.cancel()
	var out []Loss
	for _, l := range n.lines {
		l.mu.Lock()
		out = append(out, l.loss)
		l.mu.Unlock()
	}
	return out
}

func (l *line) run(ctx context.Context) {
	for m := range l.queue {
		if ctx.Err() != nil {
			l.lose(nil)
			continue
		}
		switch err := l.deliver(ctx, m); {
		case err == nil:
		case ctx.Err() != nil:
			l.lose(nil)
		default:
			l.lose(err)
		}
	}
}

func (l *line) lose(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.loss.Dropped++
		return
	}
	l.loss.Failed++
	l.loss.Cause = err
}

// deliver tries a bounded number of times.
func (l *line) deliver(ctx context.Context, m Message) error {
	pause := first
	for n := 1; ; n++ {
		err := l.send(ctx, m)
		if err == nil || n == attempts || !again(err) {
			return err
		}
		if err := (wait.Wall{}).Sleep(ctx, time.Now().Add(pause)); err != nil {
			return err
		}
		pause *= 2
	}
}

func again(err error) bool {
	k := fault.KindOf(err)
	return k == fault.Throttled || k == fault.Failed || k == fault.Interrupted // the last: a timeout of its own
}

// send bounds a delivery, also of a sender that does not listen to its context.
func (l *line) send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- l.Sender.Send(ctx, m) }()
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
	}
	select { // it may have ended just now
	case err := <-sent:
		return err
	default:
		return context.Cause(ctx)
	}
}
