package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/unit"
)

// Passing is an image that passed a ring, and the ring's channel.
type Passing struct {
	Place
	Image string
}

// PassUnit labels the versions of ring channels whose rings were rolled well, as proof
// for a promotion from another machine. A channel that holds another image by now is
// left alone.
func (s *Stage) PassUnit(all []Passing) unit.Unit {
	return unit.Func("publish.passed", func(ctx context.Context, st *struct {
		At int `json:"at"`
	}) (unit.Next, error) {
		if st.At >= len(all) {
			return unit.Done(), nil
		}
		p := all[st.At]
		st.At++
		ports, history, err := s.read(ctx, p.Cell, p.Channel)
		if err != nil {
			return unit.Next{}, err
		}
		now := last(history)
		if now.Value != p.Image || slices.Contains(now.Labels, LabelPassed) {
			return unit.Again(0), nil
		}
		if err := ports.Parameters.Label(ctx, p.Channel, now.Version, LabelPassed); err != nil {
			return unit.Next{}, fmt.Errorf("label version %d of %s as %s: %w", now.Version, p.Place, LabelPassed, err)
		}
		s.Events.Emit(event.Event{Stage: "publish", Unit: "publish", Kind: event.Changed,
			Text: fmt.Sprintf("labelled version %d of %s (%s) as %s", now.Version, p.Place, now.Value, LabelPassed)})
		return unit.Again(0), nil
	})
}
