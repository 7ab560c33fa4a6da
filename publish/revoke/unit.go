package revoke

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish/usage"
)

// state is the memory of the units that mark, label and disable.
type state struct {
	Outcome string `json:"outcome,omitempty"`
	Text    string `json:"text,omitempty"`
}

// The outcomes of those units.
const (
	outcomeDone = "done"
	outcomeKept = "kept" // since the plan, something came to need the image
)

func (st *state) end(outcome, format string, args ...any) (unit.Next, error) {
	st.Outcome, st.Text = outcome, fmt.Sprintf(format, args...)
	return unit.Done(), nil
}

func (s *Stage) say(k event.Kind, of, format string, args ...any) {
	s.Events.Emit(event.Event{Stage: "revoke", Unit: of, Kind: k, Text: fmt.Sprintf(format, args...)})
}

// mark tags an image as revoked.
func (s *Stage) mark(p *Plan, m Member) unit.Unit {
	return unit.Func("revoke.mark", func(ctx context.Context, st *state) (unit.Next, error) {
		ports, err := s.Cells(ctx, m.Cell)
		if err != nil {
			return unit.Next{}, fmt.Errorf("open %s: %w", m.Cell, err)
		}
		i, err := ports.Images.Image(ctx, m.Image)
		if fault.KindOf(err) == fault.NotFound {
			return st.end(outcomeDone, "%s is gone", m.Image)
		}
		if err != nil {
			return unit.Next{}, fmt.Errorf("look at image %s: %w", m.Image, err)
		}
		if i.Tags[usage.TagRevoked] == "" || i.Tags[usage.TagDeadline] != p.by() {
			tags := map[string]string{usage.TagDeadline: p.by()}
			if i.Tags[usage.TagRevoked] == "" {
				tags[usage.TagRevoked], tags[usage.TagReason] = p.At.UTC().Format(time.RFC3339), p.Input.Reason
			}
			if err := ports.Marks.Tag(ctx, []string{m.Image}, tags); err != nil {
				return unit.Next{}, fmt.Errorf("mark %s as revoked: %w", m.Image, err)
			}
			s.say(event.Changed, m.Image, "marked %s in %s as revoked (%s)", m.Image, m.Cell, m.Via)
		}
		return st.end(outcomeDone, "marked %s in %s", m.Image, m.Cell)
	})
}

// label marks a version of a channel. Again changes nothing.
func (s *Stage) label(l Label) unit.Unit {
	return unit.Func("revoke.label", func(ctx context.Context, st *state) (unit.Next, error) {
		ports, err := s.Cells(ctx, l.Cell)
		if err != nil {
			return unit.Next{}, fmt.Errorf("open %s: %w", l.Cell, err)
		}
		err = ports.Labels.Label(ctx, l.Channel, l.Version, l.Label)
		if fault.KindOf(err) == fault.NotFound { // of a hundred versions the oldest goes when another comes
			return st.end(outcomeDone, "version %d of %s is no longer kept", l.Version, l.Channel)
		}
		if err != nil {
			return unit.Next{}, fmt.Errorf("label version %d of %s: %w", l.Version, l.Channel, err)
		}
		s.say(event.Changed, l.Channel, "labelled version %d of %s (%s) as revoked", l.Version, l.Channel, l.Image)
		return st.end(outcomeDone, "labelled version %d of %s in %s", l.Version, l.Channel, l.Cell)
	})
}

// guard looks again at what the plan was made from.
type guard struct {
	in Input
	usage.Fresh[*Plan]
}

func (s *Stage) guard(in Input) *guard {
	return &guard{in, usage.Fresh[*Plan]{Clock: s.Clock, Look: func(ctx context.Context) (*Plan, error) { return s.Plan(ctx, in) }}}
}

// needed says why an image must not be disabled now although the plan says so; empty:
// it may. What the plan showed and was forced over is no news.
func (g *guard) needed(ctx context.Context, m Member) (string, error) {
	now, err := g.Get(ctx)
	if err != nil {
		return "", err
	}
	for _, x := range now.Moves {
		if x.From == m.Image && !g.in.Force {
			return fmt.Sprintf("channel %s in %s holds it", x.Channel, x.Cell), nil
		}
	}
	if len(now.Unknown) > 0 && !g.in.Force {
		return "not all could be read: " + now.Unknown[0], nil
	}
	f, ok := now.member(m.Cell, m.Image)
	if !ok {
		return "it does not descend from " + g.in.Image + " any more", nil
	}
	for _, b := range f.Blocks {
		if !slices.ContainsFunc(m.Blocks, func(was usage.Use) bool { return was.Key() == b.Key() }) {
			return b.String(), nil
		}
	}
	return "", nil
}

// disable takes an image out of circulation, if nothing new needs it.
func (s *Stage) disable(g *guard, m Member) unit.Unit {
	return unit.Func("revoke.disable", func(ctx context.Context, st *state) (unit.Next, error) {
		ports, err := s.Cells(ctx, m.Cell)
		if err != nil {
			return unit.Next{}, fmt.Errorf("open %s: %w", m.Cell, err)
		}
		i, err := ports.Images.Image(ctx, m.Image)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return st.end(outcomeDone, "%s is gone", m.Image)
		case err != nil:
			return unit.Next{}, fmt.Errorf("look at image %s: %w", m.Image, err)
		case i.State == usage.StateDisabled:
			return st.end(outcomeDone, "disabled %s in %s", m.Image, m.Cell)
		}
		why, err := g.needed(ctx, m)
		if err != nil {
			return unit.Next{}, err
		}
		if why != "" {
			s.say(event.Warned, m.Image, "%s was not disabled: since the plan: %s", m.Image, why)
			return st.end(outcomeKept, "%s was not disabled: since the plan: %s", m.Image, why)
		}
		if err := ports.Marks.Disable(ctx, m.Image); err != nil {
			return unit.Next{}, fmt.Errorf("revoke %s: %w", m.Image, err)
		}
		s.say(event.Changed, m.Image, "disabled %s in %s", m.Image, m.Cell)
		return unit.Again(0), nil // the next look sees it
	})
}

func readState(raw json.RawMessage) (state, error) {
	var st state
	if err := json.Unmarshal(raw, &st); err != nil {
		return st, fmt.Errorf("read the state of revoke: %w", err)
	}
	return st, nil
}
