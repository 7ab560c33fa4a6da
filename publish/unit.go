package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

// The labels that move along a channel's versions.
const (
	LabelCurrent  = "current"
	LabelPrevious = "previous"
)

// Validation of an aws:ec2:image value takes seconds; a value that has not appeared
// after maxLooks looks was rejected.
const (
	lookEvery = 3 * time.Second
	maxLooks  = 60
	// doubtLooks is how often a pointer is looked for that a process which died may
	// have written: like any other it shows when AWS has validated it.
	doubtLooks = 20
)

// state is the unit's whole memory.
type state struct {
	Step    step           `json:"step,omitempty"`
	Version int64          `json:"version,omitempty"` // the version of our last write
	Looks   int            `json:"looks,omitempty"`
	Doubt   bool           `json:"doubt,omitempty"`   // the pointer may have been written and not recorded
	Restore *Parameter     `json:"restore,omitempty"` // the newer foreign version we wrote over
	Result  record.Publish `json:"result"`
	Outcome string         `json:"outcome,omitempty"`
	Kind    fault.Kind     `json:"kind,omitempty"`
	Text    string         `json:"text,omitempty"`
}

type step string

const (
	stepCheck       step = ""
	stepBuild       step = "build"
	stepBuildSeen   step = "build-seen"
	stepPointer     step = "pointer"
	stepHistory     step = "history"
	stepRestore     step = "restore"
	stepPointerSeen step = "pointer-seen"
	stepCurrent     step = "label-current"
	stepPrevious    step = "label-previous"
)

// Unit moves the channel as planned. Each Advance reads first and then makes at most
// one mutating call, so that it may be repeated from the last saved state.
func (s *Stage) Unit(p *Plan) unit.Unit {
	m := mover{s, p}
	return unit.Func("publish.channel", m.advance)
}

// Result reads the unit's final state. The error tells an outcome that is not done:
// Failed when AWS rejected the value, Conflict when a newer build overtook ours.
func Result(raw json.RawMessage) (record.Publish, error) {
	var st state
	if err := json.Unmarshal(raw, &st); err != nil {
		return record.Publish{}, fmt.Errorf("read the state of publish: %w", err)
	}
	switch st.Outcome {
	case "done", "nothing-to-do":
		return st.Result, nil
	case "":
		return st.Result, fault.New(fault.Failed, "", "publish to %s has not ended", st.Result.Channel)
	}
	return st.Result, fault.New(st.Kind, "the channel is as it was; see publish history", "%s", st.Text)
}

type mover struct {
	*Stage
	plan *Plan
}

func (m mover) advance(ctx context.Context, st *state) (unit.Next, error) {
	switch st.Step {
	case stepCheck:
		return m.check(ctx, st)
	case stepBuild:
		return m.build(ctx, st)
	case stepBuildSeen:
		return m.seen(ctx, st, m.plan.Build, stepPointer)
	case stepPointer:
		return m.pointer(ctx, st)
	case stepHistory:
		return m.history(ctx, st)
	case stepRestore:
		return m.restore(ctx, st)
	case stepPointerSeen:
		return m.seen(ctx, st, m.plan.Channel, stepCurrent)
	case stepCurrent:
		return m.label(ctx, st, LabelCurrent, st.Result.Version, stepPrevious)
	case stepPrevious:
		return m.label(ctx, st, LabelPrevious, st.Result.Previous, "")
	}
	return unit.Next{}, fault.New(fault.Failed, "", "publish: unknown step %q in the saved state", st.Step)
}

