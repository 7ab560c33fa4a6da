package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish"
)

// Move is a promotion or a rollback of a channel that is planned and can be made. It is
// a run with a journal and a document of its own.
type Move struct {
	Run  string
	Kind string // record.KindPromote or KindRollback
	Plan *ChannelPlan

	again bool // it was begun by another process
}

// The units of a move.
const (
	movePlan = "publish/plan"
	moveUnit = "publish"
)

// Carry makes the move. One that is cut off is gone on with by ResumeMove, or by asking
// for the same again: pointers that hold their image are left alone.
func (m *Move) Carry(ctx context.Context, in ChannelRequest) (record.Publish, error) {
	if m.again {
		doc, err := ResumeMove(ctx, in, m.Run)
		if doc == nil || doc.Publish == nil {
			return record.Publish{}, err
		}
		return *doc.Publish, err
	}
	doc := &record.Run{Schema: record.Schema, ID: m.Run, Kind: m.Kind, Line: in.Image.Label, Account: in.Cloud.Account, Region: in.Cloud.Region,
		StartedAt: in.Cloud.Clock.Now(), Twin: in.Cloud.Twin}
	if doc.Twin != "" {
		doc.Modelled, doc.Real = []string{"EC2 and Systems Manager by the embedded twin"}, []string{"the wire protocol"}
	}
	err := in.carry(ctx, doc, m.Plan)
	if doc.Publish == nil {
		return record.Publish{}, err
	}
	return *doc.Publish, err
}

// unended is the rollback of a channel that was cut off, if nobody has moved the channel
// since; nil for none.
func (in ChannelRequest) unended(ctx context.Context, channel string) (*Move, error) {
	all, err := in.State.History()
	if err != nil {
		return nil, err
	}
	for _, doc := range slices.Backward(all) {
		if doc.Kind != record.KindRollback || doc.Line != in.Image.Label || !sameWorld(doc, in.Cloud) || doc.Account != in.Cloud.Account || doc.Region != in.Cloud.Region {
			continue
		}
		if doc.Publish != nil { // it has ended
			continue
		}
		states, err := lastStates(ctx, journal.Open(in.State.Store(), doc.ID), movePlan)
		if err != nil {
			return nil, err
		}
		if len(states[movePlan]) == 0 { // it has not begun
			continue
		}
		m := &Move{Run: doc.ID, Kind: doc.Kind, again: true}
		if err := json.Unmarshal(states[movePlan], &m.Plan); err != nil {
			return nil, fmt.Errorf("read the plan of run %s: %w", doc.ID, err)
		}
		if !slices.ContainsFunc(m.Plan.Moves, func(x publish.Move) bool { return x.Channel == channel }) {
			continue
		}
		switch still, err := in.stage(doc.ID).Undisturbed(ctx, m.Plan); {
		case err != nil:
			return nil, err
		case !still:
			continue
		}
		m.Plan.Warnings = append(m.Plan.Warnings, fmt.Sprintf("the rollback of run %s did not end; this one finishes it, and another one would go further back", doc.ID))
		return m, nil
	}
	return nil, nil
}

// ResumeMove goes on with a move by the plan in its journal, and returns its document
// also beside an error. One that has ended is told again.
func ResumeMove(ctx context.Context, in ChannelRequest, run string) (*record.Run, error) {
	doc, err := in.State.Load(run)
	switch {
	case err != nil:
		return nil, err
	case doc.Kind == "":
		return nil, fault.New(fault.Usage, "", "run %s is no move of a channel", run)
	case doc.Account != in.Cloud.Account || doc.Region != in.Cloud.Region:
		return nil, fault.New(fault.Usage, "go on with it from there", "run %s is of account %s, region %s, not of %s, %s", run, doc.Account, doc.Region, in.Cloud.Account, in.Cloud.Region)
	case (doc.Twin == "") != (in.Cloud.Twin == ""):
		return nil, fault.New(fault.Usage, "give or leave out --twin as then", "run %s is of another world: one is AWS, the other a twin", run)
	}
	return doc, in.carry(ctx, doc, nil)
}

