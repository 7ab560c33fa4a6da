package retire

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/publish/usage"
)

// complete is the tag of an image whose bake ended well.
const complete = "rehydrate:complete"

// good says that an image counts among those that are kept whatever their age.
func good(i usage.Image) bool {
	return i.State == usage.StateAvailable && i.Tags[complete] == "true" && i.Tags[usage.TagRevoked] == ""
}

// byAge is what an image's age and state alone ask for, and why.
func (f *facts) byAge(i usage.Image) (Action, string) {
	p, age := f.in.Policy, f.now.Sub(i.CreatedAt)
	due := func(after time.Duration) bool { return after > 0 && age >= after }
	old := Days(age) + " old"
	switch {
	case i.CreatedAt.IsZero():
		return Keep, "nobody knows how old it is"
	case i.State == usage.StateDisabled:
		return f.disabled(i, old)
	case i.State != usage.StateAvailable:
		return Keep, "it is " + i.State
	case due(p.DisableAfter):
		return Disable, fmt.Sprintf("%s, disabled after %s", old, Days(p.DisableAfter))
	case p.DisableAfter == 0 && due(p.DeregisterAfter):
		return f.unprotected(i, fmt.Sprintf("%s, deregistered after %s", old, Days(p.DeregisterAfter)))
	case due(p.DeprecateAfter) && i.DeprecatedAt.IsZero():
		return Deprecate, fmt.Sprintf("%s, deprecated after %s", old, Days(p.DeprecateAfter))
	}
	return Keep, old + f.next(age, i)
}

// disabled is what becomes of a disabled image: it stays disabled for as long as the
// policy puts between the two stages, counted from when we know that it was.
func (f *facts) disabled(i usage.Image, old string) (Action, string) {
	p := f.in.Policy
	if p.DeregisterAfter == 0 {
		return Keep, "disabled; the policy deregisters nothing"
	}
	since, ok := disabledAt(i)
	if !ok {
		return Keep, "disabled by somebody else, nobody knows since when"
	}
	due := since.Add(p.Disabled())
	if at := i.CreatedAt.Add(p.DeregisterAfter); at.After(due) {
		due = at
	}
	if f.now.Before(due) {
		return Keep, fmt.Sprintf("%s, disabled since %s; deregistered from %s on", old, day(since), day(due))
	}
	return f.unprotected(i, fmt.Sprintf("%s, deregistered after %s; disabled since %s", old, Days(p.DeregisterAfter), day(since)))
}

