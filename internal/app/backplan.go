package app

import (
	"context"
	"encoding/json"

	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout"
)

// BackPlan is what RollBack would do, in its order: the channels, then the groups.
type BackPlan struct {
	Run      string        `json:"run"`
	Line     string        `json:"line"`
	Outcome  string        `json:"outcome"` // of the run, now
	Andon    AndonState    `json:"andon"`
	Channels []ChannelBack `json:"channels"`
	Stay     []string      `json:"stay,omitempty"` // why other channels do not go back
	Groups   []GroupBack   `json:"groups"`
}

// ChannelBack is a channel that would get the image before, as a new version.
type ChannelBack struct {
	Cell    rollout.Cell `json:"cell,omitzero"`
	Channel string       `json:"channel"`
	From    string       `json:"from"`
	To      string       `json:"to"`
	Version int64        `json:"version"` // the one that it has now
}

// GroupBack is a group that would go back to what it ran before.
type GroupBack struct {
	Ring        string       `json:"ring"`
	Cell        rollout.Cell `json:"cell,omitzero"`
	Group       string       `json:"group"`
	From        string       `json:"from"` // the image that the run brought
	To          string       `json:"to"`   // the image before
	Template    string       `json:"template"`
	FromVersion string       `json:"fromVersion"`
	ToVersion   string       `json:"toVersion"`
}

// PlanRollBack tells what RollBack would do. It only reads.
func PlanRollBack(ctx context.Context, in Request, keepChannels bool) (*BackPlan, error) {
	p, plan, states, err := openRoll(ctx, in)
	if err != nil {
		return nil, err
	}
	defer p.close(ctx)
	doc, err := p.State.AsItStands(ctx, p.doc)
	if err != nil {
		return nil, err
	}
	out := &BackPlan{Run: p.Run, Line: p.doc.Line, Outcome: doc.Outcome, Channels: []ChannelBack{}, Groups: []GroupBack{}}
	if out.Andon, err = Andon(ctx, in); err != nil {
		return nil, err
	}
	if p.doc.Publish != nil && !keepChannels {
		if err := p.channelsBack(ctx, plan, out); err != nil {
			return nil, err
		}
	}
	rolls, err := begunRolls(p.execution(), plan, states)
	if err != nil {
		return nil, err
	}
	versions := map[rollout.Cell]map[string]string{}
	for _, r := range rolls {
		at := rollout.Cell{Account: r.Account, Region: r.Region}
		if versions[at] == nil {
			versions[at] = map[string]string{}
		}
		versions[at][r.Group] = r.ToV
	}
	for _, ring := range rollout.Backwards(plan, rolls) {
		for _, g := range ring.Groups {
			out.Groups = append(out.Groups, GroupBack{Ring: ring.Name, Cell: g.Cell, Group: g.Group, From: g.To, To: g.From,
				Template: g.Template.ID, FromVersion: versions[g.Cell][g.Group], ToVersion: g.InUse})
		}
	}
	return out, nil
}

// channelsBack adds the channels that would go back, and why others would not.
func (p *pipeline) channelsBack(ctx context.Context, plan *rollout.Plan, out *BackPlan) error {
	back, err := p.plansBack(ctx, plan)
	if err != nil {
		return err
	}
	out.Stay = back.Stay
	for _, one := range back.Plans {
		for _, m := range one.Moves {
			if !m.Nothing {
				out.Channels = append(out.Channels, ChannelBack{Cell: rollout.Cell(m.Cell), Channel: m.Channel, From: m.From, To: m.Image, Version: m.Version})
			}
		}
	}
	return nil
}

// begunRolls are the last results of the groups of a plan that were begun.
func begunRolls(x *rollout.Execution, plan *rollout.Plan, states map[string]json.RawMessage) ([]record.Roll, error) {
	var rolls []record.Roll
	for g := range plan.Groups() {
		r, begun, err := x.Newest(g, states)
		if err != nil {
			return nil, err
		}
		if !begun {
			continue
		}
		r.Frozen = false // a person asks
		rolls = append(rolls, r)
	}
	return rolls, nil
}