// carry makes the move of a document, by a plan or, without one, by that of its journal.
func (in ChannelRequest) carry(ctx context.Context, doc *record.Run, plan *ChannelPlan) error {
	for _, i := range in.Config.Members(in.Image) {
		release, err := in.State.Lease(ctx, i.Label, doc.ID)
		if err != nil {
			return err
		}
		defer release()
	}
	heard, err := listen(in.Config, in.Cloud, event.Stamp(in.Events, doc.ID, in.Cloud.Clock.Now), doc.ID)
	if err != nil {
		return err
	}
	defer heard.end()
	in.Events = heard.events
	store := in.store
	if store == nil {
		store = in.State.Store()
	}
	local := &engine.Local{Journal: journal.Open(store, doc.ID), Clock: in.Cloud.Clock, MaxWait: in.MaxWait}
	if plan != nil { // from here on it can be seen, and gone on with if this process dies
		if err := in.State.Save(doc); err != nil {
			return err
		}
	}
	plan, err = keptPlan(ctx, local, plan)
	if err == nil {
		var out record.Publish
		out, err = movePointers(ctx, in.stage(doc.ID), plan, func() (json.RawMessage, error) {
			return local.Run(ctx, moveUnit, in.stage(doc.ID).Unit(plan))
		})
		if out.Channel != "" { // else it has not ended
			doc.Publish = &out
		}
	}
	failed := in.closed(doc, err)
	if err == nil && doc.Kind == record.KindPromote {
		in.promotedPassed(ctx, local, doc.ID, *doc.Publish)
	}
	heard.tellEnd(doc, err)
	return errors.Join(err, failed)
}

// keptPlan puts a plan into the journal, or finds it there.
func keptPlan(ctx context.Context, local *engine.Local, plan *ChannelPlan) (*ChannelPlan, error) {
	raw, err := local.Run(ctx, movePlan, unit.Func("publish.plan", func(_ context.Context, s *ChannelPlan) (unit.Next, error) {
		if plan == nil {
			return unit.Next{}, fault.New(fault.Failed, "ask for it again", "its plan is not in the journal: it died before it had begun")
		}
		*s = *plan
		return unit.Done(), nil
	}))
	if err != nil {
		return nil, err
	}
	var kept ChannelPlan
	if err := json.Unmarshal(raw, &kept); err != nil {
		return nil, fmt.Errorf("read the plan of the move: %w", err)
	}
	return &kept, nil
}

// movePointers runs the unit of a plan and reads its result. Whatever ends it, the lease
// is given back, so that nobody waits for a run that is not at work.
func movePointers(ctx context.Context, s *publish.Stage, plan *ChannelPlan, run func() (json.RawMessage, error)) (record.Publish, error) {
	raw, err := run()
	if err != nil {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
		defer stop()
		if rerr := s.Release(ctx, plan); rerr != nil {
			s.Events.Emit(event.Event{Stage: "publish", Unit: "publish", Kind: event.Warned, Text: fmt.Sprintf("the lease could not be given back and runs out by itself: %s", rerr)})
		}
		return record.Publish{}, err
	}
	return publish.Result(raw)
}

// releaseLimit is how long a process that ends tries to give the lease back.
const releaseLimit = 10 * time.Second

// closed writes down how a move ended, or that it has not.
func (in ChannelRequest) closed(doc *record.Run, err error) error {
	doc.EndedAt, doc.Message, doc.Due = in.Cloud.Clock.Now(), "", time.Time{}
	doc.Outcome = outcomeFor(err)
	if err != nil {
		doc.Message = told(err, doc.ID)
	}
	var waiting *engine.Waiting
	if errors.As(err, &waiting) {
		doc.Due = waiting.Due()
	}
	if err == nil && doc.Publish.Skipped {
		doc.Outcome = "nothing-to-do"
	}
	s := record.Stage{Name: "publish", StartedAt: doc.StartedAt, EndedAt: doc.EndedAt, Outcome: doc.Outcome, Text: firstLine(doc.Message)}
	if err == nil {
		moved := slices.DeleteFunc(slices.Clone(doc.Publish.Pointers), func(x record.Pointer) bool { return x.Outcome != publish.Moved })
		s.Text = fmt.Sprintf("%s of %s to %s: %d of %d pointers moved", doc.Kind, doc.Publish.Channel, doc.Publish.Image, len(moved), len(doc.Publish.Pointers))
	}
	doc.Stages = []record.Stage{s}
	return in.State.Save(doc)
}
