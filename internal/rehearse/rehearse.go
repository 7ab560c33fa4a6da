package rehearse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/replica"
	"github.com/goldenami/rehydrate/rollout"
)

// Options are what to rehearse.
type Options struct {
	Line  string // image line
	Fleet *Fleet
	Input rollout.Input // rings and fleets; which groups there are, Fleet says
	Image string        // to roll to; empty: a stand-in for the next one
	// Allowed is how many groups of a ring may fail: its error budget.
	Allowed map[string]int
	Presets []Preset
	Rules   []twin.Rule
	// RulesFile is where Rules were read from, for what is wrong with them; may be empty.
	RulesFile string
	Start     time.Time // of virtual time; zero: when the fleet was read
	Seed      int64
	// Gates are those of the rings, by name.
	Gates map[string]Gates
	// Roll plans the input and rolls the plan in the copy, as a run would.
	Roll func(context.Context, *replica.Replica, rollout.Input) (Rolled, error)
}

// Rolled is what became of a roll, as far as it came.
type Rolled struct {
	Plan  *rollout.Plan
	Rolls []record.Roll
	Waits *Waits // nil: nothing was waited for
}

// Client is the name under which the roller takes its time from the copy.
const Client = "rehearsal"

// modelledWords is what a report says of itself.
const modelledWords = "a copy of the fleet in the embedded twin, in virtual time: nothing was written to AWS, which may behave otherwise"

// Run rehearses. How the roll ended is in the report; an error is of the rehearsal.
func Run(ctx context.Context, o Options) (*Report, error) {
	wall := time.Now()
	c, err := copyOf(o.Fleet, o.Input, o.Image)
	if err != nil {
		return nil, err
	}
	c.gates = o.Gates
	if err := c.check(o.Presets); err != nil {
		return nil, err
	}
	if o.Start.IsZero() {
		o.Start = o.Fleet.At
	}
	r, err := replica.Open(replica.Options{Groups: c.groups, Images: c.images, Start: o.Start, Seed: o.Seed})
	if err != nil {
		return nil, fmt.Errorf("rehearse: %w", err)
	}
	report, err := rehearse(ctx, o, c, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("rehearse: %w", err)
	}
	report.WallSeconds = time.Since(wall).Seconds()
	return report, nil
}

func rehearse(ctx context.Context, o Options, c *copied, r *replica.Replica) (*Report, error) {
	if err := prepare(o, c, r); err != nil {
		return nil, err
	}
	begun := r.World().Clock().Now()
	if err := spoil(ctx, r, append(rules(o.Presets, begun), o.Rules...), o.RulesFile); err != nil {
		return nil, err
	}
	w := newWatcher(c, begun)
	w.arm(c, r, o.Presets)
	r.Watch(w.see)
	rolled, rollErr := o.Roll(ctx, r, c.input)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	ended := r.World().Clock().Now()
	if err := r.Wait(); err != nil {
		return nil, fmt.Errorf("spoil the copy: %w", err)
	}
	out := w.report(c, rolled.Plan, rolled.Rolls, o.Allowed)
	out.Waits = rolled.Waits.All(begun, ended)
	out.Line, out.Source, out.Modelled, out.StandIn = o.Line, o.Fleet.Source, modelledWords, o.Image == ""
	out.Seconds = ended.Sub(begun).Round(time.Second).Seconds()
	out.Outcome, out.Message = outcome(rolled.Plan, rolled.Rolls, rollErr)
	for _, p := range o.Presets {
		out.Faults = append(out.Faults, p.String())
	}
	if len(o.Rules) > 0 {
		out.Faults = append(out.Faults, fmt.Sprintf("%d rules of the fault plan", len(o.Rules)))
	}
	out.Notes = notes(o.Fleet, c)
	return out, nil
}