// check compares the channel with the plan's preconditions.
func (m mover) check(ctx context.Context, st *state) (unit.Next, error) {
	st.Result = record.Publish{Channel: m.plan.Channel, Build: m.plan.Build, Image: m.plan.Image,
		From: m.plan.From, Previous: m.plan.Version}
	now, err := m.newest(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	if now.Value == m.plan.Image && !m.ours(now) {
		st.Result.Skipped, st.Result.Version = true, now.Version
		st.Result.From, st.Result.Previous = "", 0
		st.Outcome = "nothing-to-do"
		m.say(event.Found, "%s already holds %s (version %d)", m.plan.Channel, m.plan.Image, now.Version)
		return unit.Done(), nil
	}
	if m.plan.Nothing || now.Version != m.plan.Version && !m.ours(now) {
		return unit.Next{}, fault.New(fault.Conflict, "plan again",
			"publish to %s: since the plan the channel moved from version %d (%s) to version %d (%s)",
			m.plan.Channel, m.plan.Version, m.plan.From, now.Version, now.Value)
	}
	st.Step = stepBuild
	return unit.Again(0), nil
}

// build writes the immutable entry. It is validated by AWS before the pointer moves.
func (m mover) build(ctx context.Context, st *state) (unit.Next, error) {
	st.Step, st.Looks = stepBuildSeen, 0
	old, err := m.Parameters.Get(ctx, m.plan.Build)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return unit.Next{}, fmt.Errorf("read %s: %w", m.plan.Build, err)
	}
	if err == nil {
		if old.Value != m.plan.Image {
			return unit.Next{}, fault.New(fault.Conflict, "an immutable entry is never rewritten; publish under another build id",
				"write %s: it exists and holds %s", m.plan.Build, old.Value)
		}
		st.Version = old.Version
		return unit.Again(0), nil
	}
	st.Version, err = m.Parameters.Put(ctx, NewVersion{Name: m.plan.Build, Value: m.plan.Image,
		DataType: DataTypeImage, Description: m.plan.Envelope.String()})
	switch {
	case fault.KindOf(err) == fault.Conflict:
		// It exists but cannot be read yet: ours, still being validated, or somebody
		// else's. The read-back tells.
		st.Version = 1
	case err != nil:
		return unit.Next{}, fmt.Errorf("write %s: %w", m.plan.Build, err)
	default:
		m.say(event.Changed, "wrote %s = %s", m.plan.Build, m.plan.Image)
	}
	return unit.Again(0), nil
}

