package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

// Pool runs jobs beside each other and keeps their states; *engine.Pool is one.
type Pool interface {
	Run(ctx context.Context, jobs []unit.Job, o unit.Policy) (map[string]json.RawMessage, error)
}

// Limits are how fast a ring moves.
type Limits struct {
	Concurrency int // groups at a time; 0: one
	PerCell     int // groups at a time in one account's Region; 0: no limit of its own
	// MaxFailures is how many groups may end not done before no further one begins. At
	// worst MaxFailures and Concurrency together fail: what runs goes on to its end.
	MaxFailures int
}

// Gates stand before and after a ring.
type Gates interface {
	// Before and After are units to run there; nil: nothing stands there. After is
	// asked only for a ring in which a group moved, and since when.
	Before(r RingPlan) unit.Unit
	After(r RingPlan, began time.Time) unit.Unit
	// Opens is when the next group may begin: not after now, or later; the zero time
	// says that no further one may.
	Opens(r RingPlan, now time.Time) time.Time
	// Moving looks at what watches the ring while its groups move, about every 20 s; the
	// first of them began to then, or the zero time while none has. Back takes the ring
	// back, and no other begins; Halt lets no further group begin until Pass is said
	// again. nil: nothing does.
	Moving(r RingPlan) func(ctx context.Context, began time.Time) Verdict
	// Verdict reads the last state of such a unit.
	Verdict(state json.RawMessage) (Verdict, error)
}

// Verdict is what a gate says.
type Verdict struct {
	Outcome string // Pass, Halt or Back; anything else halts
	Text    string
}

// The outcomes of a gate.
const (
	Pass = "pass"
	Halt = "halt"
	Back = "rollback"
)

// Execution rolls a plan: rings in order, the groups of a ring beside each other, each
// a unit of its own.
type Execution struct {
	Stage *Stage
	Pool  Pool
	Andon *Andon // nil: there is none
	// Gates may be nil: then a ring soaks as its plan says.
	Gates  Gates
	Limits func(ring string) Limits // nil: one group at a time
	// InCell is how many groups an account lets roll at a time in a Region; nil or 0:
	// no limit of its own.
	InCell func(Cell) int
	// Home names the zero Cell in the names of units.
	Home Cell
	// Sample completes the results of a ring that has rolled and passed its gates, before
	// the next ring begins. An error keeps later rings from moving; nil: nothing to add.
	Sample func(ctx context.Context, rolls []record.Roll) error
	// BackStem begins the names of the units of Back; empty: rollback. Who tries again
	// gives another one.
	BackStem string
	// Returning takes back what else a roll stands on when Roll turns to take the rings
	// of a plan back, before their groups go; the groups go back also beside an error.
	// It is called again when another process does. nil: there is nothing else.
	Returning func(ctx context.Context, p *Plan, why string) error

	names  names
	latest map[templatePlace][]GroupPlan
	memo   versionMemo
	moving movingRings
	warn   sync.Map // name of a failing unit → since when
}

// Roll rolls the plan and returns a result for every group that was begun, also beside
// an error. When the andon, or a gate, says so, what was moved goes back.
func (x *Execution) Roll(ctx context.Context, p *Plan) ([]record.Roll, error) {
	x.names.learn(p)
	x.latest = onLatest(p)
	all, at, err := x.rings(ctx, p)
	if err == nil || errors.Is(err, errPulled) {
		o := x.Andon.Order()
		switch {
		case x.ends() && !slices.ContainsFunc(all, touched):
			return all, fault.New(fault.Conflict, "set it to run first: rehydrate roll resume",
				"roll %s: the andon says %s; no group was begun", p.Image, strings.TrimSpace(string(o)+" "+x.Andon.Says()))
		case err != nil && o == Cancel:
			err = fault.As(errors.Join(x.names.err(all), called(o, x.Andon.Says())), fault.Halted, "")
		case o != Rollback:
			return all, x.names.err(all)
		}
	}
	n := max(at, p.last(all))
	if why, scope, ok := x.back(err, p); ok {
		also := x.returning(ctx, scope, why)
		went, backErr := x.Back(ctx, scope, all, why)
		all = replace(all, went)
		outcome := x.names.err(all)
		if saysAll(backErr, outcome) {
			backErr = nil // it would be said twice
		}
		return all, errors.Join(backErr, also, later(outcome, n, p), stuckIn(err))
	}
	return all, errors.Join(x.returned(ctx, p, all), later(err, n, p), x.freeze(ctx, all))
}

