package bake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

const (
	bootLimit = 20 * time.Minute
	bootEvery = 5 * time.Second
	// tagTouched is set on a build instance before it is patched. A second patch of
	// one instance would find nothing to do and make an empty lock.
	tagTouched = "rehydrate:touched"
)

// RunCommand is the unit that carries out a plan without Packer or SSH: it starts
// an instance, patches it through Run Command and makes an image of it. It brings
// back no bundle, so the lock is installable for as long as its repositories are.
func (s *Stage) RunCommand(p Plan) unit.Unit {
	r := commandRun{run{s, p}}
	return unit.Func(KindRunCommand, r.advance)
}

type commandRun struct{ run }

func (r commandRun) advance(ctx context.Context, s *State) (unit.Next, error) {
	switch s.Step {
	case stepBegin:
		return r.begin(s)
	case stepRun:
		return r.launch(ctx, s)
	case stepBoot:
		return r.boot(ctx, s)
	case stepPatch:
		return r.patch(ctx, s)
	case stepStop:
		return r.stop(ctx, s)
	case stepImage:
		return r.create(ctx, s)
	case stepAppear:
		return r.appear(ctx, s)
	}
	return r.finish(ctx, s, false)
}

func (r commandRun) begin(s *State) (unit.Next, error) {
	if r.plan.Skip {
		r.skipped(s, r.plan.Reason)
		return r.enter(s, stepEnd, 0)
	}
	s.Attempt, s.StartedAt, s.Builder = 1, r.Clock.Now(), "run-command"
	r.emit(event.Started, "baking %s from %s", r.plan.ImageName, r.plan.Source.ID)
	return r.enter(s, stepRun, 0)
}

// token names one attempt's instance: the same call again gives the same instance.
func (r commandRun) token(s *State) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "bake/%s/%s/%d", r.plan.Request.Run, r.plan.ImageName, s.Attempt))
	return hex.EncodeToString(sum[:16])
}

func (r commandRun) launch(ctx context.Context, s *State) (unit.Next, error) {
	in := r.plan.Request
	id, err := r.Instances.Run(ctx, NewInstance{
		Image: r.plan.Source.ID, Type: in.InstanceType, Subnet: in.Subnet, Profile: in.Profile,
		Token: r.token(s), Tags: r.plan.runTags(),
	})
	if err != nil {
		return unit.Next{}, fmt.Errorf("start a build instance of %s: %w", r.plan.Source.ID, err)
	}
	s.Instance = id
	r.emit(event.Changed, "started build instance %s", id)
	return r.enter(s, stepBoot, bootLimit)
}

func (r commandRun) boot(ctx context.Context, s *State) (unit.Next, error) {
	i, err := r.instance(ctx, s)
	switch {
	case err != nil:
		return unit.Next{}, err
	case i.State == "running" && i.Managed:
		return r.enter(s, stepPatch, 0)
	case gone(i.State):
		return r.again(s, stepRun, "build instance %s is %s", i.ID, i.State)
	case r.late(s) && i.State == "running":
		return r.fail(s, "build instance %s runs, but Systems Manager did not see it within %s: has it an agent, a way out and an instance profile?", i.ID, bootLimit)
	case r.late(s):
		return r.fail(s, "build instance %s is %s after %s", i.ID, i.State, bootLimit)
	}
	return unit.Again(bootEvery), nil
}

// instance describes the build instance. One that was just started may not be
// listed yet; that looks like a pending one.
func (r commandRun) instance(ctx context.Context, s *State) (Instance, error) {
	i, err := r.Instances.Find(ctx, s.Instance)
	if fault.KindOf(err) == fault.NotFound {
		return Instance{ID: s.Instance, State: "pending"}, nil
	}
	if err != nil {
		return Instance{}, fmt.Errorf("look at build instance %s: %w", s.Instance, err)
	}
	return i, nil
}

func gone(state string) bool { return state == "terminated" || state == "shutting-down" }

