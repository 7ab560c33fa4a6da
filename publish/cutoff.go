package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/internal/fault"
)

// finish has a rollback that names no version go where one was going that did not end:
// asked for again after its process died, it must not go one further.
func (s *Stage) finish(ctx context.Context, r *Rollback) (notes []string, err error) {
	if r.To != 0 || len(r.Places) == 0 {
		return nil, nil
	}
	var first []Parameter
	var all [][]Parameter
	for i, at := range r.Places {
		if at.Arch != r.Places[0].Arch { // its builds are others; its labels are set with these
			continue
		}
		_, history, err := s.read(ctx, at.Cell, at.Channel)
		if err != nil {
			return nil, err
		}
		if all = append(all, history); i == 0 {
			first = history
		}
	}
	e, ok := cutOff(all)
	if !ok {
		return nil, nil
	}
	n := slices.IndexFunc(first, func(p Parameter) bool {
		v, ok := ParseEnvelope(p.Description)
		return ok && v.BuildID() == e.BuildID()
	})
	if n < 0 {
		return nil, nil
	}
	ports, err := s.open(ctx, r.Places[0].Cell)
	if err != nil {
		return nil, err
	}
	if err := launchable(ctx, r.Places[0], ports, first[n]); fault.KindOf(err) == fault.GateSaysNo && err != nil {
		return nil, nil // by now it must not come back
	}
	r.To = first[n].Version
	return []string{fmt.Sprintf("the rollback of run %s to build %s did not end; this one finishes it, and another one would go further back", e.Run, e.BuildID())}, nil
}

// cutOff is the rollback that did not end: its version is the newest in one place, and
// another place is a generation behind, or its labels were not set.
func cutOff(all [][]Parameter) (top Envelope, open bool) {
	for _, history := range all {
		if e, ok := ParseEnvelope(last(history).Description); ok && e.Generation > top.Generation && begins(history) {
			top = e
		}
	}
	for _, history := range all {
		e, _ := ParseEnvelope(last(history).Description)
		switch {
		case e.Generation > top.Generation:
			return Envelope{}, false // somebody published after it
		case e.Generation < top.Generation && e.BuildID() != top.BuildID(),
			top.Generation > 0 && e.Run == top.Run && labelled(history, LabelCurrent) != last(history).Version:
			open = true
		}
	}
	return top, open
}

// begins says that the newest version began its generation, as only a rollback does.
func begins(history []Parameter) bool {
	n := len(history) - 1
	now, _ := ParseEnvelope(last(history).Description)
	return n > 0 && !slices.ContainsFunc(history[:n], func(p Parameter) bool {
		e, ok := ParseEnvelope(p.Description)
		return ok && e.Generation >= now.Generation
	})
}
