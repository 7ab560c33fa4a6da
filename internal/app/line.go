package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
)

// offer is what the run of one architecture brings to the publication of its line. It
// stays in the run's journal, where the runs of the other architectures find it.
type offer struct {
	// At is when the image was baked or, where nothing was to be baked, the run begun.
	At       time.Time         `json:"at"`
	Pointers []publish.Pointer `json:"pointers"`
	Judged   []publish.Judged  `json:"judged"`
}

// offerUnit is the unit that makes the offer.
const offerUnit = "publish/offer"

// offered makes the run's offer, once. What the gate has not passed, or what is older
// than what stands, is none.
func (p *pipeline) offered(ctx context.Context, in publish.Input) (offer, error) {
	return plannedAs(ctx, p, "publish", offerUnit, func(ctx context.Context) (offer, error) {
		out := offer{At: p.doc.StartedAt, Pointers: in.Pointers, Judged: in.Judged}
		if b := p.doc.Bake; b != nil && !b.Skipped && !b.CreatedAt.IsZero() {
			out.At = b.CreatedAt
		}
		_, err := p.parts.publish.Plan(ctx, in)
		return out, err
	})
}

// linePlan plans to move the pointers of all architectures of the line by what their
// newest runs offer. Where one of them offers nothing yet, the run waits.
func (p *pipeline) linePlan(ctx context.Context, mine offer) (*publish.Plan, error) {
	own, err := p.parts.publish.Plan(ctx, publish.Input{Run: p.Run, Pointers: mine.Pointers, Judged: mine.Judged})
	if err != nil {
		return nil, err
	}
	moved, err := p.lineMoved(ctx)
	if err != nil {
		return nil, err
	}
	if late := !mine.At.After(moved); late && own.Nothing() {
		return own, nil // it was published with the line
	} else if late {
		return nil, fault.New(fault.Conflict, "start a new run", "publish %s: line %s was moved at %s, after this run's image was made",
			p.Image.Label, p.Image.Line, moved.UTC().Format(time.RFC3339))
	}
	in := publish.Input{Run: p.Run}
	var missing []string
	for _, m := range p.Config.Members(p.Image) {
		o, why := mine, ""
		if m != p.Image {
			if o, why, err = p.offerOf(ctx, m, moved); err != nil {
				return nil, err
			}
		}
		if why != "" {
			missing = append(missing, fmt.Sprintf("%s (%s)", m.Label, why))
		}
		in.Pointers = append(in.Pointers, o.Pointers...)
		in.Judged = append(in.Judged, o.Judged...)
	}
	switch {
	case len(missing) == 0:
		return p.parts.publish.Plan(ctx, in)
	case own.Nothing():
		return own, nil
	}
	return nil, fault.As(&lineWait{engine.Waiting{Unit: "publish", Until: p.Cloud.Clock.Now()},
		fmt.Sprintf("publish %s: line %s moves as a whole or not at all, and waits for %s", p.Image.Label, p.Image.Line, strings.Join(missing, ", "))},
		fault.Waiting, "run those; then `rehydrate run --resume --due` goes on with this run")
}

// lineWait is a wait for the other architectures of the line: it is always worth another
// look.
type lineWait struct {
	waiting engine.Waiting
	text    string
}

func (w *lineWait) Error() string { return w.text }
func (w *lineWait) Unwrap() error { return &w.waiting }

// lineMoved is when a channel of the line was last moved in the session's own account
// and Region, whatever was put back since; the zero time is never.
func (p *pipeline) lineMoved(ctx context.Context) (time.Time, error) {
	var out time.Time
	for _, m := range p.Config.Members(p.Image) {
		history, err := p.parts.publish.History(ctx, publish.Place{Channel: m.Channel})
		if err != nil {
			return out, err
		}
		for _, e := range history {
			if !e.TakenBack && (e.Envelope == nil || e.Envelope.Back == "") && e.ModifiedAt.After(out) {
				out = e.ModifiedAt
			}
		}
	}
	return out, nil
}

