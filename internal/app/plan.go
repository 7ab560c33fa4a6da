package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// Overview is what every stage would do now. Making it changes nothing.
type Overview struct {
	Line    string        `json:"line"`
	Account string        `json:"account"`
	Region  string        `json:"region"`
	Twin    string        `json:"twin,omitempty"`
	Bake    bake.Plan     `json:"bake"`
	Channel string        `json:"channel"`
	InUse   string        `json:"inUse,omitempty"` // what the channel holds
	Roll    *rollout.Plan `json:"roll,omitempty"`
	// Upon is the image that Roll is shown for: the one that stands, if there is nothing
	// to bake; else, as a stand-in for the one that a bake would make, the one in use
	// or, before the first publication, the source image.
	Upon  string   `json:"upon,omitempty"`
	Nodes []string `json:"nodes,omitempty"` // long-lived nodes that follow, by id
}

// MakePlan reads what there is and says what a run would do.
func MakePlan(ctx context.Context, in Request) (*Overview, error) {
	id := in.Run
	if id == "" {
		id = "plan"
	}
	in.Run = id
	p := &pipeline{Request: in, parts: newParts(in)}
	req, err := p.bakeRequest(ctx)
	if err != nil {
		return nil, err
	}
	o := &Overview{Line: in.Image.Label, Account: in.Cloud.Account, Region: in.Cloud.Region, Twin: in.Cloud.Twin, Channel: in.Image.Channel}
	if o.Bake, err = p.parts.bake.Plan(ctx, req); err != nil {
		return nil, err
	}
	now, err := p.parts.params.Get(ctx, in.Image.Channel)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	o.InUse, o.Upon = now.Value, now.Value
	switch {
	case o.Bake.Skip && o.Bake.Current != nil:
		o.Upon = o.Bake.Current.Image
	case o.Upon == "":
		o.Upon = o.Bake.Source.ID
	}
	if roll := rollInput(in.Config, in.Image, o.Upon); len(roll.Fleets) > 0 {
		if o.Roll, err = p.parts.roll.Plan(ctx, roll); err != nil {
			return nil, err
		}
	}
	o.Nodes, err = p.followers(ctx)
	return o, err
}

// Pending says that a run would change something.
func (o *Overview) Pending() bool {
	return !o.Bake.Skip || o.InUse != o.Upon || o.Roll != nil && !o.Roll.Nothing()
}

// Text is the overview for people.
func (o *Overview) Text() string {
	var b strings.Builder
	where := "account " + o.Account + ", region " + o.Region
	if o.Twin != "" {
		where += ", modelled by the twin"
	}
	fmt.Fprintf(&b, "plan for image %s (%s)\n", o.Line, where)
	if o.Bake.Skip {
		fmt.Fprintf(&b, "  bake      nothing: %s\n", o.Bake.Reason)
	} else {
		fmt.Fprintf(&b, "  bake      %s from %s (%s): %s\n", o.Bake.ImageName, o.Bake.Source.ID, o.Bake.Source.Name, o.Bake.Reason)
	}
	b.WriteString("  validate  marker, lock, baseline, changes, hygiene from the snapshot; nothing is launched\n")
	fmt.Fprintf(&b, "  publish   %s, which holds %s\n", o.Channel, orNone(o.InUse))
	if o.Roll != nil {
		for _, r := range o.Roll.Rings {
			for _, g := range r.Groups {
				o.group(&b, r.Name, g)
			}
		}
	}
	if len(o.Nodes) > 0 {
		fmt.Fprintf(&b, "  patch     %s in place, with the same lock\n", strings.Join(o.Nodes, ", "))
	}
	return b.String()
}

func (o *Overview) group(b *strings.Builder, ring string, g rollout.GroupPlan) {
	what := fmt.Sprintf("template version %s (%s) with only the image replaced", g.InUse, g.From)
	if g.Nothing && o.Bake.Skip {
		what = "nothing: every instance runs " + o.Upon
	}
	fmt.Fprintf(b, "  roll      ring %s: %s, %d instances: %s\n", ring, g.Group, g.Measured.Desired, what)
	if g.Pin {
		fmt.Fprintf(b, "            first pinned to version %s, which it runs now\n", g.InUse)
	}
	for _, f := range g.Findings {
		mark := "note"
		if f.Refuse {
			mark = "refused"
		}
		fmt.Fprintf(b, "            %s: %s\n", mark, f.Text)
	}
}
