package app

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/awscloud/images"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

// RollPlan is the plan of a roll.
type RollPlan = rollout.Plan

// previewRoll plans the roll of the image that o is upon; nil without fleets. version
// is that of the channel.
func (p *pipeline) previewRoll(ctx context.Context, o *Overview, version int64) (*rollout.Plan, error) {
	in := rollInput(p.Config, p.Image, o.Upon)
	if len(in.Fleets) == 0 {
		return nil, nil
	}
	in = p.everywhere(ctx, in, &record.Publish{Pointers: o.places})
	in.Prices = p.Prices
	if o.Upon == o.InUse {
		in.Channel, in.ChannelVersion = o.Channel, version
	}
	if p.Plan != nil {
		if o.moved = p.holds(ctx, in); o.moved != nil && fault.KindOf(o.moved) != fault.Conflict {
			return nil, o.moved
		}
	}
	plan, err := p.parts.roll.Plan(ctx, in)
	if err != nil {
		return nil, err
	}
	p.gated(ctx, plan)
	p.stopped(ctx, plan)
	o.soaks = p.soaks(plan)
	if o.Upon != rollout.NewImage {
		err := p.parts.publish.Withheld(ctx, publish.Place{Channel: o.Channel}, o.Upon)
		switch {
		case fault.KindOf(err) == fault.Conflict:
			plan.Findings = append(plan.Findings, rollout.PlanFinding{Finding: rollout.Finding{Refuse: true, Kind: fault.Conflict, Text: err.Error(), Hint: fault.HintOf(err)}})
		case err != nil:
			return nil, err
		}
	}
	if o.InUse != "" && (o.Upon == o.InUse || !o.Bake.Skip) {
		foreign, err := p.foreign(ctx, o.InUse)
		if err != nil {
			return nil, err
		}
		if foreign != nil {
			foreign.Refuse, foreign.Warn = o.Upon == o.InUse, o.Upon != o.InUse
			plan.Findings = append(plan.Findings, rollout.PlanFinding{Finding: *foreign})
		}
	}
	if o.Upon == rollout.NewImage {
		return plan, nil
	}
	ring, err := p.unpromoted(ctx, o.Upon, plan)
	plan.Findings = append(plan.Findings, ring...)
	return plan, err
}

// soaks is how long each ring of a plan soaks, also the last one, after which the plan has
// nothing that waits for it.
func (p *pipeline) soaks(plan *rollout.Plan) map[string]time.Duration {
	gates, out := newRingGates(p.Request, p.parts.cells), map[string]time.Duration{}
	for _, r := range plan.Rings {
		out[r.Name] = gates.planned(r).Soak
	}
	return out
}

// gated adds what would keep the plan's rings from beginning or from ending well:
// windows that never open, alarms and checks that are not there.
func (p *pipeline) gated(ctx context.Context, plan *rollout.Plan) {
	refusals, remarks := newRingGates(p.Request, p.parts.cells).preflight(ctx, plan.Rings)
	for _, text := range refusals {
		plan.Findings = append(plan.Findings, rollout.PlanFinding{Finding: rollout.Finding{Refuse: true, Kind: fault.Conflict, Text: text,
			Hint: "mend the ring's block, or what it names"}})
	}
	for _, text := range remarks {
		plan.Findings = append(plan.Findings, rollout.PlanFinding{Finding: rollout.Finding{Warn: true, Text: text}})
	}
}

// stopped adds what the andon says, where it keeps the groups from moving.
func (p *pipeline) stopped(ctx context.Context, plan *rollout.Plan) {
	if plan.Nothing() {
		return
	}
	andon := andonOf(p.Config, p.Image, p.parts.params)
	text, err := andon.Read(ctx)
	f := rollout.Finding{Warn: true}
	switch order, says, odd := rollout.ParseOrder(text); {
	case err != nil:
		f.Text = fmt.Sprintf("what the andon %s says is not known: %s", andon.Name(), err)
	case odd != nil:
		f.Text, f.Hint = fmt.Sprintf("no group begins to move: %s (%s)", odd, andon.Name()), fault.HintOf(odd)
	case order == rollout.Run:
		return
	default:
		f.Text, f.Hint = fmt.Sprintf("no group begins to move while the andon %s says %s", andon.Name(), strings.TrimSpace(string(order)+" "+says)), "rehydrate roll resume"
	}
	plan.Findings = append(plan.Findings, rollout.PlanFinding{Finding: f})
}

// foreign is what is wrong with an image in the channel that this pipeline did not
// make; nil for one of ours. Tags are seen by the image's owner only, so it is asked
// in the session's own account.
func (p *pipeline) foreign(ctx context.Context, id string) (*rollout.Finding, error) {
	found, err := images.New(p.Cloud.Session).Find(ctx, bake.ImageFilter{ID: id})
	if err != nil {
		return nil, fmt.Errorf("look at the image %s that channel %s holds: %w", id, p.Image.Channel, err)
	}
	f := &rollout.Finding{Kind: fault.Conflict, Hint: "find out who wrote it there; `rehydrate publish` puts an image of this pipeline there"}
	switch {
	case len(found) == 0:
		f.Kind, f.Text = fault.NotFound, fmt.Sprintf("channel %s holds %s, and there is no such image", p.Image.Channel, id)
	case found[0].Tags[bake.TagLine] == "":
		f.Text = fmt.Sprintf("channel %s holds %s, which this pipeline did not make: it has no tag %s", p.Image.Channel, id, bake.TagLine)
	case found[0].Tags[bake.TagLine] != p.Image.Label:
		f.Text = fmt.Sprintf("channel %s holds %s, which is an image of %s", p.Image.Channel, id, found[0].Tags[bake.TagLine])
	default:
		return nil, nil
	}
	return f, nil
}

