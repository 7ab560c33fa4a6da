package rollout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Stage plans and rolls.
type Stage struct {
	// Cells opens an account's Region. It is called often and must be quick for a cell
	// that it has opened before.
	Cells  func(context.Context, Cell) (Ports, error)
	Clock  wait.Clock // for the times in results, and the bound of a refresh
	Events event.Sink
}

// Input is what to roll.
type Input struct {
	Image string
	// Images are the image's ids in the cells where it has another one, as a copy in
	// another Region has.
	Images map[Cell]string
	Rings  []Ring // in order
	Fleets []Fleet
}

// image is what groups in a cell shall run.
func (in Input) image(c Cell) string {
	if id := in.Images[c]; id != "" {
		return id
	}
	return in.Image
}

// PlanSchema is the version of Plan's JSON shape.
const PlanSchema = 1

// Plan is what a roll would do. Hash covers everything but the measured values and
// the findings.
type Plan struct {
	Schema int        `json:"schema"`
	Image  string     `json:"image"`
	Rings  []RingPlan `json:"rings"`
	Hash   string     `json:"hash"`
}

// RingPlan is one ring: its groups in the order in which they roll.
type RingPlan struct {
	Name   string        `json:"name"`
	Soak   time.Duration `json:"soak,omitempty"` // before the next ring; 0 for the last
	Groups []GroupPlan   `json:"groups"`
}

// GroupPlan is what happens to one group.
type GroupPlan struct {
	Ring  string `json:"ring"`
	Fleet string `json:"fleet"`
	Cell  Cell   `json:"cell,omitzero"`
	Group string `json:"group"`
	// Template is what the group has saved; its version may be $Latest or $Default.
	Template Template `json:"template"`
	// InUse is the number of the version the group runs now. The new version is made
	// from it, and a rollback goes to it.
	InUse string `json:"inUse"`
	// Pin says that the group is first set to InUse by number.
	Pin         bool            `json:"pin,omitempty"`
	From        string          `json:"from"` // the image of InUse
	To          string          `json:"to"`
	Mixed       json.RawMessage `json:"mixed,omitempty"` // the policy that is kept
	Preferences Preferences     `json:"preferences"`
	// Nothing says that every instance runs To already and new ones would.
	Nothing  bool      `json:"nothing,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	Measured Measured  `json:"measured"`
}

// Measured are values that may move between plan and roll.
type Measured struct {
	Min       int      `json:"min"`
	Max       int      `json:"max"`
	Desired   int      `json:"desired"`
	InService int      `json:"inService"`
	OnImage   int      `json:"onImage"` // instances that run To
	Instances []string `json:"instances,omitempty"`
}

// Finding is something the plan found about a group.
type Finding struct {
	Refuse bool       `json:"refuse,omitempty"` // the plan cannot be applied
	Text   string     `json:"text"`
	Hint   string     `json:"hint,omitempty"`
	Kind   fault.Kind `json:"kind,omitempty"` // of the refusal
}

// Plan reads and decides. What blocks a group is a Finding of that group, so that
// one plan shows all of them; see Plan.Err. Errors are of kind Usage (rings, fleets
// or preferences that make no sense) or NotFound (no such group, image or version).
func (s *Stage) Plan(ctx context.Context, in Input) (*Plan, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	r := &reader{Stage: s, in: in, versions: map[versionKey]TemplateVersion{}, images: map[Cell]map[string]string{}}
	found, err := r.find(ctx, in.Fleets)
	if err != nil {
		return nil, err
	}
	p := &Plan{Schema: PlanSchema, Image: in.Image}
	for i, ring := range in.Rings {
		rp := RingPlan{Name: ring.Name, Soak: ring.Soak, Groups: []GroupPlan{}}
		if i == len(in.Rings)-1 {
			rp.Soak = 0
		}
		for _, f := range found {
			if f.fleet.Ring != ring.Name {
				continue
			}
			g, err := r.group(ctx, f)
			if err != nil {
				return nil, err
			}
			rp.Groups = append(rp.Groups, g)
		}
		p.Rings = append(p.Rings, rp)
	}
	if err := r.launchable(ctx, p); err != nil {
		return nil, err
	}
	p.Hash = p.hash()
	return p, nil
}

// Check plans again and refuses, as Conflict, a plan whose decisions or
// preconditions have moved. Measured values may differ.
func (s *Stage) Check(ctx context.Context, in Input, p *Plan) error {
	now, err := s.Plan(ctx, in)
	if err != nil {
		return err
	}
	if now.Hash != p.Hash || p.Hash != p.hash() {
		return fault.New(fault.Conflict, "look at the new plan and apply that one",
			"roll %s: what the plan %s stands on has moved (now %s)", p.Image, short(p.Hash), short(now.Hash))
	}
	return now.Err()
}

// Err is the first refusal in the plan, with all others counted; nil when it can be
// applied.
func (p *Plan) Err() error {
	var first error
	more := 0
	for g := range p.Groups() {
		for _, f := range g.Findings {
			switch {
			case !f.Refuse:
			case first == nil:
				first = fault.New(f.Kind, f.Hint, "roll group %s of fleet %s: %s", g.Group, g.Fleet, f.Text)
			default:
				more++
			}
		}
	}
	if more > 0 {
		return fault.As(fmt.Errorf("%w (and %d more refusals in the plan)", first, more), fault.KindOf(first), fault.HintOf(first))
	}
	return first
}

// Groups ranges over all groups in the order in which they roll.
func (p *Plan) Groups() func(yield func(GroupPlan) bool) {
	return func(yield func(GroupPlan) bool) {
		for _, r := range p.Rings {
			for _, g := range r.Groups {
				if !yield(g) {
					return
				}
			}
		}
	}
}

// Nothing says that no group needs to move.
func (p *Plan) Nothing() bool {
	for g := range p.Groups() {
		if !g.Nothing {
			return false
		}
	}
	return true
}

func (p *Plan) hash() string {
	q := Plan{Schema: p.Schema, Image: p.Image}
	for _, r := range p.Rings {
		r.Groups = slices.Clone(r.Groups)
		for i := range r.Groups {
			r.Groups[i].Measured, r.Groups[i].Findings = Measured{}, nil
		}
		q.Rings = append(q.Rings, r)
	}
	data, err := json.Marshal(q)
	if err != nil { // only a broken Mixed could fail, and it was marshalled before
		return ""
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func short(hash string) string { return hash[:min(len(hash), 15)] }
