package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

func (p *pipeline) bake(ctx context.Context) (outcome, text string, err error) {
	if err := p.distributable(ctx); err != nil {
		return "", "", err
	}
	plan, err := planned(ctx, p, "bake", func(ctx context.Context) (bake.Plan, error) {
		if err := p.canBake(); err != nil {
			return bake.Plan{}, err
		}
		in, err := p.bakeRequest(ctx)
		if err != nil {
			return bake.Plan{}, err
		}
		return p.parts.bake.Plan(ctx, in)
	})
	if err != nil {
		return "", "", err
	}
	plan.Request.Folder = p.State.Artifacts(p.Run) // a resume may be on another machine
	plan.Request.Packer.Env = p.packerEnv()        // never written down, so not in the plan
	u := p.parts.bake.Packer(plan)
	if p.Modelled || p.Image.Builder == "run-command" {
		u = p.parts.bake.RunCommand(plan)
	}
	raw, err := p.advance(ctx, "bake", "bake", u)
	if err != nil {
		return "", "", err
	}
	o, err := bake.Result(raw)
	if err != nil {
		return "", "", err
	}
	if o.Outcome == bake.OutcomeSkipped {
		if err := p.stillWanted(ctx, o.Bake); err != nil {
			return "", "", err
		}
	}
	p.doc.Bake = o.Bake
	switch o.Outcome {
	case bake.OutcomeSkipped:
		return "nothing-to-do", o.Reason, nil
	case bake.OutcomeDone:
		if err := p.learn(); err != nil {
			return "", "", err
		}
		return "done", fmt.Sprintf("%s from %s, %d packages changed", o.Bake.Image, o.Bake.SourceImage, len(o.Bake.Changes)) + left(o.Bake.Left), nil
	}
	return "failed", o.Reason, fault.New(fault.Failed, "the log is in "+p.artifact("bake"), "bake %s: %s%s", p.Image.Label, o.Reason, left(o.Left))
}

func left(resources []string) string {
	if len(resources) == 0 {
		return ""
	}
	return "; could not be removed: " + strings.Join(resources, ", ")
}

// bakeRequest gathers what the bake needs; it is made once a run and kept in the
// plan.
func (p *pipeline) bakeRequest(ctx context.Context) (bake.Request, error) {
	i := p.Image
	body, err := json.Marshal(i.Baseline.Baseline)
	if err != nil {
		return bake.Request{}, err
	}
	seen, err := p.State.Seen(i.Label)
	if err != nil {
		return bake.Request{}, err
	}
	last, err := p.last()
	if err != nil {
		return bake.Request{}, err
	}
	source, err := p.source(ctx)
	if err != nil {
		return bake.Request{}, err
	}
	in := bake.Request{
		Run: p.Run, Line: i.Label, Region: p.Cloud.Region, Arch: i.Architecture, Baseline: body, Options: i.Baseline.Options,
		Source: source, Now: p.Cloud.Clock.Now(), FirstSeen: seen, InstanceType: i.InstanceType, Subnet: i.Subnet, Profile: i.Profile,
		Tags: i.Tags, Folder: p.State.Artifacts(p.Run), Last: last, Force: p.Force,
	}
	if !p.Modelled && i.Builder == "packer" {
		in.Packer = p.Request.packerSettings()
	}
	return in, nil
}

// packerEnv is what Packer's AWS plugin needs to reach the twin; on AWS it has the
// environment of this process.
func (p *pipeline) packerEnv() []string {
	if p.Cloud.Twin == "" {
		return nil
	}
	return []string{"AWS_ENDPOINT_URL=" + p.Cloud.Twin, "AWS_ACCESS_KEY_ID=twin", "AWS_SECRET_ACCESS_KEY=twin",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_REGION=" + p.Cloud.Region}
}

// last is the line's newest bake that made an image.
func (p *pipeline) last() (*bake.Last, error) {
	r, err := p.State.Newest(p.Image.Label, func(r *record.Run) bool {
		return r.ID != p.Run && r.Bake != nil && r.Bake.Image != "" && !r.Bake.Skipped && r.Account == p.Cloud.Account && r.Region == p.Cloud.Region
	})
	if r == nil || err != nil {
		return nil, err
	}
	out := &bake.Last{Bake: *r.Bake}
	n, err := p.nodeReport(r)
	if err == nil {
		out.Report = n
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return out, nil
}

// learn adds what the bake was offered to the ledger of first sightings.
func (p *pipeline) learn() error {
	n, err := p.nodeReport(p.doc)
	if err != nil || n.Before == nil {
		return err
	}
	seen, err := p.State.Seen(p.Image.Label)
	if err != nil {
		return err
	}
	for _, a := range n.Before.Available.Packages {
		k := a.Name + "=" + a.Version
		if _, ok := seen[k]; !ok {
			seen[k] = n.StartedAt
		}
	}
	return p.State.SaveSeen(p.Image.Label, seen)
}

// baked is the run whose bake made the candidate: this one or, if this one skipped,
// an earlier one.
func (p *pipeline) baked() (*record.Run, error) {
	b := p.doc.Bake
	if b == nil {
		return nil, fault.New(fault.Usage, "bake first, or resume a run that has baked", "run %s has no image", p.Run)
	}
	if !b.Skipped {
		return p.doc, nil
	}
	r, err := p.State.Newest(p.Image.Label, func(r *record.Run) bool {
		return r.Bake != nil && r.Bake.Image == b.Image && !r.Bake.Skipped
	})
	if r == nil && err == nil {
		err = fault.New(fault.NotFound, "`rehydrate bake --force` makes a new one", "the bake of %s is not in the state folder", b.Image)
	}
	return r, err
}