func disabledAt(i usage.Image) (time.Time, bool) {
	for _, tag := range []string{TagDisabled, usage.TagRevoked} {
		if t, err := time.Parse(time.RFC3339, i.Tags[tag]); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func (f *facts) unprotected(i usage.Image, why string) (Action, string) {
	if i.Protected != "" {
		return Keep, why + ", but it is protected from deregistration (" + i.Protected + ")"
	}
	return Deregister, why
}

// next says which stage comes and when.
func (f *facts) next(age time.Duration, i usage.Image) string {
	p := f.in.Policy
	for _, s := range []struct {
		after time.Duration
		what  string
	}{{p.DeprecateAfter, "deprecated"}, {p.DisableAfter, "disabled"}, {p.DeregisterAfter, "deregistered"}} {
		if s.after > age {
			return fmt.Sprintf("; %s from %s on", s.what, day(i.CreatedAt.Add(s.after)))
		}
	}
	return ""
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

// decide judges every image of the line, cell by cell, newest first.
func (f *facts) decide(ctx context.Context, p *Plan) {
	for _, at := range f.in.Cells {
		newest := map[string][]string{} // runs that made good images so far, by architecture
		for _, i := range f.own[at] {
			if !f.ours(at, i) || slices.ContainsFunc(p.Items, func(x Item) bool { return x.Cell == at && x.Image == i.ID }) {
				continue
			}
			rank := 0
			if good(i) {
				rank = place(newest, i)
			}
			p.Items = append(p.Items, f.judge(ctx, at, i, rank))
		}
		p.Leftovers = append(p.Leftovers, f.leftovers(at)...)
	}
	f.runItems(ctx, p)
}

// place is an image's among the newest good ones. What one run made counts as one: where a
// publication encrypts, its copy lies beside the image of the bake.
func place(newest map[string][]string, i usage.Image) int {
	made := cmp.Or(i.Tags[usage.TagRun], i.ID)
	of := newest[i.Architecture]
	at := slices.Index(of, made)
	if at < 0 {
		at = len(of)
		newest[i.Architecture] = append(of, made)
	}
	return at + 1
}

// judge decides about one image; rank is its place among the newest good ones, or 0.
func (f *facts) judge(ctx context.Context, at usage.Cell, i usage.Image, rank int) Item {
	x := Item{Cell: at, Image: i.ID, Name: i.Name, State: i.State, Run: i.Tags[usage.TagRun], CreatedAt: i.CreatedAt, Uses: f.uses[i.ID]}
	usage.Sort(x.Uses)
	x.Action, x.Why = f.byAge(i)
	if x.Action == Keep {
		return x
	}
	if len(x.Uses) == 0 {
		f.shared(ctx, at, &x)
	}
	age := x.Why
	switch {
	case rank > 0 && rank <= f.in.Policy.Keep:
		x.Action, x.Why = Keep, fmt.Sprintf("%s; it is number %d of the newest %d, which stay", age, rank, f.in.Policy.Keep)
	case len(x.Uses) > 0:
		x.Action, x.Why = Keep, fmt.Sprintf("%s; in use: %s", age, usage.Brief(x.Uses))
	default:
		x.Why = fmt.Sprintf("%s; no use in %s, nor by a channel, a rollback or a run", age, f.census.Looked)
		if x.Action == Deregister {
			f.parts(at, i, &x)
		}
	}
	return x
}

// shared counts accounts that may launch the image and could not be asked.
func (f *facts) shared(ctx context.Context, at usage.Cell, x *Item) {
	if x.State != usage.StateAvailable {
		return // to disable an image took back what was shared
	}
	with, err := f.ports[at].Images.SharedWith(ctx, x.Image)
	if err != nil {
		f.miss(fmt.Sprintf("ask who may launch %s in %s", x.Image, at), err)
		return
	}
	for _, who := range with {
		if _, read := f.ports[usage.Cell{Account: who, Region: at.Region}]; !read {
			x.Uses = append(x.Uses, usage.Use{Kind: useShared, Cell: at, ID: who, Image: x.Image, Text: "shared with " + who + ", where nobody could look"})
		}
	}
}

// parts gathers what goes with an image.
func (f *facts) parts(at usage.Cell, i usage.Image, x *Item) {
	for _, u := range f.census.Uses[i.ID] {
		if u.Ours {
			x.With = append(x.With, Part{Kind: PartVersion, Cell: u.Cell, ID: u.Version.Template, Number: u.Version.Number})
		}
	}
	x.With = append(x.With, f.builds[i.ID]...)
	for _, id := range i.Snapshots {
		switch other := f.alsoOf(at, i.ID, id); {
		case other != "":
			x.Stays = append(x.Stays, fmt.Sprintf("snapshot %s: image %s uses it too", id, other))
		case f.snapshots[at][id].ID == "":
			x.Stays = append(x.Stays, fmt.Sprintf("snapshot %s: it does not carry the line's tag", id))
		default:
			x.With = append(x.With, Part{Kind: PartSnapshot, Cell: at, ID: id})
		}
	}
}

// alsoOf is another image of the account that uses the snapshot.
func (f *facts) alsoOf(at usage.Cell, image, snapshot string) string {
	for _, i := range f.own[at] {
		if i.ID != image && slices.Contains(i.Snapshots, snapshot) {
			return i.ID
		}
	}
	return ""
}

// leftovers are snapshots whose image went before them.
func (f *facts) leftovers(at usage.Cell) []Leftover {
	var out []Leftover
	for id, x := range f.snapshots[at] {
		image := x.Tags[TagRetired]
		if image == "" || f.alsoOf(at, "", id) != "" || slices.ContainsFunc(f.own[at], func(i usage.Image) bool { return i.ID == image }) {
			continue
		}
		out = append(out, Leftover{Cell: at, Snapshot: id, Image: image})
	}
	slices.SortFunc(out, func(a, b Leftover) int { return strings.Compare(a.Snapshot, b.Snapshot) })
	return out
}

// runItems are the runs of the line whose every image is gone, or goes now.
func (f *facts) runItems(ctx context.Context, p *Plan) {
	if f.Archive == nil || f.in.Policy.DeregisterAfter == 0 {
		return
	}
	for _, r := range f.runs {
		_, read := f.ports[r.Cell]
		if r.Line != f.in.Line || r.Image == "" || !r.Ended || !read || f.now.Sub(r.EndedAt) < f.in.Policy.DeregisterAfter || f.stands(p, r) {
			continue
		}
		parts, err := f.Archive.Parts(ctx, r.ID)
		if err != nil {
			f.miss("look at what run "+r.ID+" left", err)
			continue
		}
		if len(parts) > 0 {
			p.Runs = append(p.Runs, RunItem{Run: r.ID, Image: r.Image, Parts: parts})
		}
	}
}

// stands says that an image of the run stays, or that something still needs the run.
func (f *facts) stands(p *Plan, r Run) bool {
	if len(f.uses[r.Image]) > 0 {
		return true
	}
	for at, list := range f.own {
		for _, i := range list {
			if i.ID != r.Image && i.Tags[usage.TagRun] != r.ID {
				continue
			}
			if x, ok := p.item(at, i.ID); !ok || x.Action != Deregister {
				return true
			}
		}
	}
	return false
}
