package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/copies"
	"github.com/goldenami/rehydrate/internal/awscloud/keys"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/publish/spread"
	"github.com/goldenami/rehydrate/rollout"
)

// Spread is what the spreading of images needs of a cell.
func (c *Cells) Spread(ctx context.Context, at spread.Cell) (spread.Ports, error) {
	return opened(c, "spread "+at.String(), func() (spread.Ports, error) {
		s, err := c.Session(ctx, at.Account, at.Region)
		if err != nil {
			return spread.Ports{}, err
		}
		ec2 := copies.New(s)
		return spread.Ports{Images: ec2, Sharing: ec2, Keys: keys.New(s), Trial: ec2}, nil
	})
}

const (
	// togetherSpread is how many images are on their way at a time; copiesPerRegion of
	// them to one Region ("Amazon EBS endpoints and quotas": 20 concurrent snapshot
	// copies per destination Region).
	togetherSpread  = 200
	copiesPerRegion = 20
	spreadTick      = 5 * time.Second
)

// spread brings an image to the cells of the image line and looks at it from inside
// each; nothing but images, permissions and grants has changed when it returns. What
// was done is in the run document also beside an error.
func (p *pipeline) spread(ctx context.Context, image string) (*spread.Plan, error) {
	stage := &spread.Stage{Cells: p.parts.cells.Spread, Clock: p.Cloud.Clock, Events: p.Events}
	try, err := p.spreadTry(ctx)
	if err != nil {
		return nil, err
	}
	in := spreadInput(p.Image, p.parts.cells, image)
	in.Run, in.Try = p.Run, try
	name := "spread"
	if try > 0 {
		name += fmt.Sprintf("-%d", try+1)
	}
	plan, err := plannedAs(ctx, p, "publish", name+"/plan", func(ctx context.Context) (*spread.Plan, error) { return stage.Plan(ctx, in) })
	if err != nil {
		return nil, err
	}
	p.doc.Spread = &record.Spread{Mode: p.Image.Distribute.Mode, Warnings: plan.Warnings}
	err = p.grants(ctx, stage, plan, name)
	if err == nil {
		err = p.places(ctx, stage, plan, name)
	}
	if err == nil {
		err = p.checks(ctx, stage, plan, name)
	}
	if err != nil && final(err) {
		err = errors.Join(err, p.spreadFailed(ctx, name))
	}
	return plan, err
}

// distributable says before the bake, which takes long, what would keep its image from
// its accounts and Regions, or from their channels.
func (p *pipeline) distributable(ctx context.Context) error {
	if !p.toPublish() {
		return nil
	}
	var err error
	if p.Image.Distribute != nil {
		err = p.keptFrom(ctx)
	}
	if err == nil {
		err = p.channelReady(ctx, nil)
	}
	if err != nil {
		return fmt.Errorf("before the bake: %w", err)
	}
	return nil
}

// toPublish says that the run is at its bake and goes on to the channel.
func (p *pipeline) toPublish() bool {
	return p.doc.Bake == nil && p.Until != "bake" && p.Until != "validate"
}

// stillWanted says before the gate and the copies, which take long, why the channel would
// refuse the image that stands: another machine has published a newer one, or this one
// was taken back.
func (p *pipeline) stillWanted(ctx context.Context, b *record.Bake) error {
	if b.Image == "" || !p.toPublish() {
		return nil
	}
	err := p.memberReady(ctx, p.Image, b.CreatedAt)
	if err == nil {
		err = p.parts.publish.Withheld(ctx, publish.Place{Channel: p.Image.Channel}, b.Image)
	}
	if err != nil {
		return fmt.Errorf("there is nothing new to bake: %w", err)
	}
	return nil
}

// channelReady is what would keep the channel from being moved to the image of a bake, or
// to any that is still to be baked; or those of the line's other architectures, without
// which it does not move.
func (p *pipeline) channelReady(ctx context.Context, of *record.Bake) error {
	for _, m := range p.Config.Members(p.Image) {
		var baked time.Time
		if of != nil && m == p.Image {
			baked = of.CreatedAt
		}
		if err := p.memberReady(ctx, m, baked); err != nil {
			return err
		}
	}
	return nil
}

// memberReady is channelReady for one architecture.
func (p *pipeline) memberReady(ctx context.Context, m *config.Image, baked time.Time) error {
	var places []publish.Place
	for _, c := range channelCells(m, p.Cloud) {
		places = append(places, publish.Place{Cell: c, Channel: m.Channel})
	}
	return p.parts.publish.Ready(ctx, places, baked)
}

