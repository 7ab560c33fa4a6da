package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Rollback asks for a channel to go back, in all its places together.
type Rollback struct {
	Run    string
	Places []Place // the first says which publication; the others follow it
	// To is a version of the first place; 0: the last one before the image in use was
	// published whose image is neither revoked nor gone.
	To int64
}

// PlanRollback is the plan of going back, as a new generation: whoever follows the
// channel takes the older image for what is newer. Its errors are of kind GateSaysNo
// (the version asked for is revoked or its image is not available), NotFound (no such
// version, or none to go back to) or Conflict (a place has not the same publication).
func (s *Stage) PlanRollback(ctx context.Context, r Rollback) (*Plan, error) {
	in := Input{Run: r.Run, AllowOlder: true, NewGeneration: true}
	var target Parameter
	var skipped []string
	for i, at := range r.Places {
		ports, err := s.open(ctx, at.Cell)
		if err != nil {
			return nil, err
		}
		history, err := historyOf(ctx, ports, at.Cell, at.Channel)
		if err != nil {
			return nil, err
		}
		var to Parameter
		switch {
		case i > 0:
			to, err = same(at, history, target)
		case r.To > 0:
			to, err = versionOf(at, history, r.To)
		default:
			to, skipped, err = lastGood(ctx, at, ports, history)
		}
		if err == nil {
			err = launchable(ctx, at, ports, to)
		}
		if err != nil {
			return nil, fmt.Errorf("roll back %s: %w", at, err)
		}
		if i == 0 {
			target = to
		}
		in.Pointers = append(in.Pointers, Pointer{Cell: at.Cell, Arch: at.Arch, Channel: at.Channel, Image: to.Value})
		in.Judged = append(in.Judged, known(to))
	}
	if e, ok := ParseEnvelope(target.Description); ok {
		in.Build = e.BuildID()
	}
	p, err := s.Plan(ctx, in)
	if err == nil {
		p.Warnings = append(p.Warnings, skipped...)
	}
	return p, err
}

// known is what a version says of its image.
func known(p Parameter) Judged {
	e, _ := ParseEnvelope(p.Description)
	return Judged{Image: p.Value, Known: &e}
}

func versionOf(at Place, history []Parameter, version int64) (Parameter, error) {
	n := slices.IndexFunc(history, func(p Parameter) bool { return p.Version == version })
	if n < 0 {
		return Parameter{}, fault.New(fault.NotFound, "`rehydrate publish history "+at.Channel+"` lists them", "there is no version %d", version)
	}
	return history[n], nil
}

// same finds the publication of target in another place: image ids differ, the build
// does not.
func same(at Place, history []Parameter, target Parameter) (Parameter, error) {
	want, ok := ParseEnvelope(target.Description)
	for _, p := range slices.Backward(history) {
		if e, have := ParseEnvelope(p.Description); ok && have && e.BuildID() == want.BuildID() {
			return p, nil
		}
	}
	return Parameter{}, fault.New(fault.Conflict, "publish it there, or go back to a version that every place has",
		"it never held what %s holds elsewhere (build %s)", target.Value, orNone(want.BuildID()))
}

// lastGood goes back through what stood, past images that must not come back.
func lastGood(ctx context.Context, at Place, ports Ports, history []Parameter) (Parameter, []string, error) {
	var skipped []string
	left := history
	for p := before(left); p.Version > 0; p = before(left) {
		err := launchable(ctx, at, ports, p)
		if err == nil {
			return p, skipped, nil
		}
		if k := fault.KindOf(err); k != fault.GateSaysNo {
			return Parameter{}, nil, err
		}
		skipped = append(skipped, fmt.Sprintf("version %d is passed over: %s", p.Version, err))
		left = left[:slices.IndexFunc(left, func(q Parameter) bool { return q.Version == p.Version })+1]
	}
	return Parameter{}, nil, fault.New(fault.NotFound, "publish another image instead",
		"there is no version to go back to; %d were passed over", len(skipped))
}

// launchable refuses a version whose image was revoked or cannot be launched.
func launchable(ctx context.Context, at Place, ports Ports, p Parameter) error {
	no := func(why string) error {
		return fault.New(fault.GateSaysNo, "choose another version: `rehydrate publish history "+at.Channel+"`", "version %d (%s): %s", p.Version, p.Value, why)
	}
	if Revoked(p) {
		return no("it was revoked")
	}
	image, err := ports.Images.Image(ctx, p.Value)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return no("the image no longer exists")
	case err != nil:
		return fmt.Errorf("look at image %s: %w", where(at.Cell, p.Value), err)
	case image.Tags[TagRevoked] != "":
		return no("the image was revoked at " + image.Tags[TagRevoked])
	case image.State != "available":
		return no("the image is " + image.State)
	}
	return nil
}
