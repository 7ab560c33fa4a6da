package publish

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Ready is what would refuse an image in one of a channel's places, whatever its id: a
// parameter of another type, what somebody wrote by hand over a publication or, unless
// the image is still to be baked (the zero time), an image that was baked later. The
// first place is the one whose version numbers people go by.
func (s *Stage) Ready(ctx context.Context, places []Place, baked time.Time) error {
	var home []Parameter
	for n, at := range places {
		ports, history, err := s.read(ctx, at.Cell, at.Channel)
		if n == 0 {
			home = history
		}
		if err == nil {
			err = channelType(last(history))
		}
		if err == nil {
			err = overByHand(at.Channel, history, home)
		}
		if err == nil && !baked.IsZero() {
			err = newest(ctx, ports, last(history), baked)
		}
		if err != nil {
			return fmt.Errorf("publish to %s: %w", at, err)
		}
	}
	return nil
}

// hintOlder is what to do about an image that is older than the one that stands.
const hintOlder = "bake again (rehydrate run --force), or ask for a rollback explicitly"

// newest refuses what was baked before what a pointer holds.
func newest(ctx context.Context, ports Ports, now Parameter, baked time.Time) error {
	if now.Version == 0 {
		return nil
	}
	held, known, err := rankOf(ctx, ports, now, 0)
	if err != nil || !known || !held.baked.After(baked) {
		return err
	}
	return fault.New(fault.Conflict, hintOlder,
		"it holds %s (baked %s), which is newer than the image that would be published (baked %s)", now.Value, stamp(held.baked), stamp(baked))
}

// channelType refuses a parameter that is no String: one keeps the type that it was made
// with.
func channelType(now Parameter) error {
	if t := now.Type; t != "" && t != typeString {
		return fault.New(fault.Conflict, "a parameter keeps its type: find out whose it is, then delete it or choose another name for the channel",
			"it is a parameter of type %s, not %s", t, typeString)
	}
	return nil
}

// overByHand refuses to go over what somebody put by hand over a publication: what it
// meant cannot be known.
func overByHand(channel string, history, home []Parameter) error {
	now, ours := last(history), lastPublished(history)
	if ours.Version == 0 || !byHand(now) {
		return nil
	}
	return fault.New(fault.Conflict, fmt.Sprintf("ask who put it there; %s goes back to what was published, then publish again", backTo(channel, ours, home)),
		"somebody wrote version %d (%s) by hand over version %d (%s)", now.Version, now.Value, ours.Version, ours.Value)
}

// backTo is the command that takes a channel to what a version of it was published from.
// Version numbers differ between places, and a rollback's is that of the first.
func backTo(channel string, to Parameter, home []Parameter) string {
	number := "VERSION"
	if e, ok := ParseEnvelope(to.Description); ok {
		for _, p := range slices.Backward(home) {
			if o, ok := ParseEnvelope(p.Description); ok && !byHand(p) && o.BuildID() == e.BuildID() {
				number = fmt.Sprint(p.Version)
				break
			}
		}
	}
	return "`rehydrate publish rollback --to " + number + " " + channel + "`"
}

// first is the index of an architecture's first pointer.
func (in Input) first(arch string) int {
	return slices.IndexFunc(in.Pointers, func(p Pointer) bool { return p.Arch == arch })
}
