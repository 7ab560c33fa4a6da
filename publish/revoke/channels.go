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
	back := make([][]*going, len(r.in.Channels)) // by channel
	for _, at := range r.in.Cells {
		p, ok := r.ports[at]
		if !ok {
			continue
		}
		for n, c := range r.in.Channels {
			history, err := p.Uses.Parameters.History(ctx, c.Name)
			if err != nil {
				r.unknown("read the history of %s in %s: %v", c.Name, at, err)
				continue
			}
			if len(history) > 0 {
				if g := r.channel(ctx, at, c, history); g != nil {
					back[n] = append(back[n], g)
				}
			}
		}
	}
	for _, g := range back {
		r.agree(ctx, g)
	}
	for _, at := range r.in.Cells { // in the order in which they were looked at
		for n := range r.in.Channels {
			for _, g := range back[n] {
				if g.at == at {
					r.move(g)
				}
			}
		}
	}
}

// going is a channel in a cell that holds a revoked image, and the good versions before
// it, the newest first.
type going struct {
	at      usage.Cell
	c       Channel
	history []usage.Parameter
	to      []usage.Parameter
}

// channel labels what is to be labelled, and says whether the channel goes back: nil if
// not.
func (r *reader) channel(ctx context.Context, at usage.Cell, c Channel, history []usage.Parameter) *going {
	r.labels(at, c, history)
	last := history[len(history)-1]
	r.now[at.String()+c.Name] = last.Value
	if !r.plan.holds(last.Value) {
		return nil
	}
	to, why := r.good(ctx, at, history, false)
	if len(to) > 0 {
		return &going{at, c, history, to}
	}
	text := fmt.Sprintf("channel %s in %s holds %s, and has no good version before it: %s", c.Name, at, last.Value, why)
	if r.in.Force {
		r.plan.note("%s; it is left there", text)
	} else {
		r.plan.Refused = append(r.plan.Refused, text)
	}
	return nil
}

// agree has a channel go back to the same publication in all its cells: the newest that
// is good in each. Where there is none, each goes to its own newest, which is said.
func (r *reader) agree(ctx context.Context, all []*going) {
	apart := slices.ContainsFunc(all, func(g *going) bool { return build(g.to[0]) != build(all[0].to[0]) })
	if !apart {
		return
	}
	for _, g := range all {
		g.to, _ = r.good(ctx, g.at, g.history, true)
	}
	for _, v := range all[0].to {
		at := make([]int, len(all))
		for n, g := range all {
			at[n] = slices.IndexFunc(g.to, func(p usage.Parameter) bool { return build(p) == build(v) })
		}
		if !slices.Contains(at, -1) {
			for n, g := range all {
				g.to = g.to[at[n]:]
			}
			return
		}
	}
	r.plan.note("channel %s goes back to different publications, because none is good in every account and Region", all[0].c.Name)
}

func build(p usage.Parameter) string {
	e, _ := publish.ParseEnvelope(p.Description)
	return e.BuildID()
}

func (r *reader) move(g *going) {
	last, to := g.history[len(g.history)-1], g.to[0]
	r.now[g.at.String()+g.c.Name] = to.Value
	r.plan.Moves = append(r.plan.Moves, Move{Cell: g.at, Line: g.c.Line, Arch: g.c.Arch, Channel: g.c.Name, Version: last.Version, From: last.Value,
		To: to.Value, ToVersion: to.Version, Build: build(to)})
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

// good are the versions before that a run published and whose image is not revoked and
// can be launched, the newest first, or only that; else why there is none. What a
// rollback took back is not among them, though its image is marked by nobody.
func (r *reader) good(ctx context.Context, at usage.Cell, history []usage.Parameter, all bool) (out []usage.Parameter, none string) {
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
			if out = append(out, v); !all {
				return out, ""
			}
		}
	}
	if len(out) > 0 {
		return out, ""
	}
	now := history[len(history)-1].Value
	for _, v := range slices.Backward(history) {
		if too := v.Value + " is revoked as well"; v.Value != now && r.plan.holds(v.Value) && !slices.Contains(why, too) {
			why = append(why, too)
		}
		known := r.plan.holds(v.Value) || bad[v.Value] || hand[v.Version] || back[v.Version]
		if rolled := v.Value + " was rolled back"; !known && !slices.ContainsFunc(before, func(p usage.Parameter) bool { return p.Value == v.Value }) && !slices.Contains(why, rolled) {
			why = append(why, rolled)
		}
	}
	if why = append(why, byHand...); len(why) == 0 {
		return nil, "there is no other"
	}
	return nil, strings.Join(why, ", ")
}