// keptFrom is what would keep an image from the accounts and Regions of the line.
func (p *pipeline) keptFrom(ctx context.Context) error {
	stage := &spread.Stage{Cells: p.parts.cells.Spread, Clock: p.Cloud.Clock, Events: p.Events}
	return stage.Preflight(ctx, spreadInput(p.Image, p.parts.cells, ""))
}

// place finds out what a run would bring to each account and Region of the line: a new
// image, or the copy of the one that is baked, if it is there already.
func (p *pipeline) place(ctx context.Context, o *Overview) {
	in := spreadInput(p.Image, p.parts.cells, "")
	var plan *spread.Plan
	if o.Bake.Skip && o.Bake.Current != nil {
		in.Run, in.Image = p.Run, o.Bake.Current.Image
		stage := &spread.Stage{Cells: p.parts.cells.Spread, Clock: p.Cloud.Clock, Events: p.Events}
		plan, o.kept = stage.Plan(ctx, in)
	} else {
		o.kept = p.keptFrom(ctx)
	}
	for _, t := range in.Targets {
		o.Places = append(o.Places, t.Cell.String())
		x := record.Pointer{Account: t.Account, Region: t.Region, Image: rollout.NewImage}
		if plan != nil {
			x.Image = or(plan.Stands(t.Cell), rollout.NewImage)
		}
		o.places = append(o.places, x)
	}
	if home := in.Home.String(); !slices.Contains(o.Places, home) { // its channel moves too
		o.Places = slices.Insert(o.Places, 0, home)
	}
	at := slices.IndexFunc(o.places, func(x record.Pointer) bool { return x.Account == in.Home.Account && x.Region == in.Home.Region })
	if at >= 0 && o.Upon != o.InUse {
		o.Upon = o.places[at].Image
	}
	if o.Upon == o.InUse { // it is published, or the plan is to be kept: what the channels hold is rolled
		o.places = nil
	}
}

// spreadTry counts the tries of this run that have come to a bad end: a resume begins
// anew, and adopts what they left standing.
func (p *pipeline) spreadTry(ctx context.Context) (int, error) {
	units, err := p.local.Journal.Units(ctx)
	n := 0
	for _, u := range units {
		if strings.HasPrefix(u, "spread") && strings.HasSuffix(u, "/failed") {
			n++
		}
	}
	return n, err
}

// spreadFailed writes down that a try came to a bad end.
func (p *pipeline) spreadFailed(ctx context.Context, name string) error {
	_, err := p.advance(ctx, "publish", name+"/failed", unit.Func("spread.failed", func(context.Context, *struct{}) (unit.Next, error) { return unit.Done(), nil }))
	return err
}

// unplaced is an error of units that have ended, with what could not be done.
type unplaced struct{ error }

func (e unplaced) Unwrap() error { return e.error }

// final says that the units have ended, so that a resume of them would change nothing.
func final(err error) bool { return errors.As(err, new(unplaced)) }

func (p *pipeline) grants(ctx context.Context, stage *spread.Stage, plan *spread.Plan, name string) error {
	if len(plan.Grants) == 0 {
		return nil
	}
	raw, err := p.advance(ctx, "publish", name+"/grants", stage.GrantUnit(plan.Grants))
	if err != nil {
		return err
	}
	p.doc.Spread.Grants, err = spread.GrantResult(plan.Grants, raw)
	return err
}

// places brings the images to their places: first those that others are copied from.
func (p *pipeline) places(ctx context.Context, stage *spread.Stage, plan *spread.Plan, name string) error {
	p.doc.Spread.Images = make([]record.Placed, len(plan.Places))
	var errs []error
	for _, after := range []bool{false, true} {
		var jobs []unit.Job
		var at []int
		for n, pl := range plan.Places {
			if pl.After == after {
				jobs = append(jobs, unit.Job{Name: fmt.Sprintf("%s/%s/%s/%d", name, pl.In.Account, pl.In.Region, n), Cell: pl.In.Region, Unit: stage.PlaceUnit(pl)})
				at = append(at, n)
			}
		}
		states, err := p.together(ctx, "publish", jobs)
		for i, n := range at {
			var why error
			if p.doc.Spread.Images[n], why = spread.PlaceResult(plan.Places[n], states[jobs[i].Name]); why != nil && err == nil {
				errs = append(errs, why)
			}
		}
		if err != nil {
			return fmt.Errorf("spread image %s: %w; no pointer was moved", plan.Image, err)
		}
		if len(errs) > 0 {
			break
		}
	}
	if len(errs) == 0 {
		return nil
	}
	text := fmt.Errorf("spread image %s: %w; no pointer was moved%s", plan.Image, errors.Join(errs...), p.standing(plan))
	return unplaced{fault.As(text, fault.KindOf(errs[0]), "`rehydrate run --resume "+p.Run+"` tries again and adopts the copies that stand")}
}

