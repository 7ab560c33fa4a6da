package retire

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish/usage"
)

// ahead is how far in the future a deprecation lies: EC2 refuses the past, and rounds
// to the minute.
const ahead = 2 * time.Minute

// markedFor is how old the mark of an image may be when it is disabled.
const markedFor = 10 * time.Minute

func (m mover) deprecate(ctx context.Context, p Ports) (unit.Next, error) {
	if err := p.Removal.Deprecate(ctx, m.item.Image, m.Clock.Now().Add(ahead)); err != nil {
		return unit.Next{}, fmt.Errorf("retire %s: %w", m.item.Image, err)
	}
	return unit.Again(0), nil // the next look sees it
}

// disable writes when, then disables: a disabled image without the tag would never
// be known to be ours to deregister. A tag from before, of a call that did not get further or
// of an image that somebody has enabled again, would cut short the time for which it is
// disabled.
func (m mover) disable(ctx context.Context, p Ports, now usage.Image) (unit.Next, error) {
	if at, err := time.Parse(time.RFC3339, now.Tags[TagDisabled]); err != nil || m.Clock.Now().Sub(at) > markedFor {
		if err := p.Images.Tag(ctx, []string{m.item.Image}, map[string]string{TagDisabled: m.Clock.Now().UTC().Format(time.RFC3339)}); err != nil {
			return unit.Next{}, fmt.Errorf("retire %s: %w", m.item.Image, err)
		}
		return unit.Again(0), nil
	}
	if err := p.Removal.Disable(ctx, m.item.Image); err != nil {
		return unit.Next{}, fmt.Errorf("retire %s: %w", m.item.Image, err)
	}
	return unit.Again(0), nil
}

// before are the parts that go before the image: what names it.
func (m mover) before() []Part {
	return slices.DeleteFunc(slices.Clone(m.item.With), func(p Part) bool { return p.Kind == PartSnapshot })
}

func (m mover) after() []string {
	var out []string
	for _, p := range m.item.With {
		if p.Kind == PartSnapshot {
			out = append(out, p.ID)
		}
	}
	return out
}

func (m mover) deregister(ctx context.Context, st *state, p Ports) (unit.Next, error) {
	switch st.Step {
	case stepBefore:
		parts := m.before()
		if st.At >= len(parts) {
			st.Step = stepMark
			return unit.Again(0), nil
		}
		if err := m.remove(ctx, parts[st.At]); err != nil {
			return unit.Next{}, fmt.Errorf("retire %s: %w", m.item.Image, err)
		}
		st.Result.Gone = append(st.Result.Gone, parts[st.At].String())
		st.At++
	case stepMark:
		st.Step = stepImage
		if snaps := m.after(); len(snaps) > 0 {
			if err := p.Images.Tag(ctx, snaps, map[string]string{TagRetired: m.item.Image}); err != nil {
				return unit.Next{}, fmt.Errorf("retire %s: %w", m.item.Image, err)
			}
		}
	case stepImage:
		if err := p.Removal.Deregister(ctx, m.item.Image); fault.KindOf(err) == fault.Conflict {
			return m.end(st, OutcomeKept, "kept %s: %v", m.item.Image, err)
		} else if err != nil {
			return unit.Next{}, fmt.Errorf("retire %s: %w", m.item.Image, err)
		}
		st.Result.Gone = append(st.Result.Gone, m.item.Image)
		st.Step, st.At = stepSnapshots, 0
	case stepSnapshots:
	}
	return unit.Again(0), nil
}

// remove deletes what names the image, in the cell where it stands.
func (m mover) remove(ctx context.Context, x Part) error {
	p, err := m.Cells(ctx, x.Cell)
	if err != nil {
		return fmt.Errorf("open %s: %w", x.Cell, err)
	}
	if x.Kind == PartVersion {
		return p.Leftovers.DeleteVersion(ctx, x.ID, x.Number)
	}
	return p.Builds.Delete(ctx, x.ID)
}

