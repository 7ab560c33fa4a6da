package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Step is a pointer's way from one channel of a cell to another.
type Step struct {
	Cell
	Arch     string
	From, To string // channels
}

// Promotion asks for what one channel holds to be put on another, in all cells
// and all architectures together.
type Promotion struct {
	Run   string
	Steps []Step
	// Proof says by what the image is known to have passed From's ring; "" for nothing.
	// It is asked where the version has no LabelPassed. Nil where From has no ring: the
	// gate's word is enough.
	Proof func(c Cell, image string) (string, error)
}

// PlanPromotion is the plan of it. What was not published through the gate, or not seen
// to pass the ring before, is refused with kind GateSaysNo.
func (s *Stage) PlanPromotion(ctx context.Context, r Promotion) (*Plan, error) {
	in := Input{Run: r.Run}
	first := map[string]Step{} // of each architecture
	builds := map[string]string{}
	for _, step := range r.Steps {
		from := Place{step.Cell, step.Arch, step.From}
		ports, history, err := s.read(ctx, step.Cell, step.From)
		if err != nil {
			return nil, err
		}
		now := last(history)
		e, ok := ParseEnvelope(now.Description)
		switch {
		case now.Version == 0:
			return nil, fault.New(fault.NotFound, "publish or promote to it first", "promote %s: the channel does not exist", from)
		case !ok || byHand(now):
			return nil, fault.New(fault.GateSaysNo, "publish the image instead: it then passes the gate",
				"promote %s: version %d (%s) was written by hand; no verdict stands behind it", from, now.Version, now.Value)
		case builds[step.Arch] != "" && e.BuildID() != builds[step.Arch]:
			return nil, fault.New(fault.Conflict, "`rehydrate publish verify` shows what stands where; publish again, then promote",
				"promote %s: it holds build %s, %s holds %s", from, e.BuildID(), where(first[step.Arch].Cell, first[step.Arch].From), builds[step.Arch])
		}
		if Withdrawn(now) {
			return nil, fault.New(fault.GateSaysNo, "publish another image, and promote that",
				"promote %s: version %d (%s) was taken back by a roll", from, now.Version, now.Value)
		}
		if err := passed(from, now, r.Proof); err != nil {
			return nil, err
		}
		if err := launchable(ctx, from, ports, now); err != nil {
			return nil, fmt.Errorf("promote %s: %w", from, err)
		}
		if builds[step.Arch] == "" {
			first[step.Arch], builds[step.Arch] = step, e.BuildID()
		}
		in.Pointers = append(in.Pointers, Pointer{Cell: step.Cell, Arch: step.Arch, Channel: step.To, Image: now.Value, Build: e.BuildID()})
		in.Judged = append(in.Judged, known(now))
	}
	return s.Plan(ctx, in)
}

// passed refuses an image that nobody saw pass the ring.
func passed(from Place, now Parameter, proof func(Cell, string) (string, error)) error {
	if proof == nil || slices.Contains(now.Labels, LabelPassed) {
		return nil
	}
	how, err := proof(from.Cell, now.Value)
	if err != nil {
		return fmt.Errorf("promote %s: look for proof that %s passed its ring: %w", from, now.Value, err)
	}
	if how == "" {
		return fault.New(fault.GateSaysNo, "roll that ring first; where another machine did, its run documents or the label "+LabelPassed+" on the version are the proof",
			"promote %s: nothing shows that version %d (%s) passed its ring", from, now.Version, now.Value)
	}
	return nil
}
