package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
)

func (p *pipeline) publish(ctx context.Context) (outcome, text string, err error) {
	r, err := p.baked()
	if err != nil {
		return "", "", err
	}
	in := publish.Input{Run: p.Run, Channel: p.Image.Channel, Image: r.Bake.Image, Verdict: p.doc.Validate, Bake: r.Bake}
	if p.Image.Distribute != nil {
		spread, err := p.spread(ctx, r.Bake.Image)
		if err != nil {
			return "", "", err
		}
		in = publish.Input{Run: p.Run, Pointers: p.pointers(spread), Judged: []publish.Judged{{Image: r.Bake.Image, Verdict: p.doc.Validate, Bake: r.Bake}}}
	}
	decide := func(ctx context.Context) (*publish.Plan, error) { return p.parts.publish.Plan(ctx, in) }
	if p.Image.Line != "" {
		mine, err := p.offered(ctx, p.ofLine(in))
		if err != nil {
			return "", "", err
		}
		decide = func(ctx context.Context) (*publish.Plan, error) { return p.linePlan(ctx, mine) }
	}
	plan, err := planned(ctx, p, "publish", decide)
	if err != nil {
		return "", "", err
	}
	for _, w := range plan.Warnings {
		p.Events.Emit(event.Event{Stage: "publish", Unit: "publish", Kind: event.Warned, Text: w})
	}
	out, err := p.move(ctx, "publish", "publish", plan)
	if out.Channel == "" && err != nil {
		return "", "", err
	}
	if p.Image.Line != "" {
		out = ownOf(out, p.Image.Architecture)
	}
	p.doc.Publish = &out // also beside an error: how every pointer stands
	if err != nil {
		return "", "", err
	}
	if p.Image.Line != "" && len(out.Line) == 0 {
		if out.Line, err = p.lineOf(ctx); err != nil {
			return "", "", err
		}
	}
	held := fmt.Sprintf("%s holds %s already", out.Channel, out.Image)
	switch {
	case out.Skipped && plan.Nothing():
		return "nothing-to-do", held, nil
	case out.Skipped:
		return "done", held + movedWith(out), nil
	}
	return "done", fmt.Sprintf("%s version %d: %s → %s", out.Channel, out.Version, orNone(out.From), out.Image) + movedWith(out), nil
}

// move moves the pointers of a plan under a unit's name.
func (p *pipeline) move(ctx context.Context, stage, name string, plan *publish.Plan) (record.Publish, error) {
	return movePointers(ctx, p.parts.publish, plan, func() (json.RawMessage, error) {
		return p.advance(ctx, stage, name, p.parts.publish.Unit(plan))
	})
}

// ofLine is what to publish as a member of a line has it, with its architecture.
func (p *pipeline) ofLine(in publish.Input) publish.Input {
	out := publish.Input{Run: in.Run, Pointers: slices.Clone(in.Pointers), Judged: in.Judged}
	if len(in.Pointers) == 0 {
		out.Pointers = []publish.Pointer{{Channel: in.Channel, Image: in.Image}}
		out.Judged = []publish.Judged{{Image: in.Image, Verdict: in.Verdict, Bake: in.Bake}}
	}
	for n := range out.Pointers {
		out.Pointers[n].Arch = p.Image.Architecture
	}
	return out
}

// unmoved refuses to bring the run's image to a fleet when the channel has been given
// another one since this run published. A later version with the same image is fine.
func (p *pipeline) unmoved(ctx context.Context, stage string) error {
	if p.doc.Publish == nil {
		return nil
	}
	was := p.doc.Publish
	if err := stillHolds(ctx, p.parts.params, stage, was.Channel, was.Image); err != nil {
		return err
	}
	if err := p.parts.publish.Withheld(ctx, publish.Place{Channel: was.Channel}, was.Image); err != nil {
		return fmt.Errorf("%s: %w", stage, err)
	}
	for _, x := range was.Pointers {
		c := publish.Cell{Account: x.Account, Region: x.Region}
		if c == (publish.Cell{}) || c == publish.Cell(p.parts.cells.Home()) {
			continue
		}
		ports, err := p.parts.cells.Publish(ctx, c)
		if err == nil {
			err = stillHolds(ctx, ports.Parameters, stage, x.Channel, x.Image)
		}
		if err != nil {
			return fmt.Errorf("in %s: %w", c, err)
		}
	}
	return nil
}

// stillHolds says whether a channel holds an image.
func stillHolds(ctx context.Context, in publish.Parameters, stage, channel, image string) error {
	now, err := in.Get(ctx, channel)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return fmt.Errorf("%s %s: read channel %s: %w", stage, image, channel, err)
	}
	if now.Value == image {
		return nil
	}
	held := orNone(now.Value)
	if now.Version > 0 {
		held += fmt.Sprintf(" (version %d)", now.Version)
	}
	return fault.New(fault.Conflict, "start a new run, or publish this image again",
		"%s %s: channel %s moved since: holds %s", stage, image, channel, held)
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