func (m mover) snapshots(ctx context.Context, st *state, p Ports) (unit.Next, error) {
	snaps := m.after()
	if st.At >= len(snaps) {
		return m.end(st, OutcomeDone, "deregistered %s with %s", m.item.Image, with(st.Result.Gone, m.item.Image))
	}
	id := snaps[st.At]
	switch err := p.Leftovers.DeleteSnapshot(ctx, id); {
	case fault.KindOf(err) == fault.Conflict:
		m.Events.Emit(event.Event{Stage: "retire", Unit: m.item.Image, Kind: event.Warned, Text: fmt.Sprintf("snapshot %s stays: %v", id, err)})
	case err != nil:
		return unit.Next{}, fmt.Errorf("retire %s: %w", m.item.Image, err)
	default:
		st.Result.Gone = append(st.Result.Gone, id)
	}
	st.At++
	return unit.Again(0), nil
}

func with(gone []string, image string) string {
	parts := slices.DeleteFunc(slices.Clone(gone), func(s string) bool { return s == image })
	if len(parts) == 0 {
		return "nothing else"
	}
	return strings.Join(parts, ", ")
}

// leftover deletes a snapshot whose image is gone.
func (s *Stage) leftover(ctx context.Context, g *guard, l Leftover, st *state) (unit.Next, error) {
	end := func(outcome, text string) (unit.Next, error) {
		st.Result = Result{Cell: l.Cell, Image: l.Image, Action: Deregister, Outcome: outcome, Text: text, Gone: st.Result.Gone}
		s.Events.Emit(event.Event{Stage: "retire", Unit: l.Snapshot, Kind: event.Changed, Text: text})
		return unit.Done(), nil
	}
	now, err := g.Get(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	if !slices.Contains(now.Leftovers, l) {
		return end(OutcomeKept, fmt.Sprintf("kept snapshot %s: it is not a leftover any more", l.Snapshot))
	}
	p, err := s.Cells(ctx, l.Cell)
	if err != nil {
		return unit.Next{}, fmt.Errorf("open %s: %w", l.Cell, err)
	}
	switch err := p.Leftovers.DeleteSnapshot(ctx, l.Snapshot); {
	case fault.KindOf(err) == fault.Conflict:
		return end(OutcomeKept, fmt.Sprintf("kept snapshot %s, which %s had left: %v", l.Snapshot, l.Image, err))
	case err != nil:
		return unit.Next{}, fmt.Errorf("delete what %s left: %w", l.Image, err)
	}
	st.Result.Gone = []string{l.Snapshot}
	return end(OutcomeDone, fmt.Sprintf("deleted snapshot %s, which %s had left", l.Snapshot, l.Image))
}

// run removes what a run left outside EC2, once none of its images is there.
func (s *Stage) run(ctx context.Context, g *guard, r RunItem, st *state) (unit.Next, error) {
	end := func(outcome, text string, gone []string) (unit.Next, error) {
		st.Result = Result{Run: r.Run, Image: r.Image, Outcome: outcome, Text: text, Gone: gone}
		s.Events.Emit(event.Event{Stage: "retire", Unit: r.Run, Kind: event.Changed, Text: text})
		return unit.Done(), nil
	}
	for _, at := range g.in.Cells {
		p, err := s.Cells(ctx, at)
		if err != nil {
			return unit.Next{}, fmt.Errorf("open %s: %w", at, err)
		}
		all, err := p.Images.Own(ctx)
		if err != nil {
			return unit.Next{}, fmt.Errorf("list the images of %s: %w", at, err)
		}
		for _, i := range all {
			if i.ID == r.Image || i.Tags[usage.TagRun] == r.Run {
				return end(OutcomeKept, fmt.Sprintf("kept what run %s left: image %s is still there", r.Run, i.ID), nil)
			}
		}
	}
	if err := s.Archive.Remove(ctx, r.Run); err != nil {
		return unit.Next{}, fmt.Errorf("remove what run %s left: %w", r.Run, err)
	}
	return end(OutcomeDone, fmt.Sprintf("removed what run %s left: %s", r.Run, strings.Join(r.Parts, ", ")), r.Parts)
}
