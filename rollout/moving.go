package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

// movingLimit is how long, of real time, a look at what a ring is watched by may take:
// with it the andon is still looked at every 30 s.
const movingLimit = 8 * time.Second

// movingRings is what one process knows of rings whose groups move.
type movingRings struct {
	mu    sync.Mutex
	began map[string]time.Time // when the first group did
	back  map[string]string    // why the whole ring goes back
	blind map[string]string    // why no further group may begin
}

// moves notes when a ring began, and that it was called back by an earlier process.
func (x *Execution) moves(ring string, st *groupState) {
	m := &x.moving
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.began == nil {
		m.began, m.back, m.blind = map[string]time.Time{}, map[string]string{}, map[string]string{}
	}
	if at := st.Result.StartedAt; !at.IsZero() && (m.began[ring].IsZero() || at.Before(m.began[ring])) {
		m.began[ring] = at
	}
	if st.Gate != "" && m.back[ring] == "" {
		m.back[ring] = st.Gate
	}
}

// moved is moves for a group that has ended.
func (x *Execution) moved(ring string, state json.RawMessage) error {
	var st groupState
	if err := json.Unmarshal(state, &st); err != nil {
		return fmt.Errorf("read the state of a group's roll: %w", err)
	}
	x.moves(ring, &st)
	return nil
}

// calledBack is why a ring's gate takes it back in the middle of its roll; "" when it
// does not. A group that is turned for it keeps it in its state: an alarm that is off
// again when another process goes on has still called the ring back.
func (x *Execution) calledBack(ring string) string {
	x.moving.mu.Lock()
	defer x.moving.mu.Unlock()
	return x.moving.back[ring]
}

// unseen is why no further group of a ring may begin; "" when one may.
func (x *Execution) unseen(ring string) string {
	x.moving.mu.Lock()
	defer x.moving.mu.Unlock()
	return x.moving.blind[ring]
}

// watchRing looks at the andon and then at what the ring itself is watched by.
func (x *Execution) watchRing(p RingPlan) func(context.Context) (bool, error) {
	var look func(context.Context, time.Time) Verdict
	if x.Gates != nil {
		look = x.Gates.Moving(p)
	}
	return func(ctx context.Context) (bool, error) {
		wake, err := x.Andon.Look(ctx)
		if err != nil || look == nil || x.calledBack(p.Name) != "" {
			return wake, err
		}
		x.moves(p.Name, &groupState{})
		x.moving.mu.Lock()
		began := x.moving.began[p.Name]
		x.moving.mu.Unlock()
		within, cancel := context.WithTimeout(ctx, movingLimit)
		defer cancel()
		v := look(within, began)
		if err := ctx.Err(); err != nil {
			return wake, err
		}
		return x.hear(p.Name, v) || wake, nil
	}
}

// hear takes over a verdict in the middle of a roll; called says that the ring is to go
// back.
func (x *Execution) hear(ring string, v Verdict) (called bool) {
	m := &x.moving
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blind[ring] = ""
	switch v.Outcome {
	case Pass:
		return false
	case Back:
		m.back[ring] = or(v.Text, "it gives no reason")
		x.Stage.Events.Emit(event.Event{Stage: "roll", Unit: "roll/" + ring, Kind: event.Failed,
			Text: fmt.Sprintf("ring %s goes back: %s", ring, v.Text)})
		return true
	}
	m.blind[ring] = or(v.Text, "what watches the ring does not say that it may go on")
	return false
}

// leaveRing is whether another group of a ring may begin, as far as its gate watches it.
func (x *Execution) leaveRing(ring string) unit.Leave {
	switch {
	case x.calledBack(ring) != "":
		return unit.Stop
	case x.unseen(ring) != "":
		return unit.Hold
	}
	return unit.Go
}

// held tells once that the andon keeps a ring from beginning; was says that it was told.
func (x *Execution) held(p RingPlan, was bool) bool {
	o := x.Andon.Order()
	if o != Pause && o != PauseNow {
		return false
	}
	x.moving.mu.Lock()
	began := x.moving.began[p.Name]
	x.moving.mu.Unlock()
	if !was && began.IsZero() {
		x.Stage.Events.Emit(event.Event{Stage: "roll", Unit: "roll/" + p.Name, Kind: event.Found,
			Text: fmt.Sprintf("ring %s is held before its first group: the andon says %s", p.Name, strings.TrimSpace(string(o)+" "+x.Andon.Says())+o.ending())})
	}
	return true
}

// takenBack is the error of a ring that its gate has called back; nil when it has not,
// or when another process is to go on with it. Roll takes back what is not yet.
func (x *Execution) takenBack(ctx context.Context, ring string, results []record.Roll, err error) error {
	why := x.calledBack(ring)
	switch kind := fault.KindOf(err); {
	case why == "", ctx.Err() != nil, err != nil && (kind == fault.Waiting || kind == fault.Interrupted):
		return nil
	case slices.ContainsFunc(results, func(r record.Roll) bool { return r.Frozen }):
		return x.names.err(results) // it stops everything, also the way back of others
	case slices.ContainsFunc(results, movedBy):
		return fault.As(during(ring, why), fault.Halted, "look at what the gate names")
	case slices.ContainsFunc(results, touched):
		return x.names.err(results)
	}
	return fault.New(fault.GateSaysNo, "look at what the gate names; then roll again", "%s; no instance of the ring was replaced", during(ring, why))
}

// during is a gate's word to go back in the middle of a ring's roll.
func during(ring, why string) *gateSays {
	return &gateSays{Verdict: Verdict{Outcome: Back, Text: why}, ring: ring, at: "in the middle of"}
}