// offerOf is what the newest run of another architecture offers, or why it offers
// nothing for the publication that comes next.
func (p *pipeline) offerOf(ctx context.Context, m *config.Image, moved time.Time) (out offer, why string, err error) {
	r, err := p.State.Newest(m.Label, func(r *record.Run) bool {
		return sameWorld(r, p.Cloud) && r.Account == p.Cloud.Account && r.Region == p.Cloud.Region
	})
	if err != nil || r == nil {
		return out, "it has no run", err
	}
	for _, s := range r.Stages {
		if s.Name == "publish" && !slices.Contains([]string{"", "waiting", "done", "nothing-to-do", "interrupted"}, s.Outcome) {
			return out, fmt.Sprintf("run %s: %s", r.ID, s.Text), nil
		}
	}
	states, err := lastStates(ctx, journal.Open(p.Store, r.ID), offerUnit)
	if err != nil {
		return out, "", err
	}
	raw := states[offerUnit]
	if len(raw) == 0 {
		return out, fmt.Sprintf("run %s: %s", r.ID, soFar(r)), nil
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, "", fmt.Errorf("read what run %s offers: %w", r.ID, err)
	}
	if !out.At.After(moved) {
		return out, fmt.Sprintf("run %s is from before the line was last moved", r.ID), nil
	}
	return out, "", nil
}

// soFar says how far a run has come that offers nothing.
func soFar(r *record.Run) string {
	if len(r.Stages) == 0 {
		return "it is at its bake"
	}
	last := r.Stages[len(r.Stages)-1]
	return strings.TrimSuffix(fmt.Sprintf("%s %s: %s", last.Name, last.Outcome, last.Text), ": ")
}

// ownOf is a publication of a line as the run of one architecture has it.
func ownOf(all record.Publish, arch string) record.Publish {
	out := all
	out.Pointers, out.Line = nil, nil
	for _, x := range all.Pointers {
		if x.Arch == arch {
			out.Pointers = append(out.Pointers, x)
		} else {
			out.Line = append(out.Line, x)
		}
	}
	if len(out.Pointers) == 0 {
		return out
	}
	x := out.Pointers[0]
	out.Channel, out.Build, out.Image, out.From, out.Version, out.Previous, out.MovedAt = x.Channel, x.Build, x.Image, x.From, x.Version, x.Previous, x.MovedAt
	out.Skipped = !slices.ContainsFunc(out.Pointers, func(x record.Pointer) bool { return x.Outcome != publish.Held })
	return out
}

// lineOf are the pointers that another run of the line has moved together with this
// run's, as far as the state folder knows.
func (p *pipeline) lineOf(ctx context.Context) ([]record.Pointer, error) {
	history, err := p.parts.publish.History(ctx, publish.Place{Channel: p.Image.Channel})
	if err != nil || len(history) == 0 || history[len(history)-1].Envelope == nil {
		return nil, err
	}
	by := history[len(history)-1].Envelope.Run
	r, err := p.State.Load(by)
	if fault.KindOf(err) == fault.NotFound || err == nil && r.Publish == nil {
		return nil, nil // a rollback, or another machine's run
	} else if err != nil {
		return nil, err
	}
	all := append(slices.Clone(r.Publish.Pointers), r.Publish.Line...)
	return slices.DeleteFunc(all, func(x record.Pointer) bool { return x.Arch == p.Image.Architecture }), nil
}

// movedWith says in words what moved together with an image, and nothing of a line of
// one: of each channel the first place, as of the run's own.
func movedWith(out record.Publish) string {
	var b strings.Builder
	said := map[string]bool{}
	for _, x := range out.Line {
		if x.Outcome == publish.Moved && !said[x.Channel] {
			said[x.Channel] = true
			fmt.Fprintf(&b, "; with it %s: %s → %s", x.Channel, orNone(x.From), x.Image)
		}
	}
	return b.String()
}