// saysAll says whether err is told by the outcome of all groups, too.
func saysAll(err, outcome error) bool {
	return err != nil && outcome != nil && err.Error() == outcome.Error()
}

// touched says whether a refresh of ours was begun.
func touched(r record.Roll) bool { return r.Refresh != "" }

// later says that later rings stay as they are.
func later(err error, n int, p *Plan) error {
	if err == nil || n == len(p.Rings)-1 {
		return err
	}
	return fmt.Errorf("%w; later rings were not touched", err)
}

// stuck is the error of groups that could not be advanced, and have no outcome.
type stuck struct{ error }

func (s *stuck) Unwrap() error { return s.error }

// stuckIn is the part of an error that is of such groups.
func stuckIn(err error) error {
	var s *stuck
	if errors.As(err, &s) {
		return s.error
	}
	return nil
}

// gateSays is the error of a gate that did not let a roll pass.
type gateSays struct {
	Verdict
	ring, at string
}

func (g *gateSays) Error() string {
	return fmt.Sprintf("the gate %s ring %s says %s: %s", g.at, g.ring, g.Outcome, g.Text)
}

// back says whether a roll that ended with err is to go back, whole or the ring whose gate
// says so alone, and why.
func (x *Execution) back(err error, p *Plan) (why string, scope *Plan, ok bool) {
	if x.Andon.Order() == Rollback {
		return strings.TrimSpace("the andon says rollback " + x.Andon.Says()), p, true
	}
	var g *gateSays
	if errors.As(err, &g) && g.Outcome == Back {
		return g.Error(), p.only(g.ring), true
	}
	return "", nil, false
}

// ring rolls one ring between its gates. The error is what keeps the next ring from
// moving; errPulled: the andon does, before this one was through.
func (x *Execution) ring(ctx context.Context, p RingPlan) ([]record.Roll, error) {
	if x.Gates != nil && !p.nothing() {
		if err := x.gate(ctx, p, "before", x.Gates.Before(p)); err != nil {
			return nil, err
		}
	}
	results, err := x.groups(ctx, p, false)
	if err != nil {
		return results, err
	}
	moved := slices.ContainsFunc(results, func(r record.Roll) bool { return r.Outcome == Done })
	switch {
	case !moved:
	case x.Gates != nil:
		err = x.gate(ctx, p, "after", x.Gates.After(p, began(results)))
	case p.Soak > 0:
		err = x.gate(ctx, p, "soak", x.soak(p))
	}
	if err == nil && moved && x.Sample != nil && !x.ends() {
		err = x.Sample(ctx, results)
	}
	return results, err
}

// began is when the first group that moved began to.
func began(rolls []record.Roll) (first time.Time) {
	for _, r := range rolls {
		if r.Outcome == Done && (first.IsZero() || r.StartedAt.Before(first)) {
			first = r.StartedAt
		}
	}
	return first
}

func (p RingPlan) nothing() bool {
	return !slices.ContainsFunc(p.Groups, func(g GroupPlan) bool { return !g.Nothing })
}

// groups rolls the groups of a ring beside each other; with begun only those that were
// begun before.
func (x *Execution) groups(ctx context.Context, p RingPlan, begun bool) ([]record.Roll, error) {
	limits := Limits{}
	if x.Limits != nil {
		limits = x.Limits(p.Name)
	}
	b, held := &budget{limits: limits}, false
	jobs, cells := x.jobs("roll", p.Groups, x.groupUnit)
	states, err := x.Pool.Run(ctx, jobs, unit.Policy{
		Together: limits.Concurrency,
		InCell:   func(cell string) int { return least(limits.PerCell, x.inCell(cells[cell])) },
		Leave: func() unit.Leave {
			if begun || b.spent() {
				return unit.Stop
			}
			held = x.held(p, held)
			return x.leave(p)
		},
		Until: func() time.Time { return x.opens(p) },
		Ended: func(_ string, state json.RawMessage) error {
			return errors.Join(x.moved(p.Name, state), b.ended(state))
		},
		Watch: x.watchRing(p), Every: andonEvery, Failing: x.failing,
		Answers: func(approval string) bool { return approval == Held },
	})
	results, rerr := resultsOf(jobs, states)
	if err = errors.Join(err, rerr); err != nil {
		return results, errors.Join(&stuck{err}, x.takenBack(ctx, p.Name, results, err), x.names.err(finished(results)))
	}
	if err := x.takenBack(ctx, p.Name, results, nil); err != nil {
		return results, err
	}
	switch {
	case x.ends() && (len(results) < len(jobs) || Err(results) != nil):
		return results, errPulled
	case b.spent():
		return results, x.names.err(results)
	case !begun && len(results) < len(jobs):
		return results, fault.New(fault.Halted, "look at the ring's windows", "ring %s: %d of %d groups were not begun: no window opens for them any more",
			p.Name, len(jobs)-len(results), len(jobs))
	}
	return results, nil
}

