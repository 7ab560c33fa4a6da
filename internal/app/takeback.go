package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/rollout"
)

// takingBack is a run's decision to take its roll back, and what becomes of the channels.
// It stays in the journal: the run brings nothing forward any more, even if the andon says
// run again when another process goes on.
type takingBack struct {
	Why   string          `json:"why"`
	Andon string          `json:"andon,omitempty"` // what it said; empty: it was a gate
	Plans []*publish.Plan `json:"plans,omitempty"` // one for each channel that goes back
	Stay  []string        `json:"stay,omitempty"`  // why the others do not
	// Taken hold an image that nothing precedes: they stay, and are marked.
	Taken []publish.Taken `json:"taken,omitempty"`
}

// takeBackStem begins the names of the units that take back the channels of a run.
const takeBackStem = "rollback-channel"

// decidedBack is the decision, if an earlier process has made one.
func (p *pipeline) decidedBack(ctx context.Context) (*takingBack, error) {
	states, err := lastStates(ctx, p.local.Journal, takeBackStem)
	var raw json.RawMessage
	for _, unit := range slices.Sorted(maps.Keys(states)) {
		if strings.HasSuffix(unit, "/plan") && len(states[unit]) > 0 {
			raw = states[unit] // the last one: names end in times
		}
	}
	if err != nil || raw == nil {
		return nil, err
	}
	var out takingBack
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("read why run %s was taken back: %w", p.Run, err)
	}
	return &out, nil
}

// insisting is an andon that goes on saying what it said, unless it says something else
// than run.
type insisting struct {
	rollout.Switch
	said string
}

// Read implements rollout.Switch.
func (i insisting) Read(ctx context.Context) (string, error) {
	text, err := i.Switch.Read(ctx)
	if order, _, perr := rollout.ParseOrder(text); err == nil && perr == nil && order == rollout.Run {
		return i.said, nil
	}
	return text, err
}

// returning is what rollout.Execution.Returning does in this run.
func (p *pipeline) returning(x *rollout.Execution) func(context.Context, *rollout.Plan, string) error {
	return func(ctx context.Context, plan *rollout.Plan, why string) error {
		said := ""
		if x.Andon.Order() == rollout.Rollback {
			said = strings.TrimSpace(OrderRollback + " " + x.Andon.Says())
		}
		return p.takeBack(ctx, takeBackStem, plan, takingBack{Why: why, Andon: said}, false)
	}
}

// takeBack takes the line's channel and those of the plan's rings back, where they hold
// what the run published. One that cannot go back, because nothing precedes it or because
// somebody else has moved it on, is a warning; any other trouble needs a person. The
// decision is kept also where the channels are to be.
func (p *pipeline) takeBack(ctx context.Context, stem string, plan *rollout.Plan, decision takingBack, keep bool) error {
	if p.doc.Publish == nil {
		return nil
	}
	decided, err := plannedAs(ctx, p, "roll", stem+"/plan", func(ctx context.Context) (*takingBack, error) {
		if keep {
			return &decision, nil
		}
		back, err := p.plansBack(ctx, plan)
		decision.Plans, decision.Stay, decision.Taken = back.Plans, back.Stay, back.Taken
		return &decision, err
	})
	if err != nil {
		return personFor(err)
	}
	for _, s := range decided.Stay {
		p.channelStays(s)
	}
	var failures error
	if len(decided.Taken) > 0 {
		if _, err := p.advance(ctx, "roll", stem+"/withdrawn", p.parts.publish.WithdrawUnit(decided.Taken)); err != nil {
			failures = personFor(err)
		}
	}
	for n, m := range decided.Plans {
		out, err := p.move(ctx, "roll", fmt.Sprintf("%s/%d", stem, n+1), m)
		switch {
		case err != nil && fault.KindOf(err) == fault.Conflict:
			p.channelStays(err.Error())
		case err != nil:
			failures = errors.Join(failures, personFor(err))
		default:
			out = ownOf(out, archOf(p.Image))
			p.back = append(p.back, fmt.Sprintf("%s is back on %s (version %d)", out.Channel, out.Image, out.Version)+movedWith(out))
		}
	}
	return failures
}

// plansBack plans to take back what the run published, with the channels of the plan's
// rings, as a move of its own.
func (p *pipeline) plansBack(ctx context.Context, plan *rollout.Plan) (takingBack, error) {
	var rings []string
	for _, r := range plan.Rings {
		rings = append(rings, r.Name)
	}
	run, err := NewRunID(time.Now())
	if err != nil {
		return takingBack{}, err
	}
	in := ChannelRequest{Config: p.Config, Image: p.Image, State: p.State, Cloud: p.Cloud, Events: p.Events}
	return in.plansBack(ctx, run, p.doc.Publish, rings)
}

// channelStays tells that a channel does not go back with the groups.
func (p *pipeline) channelStays(why string) {
	what, _, _ := strings.Cut(why, ". ") // the event says what to do, too
	p.back = append(p.back, what)
	p.Events.Emit(event.Event{Stage: "roll", Unit: "roll", Kind: event.Warned, Text: why})
}

