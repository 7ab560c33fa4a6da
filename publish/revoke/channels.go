package revoke

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/publish/usage"
)

// channels finds the versions to label and the pointers to move.
func (r *reader) channels(ctx context.Context) {
	for _, at := range r.in.Cells {
		p, ok := r.ports[at]
		if !ok {
			continue
		}
		for _, c := range r.in.Channels {
			history, err := p.Uses.Parameters.History(ctx, c.Name)
			if err != nil {
				r.unknown("read the history of %s in %s: %v", c.Name, at, err)
				continue
			}
			if len(history) > 0 {
				r.channel(ctx, at, c, history)
			}
		}
	}
}

func (r *reader) channel(ctx context.Context, at usage.Cell, c Channel, history []usage.Parameter) {
	r.labels(at, c, history)
	last := history[len(history)-1]
	r.now[at.String()+c.Name] = last.Value
	if !r.plan.holds(last.Value) {
		return
	}
	to, why := r.good(ctx, at, history)
	if to.Version == 0 {
		text := fmt.Sprintf("channel %s in %s holds %s, and has no good version before it: %s", c.Name, at, last.Value, why)
		if r.in.Force {
			r.plan.note("%s; it is left there", text)
		} else {
			r.plan.Refused = append(r.plan.Refused, text)
		}
		return
	}
	r.now[at.String()+c.Name] = to.Value
	e, _ := publish.ParseEnvelope(to.Description)
	r.plan.Moves = append(r.plan.Moves, Move{Cell: at, Line: c.Line, Arch: c.Arch, Channel: c.Name, Version: last.Version, From: last.Value,
		To: to.Value, ToVersion: to.Version, Build: e.BuildID()})
}

// labels marks every version that holds a revoked image. A label stands on one version
// only, so each carries the version's number.
func (r *reader) labels(at usage.Cell, c Channel, history []usage.Parameter) {
	for _, v := range history {
		label := fmt.Sprintf("%s-%d", publish.LabelRevoked, v.Version)
		if r.plan.holds(v.Value) && !slices.Contains(v.Labels, label) {
			r.plan.Labels = append(r.plan.Labels, Label{Cell: at, Channel: c.Name, Version: v.Version, Image: v.Value, Label: label})
		}
	}
}

// good is the newest of the versions before that a run published and whose image is not
// revoked and can be launched; else why there is none. What a rollback took back is not
// among them, though its image is marked by nobody.
func (r *reader) good(ctx context.Context, at usage.Cell, history []usage.Parameter) (usage.Parameter, string) {
	var why, byHand []string
	bad := map[string]bool{}
	for _, v := range history {
		bad[v.Value] = bad[v.Value] || publish.Revoked(v)
	}
	back, hand, before := usage.TakenBack(history), publish.ByHand(history), publish.Preceding(history)
	for _, v := range before {
		if r.plan.holds(v.Value) || back[v.Version] || slices.ContainsFunc(why, func(s string) bool { return strings.HasPrefix(s, v.Value+" ") }) {
			continue
		}
		if bad[v.Value] {
			why = append(why, v.Value+" is revoked")
			continue
		}
		if publish.Withdrawn(v) {
			why = append(why, v.Value+" was taken back by a roll")
			continue
		}
		if hand[v.Version] {
			byHand = append(byHand, fmt.Sprintf("version %d (%s) was written by hand", v.Version, v.Value))
			continue
		}
		i, err := r.ports[at].Images.Image(ctx, v.Value)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			why = append(why, v.Value+" is gone")
		case err != nil:
			why = append(why, fmt.Sprintf("%s could not be looked at: %v", v.Value, err))
		case i.Tags[usage.TagRevoked] != "":
			why = append(why, v.Value+" is revoked")
		case i.State != usage.StateAvailable:
			why = append(why, v.Value+" is "+i.State)
		default:
			return v, ""
		}
	}
	for _, v := range slices.Backward(history) {
		known := r.plan.holds(v.Value) || bad[v.Value] || hand[v.Version] || back[v.Version]
		if rolled := v.Value + " was rolled back"; !known && !slices.ContainsFunc(before, func(p usage.Parameter) bool { return p.Value == v.Value }) && !slices.Contains(why, rolled) {
			why = append(why, rolled)
		}
	}
	if why = append(why, byHand...); len(why) == 0 {
		return usage.Parameter{}, "there is no other"
	}
	return usage.Parameter{}, strings.Join(why, ", ")
}