// leave is whether a group of the ring may begin now.
func (x *Execution) leave(p RingPlan) unit.Leave {
	leave := x.Andon.leave()
	if leave == unit.Go {
		leave = x.leaveRing(p.Name)
	}
	if leave != unit.Go || x.Gates == nil {
		return leave
	}
	now := x.Stage.Clock.Now()
	switch opens := x.Gates.Opens(p, now); {
	case opens.IsZero():
		return unit.Stop
	case opens.After(now):
		return unit.Hold
	}
	return unit.Go
}

func (x *Execution) opens(p RingPlan) time.Time {
	if x.Gates == nil {
		return time.Time{}
	}
	return x.Gates.Opens(p, x.Stage.Clock.Now())
}

// called is the end of a roll that the andon ended.
func called(o Order, says string) error {
	return fault.New(fault.Halted, "set it to run (rehydrate roll resume) before the next roll", "the andon says %s", strings.TrimSpace(string(o)+" "+says))
}

func (x *Execution) inCell(c Cell) int {
	if x.InCell == nil {
		return 0
	}
	return x.InCell(c)
}

// least is the smaller of two limits, of which 0 is none.
func least(a, b int) int {
	if a < 1 || b > 0 && b < a {
		return b
	}
	return a
}

// jobs are the units of groups, and their cells by name.
func (x *Execution) jobs(stem string, groups []GroupPlan, of func(GroupPlan) unit.Unit) ([]unit.Job, map[string]Cell) {
	out := make([]unit.Job, 0, len(groups))
	cells := map[string]Cell{}
	for _, g := range groups {
		cell := x.cellName(g.Cell)
		cells[cell] = g.Cell
		out = append(out, unit.Job{Name: strings.Join([]string{stem, part(g.Ring), cell, part(g.Group)}, "/"), Cell: cell, Unit: of(g)})
	}
	return out, cells
}

func (x *Execution) cellName(c Cell) string {
	if c == (Cell{}) {
		c = x.Home
	}
	if c == (Cell{}) {
		return "here"
	}
	return part(c.Account + "-" + c.Region)
}

// part makes one part of a unit's name, which is also a file's: AWS lets a group have
// almost any character, and 255 of them.
func part(s string) string {
	s = url.PathEscape(s)
	if strings.Trim(s, ".") == "" {
		s = strings.ReplaceAll(s, ".", "%2E")
	}
	if len(s) > 160 {
		s = s[:100] + token("unit", s)[len("rehydrate-"):]
	}
	return s
}

// failing warns once of a unit that is tried again.
func (x *Execution) failing(name string, since time.Time, err error) {
	if was, ok := x.warn.Swap(name, since); ok && was == since {
		return
	}
	x.Stage.Events.Emit(event.Event{Stage: "roll", Unit: name, Kind: event.Warned, Text: fmt.Sprintf("will be tried again: %s", err)})
}

// resultsOf are the results of the jobs that were begun, in their order.
func resultsOf(jobs []unit.Job, states map[string]json.RawMessage) ([]record.Roll, error) {
	var out []record.Roll
	for _, j := range jobs {
		state, ok := states[j.Name]
		if !ok || len(state) == 0 {
			continue
		}
		r, err := GroupResult(state)
		if err != nil {
			return out, err
		}
		out = append(out, r)
	}
	return out, nil
}

// finished are the results that have an outcome.
func finished(rolls []record.Roll) []record.Roll {
	return slices.DeleteFunc(slices.Clone(rolls), func(r record.Roll) bool { return r.Outcome == "" })
}
