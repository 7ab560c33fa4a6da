package app

import (
	"context"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
)

// passedUnit is the unit that labels what was promoted.
const passedUnit = "publish/passed"

// shown is the proof that images passed a ring, by the runs of all architectures.
func (in ChannelRequest) shown(ring string) func(publish.Cell, string) (string, error) {
	return func(c publish.Cell, image string) (how string, err error) {
		for _, m := range in.members() {
			if how, err = m.proof(ring, c, image); how != "" || err != nil {
				break
			}
		}
		return how, err
	}
}

// promotedPassed labels what a promotion put on a ring's channel where a run shows that it
// passed that ring: rings are rolled to what the line's channel holds, before their own is
// promoted to it. The promotion stands where that fails.
func (in ChannelRequest) promotedPassed(ctx context.Context, local *engine.Local, run string, out record.Publish) {
	_, ring, ok := in.Image.ChannelNamed(out.Channel)
	if !ok || ring == "" {
		return
	}
	var all []publish.Passing
	var err error
	for _, x := range out.Pointers {
		how, perr := "", error(nil)
		at := publish.Place{Cell: publish.Cell{Account: x.Account, Region: x.Region}, Arch: x.Arch, Channel: x.Channel}
		if how, perr = in.shown(ring)(at.Cell, x.Image); perr != nil {
			err = perr
			break
		}
		if how != "" {
			all = append(all, publish.Passing{Place: at, Image: x.Image})
		}
	}
	if err == nil && len(all) > 0 {
		_, err = local.Run(ctx, passedUnit, in.stage(run).PassUnit(all))
	}
	if err != nil {
		in.Events.Emit(event.Event{Stage: "publish", Unit: "publish", Kind: event.Warned,
			Text: "what was promoted could not be labelled as passed, and is no proof on another machine: " + err.Error() + "; promoting again tries it again"})
	}
}
