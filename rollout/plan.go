package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

// Stage plans and rolls.
type Stage struct {
	// Cells opens an account's Region. It is called often and must be quick for a cell
	// that it has opened before.
	Cells  func(context.Context, Cell) (Ports, error)
	Clock  wait.Clock // for the times in results, and the bound of a refresh
	Events event.Sink
}

// NewImage, in place of an image's id, is an image that is still to be made: it is not
// looked for, and no instance runs it. A plan with it is to be read; it cannot be applied.
const NewImage = "a new image"

// Input is what to roll.
type Input struct {
	Image string // its id, or NewImage
	// Images are the image's ids in the cells where it has another one, as a copy in
	// another Region has.
	Images map[Cell]string
	Rings  []Ring // in order
	Fleets []Fleet

	// Unknown are cells whose image could not be found out, and why; nothing is read
	// there, and the plan refuses them.
	Unknown map[Cell]error
	// Channel is where the image was read, with the version it had; empty: it was named.
	Channel        string
	ChannelVersion int64
	// Channels are Parameter Store names; a group outside all fleets that launches from
	// one of them by resolve:ssm is told of.
	Channels []string
	// Owners are the accounts whose images are ours; empty: anybody's are taken.
	Owners []string
	// Tolerance is how far capacity may move between plan and roll; zero: the default.
	Tolerance Tolerance
	// Prices are for the cost of surge; nil: no cost is stated.
	Prices *estimate.Prices
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

// Plan is what a roll would do. Hash covers decisions and preconditions: all but the
// measured values, the findings and the tolerance under which measured values may
// move.
type Plan struct {
	Schema  int        `json:"schema"`
	Image   string     `json:"image"`
	Channel *ChannelAt `json:"channel,omitempty"` // nil: the image was named
	Rings   []RingPlan `json:"rings"`
	// Findings are about a fleet or a cell as a whole.
	Findings []PlanFinding `json:"findings,omitempty"`
	// Quotas are the limits of running vCPUs that the roll's surge counts towards.
	Quotas    []Headroom `json:"quotas,omitempty"`
	Tolerance Tolerance  `json:"tolerance,omitzero"`
	At        time.Time  `json:"at,omitzero"` // when it was made
	Hash      string     `json:"hash"`
	// Sum covers all of a plan's file, measured values and tolerance too: it tells that
	// somebody edited it. WritePlan sets it.
	Sum string `json:"sum,omitempty"`
}

// ChannelAt is a version of a channel.
type ChannelAt struct {
	Name    string `json:"name"`
	Version int64  `json:"version"`
}

// PlanFinding is something the plan found about a fleet or a cell.
type PlanFinding struct {
	Fleet string `json:"fleet,omitempty"`
	Cell  Cell   `json:"cell,omitzero"`
	Finding
}

// RingPlan is one ring: its groups in the order in which they roll.
type RingPlan struct {
	Name string        `json:"name"`
	Soak time.Duration `json:"soak,omitempty"` // before the next ring; 0 for the last
	// Concurrency and PerCell are how many groups move at a time; 0: one, and no bound.
	Concurrency int `json:"concurrency,omitempty"`
	PerCell     int `json:"perCell,omitempty"`
	// Policy is the digest of what stands before, beside and after the ring; see Ring.
	Policy string      `json:"policy,omitempty"`
	Groups []GroupPlan `json:"groups"`
	// Measured are the ring's own figures.
	Measured *RingMeasured `json:"measured,omitempty"`
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
	Pin  bool   `json:"pin,omitempty"`
	From string `json:"from"` // the image of InUse
	To   string `json:"to"`
	// Diff is in what the new version differs from InUse: ImageId, and nothing else.
	Diff        []FieldDiff     `json:"diff,omitempty"`
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

	Bounds   Bounds   `json:"bounds,omitzero"`   // at the worst moment of the refresh
	Estimate Estimate `json:"estimate,omitzero"` // of its time and its surge
	Room     Room     `json:"room,omitzero"`     // for the surge
	// Anyway is what is replaced or moved by itself, roll or no roll.
	Anyway []string `json:"anyway,omitempty"`
	// Alone is what AWS goes on doing with the group when nobody looks after its roll.
	Alone string `json:"alone,omitempty"`
}

// Finding is something the plan found about a group.
type Finding struct {
	Refuse bool       `json:"refuse,omitempty"` // the plan cannot be applied
	Warn   bool       `json:"warn,omitempty"`   // it can, and somebody should look first
	Text   string     `json:"text"`
	Hint   string     `json:"hint,omitempty"`
	Kind   fault.Kind `json:"kind,omitempty"` // of the refusal
}

// Plan reads and decides. What blocks a group, a fleet or a cell is a Finding, so
// that one plan shows all of them; see Plan.Err. Errors are of kind Usage (rings,
// fleets or preferences that make no sense), or of a read that may work another time.
func (s *Stage) Plan(ctx context.Context, in Input) (*Plan, error) { return s.plan(ctx, in, nil) }

// plan is Plan. The decisions that depend on a group's size are taken for the desired
// capacity in basis where a group is in there, and else for the one that it has.
func (s *Stage) plan(ctx context.Context, in Input, basis map[place]int) (*Plan, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	r := &reader{Stage: s, in: in, basis: basis}
	cells, err := r.cells(ctx)
	if err != nil {
		return nil, err
	}
	order, _ := cellsOf(in.Fleets)
	p := &Plan{Schema: PlanSchema, Image: in.Image, At: s.Clock.Now(), Tolerance: in.Tolerance.orDefault()}
	if in.Channel != "" {
		p.Channel = &ChannelAt{in.Channel, in.ChannelVersion}
	}
	for i, ring := range in.Rings {
		rp := RingPlan{Name: ring.Name, Soak: ring.Soak, Concurrency: ring.Concurrency, PerCell: ring.PerCell, Policy: ring.Policy, Groups: []GroupPlan{}}
		if i == len(in.Rings)-1 {
			rp.Soak = 0
		}
		for _, f := range in.Fleets {
			if f.Ring != ring.Name {
				continue
			}
			for _, c := range f.cells() {
				rp.Groups = append(rp.Groups, cells[c].groups[f.Name]...)
			}
		}
		p.Rings = append(p.Rings, rp)
	}
	p.Findings = r.findings(cells)
	for _, c := range order {
		p.Quotas = append(p.Quotas, cells[c].quotas...)
	}
	p.measure(in)
	p.Hash = p.hash()
	return p, nil
}

// Err is the first refusal in the plan, with all others counted; nil when it can be
// applied.
func (p *Plan) Err() error {
	var first error
	more := 0
	refused := func(f Finding, format string, args ...any) {
		switch {
		case !f.Refuse:
		case first == nil:
			first = fault.New(f.Kind, f.Hint, "%s: %s", fmt.Sprintf(format, args...), f.Text)
		default:
			more++
		}
	}
	for _, f := range p.Findings {
		if f.Fleet != "" {
			refused(f.Finding, "roll fleet %s%s", f.Fleet, f.Cell.in())
		} else {
			refused(f.Finding, "roll%s", f.Cell.in())
		}
	}
	for g := range p.Groups() {
		for _, f := range g.Findings {
			refused(f, "roll group %s of fleet %s%s", g.Group, g.Fleet, g.Cell.in())
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
