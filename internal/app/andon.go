package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout"
)

// The orders that the andon can be given.
const (
	OrderRun      = string(rollout.Run)
	OrderPause    = string(rollout.Pause)
	OrderPauseNow = string(rollout.PauseNow)
	OrderCancel   = string(rollout.Cancel)
	OrderRollback = string(rollout.Rollback)
)

// AndonState is what the andon says.
type AndonState struct {
	Parameter string `json:"parameter"`
	Order     string `json:"order"`
	Says      string `json:"says,omitempty"` // who and why
	Odd       string `json:"odd,omitempty"`  // what is wrong with it; it is taken for pause
}

// Andon reads the andon of an image line.
func Andon(ctx context.Context, in Request) (AndonState, error) {
	s := andonOf(in.Config, in.Image, newParts(in).params)
	text, err := s.Read(ctx)
	if err != nil {
		return AndonState{}, fmt.Errorf("read the andon %s: %w", s.Name(), err)
	}
	order, says, err := rollout.ParseOrder(text)
	out := AndonState{Parameter: s.Name(), Order: string(order), Says: says}
	if err != nil {
		out.Odd = err.Error()
	}
	return out, nil
}

// PullAndon gives the andon of an image line an order, and returns what it said before.
func PullAndon(ctx context.Context, in Request, order, who, why string) (was AndonState, err error) {
	if was, err = Andon(ctx, in); err != nil {
		return was, err
	}
	a := &rollout.Andon{Switch: andonOf(in.Config, in.Image, newParts(in).params), Clock: in.Cloud.Clock, Events: in.Events}
	if a.Events != nil {
		a.Events = event.Stamp(a.Events, "", in.Cloud.Clock.Now)
	}
	return was, a.Pull(ctx, rollout.Order(order), who, why)
}

// RollStatus is how a roll stands.
type RollStatus struct {
	Run     string             `json:"run"`
	Line    string             `json:"line"`
	Outcome string             `json:"outcome"` // of the run; running and interrupted while it has none
	Message string             `json:"message,omitempty"`
	Andon   AndonState         `json:"andon"`
	Groups  []rollout.Standing `json:"groups"`
}

// Status tells how the roll of a run stands: empty: of the newest that has rolled. It
// only reads.
func Status(ctx context.Context, in Request) (*RollStatus, error) {
	p, plan, states, err := openRoll(ctx, in)
	if err != nil {
		return nil, err
	}
	defer p.close(ctx)
	doc, err := p.State.AsItStands(ctx, p.doc)
	if err != nil {
		return nil, err
	}
	out := &RollStatus{Run: p.Run, Line: p.doc.Line, Outcome: doc.Outcome, Message: doc.Message}
	if out.Andon, err = Andon(ctx, in); err != nil {
		return nil, err
	}
	out.Groups, err = p.execution().Standing(ctx, plan, states)
	return out, err
}

// RollBack takes the channels back that hold what a run published, unless they are to be
// kept, and brings the groups that it has rolled back to what they ran before. It writes
// the outcome into the run's document. Nobody else may be at work on the line.
func RollBack(ctx context.Context, in Request, why string, keepChannels bool) (*record.Run, error) {
	if in.Image != nil && in.Run == "" {
		var err error
		if in.Run, err = newestRoll(ctx, in); err != nil {
			return nil, err
		}
	}
	release, err := in.State.Lease(ctx, in.Image.Label, in.Run)
	if err != nil {
		return nil, err
	}
	defer release()
	now, err := Andon(ctx, in)
	if err != nil {
		return nil, err
	}
	if now.Order != OrderRun && now.Order != OrderRollback {
		return nil, fault.New(fault.Conflict, "rehydrate roll resume, then roll back", "roll run %s back: the andon says %s %s", in.Run, now.Order, now.Says)
	}
	p, plan, states, err := openRoll(ctx, in)
	if err != nil {
		return nil, err
	}
	defer p.close(ctx)
	x := p.execution()
	rolls, err := begunRolls(x, plan, states)
	if err != nil {
		return p.doc, err
	}
	id, err := NewRunID(time.Now())
	if err != nil {
		return p.doc, err
	}
	x.BackStem = "rollback/" + id
	p.doc.Going = true
	if err := p.State.Save(p.doc); err != nil {
		return p.doc, err
	}
	channels := p.takeBack(ctx, takeBackStem+"-"+id, plan, takingBack{Why: why, Andon: OrderRollback + " " + why}, keepChannels)
	back, err := x.Back(ctx, plan, rolls, why)
	left := rollout.Left(rolls, back)
	for _, b := range back {
		if b.Outcome == "" {
			b.Outcome, b.Text = rollout.Halted, "its way back has begun and not ended"
		}
		at := slices.IndexFunc(p.doc.Roll, func(r record.Roll) bool {
			return r.Group == b.Group && r.Account == b.Account && r.Region == b.Region
		})
		if at < 0 {
			p.doc.Roll = append(p.doc.Roll, b)
		} else {
			p.doc.Roll[at] = b
		}
	}
	if err != nil && fault.HintOf(err) == "" {
		err = fault.As(err, fault.KindOf(err), "`rehydrate roll status` shows which groups still run the image; mend or leave out what the error names, then roll back again: what is back stays back")
	}
	if err == nil && len(back) == 0 {
		p.Events.Emit(event.Event{Stage: "roll", Unit: "roll", Kind: event.Found,
			Text: fmt.Sprintf("no group runs what run %s brought: nothing is left to take back", p.Run)})
	}
	p.tookBack(why, rolls, left, back, err, channels)
	return p.doc, errors.Join(err, channels, p.State.Save(p.doc), p.reports())
}