// standing says which copies were made and lie unused.
func (p *pipeline) standing(plan *spread.Plan) string {
	var left []string
	for n, x := range p.doc.Spread.Images {
		if x.Outcome == "done" && plan.Places[n].Image == "" {
			left = append(left, x.Account+"/"+x.Region+" "+x.Image)
		}
	}
	if len(left) == 0 {
		return ""
	}
	return "; copies that stand: " + strings.Join(left, ", ")
}

// checks looks at the images from inside the accounts that are to launch them.
func (p *pipeline) checks(ctx context.Context, stage *spread.Stage, plan *spread.Plan, name string) error {
	var jobs []unit.Job
	for _, c := range plan.Checks {
		jobs = append(jobs, unit.Job{Name: fmt.Sprintf("%s/check/%s/%s", name, c.Account, c.Region), Cell: c.Region,
			Unit: stage.CheckUnit(c, p.doc.Spread.Images[c.Place].Image)})
	}
	states, err := p.together(ctx, "publish", jobs)
	p.doc.Spread.Seen = nil
	var errs []error
	for n, c := range plan.Checks {
		seen, why := spread.CheckResult(c, p.doc.Spread.Images[c.Place].Image, states[jobs[n].Name])
		p.doc.Spread.Seen = append(p.doc.Spread.Seen, seen)
		if why != nil && err == nil {
			errs = append(errs, why)
		}
	}
	if err != nil {
		return fmt.Errorf("check image %s: %w; no pointer was moved", plan.Image, err)
	}
	if len(errs) == 0 {
		return nil
	}
	text := fmt.Errorf("check image %s: %w; no pointer was moved", plan.Image, errors.Join(errs...))
	first := or(fault.HintOf(errs[0]), "put right what is said of the image there")
	return unplaced{fault.As(text, fault.KindOf(errs[0]), first+"; then `rehydrate run --resume "+p.Run+"` looks again")}
}

// together runs units beside each other.
func (p *pipeline) together(ctx context.Context, stage string, jobs []unit.Job) (map[string][]byte, error) {
	for _, j := range jobs {
		p.units[stage] = append(p.units[stage], j.Name)
	}
	pool := &engine.Pool{Local: p.local, Tick: spreadTick}
	states, err := pool.Run(ctx, jobs, unit.Policy{Together: togetherSpread, InCell: func(string) int { return copiesPerRegion }})
	out := map[string][]byte{}
	for k, v := range states {
		out[k] = v
	}
	return out, err
}

// spreadInput is what the configuration says about where an image goes.
func spreadInput(i *config.Image, cells *Cells, image string) spread.Input {
	d, home := i.Distribute, cells.Home()
	in := spread.Input{Home: spread.Cell{Account: home.Account, Region: home.Region}, Image: image, Copy: d.Mode == config.ModeCopy, Key: d.KMSKey,
		Organizations: d.Organizations, Units: d.Units, Completion: d.Completion, Grant: d.ServiceRoles == config.ServiceRolesGrant,
		Canary: d.Canary, Type: i.InstanceType}
	for _, a := range d.Accounts {
		for _, r := range d.RegionsOf(a) {
			in.Targets = append(in.Targets, spread.Target{Cell: spread.Cell{Account: a.ID, Region: r}, Role: a.Role})
		}
	}
	return in
}

// pointers are the channel in home and in every cell of the plan, each with the image
// that stands there. Home comes first: the lease is kept there.
func (p *pipeline) pointers(plan *spread.Plan) []publish.Pointer {
	image := func(c spread.Cell) string {
		if n, ok := plan.Of(c); ok {
			return p.doc.Spread.Images[n].Image
		}
		return plan.Image
	}
	cells := []spread.Cell{plan.Home}
	for _, c := range plan.Checks {
		if c.Cell != plan.Home {
			cells = append(cells, c.Cell)
		}
	}
	var out []publish.Pointer
	for _, c := range cells {
		out = append(out, publish.Pointer{Cell: publish.Cell(c), Channel: p.Image.Channel, Image: image(c), Of: plan.Image})
	}
	return out
}
