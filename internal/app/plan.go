package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/inplace"
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
	// to bake, or rollout.NewImage.
	Upon  string   `json:"upon,omitempty"`
	Nodes []string `json:"nodes,omitempty"` // long-lived nodes that follow, by id
	// Unpatched are those of Nodes that no run is known to have patched by the lock of
	// the image that stands.
	Unpatched []string `json:"unpatched,omitempty"`
	// Refused is why the run as it stands would be refused; empty: it would not.
	Refused string `json:"refused,omitempty"`
	// Places are the accounts and Regions that the image goes to; empty: this one.
	Places []string `json:"places,omitempty"`

	soaks  map[string]time.Duration // how long each ring of Roll soaks
	places []record.Pointer         // what of the image is in each of them, or is to be
	kept   error                    // what keeps the image from its accounts, Regions and channels
	lacks  error                    // what this machine has not, to bake
	moved  error                    // why Request.Plan does not hold
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
	if !o.Bake.Skip && !in.Keep {
		o.lacks = p.canBake()
	}
	now, err := p.parts.params.Get(ctx, in.Image.Channel)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	o.InUse, o.Upon = now.Value, now.Value
	switch {
	case o.Bake.Skip && o.Bake.Current != nil:
		o.Upon = o.Bake.Current.Image
	case !in.Keep || o.InUse == "":
		o.Upon = rollout.NewImage
	}
	if in.Image.Distribute != nil {
		p.place(ctx, o)
	}
	switch {
	case in.Keep: // it is of the roll alone, which needs nothing that a bake needs
		o.kept = nil
	case o.kept == nil:
		var standing *record.Bake
		if o.Bake.Skip {
			standing = o.Bake.Current
		}
		o.kept = p.channelReady(ctx, standing)
	}
	if o.Roll, err = p.previewRoll(ctx, o, now.Version); err != nil {
		return nil, err
	}
	if err := o.Err(); err != nil {
		o.Refused = err.Error()
	}
	if o.Nodes, err = p.followers(ctx); err != nil {
		return nil, err
	}
	o.Unpatched, err = p.unpatched(o)
	return o, err
}

// unpatched asks the state folder which of the nodes have the lock already.
func (p *pipeline) unpatched(o *Overview) ([]string, error) {
	if len(o.Nodes) == 0 || !o.Bake.Skip || o.Bake.Current == nil {
		return o.Nodes, nil
	}
	all, err := p.State.History()
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, r := range all {
		if r.Line != p.Image.Label || r.Account != p.Cloud.Account || r.Region != p.Cloud.Region || r.Bake == nil {
			continue
		}
		for _, n := range r.Patch { // oldest run first: the last word counts
			has[n.Instance] = r.Bake.Image == o.Bake.Current.Image && inplace.Err([]record.Patched{n}) == nil
		}
	}
	return slices.DeleteFunc(slices.Clone(o.Nodes), func(id string) bool { return has[id] }), nil
}

// Err is why the run would be refused, as an error; nil when it would go ahead.
func (o *Overview) Err() error {
	if err := o.before(); err != nil || o.Roll == nil {
		return err
	}
	if o.moved != nil {
		return o.moved
	}
	return o.Roll.Err()
}

// before is why the run would be refused before it comes to its roll.
func (o *Overview) before() error {
	if o.kept != nil {
		return o.kept
	}
	return o.lacks
}

// Pending says that a run would change something, or would try to and be refused.
func (o *Overview) Pending() bool {
	return !o.Bake.Skip || o.InUse != o.Upon || o.Roll != nil && !o.Roll.Nothing() || o.Refused != "" || len(o.Unpatched) > 0
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
	held := "which holds " + o.InUse
	if o.InUse == "" {
		held = "which does not exist yet: it will be created"
	}
	fmt.Fprintf(&b, "  publish   %s, %s\n", o.Channel, held)
	if len(o.Places) > 0 {
		fmt.Fprintf(&b, "            in %s\n", strings.Join(o.Places, ", "))
	}
	if o.Roll != nil {
		for _, r := range o.Roll.Rings {
			o.ring(&b, r)
		}
		for _, text := range quotaNotes(o.Roll.Quotas) {
			fmt.Fprintf(&b, "            quota: %s\n", text)
		}
		for _, f := range o.Roll.Findings {
			where := ""
			if f.Fleet != "" {
				where = "fleet " + f.Fleet + ": "
			}
			fmt.Fprintf(&b, "            %s\n", findingText(f.Finding, where))
		}
	}
	switch {
	case len(o.Unpatched) > 0:
		fmt.Fprintf(&b, "  patch     %s in place, with the same lock\n", strings.Join(o.Unpatched, ", "))
	case len(o.Nodes) > 0:
		fmt.Fprintf(&b, "  patch     nothing: %s had every version of the lock when last patched\n", strings.Join(o.Nodes, ", "))
	}
	if o.Refused != "" {
		fmt.Fprintf(&b, "  refused   %s\n", o.Refused)
	}
	return b.String()
}