// newestRoll is the newest run of the line that has made the plan of a roll, whether or
// not it lives to tell: the document says nothing of a roll that is under way, or whose
// process was killed.
func newestRoll(ctx context.Context, in Request) (string, error) {
	var failed error
	r, err := in.State.Newest(in.Image.Label, func(r *record.Run) bool {
		if failed != nil || slices.ContainsFunc(r.Stages, func(s record.Stage) bool { return s.Name == "roll" && s.Outcome == "nothing-to-do" }) {
			return false
		}
		plan, err := planOf(ctx, journal.Open(in.State.Store(), r.ID))
		failed = err
		return plan != nil
	})
	if err := errors.Join(err, failed); err != nil {
		return "", err
	}
	if r == nil {
		return "", fault.New(fault.NotFound, "`rehydrate history` lists the runs that are known here. One that is at work elsewhere hears the andon: `rehydrate roll pause` or `cancel`, or the word rollback in the parameter "+
			andonOf(in.Config, in.Image, params.Parameters{}).Name(), "no run of %s has rolled, as far as is known here", in.Image.Label)
	}
	return r.ID, nil
}

// openRoll opens a run with the plan of its roll and the last states of its units.
func openRoll(ctx context.Context, in Request) (*pipeline, *rollout.Plan, map[string]json.RawMessage, error) {
	if in.Run == "" {
		var err error
		if in.Run, err = newestRoll(ctx, in); err != nil {
			return nil, nil, nil, err
		}
	}
	doc, err := in.State.Load(in.Run)
	if err != nil {
		return nil, nil, nil, err
	}
	in.Until = doc.Until
	p, err := begin(in)
	if err != nil {
		return nil, nil, nil, err
	}
	p.doc.Modelled, p.doc.Real = doc.Modelled, doc.Real // as when it was begun
	plan, err := p.madePlan(ctx)
	if err != nil {
		p.close(ctx)
		return nil, nil, nil, err
	}
	states, err := lastStates(ctx, p.local.Journal, "roll/", "rollback/")
	if err != nil {
		p.close(ctx)
		return nil, nil, nil, err
	}
	return p, plan, states, nil
}

// madePlan is the plan that the run's roll was begun with.
func (p *pipeline) madePlan(ctx context.Context) (*rollout.Plan, error) {
	plan, err := planOf(ctx, p.local.Journal)
	if err == nil && plan == nil {
		err = fault.New(fault.NotFound, "name a run that has rolled: rehydrate history", "run %s has no plan of a roll", p.Run)
	}
	return plan, err
}

// planOf is the plan of a run's roll; nil when none was made.
func planOf(ctx context.Context, j *journal.Journal) (*rollout.Plan, error) {
	states, err := lastStates(ctx, j, "roll/plan")
	if err != nil || len(states["roll/plan"]) == 0 {
		return nil, err
	}
	var plan *rollout.Plan
	if err := json.Unmarshal(states["roll/plan"], &plan); err != nil {
		return nil, fmt.Errorf("read the plan of run %s: %w", j.Run(), err)
	}
	return plan, nil
}

// lastStates are the last states of the units whose names begin with one of the stems.
func lastStates(ctx context.Context, j *journal.Journal, stems ...string) (map[string]json.RawMessage, error) {
	tails, err := j.Tails(ctx, func(unit string) bool {
		return slices.ContainsFunc(stems, func(stem string) bool { return strings.HasPrefix(unit, stem) })
	})
	if err != nil {
		return nil, err
	}
	out := map[string]json.RawMessage{}
	for unit, records := range tails {
		for _, r := range records {
			if r.Phase == journal.After {
				out[unit] = r.State
			}
		}
	}
	return out, nil
}