// outcome is how the roll ended, in a word and in a sentence.
func outcome(plan *rollout.Plan, rolls []record.Roll, err error) (word, text string) {
	switch {
	case err == nil && plan != nil && plan.Nothing():
		return rollout.NothingToDo, ""
	case err == nil:
		return rollout.Done, ""
	case len(rolls) == 0 && plan != nil && plan.Err() != nil:
		return "refused", err.Error()
	}
	word = rollout.Gravest(rolls)
	if k := fault.KindOf(err); word == "" {
		word = map[fault.Kind]string{fault.Halted: rollout.Halted, fault.RolledBack: rollout.RolledBack, fault.Partial: rollout.Partial, fault.GateSaysNo: GateSaysNo}[k]
	}
	if word == "" {
		word = rollout.Failed
	}
	return word, err.Error()
}

// prepare makes the copy as the original is, where a world file cannot say so.
func prepare(o Options, c *copied, r *replica.Replica) error {
	for _, a := range c.alarms() {
		if err := r.SetAlarm(a.cell.Account, a.cell.Region, a.name, false); err != nil {
			return fmt.Errorf("make alarm %s in %s: %w", a.name, a.cell, err)
		}
	}
	for _, g := range o.Fleet.Groups {
		if len(g.Suspended) == 0 || g.Refused != "" {
			continue
		}
		if err := r.Suspend(g.Account, g.Region, g.Name, g.Suspended); err != nil {
			return fmt.Errorf("suspend processes of %s: %w", g.Name, err)
		}
	}
	return nil
}

// spoil gives the copy its fault plan.
func spoil(ctx context.Context, r *replica.Replica, rules []twin.Rule, file string) error {
	if len(rules) == 0 {
		return nil
	}
	text, err := marshal(rules)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://127.0.0.1/_twin/faults", bytes.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := r.Client(Client).Do(req)
	if err != nil {
		return err
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		if file != "" {
			return fault.New(fault.Usage, hintFaults, "read fault plan %s: %s", file, sentence(said))
		}
		return fault.New(fault.Usage, hintFaults, "give the copy its faults: %s", sentence(said))
	}
	return nil
}

// arm lets the presets that follow the roll wait for their moment.
func (w *watcher) arm(c *copied, r *replica.Replica, presets []Preset) {
	sick := map[string]bool{}
	for _, p := range presets {
		switch p.Kind {
		case "health":
			for _, g := range c.groups {
				if g.Name != p.What {
					continue
				}
				sick[g.Account+"/"+g.Region+"/"+g.Name] = true
				r.After(func() error { return r.FailNew(g.Account, g.Region, g.Name, true) })
			}
		case "alarm":
			w.alarms = append(w.alarms, &trigger{percent: p.Percent, fire: func() { c.fire(r, p.What) }})
		}
	}
	w.moved = func(e replica.Event) {
		// It is the new image that is sick: what comes back on the old one is well.
		if key := e.Account + "/" + e.Region + "/" + e.Group; sick[key] && e.Status != "Pending" && e.Status != "InProgress" {
			delete(sick, key)
			r.After(func() error { return r.FailNew(e.Account, e.Region, e.Group, false) })
		}
	}
}

// notes are what the copy leaves out of this fleet.
func notes(f *Fleet, c *copied) []string {
	out := []string{"networks, disks, user data, permissions, load balancers and lifecycle hooks are not copied; instances take as long to start as the twin's do"}
	out = append(out, f.notes...)
	count := func(n int, text string) {
		if n > 0 {
			out = append(out, fmt.Sprintf(text, n))
		}
	}
	refused, protected, standby, unsettled := 0, 0, 0, 0
	for _, g := range f.Groups {
		if g.Refused != "" {
			refused++
		}
		protected += g.Protected
		standby += g.Standby
		if g.Instances != g.Desired {
			unsettled++
		}
	}
	count(refused, "%d groups cannot be rolled and were left out: `rehydrate plan` says why")
	count(protected, "%d protected instances are not protected in the copy")
	count(standby, "%d instances in standby are in service in the copy")
	count(unsettled, "%d groups had another number of instances than they want; the copy begins with what they want")
	checks, alarms := 0, len(c.alarms())
	for _, r := range c.input.Rings {
		checks += len(c.gates[r.Name].Checks)
	}
	count(alarms, "alarms (%d) are OK in the copy until a fault has them fire; whether they exist, `rehydrate plan` says")
	count(checks, "health checks of your own (%d) are not made: they are good in the copy, but for those that a fault has fail")
	return out
}
