package retire

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish/usage"
)

// Work is one unit of a plan, with its name in the journal.
type Work struct {
	Name string
	Unit unit.Unit

	of Result // what it is about, should it fail
}

// The outcomes of a unit.
const (
	OutcomeDone   = "done"
	OutcomeKept   = "kept" // something has begun to use it, or the plan does not hold any more
	OutcomeFailed = "failed"
)

// Result is how a unit ended.
type Result struct {
	Cell    usage.Cell `json:"cell"`
	Image   string     `json:"image,omitempty"`
	Run     string     `json:"run,omitempty"`
	Action  Action     `json:"action,omitempty"`
	Outcome string     `json:"outcome"`
	Text    string     `json:"text"`
	Gone    []string   `json:"gone,omitempty"` // what was removed, in order
}

// state is a unit's whole memory.
type state struct {
	At     int    `json:"at,omitempty"` // the next part
	Step   step   `json:"step,omitempty"`
	Result Result `json:"result"`
}

type step string

const (
	stepBefore    step = "" // what names the image
	stepMark      step = "mark"
	stepImage     step = "image"
	stepSnapshots step = "snapshots"
)

// Units are the plan's work, in order: images, leftovers, then what runs left. Each
// may be repeated from any of its states, and a new plan finishes what a killed one
// has begun. They share a look at the world, see usage.Fresh.
func (s *Stage) Units(p *Plan) []Work {
	g := s.guard(p.Input)
	var out []Work
	for _, i := range p.Doing() {
		m := mover{s, g, i}
		out = append(out, Work{"image/" + i.Cell.String() + "/" + i.Image, unit.Func("retire.image", m.advance),
			Result{Cell: i.Cell, Image: i.Image, Action: i.Action}})
	}
	for _, l := range p.Leftovers {
		out = append(out, Work{"snapshot/" + l.Cell.String() + "/" + l.Snapshot, unit.Func("retire.snapshot",
			func(ctx context.Context, st *state) (unit.Next, error) { return s.leftover(ctx, g, l, st) }),
			Result{Cell: l.Cell, Image: l.Image, Action: Deregister}})
	}
	for _, r := range p.Runs {
		out = append(out, Work{"run/" + r.Run, unit.Func("retire.run",
			func(ctx context.Context, st *state) (unit.Next, error) { return s.run(ctx, g, r, st) }),
			Result{Run: r.Run, Image: r.Image}})
	}
	return out
}

// ReadResult reads a unit's final state.
func ReadResult(raw json.RawMessage) (Result, error) {
	var st state
	if err := json.Unmarshal(raw, &st); err != nil {
		return Result{}, fmt.Errorf("read the state of retire: %w", err)
	}
	return st.Result, nil
}

// Err is what the results mean: a conflict when anything was kept that the plan would
// have touched.
func Err(results []Result) error {
	kept := slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.Outcome != OutcomeKept })
	if len(kept) == 0 {
		return nil
	}
	return fault.New(fault.Conflict, "plan again", "%d of %d were kept: %s", len(kept), len(results), kept[0].Text)
}

// guard looks again at whatever the plan was made from.
type guard struct {
	in Input
	usage.Fresh[*Plan]
}

func (s *Stage) guard(in Input) *guard {
	return &guard{in, usage.Fresh[*Plan]{Clock: s.Clock, Look: func(ctx context.Context) (*Plan, error) { return s.Plan(ctx, in) }}}
}

// holds says why the planned item does not hold any more; empty: it does.
func (g *guard) holds(ctx context.Context, i Item) (string, error) {
	p, err := g.Get(ctx)
	if err != nil {
		return "", err
	}
	now, ok := p.item(i.Cell, i.Image)
	if !ok {
		return "it is no longer among the line's images", nil
	}
	if now.Action != i.Action {
		return now.Why, nil
	}
	return "", nil
}

type mover struct {
	*Stage
	look *guard
	item Item
}

func (m mover) end(st *state, outcome, format string, args ...any) (unit.Next, error) {
	st.Result.Cell, st.Result.Image, st.Result.Action = m.item.Cell, m.item.Image, m.item.Action
	st.Result.Outcome, st.Result.Text = outcome, fmt.Sprintf(format, args...)
	kind := event.Changed
	if outcome == OutcomeKept {
		kind = event.Warned
	}
	m.Events.Emit(event.Event{Stage: "retire", Unit: m.item.Image, Kind: kind, Text: st.Result.Text})
	return unit.Done(), nil
}

// advance makes at most one call that changes something, after a look that says that
// nobody uses the image.
func (m mover) advance(ctx context.Context, st *state) (unit.Next, error) {
	p, err := m.Cells(ctx, m.item.Cell)
	if err != nil {
		return unit.Next{}, fmt.Errorf("open %s: %w", m.item.Cell, err)
	}
	if st.Step == stepSnapshots {
		return m.snapshots(ctx, st, p)
	}
	now, err := p.Images.Image(ctx, m.item.Image)
	switch {
	case fault.KindOf(err) == fault.NotFound && m.item.Action == Deregister:
		st.Step, st.At = stepSnapshots, 0 // an earlier attempt got this far
		return unit.Again(0), nil
	case fault.KindOf(err) == fault.NotFound:
		return m.end(st, OutcomeDone, "%s is gone", m.item.Image)
	case err != nil:
		return unit.Next{}, fmt.Errorf("look at image %s: %w", m.item.Image, err)
	case m.item.Action == Disable && now.State == usage.StateDisabled && now.Tags[TagDisabled] != "":
		return m.end(st, OutcomeDone, "disabled %s", m.item.Image)
	case m.item.Action == Deprecate && !now.DeprecatedAt.IsZero():
		return m.end(st, OutcomeDone, "deprecated %s", m.item.Image)
	}
	why, err := m.look.holds(ctx, m.item)
	if err != nil {
		return unit.Next{}, err
	}
	if why == "" {
		why, err = m.lastLook(ctx, p)
	}
	if err != nil {
		return unit.Next{}, err
	}
	if why != "" {
		return m.end(st, OutcomeKept, "kept %s: since the plan: %s", m.item.Image, why)
	}
	switch m.item.Action {
	case Deprecate:
		return m.deprecate(ctx, p)
	case Disable:
		return m.disable(ctx, p, now)
	case Deregister:
		return m.deregister(ctx, st, p)
	case Keep:
	}
	return unit.Next{}, fault.New(fault.Failed, "", "retire %s: unknown action %q", m.item.Image, m.item.Action)
}

// lastLook asks EC2 once more, right before the call.
func (m mover) lastLook(ctx context.Context, p Ports) (string, error) {
	if p.Uses.References == nil {
		return "", nil
	}
	list, err := p.Uses.References.References(ctx, []string{m.item.Image})
	if fault.KindOf(err) == fault.Unsupported {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("ask EC2 who uses %s: %w", m.item.Image, err)
	}
	known, err := m.look.Get(ctx)
	if err != nil {
		return "", err
	}
	for _, x := range known.census.News(m.item.Cell, list) {
		return fmt.Sprintf("%s %s uses it", x.Kind, x.ARN), nil
	}
	return "", nil
}
