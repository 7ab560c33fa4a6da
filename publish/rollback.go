package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Rollback asks for a channel to go back, in all its places together.
type Rollback struct {
	Run string
	// Places are all of the channel's. The first says which publication; those of its
	// architecture follow it, and those of others go to what stood there then.
	Places []Place
	// To is a version of the first place; 0: the last one before the image in use was
	// published whose image is neither revoked nor gone.
	To int64
	// Without is told of the places that nothing precedes; the others go back. Nil: none
	// goes back then.
	Without func(Place, error)
}

// PlanRollback is the plan of going back, as a new generation: whoever follows the
// channel takes the older image for what is newer. Its errors are of kind GateSaysNo
// (the version asked for is revoked or its image is not available), NotFound (no such
// version, or none to go back to) or Conflict (a place has not the same publication).
func (s *Stage) PlanRollback(ctx context.Context, r Rollback) (*Plan, error) {
	in := Input{Run: r.Run, AllowOlder: true, NewGeneration: true}
	var end Parameter                 // what took the target's place
	targets := map[string]Parameter{} // by architecture
	var lack error                    // why the first place that does not go back does not
	skipped, err := s.finish(ctx, &r)
	if err != nil {
		return nil, err
	}
	for _, at := range r.Places {
		ports, history, err := s.read(ctx, at.Cell, at.Channel)
		if err != nil {
			return nil, err
		}
		if len(history) == 0 && r.Without == nil && len(in.Pointers) == 0 {
			return nil, fault.New(fault.NotFound, "`rehydrate publish` makes it", "roll back %s: the channel does not exist", at)
		}
		first := len(in.Pointers) == 0
		to, again := targets[at.Arch]
		switch {
		case again:
			to, err = same(at, history, to)
		case !first:
			to, err = stood(at, history, end)
		case r.To > 0:
			to, err = versionOf(at, history, r.To)
		default:
			var over []string
			to, over, err = lastGood(ctx, at, ports, history)
			skipped = append(skipped, over...)
		}
		if err == nil {
			err = launchable(ctx, at, ports, to)
		}
		if err != nil {
			whole := fmt.Errorf("roll back %s: %w", at, err)
			nothing := fault.KindOf(err) == fault.NotFound || again && before(history).Version == 0
			if r.Without == nil || !nothing {
				return nil, whole
			}
			r.Without(at, err)
			if lack == nil {
				lack = whole
			}
			continue
		}
		if first {
			end = after(history, to)
		}
		if !again {
			targets[at.Arch] = to
		}
		j := known(to)
		in.Pointers = append(in.Pointers, Pointer{Cell: at.Cell, Arch: at.Arch, Channel: at.Channel, Image: to.Value, Build: j.Known.BuildID()})
		in.Judged = append(in.Judged, j)
	}
	if len(in.Pointers) == 0 && lack != nil {
		return nil, lack
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

// after is the version that took the place of another; the zero Parameter for none.
func after(history []Parameter, p Parameter) Parameter {
	for _, q := range standing(history) {
		if q.Version > p.Version && q.Value != p.Value {
			return q
		}
	}
	return Parameter{}
}

// stood finds what stood in a place of another architecture until end was published:
// its newest version that was neither published with end nor after it. A publication
// does not give a new version to the architectures of which it changes nothing.
func stood(at Place, history []Parameter, end Parameter) (Parameter, error) {
	over, ok := ParseEnvelope(end.Description)
	for _, p := range slices.Backward(standing(history)) {
		e, known := ParseEnvelope(p.Description)
		together := ok && known && e.Run == over.Run
		if end.Version == 0 || !together && !p.ModifiedAt.After(end.ModifiedAt) {
			return p, nil
		}
	}
	return Parameter{}, fault.New(fault.NotFound, "publish the whole line again; nothing stood there to go back to",
		"it holds nothing from before what %s replaced", orNone(end.Value))
}

// lastGood goes back through what stood, past images that must not come back.
func lastGood(ctx context.Context, at Place, ports Ports, history []Parameter) (Parameter, []string, error) {
	var skipped []string
	left := history
	for p := before(left); p.Version > 0; p = before(left) {
		err := launchable(ctx, at, ports, p)
		if err == nil && Withdrawn(p) {
			err = fault.New(fault.GateSaysNo, "", "a roll took it back (%s); --to %d goes there all the same", p.Value, p.Version)
		}
		if err == nil {
			return p, skipped, nil
		}
		if k := fault.KindOf(err); k != fault.GateSaysNo {
			return Parameter{}, nil, err
		}
		skipped = append(skipped, fmt.Sprintf("version %d is passed over: %s", p.Version, err))
		left = upTo(left, p)
	}
	return Parameter{}, nil, fault.New(fault.NotFound, "a parameter cannot point to nothing: publish another image; `rehydrate image revoke --force --reason WHY "+orNone(last(history).Value)+"` keeps this one from being launched meanwhile",
		"there is no version to go back to%s", passedOver(skipped))
}

// passedOver are the versions that must not come back, and why.
func passedOver(skipped []string) string {
	if len(skipped) == 0 {
		return ""
	}
	return ": " + strings.Join(skipped, "; ")
}

// launchable refuses a version whose image was revoked or cannot be launched.
func launchable(ctx context.Context, at Place, ports Ports, p Parameter) error {
	no := func(why string) error {
		return fault.New(fault.GateSaysNo, "choose another version: `rehydrate publish history "+at.Channel+"`", "version %d (%s): %s", p.Version, p.Value, why)
	}
	switch {
	case Revoked(p):
		return no("it was revoked")
	case byHand(p):
		return no("it was written by hand; no verdict stands behind it")
	}
	image, err := ports.Images.Image(ctx, p.Value)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return no("there is no such image any more, or it is not shared with this account")
	case err != nil:
		return fmt.Errorf("look at image %s: %w", where(at.Cell, p.Value), err)
	case image.Tags[TagRevoked] != "":
		return no("the image was revoked at " + image.Tags[TagRevoked])
	case image.State != "available":
		return no("the image is " + image.State)
	}
	return nil
}
