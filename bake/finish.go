package bake

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

const (
	reapLimit    = 20 * time.Minute
	appearLimit  = time.Hour
	confirmLimit = 5 * time.Minute
	reapEvery    = 5 * time.Second
	imageEvery   = 5 * time.Second
)

// finish advances the steps that both builders share.
func (r run) finish(ctx context.Context, s *State, bundle bool) (unit.Next, error) {
	switch s.Step {
	case stepReap:
		return r.reapOne(ctx, s)
	case stepTag:
		return r.tag(ctx, s, bundle)
	case stepConfirm:
		return r.confirm(ctx, s, bundle)
	case stepEnd:
		return r.end(s)
	}
	return unit.Next{}, fmt.Errorf("advance the bake of %s: there is no step %q", r.plan.Request.Line, s.Step)
}

// reapOne removes one resource of this run. The state's image and its snapshots
// stay.
func (r run) reapOne(ctx context.Context, s *State) (unit.Next, error) {
	left, err := r.leftovers(ctx, s)
	if err != nil {
		return unit.Next{}, err
	}
	if len(left) == 0 {
		if s.Settle {
			s.Settle = false
			return unit.Again(reapEvery), nil
		}
		return r.enter(s, s.Then, 0)
	}
	if r.late(s) {
		return r.abandon(s, left)
	}
	for _, one := range left {
		if one.Kind == KindInstance && one.State == "shutting-down" {
			continue
		}
		err := r.Resources.Delete(ctx, one)
		if fault.KindOf(err) == fault.Conflict {
			continue // something that goes first still holds it
		}
		if err != nil {
			return unit.Next{}, fmt.Errorf("remove %s %s, left by run %s: %w", one.Kind, one.ID, r.plan.Request.Run, err)
		}
		s.Orphans = slices.DeleteFunc(s.Orphans, func(id string) bool { return id == one.ID })
		r.emit(event.Changed, "removed %s %s", one.Kind, one.ID)
		return unit.Again(0), nil
	}
	return unit.Again(reapEvery), nil
}

// abandon goes on without having removed everything, and says so.
func (r run) abandon(s *State, left []Resource) (unit.Next, error) {
	for _, one := range left {
		s.Left = append(s.Left, string(one.Kind)+" "+one.ID)
	}
	r.emit(event.Warned, "could not remove %v within %s", s.Left, reapLimit)
	if s.Then == stepStart || s.Then == stepRun {
		s.Outcome.Outcome, s.Reason = OutcomeFailed, fmt.Sprintf("could not remove what an earlier attempt left: %v", s.Left)
		s.Then = stepEnd
	}
	return r.enter(s, s.Then, 0)
}

// leftovers lists what the run made, in the order in which it can be removed.
func (r run) leftovers(ctx context.Context, s *State) ([]Resource, error) {
	all, err := r.Resources.List(ctx, TagRun, r.plan.Request.Run)
	if err != nil {
		return nil, fmt.Errorf("list what run %s left: %w", r.plan.Request.Run, err)
	}
	ours, err := r.named(ctx)
	if err != nil {
		return nil, err
	}
	keep := map[string]bool{}
	for _, i := range ours {
		if i.ID == s.Image {
			keep[i.ID] = true
			for _, snap := range i.Snapshots {
				keep[snap] = true
			}
			continue
		}
		// Where tags cannot be given at creation, the name and the image's own list
		// of snapshots tell what is ours; the list is gone once the image is.
		all = append(all, Resource{Kind: KindImage, ID: i.ID, State: i.State})
		for _, snap := range i.Snapshots {
			if !slices.Contains(s.Orphans, snap) {
				s.Orphans = append(s.Orphans, snap)
			}
		}
	}
	for _, snap := range s.Orphans {
		all = append(all, Resource{Kind: KindSnapshot, ID: snap})
	}
	order := []ResourceKind{KindInstance, KindImage, KindSnapshot, KindVolume, KindKeyPair, KindSecurityGroup}
	slices.SortStableFunc(all, func(a, b Resource) int {
		return slices.Index(order, a.Kind) - slices.Index(order, b.Kind)
	})
	var left []Resource
	for _, one := range all {
		if !keep[one.ID] {
			keep[one.ID] = true // each once
			left = append(left, one)
		}
	}
	return left, nil
}

// named are our own images of the plan's name: one, or none.
func (r run) named(ctx context.Context) ([]Image, error) {
	found, err := r.Images.Find(ctx, ImageFilter{Name: r.plan.ImageName, Owners: []string{"self"}})
	if err != nil {
		return nil, fmt.Errorf("look for the image %s: %w", r.plan.ImageName, err)
	}
	for _, i := range found {
		if by := i.Tags[TagRun]; by != "" && by != r.plan.Request.Run {
			return nil, fault.New(fault.Conflict, "", "the image %s named %s belongs to run %s, not to %s", i.ID, i.Name, by, r.plan.Request.Run)
		}
	}
	return found, nil
}

// image is the state's image.
func (r run) image(ctx context.Context, s *State) (Image, error) {
	found, err := r.Images.Find(ctx, ImageFilter{ID: s.Image})
	if err != nil {
		return Image{}, fmt.Errorf("look at the image %s: %w", s.Image, err)
	}
	if len(found) == 0 {
		return Image{}, fault.New(fault.NotFound, "", "the image %s is gone: somebody else has removed it", s.Image)
	}
	return found[0], nil
}

// tag writes the digests on the image and its snapshots. Only what was brought back
// and checked is tagged; an image without that is removed.
func (r run) tag(ctx context.Context, s *State, bundle bool) (unit.Next, error) {
	o, err := readOutputs(r.folder(s), bundle)
	if err != nil {
		return r.fail(s, "the image %s was made, but what it was made by is not whole: %v", s.Image, err)
	}
	image, err := r.image(ctx, s)
	if err != nil {
		return unit.Next{}, err
	}
	if !Complete(image) {
		tags := r.plan.imageTags()
		tags[TagLock], tags[TagReport], tags[TagComplete] = o.lock.Digest(), o.reportDigest, "true"
		if o.bundleDigest != "" {
			tags[TagBundle] = o.bundleDigest
		}
		if err := r.Images.Tag(ctx, append([]string{image.ID}, image.Snapshots...), tags); err != nil {
			return unit.Next{}, fmt.Errorf("tag the image %s: %w", image.ID, err)
		}
		r.emit(event.Changed, "tagged %s with lock %s", image.ID, o.lock.Digest())
	}
	return r.enter(s, stepConfirm, confirmLimit)
}

// confirm reads the tags back and writes the result.
func (r run) confirm(ctx context.Context, s *State, bundle bool) (unit.Next, error) {
	o, err := readOutputs(r.folder(s), bundle)
	if err != nil {
		return r.fail(s, "the image %s was made, but what it was made by is not whole: %v", s.Image, err)
	}
	image, err := r.image(ctx, s)
	if err != nil {
		return unit.Next{}, err
	}
	if !Complete(image) || image.Tags[TagLock] != o.lock.Digest() {
		if r.late(s) {
			return r.fail(s, "the tags of image %s could not be read back within %s", s.Image, confirmLimit)
		}
		return unit.Again(imageEvery), nil
	}
	s.Outcome = Outcome{Outcome: OutcomeDone, Bake: r.bake(s, o, image), Left: s.Left}
	return r.enter(s, stepEnd, 0)
}