// personFor is the error of a channel that should have gone back.
func personFor(err error) error {
	switch fault.KindOf(err) {
	case fault.Waiting, fault.Interrupted:
		return err
	}
	return fault.As(fmt.Errorf("take the channels back: %w", err), fault.Halted, "rehydrate publish rollback CHANNEL, once the cause is gone")
}

// plansBack plans to take back the line's channel, and those of rings, in the places where
// they hold what was published, and says why others stay.
func (in ChannelRequest) plansBack(ctx context.Context, run string, was *record.Publish, rings []string) (out takingBack, err error) {
	stage := in.stage(run)
	for _, places := range in.placesOf(was, rings) {
		var hold []publish.Place
		var own bool // the image's own channel goes back; the line's others go with it only
		for _, at := range places {
			now, err := in.holds(ctx, stage, at.Place)
			switch {
			case err != nil:
				return out, err
			case now == at.image:
				hold = append(hold, at.Place)
				own = own || at.Arch == archOf(in.Image)
			case at.line:
				out.Stay = addOnce(out.Stay, fmt.Sprintf("channel %s stays on %s: it was moved since", at.Channel, orNone(now)))
			}
		}
		if !own {
			continue
		}
		var stuck stuckChannels
		plan, err := stage.PlanRollback(ctx, publish.Rollback{Run: run, Places: hold, Without: func(at publish.Place, why error) {
			stuck.add(publish.Taken{Place: at, Image: imageAt(places, at)}, why)
		}})
		out.Taken, out.Stay = append(out.Taken, stuck.taken...), append(out.Stay, stuck.tell()...)
		switch {
		case err != nil && len(stuck.taken) == len(hold): // all of them stay
		case err != nil:
			return out, err
		default:
			out.Stay = append(out.Stay, plan.Warnings...)
			out.Plans = append(out.Plans, plan)
		}
	}
	return out, nil
}

// imageAt is the image that was brought to a place.
func imageAt(all []heldPlace, at publish.Place) string {
	n := slices.IndexFunc(all, func(h heldPlace) bool { return h.Place == at })
	return all[n].image
}

// stuckChannels are those that nothing precedes.
type stuckChannels struct {
	taken []publish.Taken
	why   map[string]error // by channel: the first place's
}

func (s *stuckChannels) add(t publish.Taken, why error) {
	if s.why == nil {
		s.why = map[string]error{}
	}
	if s.taken = append(s.taken, t); s.why[t.Channel] == nil {
		s.why[t.Channel] = why
	}
}

// tell says of each channel once where it stays, and what a person can do.
func (s *stuckChannels) tell() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.why)) {
		var where, images []string
		for _, t := range s.taken {
			if t.Channel == name {
				where, images = addOnce(where, t.Cell.String()), addOnce(images, t.Image)
			}
		}
		out = append(out, fmt.Sprintf("channel %s in %s stays where it is: %s. A parameter cannot point to nothing, so whoever reads it still gets %s; "+
			"it is marked as withdrawn, no run rolls it again, and the next image goes over it: `rehydrate run --force` bakes one, "+
			"`rehydrate image revoke --force --reason WHY %s` keeps this one from being launched",
			name, strings.Join(where, ", "), s.why[name], strings.Join(images, " and "), images[0]))
	}
	return out
}

func addOnce(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// heldPlace is a place that a run may have brought its image to.
type heldPlace struct {
	publish.Place
	image string
	line  bool // it is of the line's channel
}

// placesOf are the places of a publication, and those of the channels of rings in the same
// cells; what goes back together stands together.
func (in ChannelRequest) placesOf(was *record.Publish, rings []string) [][]heldPlace {
	pointers := was.Pointers
	if len(pointers) == 0 {
		pointers = []record.Pointer{{Channel: was.Channel, Image: was.Image}}
	}
	var line []heldPlace
	for _, x := range append(slices.Clone(pointers), was.Line...) {
		cell := publish.Cell{Account: or(x.Account, in.Cloud.Account), Region: or(x.Region, in.Cloud.Region)}
		line = append(line, heldPlace{publish.Place{Cell: cell, Arch: x.Arch, Channel: x.Channel}, x.Image, true})
	}
	out := [][]heldPlace{line}
	for _, r := range rings {
		if name := in.Image.Channels[r]; name == "" || name == in.Image.Channel {
			continue
		}
		var of []heldPlace
		for _, m := range in.members() {
			for _, at := range line {
				to := publish.Place{Cell: at.Cell, Arch: at.Arch, Channel: m.Image.Channels[r]}
				if at.Arch == archOf(m.Image) && !slices.ContainsFunc(of, func(h heldPlace) bool { return h.Place == to }) {
					of = append(of, heldPlace{to, at.image, false})
				}
			}
		}
		out = append(out, of)
	}
	return out
}

// holds is what a channel holds, "" when there is none.
func (in ChannelRequest) holds(ctx context.Context, s *publish.Stage, at publish.Place) (string, error) {
	ports, err := s.Cells(ctx, at.Cell)
	if err != nil {
		return "", err
	}
	now, err := ports.Parameters.Get(ctx, at.Channel)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return "", nil
	}
	return now.Value, err
}
