package app

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/images"
	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
)

// ChannelRequest asks about the channels of an image line, or for one to be moved.
type ChannelRequest struct {
	Config  *config.Config
	Image   *config.Image
	State   State
	Cloud   *Cloud
	Events  event.Sink
	MaxWait time.Duration

	store journal.Store // replaces the state folder's; tests crash in it
}

// What publish says of channels; commands show it.
type (
	// ChannelEntry is one version of a channel.
	ChannelEntry = publish.Entry
	// ChannelEnvelope is what is known of a version beside the image.
	ChannelEnvelope = publish.Envelope
	// ChannelFinding is what was found of a channel in one account and Region.
	ChannelFinding = publish.Finding
	// ChannelPlan is the move of a channel's pointers.
	ChannelPlan = publish.Plan
)

// Publish is what publishing needs of a cell.
func (c *Cells) Publish(ctx context.Context, at publish.Cell) (publish.Ports, error) {
	s, err := c.Session(ctx, at.Account, at.Region)
	if err != nil {
		return publish.Ports{}, err
	}
	return publish.Ports{Parameters: params.New(s), Images: images.New(s)}, nil
}

// channelCells are the cells that hold an image's channels: the session's own, then
// those that the image is distributed to, in the configuration's order.
func channelCells(image *config.Image, home *Cloud) []publish.Cell {
	out := []publish.Cell{{Account: home.Account, Region: home.Region}}
	if image.Distribute == nil {
		return out
	}
	for _, a := range image.Distribute.Accounts {
		for _, r := range image.Distribute.RegionsOf(a) {
			if c := (publish.Cell{Account: a.ID, Region: r}); !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

func (in ChannelRequest) stage(run string) *publish.Stage {
	return &publish.Stage{Cells: NewCells(in.Cloud, in.Config, run).Publish, Clock: in.Cloud.Clock, Events: event.Stamp(in.Events, run, in.Cloud.Clock.Now)}
}

// places are a channel's, in every cell.
func (in ChannelRequest) places(channel string) []publish.Place {
	var out []publish.Place
	for _, c := range channelCells(in.Image, in.Cloud) {
		out = append(out, publish.Place{Cell: c, Arch: archOf(in.Image), Channel: channel})
	}
	return out
}

// channel finds a channel of the image by its ring, its last name or its full name.
func (in ChannelRequest) channel(word string) (name, ring string, err error) {
	name, ring, ok := in.Image.ChannelNamed(word)
	if !ok {
		return "", "", fault.New(fault.Usage, "write its full name, its ring or \"latest\"", "image %s has no channel %q; it has: %s",
			in.Image.Label, word, strings.Join(in.Image.ChannelWords(), ", "))
	}
	return name, ring, nil
}

// ChannelHistory is every version of a channel that is kept, cell by cell, oldest first.
// Beside an error of kind Partial stands what could be read.
func ChannelHistory(ctx context.Context, in ChannelRequest, word string) ([]ChannelEntry, error) {
	name, _, err := in.channel(word)
	if err != nil {
		return nil, err
	}
	var out []publish.Entry
	s := in.stage("")
	var unread []error
	for _, at := range in.places(name) {
		entries, err := s.History(ctx, at)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, err
		case err != nil:
			unread = append(unread, err)
		}
		out = append(out, entries...)
	}
	switch {
	case len(unread) > 0 && len(out) == 0:
		return nil, unread[0]
	case len(unread) > 0:
		return out, fault.As(fmt.Errorf("not all could be read: %w", errors.Join(unread...)), fault.Partial, fault.HintOf(unread[0]))
	case len(out) == 0:
		return nil, fault.New(fault.NotFound, "`rehydrate publish` makes it", "channel %s does not exist", name)
	}
	return out, nil
}

// VerifyChannels compares all channels of the image in all cells with one another and,
// given a run, with what that run published. A ring channel that exists nowhere is left
// out: nothing was promoted yet. The channels of the line's other architectures follow.
func VerifyChannels(ctx context.Context, in ChannelRequest, run string) ([]ChannelFinding, error) {
	expected := map[publish.Place]string{}
	if run != "" {
		doc, err := in.State.Load(run)
		if err != nil {
			return nil, err
		}
		if doc.Publish == nil {
			return nil, fault.New(fault.Usage, "", "run %s has published nothing", run)
		}
		for _, p := range append(slices.Clone(doc.Publish.Pointers), doc.Publish.Line...) {
			c := publish.Cell{Account: p.Account, Region: p.Region}
			if c == (publish.Cell{}) {
				c = publish.Cell{Account: doc.Account, Region: doc.Region}
			}
			expected[publish.Place{Cell: c, Arch: p.Arch, Channel: p.Channel}] = p.Image
		}
	}
	var out []publish.Finding
	for _, m := range in.members() {
		found, err := m.verify(ctx, expected)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	in.unsettled(ctx, out)
	return out, ctx.Err()
}

// unsettled takes back that channels are correct on which a run is at work: what it has
// written shows only when AWS has validated it.
func (in ChannelRequest) unsettled(ctx context.Context, all []ChannelFinding) {
	first := slices.MinFunc(in.members(), func(a, b ChannelRequest) int { return strings.Compare(archOf(a.Image), archOf(b.Image)) })
	run, until, err := in.stage("").Publishing(ctx, first.places(first.Image.Channel)[0])
	why := ""
	switch {
	case err != nil:
		why = "whether a run is publishing is not known: " + err.Error()
	case run != "":
		why = fmt.Sprintf("run %s is publishing (its lease lasts until %s), and what it writes shows only when AWS has validated it: look again", run, until.UTC().Format(time.RFC3339))
	default:
		return
	}
	for n := range all {
		if all[n].State == publish.Correct {
			all[n].State, all[n].Why = publish.Incorrect, append(all[n].Why, why)
		}
	}
}

// verify is VerifyChannels for one architecture.
func (in ChannelRequest) verify(ctx context.Context, expected map[publish.Place]string) ([]ChannelFinding, error) {
	s := in.stage("")
	var out []publish.Finding
	for _, word := range in.Image.ChannelWords() {
		name, ring, err := in.channel(word)
		if err != nil {
			return nil, err
		}
		var all []publish.Expected
		for _, at := range in.places(name) {
			all = append(all, publish.Expected{Place: at, Image: expected[at]})
		}
		found, err := s.Verify(ctx, all)
		if err != nil {
			return nil, err
		}
		stands := slices.ContainsFunc(found, func(f publish.Finding) bool { return f.Version > 0 })
		if ring != "" && !stands { // where it could not be looked for, it is not known to be missing
			found = slices.DeleteFunc(found, func(f publish.Finding) bool { return f.State == publish.Missing })
		}
		out = append(out, found...)
	}
	return out, nil
}

// Verified is nil if every finding is Correct.
func Verified(all []ChannelFinding) error { return publish.Verified(all) }

// PlanRollback plans to take a channel back, to a version of the session's own cell or,
// for 0, to the last good one. The line's other architectures go back with it.
func PlanRollback(ctx context.Context, in ChannelRequest, word string, version int64) (*Move, error) {
	name, _, err := in.channel(word)
	if err != nil {
		return nil, err
	}
	if version == 0 { // asked for again, it goes no further back
		if m, err := in.unended(ctx, name); m != nil || err != nil {
			return m, err
		}
	}
	run, err := NewRunID(time.Now())
	if err != nil {
		return nil, err
	}
	ask := publish.Rollback{Run: run, To: version}
	for _, m := range in.members() {
		ask.Places = append(ask.Places, m.places(m.like(in, name))...)
	}
	p, err := in.stage(run).PlanRollback(ctx, ask)
	return &Move{Run: run, Kind: record.KindRollback, Plan: p}, err
}

// PlanPromotion plans to put what one channel holds on the channel of a ring, for all
// architectures of the line.
func PlanPromotion(ctx context.Context, in ChannelRequest, from, to string) (*Move, error) {
	run, err := NewRunID(time.Now())
	if err != nil {
		return nil, err
	}
	source, _, err := in.channel(from)
	if err != nil {
		return nil, err
	}
	target, ring, err := in.channel(to)
	if err != nil {
		return nil, err
	}
	want, before, err := in.before(ring, target)
	if err != nil {
		return nil, err
	}
	if source != want {
		return nil, fault.New(fault.GateSaysNo, fmt.Sprintf("`rehydrate publish promote %s %s`, when it has passed", path.Base(want), to),
			"promote %s to %s: only what %s holds may go there", source, target, want)
	}
	p := publish.Promotion{Run: run}
	for _, m := range in.members() {
		for _, c := range channelCells(m.Image, m.Cloud) {
			p.Steps = append(p.Steps, publish.Step{Cell: c, Arch: archOf(m.Image), From: m.like(in, source), To: m.like(in, target)})
		}
	}
	if before != "" {
		p.Proof = in.shown(before)
	}
	plan, err := in.stage(run).PlanPromotion(ctx, p)
	return &Move{Run: run, Kind: record.KindPromote, Plan: plan}, err
}

// before is the channel from which a ring's is promoted, and the ring that the image
// must have passed: "" for the first ring, for which the gate's word is enough.
func (in ChannelRequest) before(ring, channel string) (want, passed string, err error) {
	n := slices.Index(in.Image.Rings, ring)
	switch {
	case n < 0:
		return "", "", fault.New(fault.Usage, "`rehydrate publish` moves it to what has passed the gate; promote to a ring's channel", "promote to %s: it is the channel of no ring", channel)
	case n == 0:
		return in.Image.Channel, "", nil
	}
	passed = in.Image.Rings[n-1]
	if want = in.Image.Channels[passed]; want == "" {
		want = in.Image.Channel
	}
	return want, passed, nil
}

// proof finds the newest run that rolled a ring of the cell to the image, and says so
// if every group of it came through.
func (in ChannelRequest) proof(ring string, c publish.Cell, image string) (string, error) {
	all, err := in.State.History()
	if err != nil {
		return "", err
	}
	for _, r := range slices.Backward(all) {
		if r.Line != in.Image.Label || (r.Twin == "") != (in.Cloud.Twin == "") {
			continue
		}
		if rolled, well := passedRing(r, in.Image.Rings, ring, c, image); rolled {
			if !well {
				return "", nil
			}
			return "run " + r.ID, nil
		}
	}
	return "", nil
}

// passedRing says whether a run rolled a ring to the image, and whether all of it ended
// well: every group, and what comes after them (soak, alarms, checks), which shows in
// that the whole roll is done or a later ring was begun. A cell without groups in the
// ring goes by the groups of the other cells.
func passedRing(r *record.Run, rings []string, ring string, c publish.Cell, image string) (rolled, well bool) {
	here, over, well := false, false, true
	for _, s := range r.Stages {
		over = over || s.Name == "roll" && (s.Outcome == "done" || s.Outcome == "nothing-to-do")
	}
	for _, g := range r.Roll {
		if g.Ring != ring {
			over = over || slices.Index(rings, g.Ring) > slices.Index(rings, ring)
			continue
		}
		well = well && (g.Outcome == "done" || g.Outcome == "nothing-to-do")
		rolled = true
		if at := (publish.Cell{Account: g.Account, Region: g.Region}); g.To == image && (at == (publish.Cell{}) || at == c) {
			here = true
		}
	}
	if !here {
		here = r.Publish != nil && slices.ContainsFunc(r.Publish.Pointers, func(p record.Pointer) bool { return p.Image == image })
	}
	return rolled && here, well && over
}

// passed labels the ring channels that hold what was just rolled, as proof for a
// promotion from another machine. The roll is done all the same where that fails.
func (p *pipeline) passed(ctx context.Context) {
	var all []publish.Passing
	for _, ring := range p.Image.Rings {
		channel := p.Image.Channels[ring]
		if channel == "" || !slices.ContainsFunc(p.doc.Roll, func(g record.Roll) bool { return g.Ring == ring }) {
			continue
		}
		for _, x := range p.doc.Publish.Pointers {
			all = append(all, publish.Passing{Place: publish.Place{Cell: publish.Cell{Account: x.Account, Region: x.Region}, Arch: x.Arch, Channel: channel}, Image: x.Image})
		}
	}
	if len(all) == 0 {
		return
	}
	if _, err := p.advance(ctx, "roll", "roll/passed", p.parts.publish.PassUnit(all)); err != nil {
		p.Events.Emit(event.Event{Stage: "roll", Kind: event.Warned, Text: "the channels of the rings could not be labelled as passed: " + err.Error()})
	}
}
