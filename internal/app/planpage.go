package app

import (
	"fmt"
	"io"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/report/rollplan"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

type span = estimate.Span

// pageGroups is how many groups of a ring the page describes.
const pageGroups = 400

// HTML writes the roll's plan as a page.
func (o *Overview) HTML(w io.Writer) error { return rollplan.HTML(w, o.page()) }

func (o *Overview) page() rollplan.Page {
	p := rollplan.Page{Line: o.Line, Where: "account " + o.Account + ", " + o.Region, Image: o.Upon}
	if o.Twin != "" {
		p.Modelled = "EC2, Auto Scaling and Systems Manager by the twin"
	}
	for _, err := range []error{o.before(), o.moved} {
		if err != nil {
			p.Notes = append(p.Notes, rollplan.Note{Tone: "refused", Text: err.Error(), Hint: fault.HintOf(err)})
		}
	}
	if o.Roll == nil {
		p.Notes = append(p.Notes, rollplan.Note{Tone: "note", Text: "no fleet of groups follows this image"})
		return p
	}
	if !o.Bake.Skip {
		p.Upon = "A run would bake a new image first. "
		if o.Upon == rollout.NewImage {
			p.Upon += "This is the roll to it."
		} else {
			p.Upon += "This is the roll to what the channel holds."
		}
	}
	p.Hash, p.MadeAt = o.Roll.Hash, o.Roll.At
	if c := o.Roll.Channel; c != nil {
		p.Channel = fmt.Sprintf("%s version %d", c.Name, c.Version)
	}
	t := o.Roll.Tolerance
	p.Tolerate = fmt.Sprintf("%d %% of a group's desired capacity, and %d in any case", t.Percent, t.Instances)
	if t.Age > 0 {
		p.Tolerate += fmt.Sprintf("; %d days of age", t.Age/(24*time.Hour))
	}
	for _, f := range o.Roll.Findings {
		n := note(f.Finding)
		if f.Fleet != "" {
			n.Text = "fleet " + f.Fleet + ": " + n.Text
		}
		p.Notes = append(p.Notes, n)
	}
	p.Quotas = quotaNotes(o.Roll.Quotas)
	for _, r := range o.Roll.Rings {
		p.Rings = append(p.Rings, o.pageRing(r))
	}
	return p
}

func (o *Overview) pageRing(r rollout.RingPlan) rollplan.Ring {
	out := rollplan.Ring{Name: r.Name, Soak: o.soak(r)}
	if m := r.Measured; m != nil {
		out.Took, out.Surge = rollplan.Span(m.Duration), surge(m.Surge, m.Cost)
		if m.Window != nil {
			out.Window, out.Late = windowText(m.Window), !m.Window.Fits
		}
	}
	for n, g := range r.Groups {
		if n >= pageGroups && !refuses(g) {
			out.More++
			continue
		}
		out.Groups = append(out.Groups, pageGroup(g))
	}
	return out
}

func pageGroup(g rollout.GroupPlan) rollplan.Group {
	m := g.Measured
	out := rollplan.Group{Name: g.Group, Cell: g.Cell.String(), Fleet: g.Fleet, Desired: m.Desired, Floor: m.Bounds.Floor, Ceiling: m.Bounds.Ceiling,
		WithoutZone: m.Bounds.WithoutZone, Units: m.Bounds.Units, Replace: len(m.Instances) - m.OnImage, From: g.From, To: g.To,
		Checkpoints: checkpointText("", g.Preferences.Checkpoints), Took: rollplan.Span(m.Estimate.Duration), Surge: surge(m.Estimate.Surge, m.Estimate.Cost),
		Room: roomText(m.Room), Alone: m.Alone, Anyway: m.Anyway, Nothing: g.Nothing}
	if g.InUse != "" {
		out.Template = fmt.Sprintf("version %s of %s", g.InUse, or(g.Template.Name, g.Template.ID))
	}
	for _, d := range g.Diff {
		out.Diff = append(out.Diff, fmt.Sprintf("%s: %s → %s", d.Path, d.From, d.To))
	}
	for _, f := range g.Findings {
		out.Notes = append(out.Notes, note(f))
	}
	return out
}

func note(f rollout.Finding) rollplan.Note {
	return rollplan.Note{Tone: toneOf(f), Text: f.Text, Hint: f.Hint}
}

// surge is what runs over the desired capacity, in words; the price only where it is
// known.
func surge(h estimate.Hours, c *estimate.Cost) string {
	if h.High == 0 {
		return "none"
	}
	text := fmt.Sprintf("about %.1f instance-hours (%.1f to %.1f)", h.Likely, h.Low, h.High)
	if c != nil {
		text += ", " + c.String()
	}
	return text
}

func roomText(r rollout.Room) string {
	if r.Wanted == 0 {
		return ""
	}
	text := fmt.Sprintf("up to %d more instances at a time", r.Wanted)
	if r.CPUs != nil {
		text += fmt.Sprintf(" (%d vCPUs)", *r.CPUs)
	}
	if r.Addresses != nil {
		text += fmt.Sprintf(", %d addresses free", *r.Addresses)
	} else {
		text += ", free addresses unknown"
	}
	return text
}

// quotaNotes say what is left of the account's limits at the worst moment; of those that
// may be passed, or are not known, findings tell.
func quotaNotes(all []rollout.Headroom) []string {
	var out []string
	for _, h := range all {
		if !h.Fits() {
			continue
		}
		text := h.String()
		if h.Cell != (rollout.Cell{}) {
			text = h.Cell.String() + ": " + text
		}
		out = append(out, text+": it fits")
	}
	return out
}
