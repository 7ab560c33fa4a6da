package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/validate"
)

func (p *pipeline) artifact(name string) string {
	return filepath.Join(p.State.Artifacts(p.Run), name)
}

func digestOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own plain structs
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (p *pipeline) bake(ctx context.Context) (outcome, text string, err error) {
	plan, err := planned(ctx, p, "bake", func(ctx context.Context) (bake.Plan, error) {
		in, err := p.bakeRequest(ctx)
		if err != nil {
			return bake.Plan{}, err
		}
		return p.parts.bake.Plan(ctx, in)
	})
	if err != nil {
		return "", "", err
	}
	plan.Request.Packer.Env = p.packerEnv() // never written down, so not in the plan
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
	p.doc.Bake = o.Bake
	switch o.Outcome {
	case bake.OutcomeSkipped:
		return "nothing-to-do", o.Reason, nil
	case bake.OutcomeDone:
		if err := p.learn(); err != nil {
			return "", "", err
		}
		return "done", fmt.Sprintf("%s from %s, %d packages changed", o.Bake.Image, o.Bake.SourceImage, len(o.Bake.Changes)), nil
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
		if in.Packer, err = p.Request.packer(); err != nil {
			return bake.Request{}, err
		}
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

// nodeReport reads the report of the run's bake, wherever that bake was.
func (p *pipeline) nodeReport(r *record.Run) (*record.NodeReport, error) {
	var n record.NodeReport
	return &n, p.readArtifact(r, r.Bake.Files.Report, &n)
}

func (p *pipeline) readArtifact(r *record.Run, name string, into any) error {
	if name == "" {
		return os.ErrNotExist
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(p.State.Artifacts(r.ID), name)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
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

func (p *pipeline) validate(ctx context.Context) (outcome, text string, err error) {
	in, err := p.gateInput(ctx)
	if err != nil {
		return "", "", err
	}
	raw, err := p.advance(ctx, "validate", "validate", p.parts.gate.Unit(in))
	if err != nil {
		return "", "", err
	}
	var v record.Verdict
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", "", err
	}
	p.doc.Validate = &v
	text = fmt.Sprintf("%s: %d packages read in %d of %d snapshot blocks", v.Image, v.Packages, v.Read.Blocks, v.Read.Total)
	if v.Outcome != record.Pass {
		return v.Outcome, text, fault.New(fault.GateSaysNo, "the channel is untouched; see the report in "+p.artifact("report.md"),
			"validate %s: verdict %s: %s", v.Image, v.Outcome, strings.Join(v.Reasons, "; "))
	}
	return v.Outcome, text, nil
}

func (p *pipeline) gateInput(ctx context.Context) (validate.Input, error) {
	r, err := p.baked()
	if err != nil {
		return validate.Input{}, err
	}
	in := validate.Input{Image: r.Bake.Image, Baseline: p.Image.Baseline.Baseline, Options: p.Image.Baseline.Options,
		Marker: r.Bake.Marker, Builder: r.Bake.Builder, SkipCheck: p.Image.Hygiene}
	var lock baseline.Lock
	if err := p.readArtifact(r, r.Bake.Files.Lock, &lock); err == nil {
		in.Lock = &lock
	} else if !errors.Is(err, os.ErrNotExist) {
		return in, err
	}
	if n, err := p.nodeReport(r); err == nil {
		in.Evidence = n.Before
	} else if !errors.Is(err, os.ErrNotExist) {
		return in, err
	}
	now, err := p.parts.params.Get(ctx, p.Image.Channel)
	switch {
	case err == nil:
		in.InUse = now.Value
	case fault.KindOf(err) == fault.NotFound:
		in.InUse = r.Bake.SourceImage // nothing is published yet: compare with where it came from
	default:
		return in, err
	}
	return in, nil
}

func (p *pipeline) publish(ctx context.Context) (outcome, text string, err error) {
	r, err := p.baked()
	if err != nil {
		return "", "", err
	}
	plan, err := planned(ctx, p, "publish", func(ctx context.Context) (*publish.Plan, error) {
		return p.parts.publish.Plan(ctx, publish.Input{Run: p.Run, Channel: p.Image.Channel, Image: r.Bake.Image, Verdict: p.doc.Validate, Bake: r.Bake})
	})
	if err != nil {
		return "", "", err
	}
	raw, err := p.advance(ctx, "publish", "publish", p.parts.publish.Unit(plan))
	if err != nil {
		return "", "", err
	}
	out, err := publish.Result(raw)
	if err != nil {
		return "", "", err
	}
	p.doc.Publish = &out
	if out.Skipped {
		return "nothing-to-do", fmt.Sprintf("%s holds %s already", out.Channel, out.Image), nil
	}
	return "done", fmt.Sprintf("%s version %d: %s → %s", out.Channel, out.Version, orNone(out.From), out.Image), nil
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func (p *pipeline) roll(ctx context.Context) (outcome, text string, err error) {
	if p.doc.Publish == nil {
		return "", "", fault.New(fault.Usage, "publish first", "run %s has published nothing", p.Run)
	}
	in := rollInput(p.Config, p.Image, p.doc.Publish.Image)
	if len(in.Fleets) == 0 {
		return "nothing-to-do", "no fleet of groups follows this image", nil
	}
	plan, err := planned(ctx, p, "roll", func(ctx context.Context) (*rollout.Plan, error) { return p.parts.roll.Plan(ctx, in) })
	if err == nil {
		err = plan.Err()
	}
	if err != nil {
		return "", "", err
	}
	p.doc.Roll = nil
	for _, ring := range plan.Rings {
		raw, err := p.advance(ctx, "roll", "roll/"+ring.Name, p.parts.roll.RingUnit(ring))
		if err != nil {
			return "", "", err
		}
		results, err := rollout.RingResults(raw)
		if err != nil {
			return "", "", err
		}
		p.doc.Roll = append(p.doc.Roll, results...)
		if err := worst(results); err != nil {
			return results[len(results)-1].Outcome, rolled(p.doc.Roll), err
		}
	}
	if plan.Nothing() {
		return "nothing-to-do", rolled(p.doc.Roll), nil
	}
	return "done", rolled(p.doc.Roll), nil
}

func rolled(all []record.Roll) string {
	var parts []string
	for _, g := range all {
		parts = append(parts, fmt.Sprintf("%s %d of %d on %s", g.Group, g.OnImage, g.Of, g.To))
	}
	return strings.Join(parts, ", ")
}

// severity orders outcomes as exit codes are ordered where groups differ:
// 13 > 12 > 3 > 1.
var severity = []struct {
	outcome string
	kind    fault.Kind
}{{rollout.Halted, fault.Halted}, {rollout.RolledBack, fault.RolledBack}, {rollout.Partial, fault.Partial}, {rollout.Failed, fault.Failed}}

func worst(results []record.Roll) error {
	for _, s := range severity {
		for _, r := range results {
			if r.Outcome == s.outcome {
				return fault.New(s.kind, "later rings were not touched", "roll %s: %s: %s", r.Group, r.Outcome, r.Text)
			}
		}
	}
	return nil
}

func rollInput(c *config.Config, i *config.Image, image string) rollout.Input {
	in := rollout.Input{Image: image}
	soak := map[string]*rollout.Ring{}
	for _, name := range i.Rings {
		in.Rings = append(in.Rings, rollout.Ring{Name: name})
	}
	for n := range in.Rings {
		soak[in.Rings[n].Name] = &in.Rings[n]
	}
	for _, f := range c.FleetsOf(i) {
		if f.Refresh == nil {
			continue
		}
		r := f.Refresh
		if ring := soak[f.Ring]; ring != nil {
			ring.Soak = max(ring.Soak, r.Soak)
		}
		pref := rollout.Preferences{MinHealthy: &r.MinHealthy, MaxHealthy: &r.MaxHealthy, Checkpoints: r.Checkpoints,
			CheckpointDelay: r.CheckpointDelay, Rollback: r.Rollback, Alarms: r.Alarms}
		if r.Warmup > 0 {
			pref.Warmup = &r.Warmup
		}
		in.Fleets = append(in.Fleets, rollout.Fleet{Name: f.Label, Ring: f.Ring, Groups: f.ASGNames, Tags: maps.Clone(f.ASGTags), Refresh: pref})
	}
	in.Rings = slices.DeleteFunc(in.Rings, func(r rollout.Ring) bool {
		return !slices.ContainsFunc(in.Fleets, func(f rollout.Fleet) bool { return f.Ring == r.Name })
	})
	return in
}