// patch patches the instance, once: the mark and the command are in one step, so
// that whoever finds the mark knows that a command may have run.
func (r commandRun) patch(ctx context.Context, s *State) (unit.Next, error) {
	i, err := r.instance(ctx, s)
	if err != nil {
		return unit.Next{}, err
	}
	if i.Tags[tagTouched] != "" {
		return r.again(s, stepRun, "build instance %s was already being patched when the run stopped", i.ID)
	}
	if i.State != "running" {
		return r.again(s, stepRun, "build instance %s is %s, not running any more", i.ID, i.State)
	}
	if err := r.Images.Tag(ctx, []string{i.ID}, map[string]string{tagTouched: "true"}); err != nil {
		return unit.Next{}, fmt.Errorf("mark build instance %s: %w", i.ID, err)
	}
	in := r.plan.Request
	report, err := r.Patcher.Patch(ctx, i.ID, record.NodeRequest{
		Schema: record.NodeSchema, Operation: "Install", Baseline: in.Baseline, Options: in.Options, Now: in.Now,
		Lock: in.Lock, SkipIdentity: r.plan.SkipIdentity, FirstSeen: in.FirstSeen, RebootOption: "NoReboot",
	})
	if err != nil {
		return unit.Next{}, fmt.Errorf("patch build instance %s: %w", i.ID, err)
	}
	switch {
	case report.Skipped:
		r.skipped(s, "the lock would be identical ("+r.plan.SkipIdentity+")")
		return r.reap(s, stepEnd)
	case report.Error != "":
		return r.fail(s, "patching the build instance failed: %s", report.Error)
	case report.Lock == nil:
		return r.fail(s, "patching the build instance gave no lock")
	}
	folder := r.folder(s)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return unit.Next{}, err
	}
	if err := writeJSON(filepath.Join(folder, reportFile), report); err != nil {
		return unit.Next{}, err
	}
	if err := writeFile(filepath.Join(folder, lockOutFile), report.Lock.Canonical()); err != nil {
		return unit.Next{}, err
	}
	r.emit(event.Progress, "patched build instance %s: %d packages changed", i.ID, len(report.Changes))
	return r.enter(s, stepStop, bootLimit)
}

// stop stops the instance: an image of a running one may hold half-written files.
func (r commandRun) stop(ctx context.Context, s *State) (unit.Next, error) {
	i, err := r.instance(ctx, s)
	switch {
	case err != nil:
		return unit.Next{}, err
	case i.State == "stopped":
		return r.enter(s, stepImage, 0)
	case gone(i.State):
		return r.again(s, stepRun, "build instance %s is %s", i.ID, i.State)
	case r.late(s):
		return r.fail(s, "build instance %s is %s, not stopped, after %s", i.ID, i.State, bootLimit)
	case i.State == "running":
		if err := r.Instances.Stop(ctx, i.ID); err != nil {
			return unit.Next{}, fmt.Errorf("stop build instance %s: %w", i.ID, err)
		}
	}
	return unit.Again(bootEvery), nil
}

// create makes the image, or finds that it was made already.
func (r commandRun) create(ctx context.Context, s *State) (unit.Next, error) {
	found, err := r.named(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	if len(found) > 0 {
		s.Image = found[0].ID
		return r.enter(s, stepAppear, appearLimit)
	}
	id, err := r.Creator.Create(ctx, NewImage{
		Instance: s.Instance, Name: r.plan.ImageName, Tags: r.plan.imageTags(),
		Description: fmt.Sprintf("%s baked from %s by rehydrate run %s", r.plan.Request.Line, r.plan.Source.ID, r.plan.Request.Run),
	})
	if fault.KindOf(err) == fault.Conflict {
		return unit.Again(imageEvery), nil // ours, not listed yet; named tells if it is not
	}
	if err != nil {
		return unit.Next{}, fmt.Errorf("make the image %s of %s: %w", r.plan.ImageName, s.Instance, err)
	}
	s.Image = id
	r.emit(event.Changed, "asked for image %s of %s", id, s.Instance)
	return r.enter(s, stepAppear, appearLimit)
}

func (r commandRun) appear(ctx context.Context, s *State) (unit.Next, error) {
	found, err := r.Images.Find(ctx, ImageFilter{ID: s.Image})
	switch {
	case err != nil:
		return unit.Next{}, fmt.Errorf("look at the image %s: %w", s.Image, err)
	case len(found) > 0 && found[0].State == ImageAvailable:
		r.emit(event.Found, "image %s is available", s.Image)
		return r.reap(s, stepTag)
	case len(found) > 0 && found[0].State != ImagePending:
		return r.again(s, stepRun, "image %s is %s", s.Image, found[0].State)
	case r.late(s):
		return r.fail(s, "image %s did not become available within %s", s.Image, appearLimit)
	}
	return unit.Again(imageEvery), nil
}
