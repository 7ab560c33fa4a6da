package revoke

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// Result is what a revocation did.
type Result struct {
	Image string   `json:"image"`
	Done  []string `json:"done"` // in order
	// Refused is why nothing was done at all.
	Refused  []string `json:"refused,omitempty"`
	Moved    []Move   `json:"moved,omitempty"`
	Disabled []string `json:"disabled,omitempty"` // cell and image
	// Kept are images that were not disabled, each with the reason.
	Kept   []string `json:"kept,omitempty"`
	Failed []string `json:"failed,omitempty"`
	Drain  []Drain  `json:"drain,omitempty"`
}

// Apply carries the plan out: marks and labels, then pointers, then DisableImage. An
// image is disabled only if every mark and every move before it succeeded. The result
// stands also beside an error, whose kind is GateSaysNo (nothing was done), Conflict
// (the world has moved since the plan) or Partial.
func (s *Stage) Apply(ctx context.Context, p *Plan, run Runner) (*Result, error) {
	out := &Result{Image: p.Input.Image, Done: []string{}, Drain: p.Drain} // no null in its JSON
	if len(p.Refused) > 0 {
		out.Refused = p.Refused
		return out, p.Err()
	}
	var errs []error
	do := func(err error) bool {
		if err != nil {
			errs = append(errs, err)
			out.Failed = append(out.Failed, err.Error())
		}
		return err == nil
	}
	for _, m := range p.Images {
		if m.Mark {
			do(step(ctx, run, out, "mark/"+m.Cell.String()+"/"+m.Image, s.mark(p, m)))
		}
	}
	for _, l := range p.Labels {
		do(step(ctx, run, out, fmt.Sprintf("label/%s/%d%s", l.Cell, l.Version, l.Channel), s.label(l)))
	}
	for _, moves := range together(p.Moves) {
		if do(s.back(ctx, run, moves)) {
			out.Moved = append(out.Moved, moves...)
			for _, m := range moves {
				out.Done = append(out.Done, fmt.Sprintf("moved %s in %s from %s back to %s", m.Channel, m.Cell, m.From, m.To))
			}
		}
	}
	if len(errs) == 0 {
		errs = append(errs, s.disableAll(ctx, p, run, out)...)
	} else {
		for _, m := range p.Images {
			if m.Disable {
				out.Kept = append(out.Kept, m.Image+" was not disabled: what comes first did not succeed")
			}
		}
	}
	return out, outcome(p, out, errs)
}

// step runs a unit and notes what it says.
func step(ctx context.Context, run Runner, out *Result, name string, u unit.Unit) error {
	raw, err := run(ctx, name, u)
	if err != nil {
		return err
	}
	st, err := readState(raw)
	if err == nil {
		out.Done = append(out.Done, st.Text)
	}
	return err
}

// together are the moves that go in one: of a channel, to the same publication.
func together(moves []Move) [][]Move {
	var out [][]Move
	for _, m := range moves {
		at := slices.IndexFunc(out, func(g []Move) bool {
			return m.Build != "" && g[0].Build == m.Build && g[0].Channel == m.Channel
		})
		if at < 0 {
			out = append(out, []Move{m})
			continue
		}
		out[at] = append(out[at], m)
	}
	return out
}

func (s *Stage) back(ctx context.Context, run Runner, moves []Move) error {
	u, err := s.Pointers.Back(ctx, moves)
	if err != nil {
		return err
	}
	raw, err := run(ctx, "pointers/"+moves[0].Cell.String()+moves[0].Channel, u)
	if err != nil {
		return err
	}
	return s.Pointers.Err(raw)
}

func (s *Stage) disableAll(ctx context.Context, p *Plan, run Runner, out *Result) (errs []error) {
	g := s.guard(p.Input)
	for _, m := range p.Images {
		if !m.Disable {
			continue
		}
		raw, err := run(ctx, "disable/"+m.Cell.String()+"/"+m.Image, s.disable(g, m))
		var st state
		if err == nil {
			st, err = readState(raw)
		}
		switch {
		case err != nil:
			errs = append(errs, err)
			out.Failed = append(out.Failed, err.Error())
		case st.Outcome == outcomeKept:
			out.Kept = append(out.Kept, st.Text)
			errs = append(errs, fault.New(fault.Conflict, "plan again", "%s", st.Text))
		default:
			out.Done = append(out.Done, st.Text)
			out.Disabled = append(out.Disabled, m.Cell.String()+" "+m.Image)
		}
	}
	return errs
}

// outcome is the error that a result means.
func outcome(p *Plan, out *Result, errs []error) error {
	for _, m := range p.Blocked() {
		out.Kept = append(out.Kept, fmt.Sprintf("%s in %s was not disabled: %s", m.Image, m.Cell, p.why(m)))
	}
	if len(errs) == 0 {
		if len(p.Blocked()) == 0 {
			return nil
		}
		return fault.New(fault.Partial, p.next(p.Blocked()[0]), "revoke %s: marked, and the channels hold good images, but %s",
			p.Input.Image, strings.Join(out.Kept, "; "))
	}
	kind := fault.KindOf(errs[0])
	if len(out.Done) > 0 && kind != fault.Conflict && kind != fault.Interrupted {
		kind = fault.Partial
	}
	return fault.As(fmt.Errorf("revoke %s: %w", p.Input.Image, errors.Join(errs...)), kind, "repeat the command: it goes on where it ended")
}