// unpromoted tells of rings whose own channel holds another image.
func (p *pipeline) unpromoted(ctx context.Context, image string, plan *rollout.Plan) ([]rollout.PlanFinding, error) {
	var out []rollout.PlanFinding
	for _, r := range plan.Rings {
		name := p.Image.Channels[r.Name]
		if name == "" {
			continue
		}
		now, err := p.parts.params.Get(ctx, name)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return nil, fmt.Errorf("read channel %s of ring %s: %w", name, r.Name, err)
		}
		if now.Value != image {
			from, _, _ := ChannelRequest{Image: p.Image}.before(r.Name, name) // it is a ring's channel
			out = append(out, rollout.PlanFinding{Finding: rollout.Finding{Warn: true, Hint: fmt.Sprintf("rehydrate publish promote %s %s", path.Base(from), r.Name),
				Text: fmt.Sprintf("channel %s of ring %s holds %s", name, r.Name, orNone(now.Value))}})
		}
	}
	return out, nil
}

// ForRoll is the plan that `roll --plan` may apply: that of the image which the channel
// holds. The error says why there is none.
func (o *Overview) ForRoll() (*rollout.Plan, error) {
	switch {
	case o.Roll == nil:
		return nil, fault.New(fault.Usage, "", "plan a roll of %s: no fleet of groups follows it", o.Line)
	case o.InUse == "":
		return nil, fault.New(fault.NotFound, "publish an image first", "plan a roll of %s: channel %s holds nothing", o.Line, o.Channel)
	case o.InUse != o.Upon:
		baked := o.Upon
		if o.Bake.Skip && o.Bake.Current != nil { // its copies are still to be made, or others than it
			baked = o.Bake.Current.Image
		}
		return nil, fault.New(fault.Conflict, "publish it first, then plan the roll",
			"plan a roll of %s: channel %s holds %s, and %s is baked and not published", o.Line, o.Channel, o.InUse, baked)
	}
	return o.Roll, o.Roll.Err()
}

// SavePlan writes the plan that `roll --plan` applies to a file, whole or not at all.
func SavePlan(path string, p *rollout.Plan) error {
	var b bytes.Buffer
	if err := rollout.WritePlan(&b, p); err != nil {
		return err
	}
	if err := writeFile(path, b.Bytes()); err != nil {
		return fmt.Errorf("write the plan to %s: %w", path, err)
	}
	return nil
}

// LoadPlan reads a plan that SavePlan wrote.
func LoadPlan(path string) (*rollout.Plan, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.Usage, "write one with `rehydrate plan --out FILE`", "read the plan: %w", err)
	}
	p, err := rollout.ReadPlan(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// LoadPrices reads a table of prices.
func LoadPrices(path string) (*estimate.Prices, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.Usage, "", "read the table of prices: %w", err)
	}
	p, err := estimate.ParsePrices(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// rollPlan is the plan by which the run rolls what it published: the one that was
// given, if what it stands on is still so, or one made now. A refusal is an error, so
// that a resume plans again. The error of a given plan for another image, or one that
// has moved, is of kind Conflict.
func (p *pipeline) rollPlan(ctx context.Context) (*rollout.Plan, error) {
	in := p.everywhere(ctx, rollInput(p.Config, p.Image, p.doc.Publish.Image), p.doc.Publish)
	now, err := p.parts.params.Get(ctx, p.Image.Channel)
	if err != nil {
		return nil, fmt.Errorf("roll %s: read channel %s: %w", in.Image, p.Image.Channel, err)
	}
	in.Channel, in.ChannelVersion = p.Image.Channel, now.Version
	if p.Plan == nil {
		plan, err := p.parts.roll.Plan(ctx, in)
		if err == nil {
			p.gated(ctx, plan)
			err = plan.Err()
		}
		return plan, err
	}
	return p.Plan, p.holds(ctx, in)
}

// holds says why the given plan cannot be applied: it is for another image, or what it
// stands on has moved.
func (p *pipeline) holds(ctx context.Context, in rollout.Input) error {
	if p.Plan.Image != in.Image {
		return fault.New(fault.Conflict, "plan again", "roll %s: the plan is for %s", in.Image, p.Plan.Image)
	}
	return p.parts.roll.Check(ctx, in, p.Plan)
}

// samePlan refuses to go on by another plan than the one that the run has begun to roll
// with: before anything of the run is written, whose roll may have ended well.
func (p *pipeline) samePlan(ctx context.Context) error {
	if p.Plan == nil {
		return nil
	}
	begun, err := planOf(ctx, p.local.Journal)
	if err != nil || begun == nil || begun.Hash == "" || begun.Hash == p.Plan.Hash {
		return err
	}
	return fault.New(fault.Conflict, "leave out --plan to go on with it", "run %s rolls by another plan already", p.Run)
}
