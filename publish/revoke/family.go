package revoke

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/usage"
)

// tagCopy is on an image that a publication copied: the one that was baked.
const tagCopy = "rehydrate:copy-of"

// reader makes one plan.
type reader struct {
	*Stage
	in     Input
	plan   *Plan
	ports  map[usage.Cell]Ports
	own    map[usage.Cell][]usage.Image
	census *usage.Census
	now    map[string]string                  // the image that a channel holds after the moves, by cell and channel
	above  map[usage.Cell]map[string][]string // ancestries that EC2 was asked for
}

func (r *reader) unknown(format string, args ...any) {
	r.plan.Unknown = append(r.plan.Unknown, fmt.Sprintf(format, args...))
}

func (r *reader) open(ctx context.Context, at usage.Cell) {
	if _, twice := r.ports[at]; twice {
		return
	}
	p, err := r.Cells(ctx, at)
	if err != nil {
		r.unknown("open %s: %v", at, err)
		return
	}
	r.ports[at] = p
	if r.own[at], err = p.Images.Own(ctx); err != nil {
		r.unknown("list the images of %s: %v", at, err)
	}
	slices.SortFunc(r.own[at], func(a, b usage.Image) int { return strings.Compare(a.ID, b.ID) })
}

// ours says that an image belongs to the account and to a line of this configuration.
func (r *reader) ours(at usage.Cell, i usage.Image) bool {
	line := i.Tags[usage.TagLine]
	return i.Owner == at.Account && line != "" && slices.ContainsFunc(r.in.Channels, func(c Channel) bool { return c.Line == line })
}

// family gathers the named image, its copies, and what was made from any of them.
func (r *reader) family(ctx context.Context) error {
	if err := r.named(ctx); err != nil {
		return err
	}
	for grew := true; grew; {
		grew = false
		for _, at := range r.in.Cells {
			for _, i := range r.own[at] {
				if via := r.via(at, i); via != "" {
					r.add(at, i, via)
					grew = true
				}
			}
		}
		if !grew {
			grew = r.ancestry(ctx)
		}
	}
	return nil
}

// Family is an image with its copies and everything that was made from it, the image
// first, as a revocation would find them. What could not be read comes beside it.
func (s *Stage) Family(ctx context.Context, image string, cells []usage.Cell, channels []Channel) (members []Member, unknown []string, err error) {
	r := s.reader(Input{Image: image, Cells: cells, Channels: channels})
	if err := r.gather(ctx); err != nil {
		return nil, nil, err
	}
	return r.plan.Images, r.plan.Unknown, ctx.Err()
}

func (s *Stage) reader(in Input) *reader {
	return &reader{Stage: s, in: in, plan: &Plan{Schema: PlanSchema, Input: in, At: s.Clock.Now()},
		ports: map[usage.Cell]Ports{}, own: map[usage.Cell][]usage.Image{}, now: map[string]string{}, above: map[usage.Cell]map[string][]string{}}
}

// gather opens every cell and finds the family there.
func (r *reader) gather(ctx context.Context) error {
	for _, at := range r.in.Cells {
		r.open(ctx, at)
	}
	return r.family(ctx)
}

// named finds the image itself, in whichever cell it can be seen.
func (r *reader) named(ctx context.Context) error {
	for _, at := range r.in.Cells {
		for _, i := range r.own[at] {
			if i.ID == r.in.Image {
				r.add(at, i, "named")
				return nil
			}
		}
	}
	for _, at := range r.in.Cells {
		p, ok := r.ports[at]
		if !ok {
			continue
		}
		i, err := p.Images.Image(ctx, r.in.Image)
		if err == nil {
			r.add(at, i, "named")
			r.plan.note("%s belongs to account %s: it is left alone, and what was made from it is revoked", i.ID, i.Owner)
			return nil
		}
		if fault.KindOf(err) != fault.NotFound {
			r.unknown("look at %s in %s: %v", r.in.Image, at, err)
		}
	}
	// An image that is gone may have descendants all the same.
	r.plan.Images = append(r.plan.Images, Member{Cell: r.in.Cells[0], Image: r.in.Image, State: "gone", Via: "named"})
	return nil
}

func (r *reader) add(at usage.Cell, i usage.Image, via string) {
	m := Member{Cell: at, Image: i.ID, Name: i.Name, Line: i.Tags[usage.TagLine], State: i.State, Via: via, Ours: r.ours(at, i), arch: i.Architecture, tags: i.Tags}
	m.Mark = m.Ours && i.Tags[usage.TagRevoked] == ""
	if !m.Ours && via != "named" {
		r.plan.note("%s in %s (%s) is not of a line of this configuration: it is left alone", i.ID, at, via)
	}
	r.plan.Images = append(r.plan.Images, m)
}

// via is how an image comes from one that is revoked; empty: it does not, or is among
// them already.
func (r *reader) via(at usage.Cell, i usage.Image) string {
	if _, have := r.plan.member(at, i.ID); have {
		return ""
	}
	for _, m := range r.plan.Images {
		switch {
		case i.Tags[usage.TagSource] == m.Image && r.run(m) != i.Tags[usage.TagRun]:
			return "baked from " + m.Image
		case i.Source == m.Image, i.Tags[tagCopy] == m.Image:
			return "copy of " + m.Image
		case m.Line != "" && m.Line == i.Tags[usage.TagLine] && m.arch == i.Architecture && r.run(m) != "" && r.run(m) == i.Tags[usage.TagRun]:
			return "from the run that made " + m.Image // a copy of it, or what it was copied from
		}
	}
	return ""
}

// run is the run that made a member.
func (r *reader) run(m Member) string {
	for _, i := range r.own[m.Cell] {
		if i.ID == m.Image {
			return i.Tags[usage.TagRun]
		}
	}
	return ""
}

// ancestry asks EC2 about images whose source is none of the account's own: links in
// between may be gone.
func (r *reader) ancestry(ctx context.Context) (grew bool) {
	known := map[string]bool{}
	for _, list := range r.own {
		for _, i := range list {
			known[i.ID] = true
		}
	}
	for _, at := range r.in.Cells {
		for _, i := range r.own[at] {
			if _, have := r.plan.member(at, i.ID); have || i.Source == "" || known[i.Source] {
				continue
			}
			for _, id := range r.ancestors(ctx, at, i.ID) {
				if r.plan.holds(id) {
					r.add(at, i, "descends from "+id)
					grew = true
					break
				}
			}
		}
	}
	return grew
}

// ancestors are the images above one, asked for once.
func (r *reader) ancestors(ctx context.Context, at usage.Cell, image string) []string {
	if r.above[at] == nil {
		r.above[at] = map[string][]string{}
	}
	up, asked := r.above[at][image]
	if asked {
		return up
	}
	up, err := r.ports[at].Images.Ancestry(ctx, image)
	if err != nil && fault.KindOf(err) != fault.Unsupported {
		r.unknown("ask for the ancestry of %s in %s: %v", image, at, err)
	}
	r.above[at][image] = up
	return up
}
