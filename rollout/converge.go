package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/unit"
)

// converge asks EC2 what the instances really run, also those in standby: they may serve
// again at any time.
func (m *groupMover) converge(ctx context.Context, st *groupState) (unit.Next, error) {
	g, err := m.group(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	m.lowest(st, g)
	want := m.plan.To
	if st.Back {
		want = m.plan.From
	}
	aside, err := m.count(ctx, st, g, want)
	if err != nil {
		return unit.Next{}, err
	}
	on, of := st.Result.OnImage, st.Result.Of
	all := on == of && aside == 0 && capacity(g) >= g.Desired
	if !all || !steady(g) {
		if st.Looks++; st.Looks < maxLooks {
			return unit.Again(pollEvery), nil
		}
	}
	missing := ""
	switch {
	case on < of:
		missing = fmt.Sprintf("%d of %d instances in service run %s", on, of, want)
	case aside > 0:
		missing = fmt.Sprintf("%d instances in standby do not run %s", aside, want)
	case !all:
		missing = fmt.Sprintf("the capacity in service is %d of %d", capacity(g), g.Desired)
		if of > 0 {
			missing += fmt.Sprintf(" (all of it runs %s)", want)
		}
	}
	switch {
	case st.Back && !all:
		return m.halt(ctx, st, true, "the roll was taken back (%s), but %s", st.Why, missing)
	case st.Back:
		st.Result.OnImage = 0
		return m.end(st, RolledBack, "the roll was taken back (%s); all %d instances are back on %s", st.Why, of, want), nil
	case !all:
		return m.end(st, Partial, "the refresh says it succeeded, but %s", missing), nil
	}
	if g.Template.Version != st.Target {
		m.say(event.Warned, "%s now launches from template version %s, not %s", m.name(), g.Template.Version, st.Target)
	}
	return m.end(st, Done, "all %d instances run %s", of, want), nil
}

// count describes the instances in service, counts those that run image, and keeps the
// map of a fleet that runs more than one. Aside are those in standby of which it is not
// known that they run it.
func (m *groupMover) count(ctx context.Context, st *groupState, g Group, image string) (aside int, err error) {
	ids, others := inService(g), inState(g, standby...)
	st.Runs = ""
	st.Result.Instances, st.Result.OnImage, st.Result.Of, st.Result.Mixed = ids, 0, len(ids), nil
	if st.Step == stepCheck {
		st.Result.MinHealthy = len(ids)
	}
	if len(ids)+len(others) == 0 {
		return 0, nil
	}
	list, err := m.Instances.Describe(ctx, slices.Concat(ids, others))
	if err != nil {
		return 0, fmt.Errorf("describe the instances of group %s: %w", m.name(), err)
	}
	aside = len(others)
	runs := map[string][]string{}
	for _, i := range list {
		runs[i.Image] = append(runs[i.Image], i.ID)
		switch {
		case i.Image != image:
		case slices.Contains(ids, i.ID):
			st.Result.OnImage++
		default:
			aside--
		}
	}
	if len(runs) == 1 && len(list) == len(ids)+len(others) {
		st.Runs = list[0].Image
	}
	if len(runs) > 1 {
		for _, k := range slices.Collect(maps.Keys(runs)) {
			slices.Sort(runs[k])
		}
		st.Result.Mixed = runs
	}
	return aside, nil
}

// standby are the states of instances that were put aside, and are on their way there.
var standby = []string{"Standby", "EnteringStandby"}

func inService(g Group) []string { return inState(g, InService) }

func inState(g Group, states ...string) []string {
	var ids []string
	for _, i := range g.Instances {
		if slices.Contains(states, i.State) {
			ids = append(ids, i.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// steady says that no instance is coming or going.
func steady(g Group) bool {
	return len(g.Instances) == len(inState(g, InService))+len(inState(g, standby...))
}

// capacity is what the instances in service count for in the group's desired capacity.
func capacity(g Group) (units int) {
	for _, i := range g.Instances {
		if i.State == InService {
			units += max(1, i.Weight)
		}
	}
	return units
}
