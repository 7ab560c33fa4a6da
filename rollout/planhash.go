package rollout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Tolerance is how far the desired capacity of a group may move between plan and
// roll: by Percent, and by Instances in any case; and how old the plan may be.
type Tolerance struct {
	Percent   int           `json:"percent"`
	Instances int           `json:"instances"`
	Age       time.Duration `json:"age,omitempty"` // 0: any
}

// defaultTolerance lets a group breathe and an approval take its time, and no more.
var defaultTolerance = Tolerance{Percent: 25, Instances: 1, Age: 7 * 24 * time.Hour}

func (t Tolerance) orDefault() Tolerance {
	if t == (Tolerance{}) {
		return defaultTolerance
	}
	return t
}

// of is what is tolerated around a desired capacity. A group of several is never
// let down to one, nor one of none up to some: other decisions were due then.
func (t Tolerance) of(desired int) (low, high int) {
	if desired == 0 {
		return 0, 0
	}
	by := max(t.Instances, desired*t.Percent/100)
	return max(desired-by, min(desired, 2)), desired + by
}

// place is a group in its cell.
type place struct {
	cell Cell
	name string
}

// Check plans again and refuses, as Conflict, a plan whose decisions or preconditions
// have moved, or whose capacity has moved by more than the plan tolerates. Measured
// values may differ otherwise.
func (s *Stage) Check(ctx context.Context, in Input, p *Plan) error {
	if p.Hash != p.hash() {
		return fault.New(fault.Conflict, "make a new plan", "roll %s: the plan is not as it was made: it says %s and is %s", p.Image, short(p.Hash), short(p.hash()))
	}
	if err := p.Err(); err != nil {
		return err
	}
	if age := s.Clock.Now().Sub(p.At); p.Tolerance.Age > 0 && !p.At.IsZero() && age > p.Tolerance.Age {
		return fault.New(fault.Conflict, "make a new plan", "roll %s: the plan was made at %s, and holds for %s", p.Image, p.At.UTC().Format(time.RFC3339), days(p.Tolerance.Age))
	}
	basis := map[place]int{}
	for g := range p.Groups() {
		basis[place{g.Cell, g.Group}] = g.Measured.Desired
	}
	now, err := s.plan(ctx, in, basis)
	if err != nil {
		return err
	}
	if now.Hash != p.Hash {
		return fault.New(fault.Conflict, "make a new plan, rehydrate plan --out FILE, look at it and apply that one",
			"roll %s: what the plan %s stands on has moved (now %s): %s", p.Image, short(p.Hash), short(now.Hash), moved(p, now))
	}
	for g := range now.Groups() {
		was := basis[place{g.Cell, g.Group}]
		if low, high := p.Tolerance.of(was); g.Measured.Desired < low || g.Measured.Desired > high {
			return fault.New(fault.Conflict, "make a new plan, rehydrate plan --out FILE, look at it and apply that one",
				"roll %s: group %s%s wants %d instances; the plan was made for %d and tolerates %d to %d",
				p.Image, g.Group, g.Cell.in(), g.Measured.Desired, was, low, high)
		}
	}
	return now.Err()
}

// moved says what differs between a plan and the one that would be made now.
func moved(was, now *Plan) string {
	var out []string
	if was.Image != now.Image {
		out = append(out, fmt.Sprintf("the image is %s, was %s", now.Image, was.Image))
	}
	if a, b := was.channel(), now.channel(); a != b {
		out = append(out, fmt.Sprintf("the channel is %s, was %s", or(b, "none"), or(a, "none")))
	}
	then := map[place]GroupPlan{}
	for g := range was.Groups() {
		then[place{g.Cell, g.Group}] = g
	}
	for g := range now.Groups() {
		at := place{g.Cell, g.Group}
		if old, ok := then[at]; !ok {
			out = append(out, fmt.Sprintf("group %s%s is new", g.Group, g.Cell.in()))
		} else if d := old.moved(g); len(d) > 0 {
			out = append(out, fmt.Sprintf("group %s%s: %s", g.Group, g.Cell.in(), strings.Join(d, ", ")))
		}
		delete(then, at)
	}
	for g := range was.Groups() {
		if _, gone := then[place{g.Cell, g.Group}]; gone {
			out = append(out, fmt.Sprintf("group %s%s is gone", g.Group, g.Cell.in()))
		}
	}
	for i, r := range now.Rings {
		if i < len(was.Rings) && r.Name == was.Rings[i].Name && r.Policy != was.Rings[i].Policy {
			out = append(out, fmt.Sprintf("the windows, approval, alarms or checks of ring %s are others", r.Name))
		}
	}
	for _, f := range now.Findings {
		if f.Refuse {
			out = append(out, f.Text)
		}
	}
	if len(out) == 0 {
		out = append(out, "the rings or their order")
	}
	const shown = 5
	if len(out) > shown {
		out = append(out[:shown], fmt.Sprintf("and %d more", len(out)-shown))
	}
	return strings.Join(out, "; ")
}

func (p *Plan) channel() string {
	if p.Channel == nil {
		return ""
	}
	return fmt.Sprintf("%s version %d", p.Channel.Name, p.Channel.Version)
}

// moved says what differs between the plans of one group.
func (p GroupPlan) moved(now GroupPlan) []string {
	for _, f := range now.Findings {
		if f.Refuse && !p.refused() {
			return []string{f.Text}
		}
	}
	a, errA := decisions(p)
	b, errB := decisions(now)
	if errA != nil || errB != nil {
		return []string{"it cannot be compared"}
	}
	d, err := Diff(a, b)
	if err != nil {
		return []string{"it cannot be compared"}
	}
	var out []string
	for _, f := range d {
		out = append(out, fmt.Sprintf("%s is %s, was %s", f.Path, or(f.To, "none"), or(f.From, "none")))
	}
	return out
}

// decisions is the plan of a group without what may move.
func decisions(g GroupPlan) (json.RawMessage, error) {
	g.Measured, g.Findings = Measured{}, nil
	return json.Marshal(g)
}

func (p *Plan) hash() string {
	q := Plan{Schema: p.Schema, Image: p.Image, Channel: p.Channel}
	for _, r := range p.Rings {
		r.Measured, r.Groups = nil, slices.Clone(r.Groups)
		for i := range r.Groups {
			r.Groups[i].Measured, r.Groups[i].Findings = Measured{}, nil
		}
		q.Rings = append(q.Rings, r)
	}
	q.At = time.Time{}
	data, err := json.Marshal(q)
	if err != nil { // only a broken Mixed could fail, and it was marshalled before
		return ""
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func short(hash string) string { return hash[:min(len(hash), 15)] }