// pointer moves the channel, or adopts a move of this run that was not recorded. A
// second write would be a second version, so a first one is looked for with patience.
func (m mover) pointer(ctx context.Context, st *state) (unit.Next, error) {
	if unit.Repeated(ctx) {
		st.Doubt, st.Looks = true, 0
	}
	now, err := m.newest(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	if now.Value == m.plan.Image && m.ours(now) {
		st.Step, st.Looks, st.Doubt, st.Version = stepHistory, 0, false, now.Version
		return unit.Again(0), nil
	}
	if st.Doubt && st.Looks < doubtLooks && now.Version == m.plan.Version {
		st.Looks++
		return unit.Again(lookEvery), nil
	}
	st.Step, st.Looks, st.Doubt = stepHistory, 0, false
	if now.Version != m.plan.Version {
		return unit.Next{}, fault.New(fault.Conflict, "plan again",
			"publish to %s: somebody moved the channel to version %d (%s)", m.plan.Channel, now.Version, now.Value)
	}
	v, err := m.Parameters.Put(ctx, NewVersion{Name: m.plan.Channel, Value: m.plan.Image,
		DataType: DataTypeImage, Description: m.plan.Envelope.String(), Overwrite: true})
	if err != nil {
		return unit.Next{}, fmt.Errorf("write %s: %w", m.plan.Channel, err)
	}
	st.Version = v
	m.say(event.Changed, "moved %s to %s (version %d)", m.plan.Channel, m.plan.Image, v)
	return unit.Again(0), nil
}

// history looks for writers between the version that was planned on and our own.
func (m mover) history(ctx context.Context, st *state) (unit.Next, error) {
	st.Step = stepPointerSeen
	if st.Version == m.plan.Version+1 {
		return unit.Again(0), nil
	}
	all, err := m.Parameters.History(ctx, m.plan.Channel)
	if err != nil {
		return unit.Next{}, fmt.Errorf("read the history of channel %s: %w", m.plan.Channel, err)
	}
	for _, v := range all {
		if v.Version <= m.plan.Version || v.Version >= st.Version || m.ours(v) {
			continue
		}
		st.Result.From, st.Result.Previous = v.Value, v.Version
		held, err := m.bakedAt(ctx, v)
		if err != nil {
			return unit.Next{}, err
		}
		m.say(event.Warned, "%s: version %d (%s) was written by somebody else while we published",
			m.plan.Channel, v.Version, v.Value)
		if held.After(m.plan.Envelope.BakedAt) && !m.plan.Older {
			st.Restore, st.Step = &v, stepRestore
		}
	}
	return unit.Again(0), nil
}

// restore puts a newer build back that our write went over.
func (m mover) restore(ctx context.Context, st *state) (unit.Next, error) {
	now, err := m.newest(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	if m.ours(now) {
		_, err := m.Parameters.Put(ctx, NewVersion{Name: m.plan.Channel, Value: st.Restore.Value,
			DataType: DataTypeImage, Description: st.Restore.Description, Overwrite: true})
		if err != nil {
			return unit.Next{}, fmt.Errorf("put %s back to %s: %w", m.plan.Channel, st.Restore.Value, err)
		}
		m.say(event.Changed, "put %s back to the newer %s", m.plan.Channel, st.Restore.Value)
	}
	return st.end("superseded", fault.Conflict, "publish %s to %s: superseded by the newer %s (version %d)",
		m.plan.Image, m.plan.Channel, st.Restore.Value, st.Restore.Version), nil
}

// seen waits until our version of name can be read, which means that AWS has
// validated it.
func (m mover) seen(ctx context.Context, st *state, name string, then step) (unit.Next, error) {
	p, err := m.Parameters.Get(ctx, name)
	switch {
	case err != nil && fault.KindOf(err) != fault.NotFound:
		return unit.Next{}, fmt.Errorf("read %s back: %w", name, err)
	case err == nil && p.Version >= st.Version && p.Value != m.plan.Image:
		return st.end("overtaken", fault.Conflict, "publish to %s: version %d holds %s, not our %s",
			name, p.Version, p.Value, m.plan.Image), nil
	case err == nil && p.Version >= st.Version:
		st.Step, st.Looks = then, 0
		if name == m.plan.Channel {
			st.Result.Version, st.Result.MovedAt = p.Version, m.Clock.Now()
		}
		return unit.Again(0), nil
	}
	if st.Looks++; st.Looks >= maxLooks {
		return st.end("rejected", fault.Failed,
			"publish %s: AWS accepted the write of %s but never validated it; the old value stands (%s)",
			m.plan.Image, name, orNone(p.Value)), nil
	}
	return unit.Again(lookEvery), nil
}

// label moves one label; then "" ends the unit.
func (m mover) label(ctx context.Context, st *state, label string, version int64, then step) (unit.Next, error) {
	if version > 0 {
		all, err := m.Parameters.History(ctx, m.plan.Channel)
		if err != nil {
			return unit.Next{}, fmt.Errorf("read the history of channel %s: %w", m.plan.Channel, err)
		}
		i := slices.IndexFunc(all, func(p Parameter) bool { return p.Version == version })
		if i >= 0 && !slices.Contains(all[i].Labels, label) {
			if err := m.Parameters.Label(ctx, m.plan.Channel, version, label); err != nil {
				return unit.Next{}, fmt.Errorf("label version %d of %s as %s: %w", version, m.plan.Channel, label, err)
			}
		}
	}
	if then == "" {
		st.Outcome = "done"
		return unit.Done(), nil
	}
	st.Step = then
	return unit.Again(0), nil
}

// newest is the last version in the channel's history, zero when there is none.
func (m mover) newest(ctx context.Context) (Parameter, error) {
	all, err := m.Parameters.History(ctx, m.plan.Channel)
	if err != nil {
		return Parameter{}, fmt.Errorf("read the history of channel %s: %w", m.plan.Channel, err)
	}
	if len(all) == 0 {
		return Parameter{}, nil
	}
	return all[len(all)-1], nil
}

// ours says that this run wrote the version.
func (m mover) ours(p Parameter) bool { return ours(p, m.plan.Envelope.Run) }

func (m mover) say(k event.Kind, format string, args ...any) {
	m.Events.Emit(event.Event{Stage: "publish", Unit: "publish", Kind: k, Text: fmt.Sprintf(format, args...)})
}

func (st *state) end(outcome string, kind fault.Kind, format string, args ...any) unit.Next {
	st.Outcome, st.Kind, st.Text = outcome, kind, fmt.Sprintf(format, args...)
	return unit.Done()
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
