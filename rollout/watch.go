package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/unit"
)

// watch follows the refresh until it ends. Its word is not the proof; see converge.
func (m *groupMover) watch(ctx context.Context, st *groupState) (unit.Next, error) {
	list, err := m.refreshes(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	g, err := m.group(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	m.lowest(st, g)
	i := slices.IndexFunc(list, func(x Refresh) bool { return x.ID == st.Result.Refresh })
	if i < 0 {
		if st.Looks++; st.Looks >= maxLooks {
			return m.end(st, Halted, "instance refresh %s was started and does not show; %d of %d instances in service ran %s before it",
				st.Result.Refresh, st.Result.OnImage, st.Result.Of, m.plan.To), nil
		}
		return unit.Again(pollEvery), nil // not shown yet
	}
	x := list[i]
	m.progress(st, x)
	if terminal(x.Status) {
		return m.ended(st, x), nil
	}
	if m.Clock.Now().Sub(st.Since) > maxRefresh && !st.Since.IsZero() {
		return m.end(st, Halted, "instance refresh %s has not ended since %s, longer than Auto Scaling lets one last; its status is %s",
			x.ID, st.Since.Format(time.RFC3339), x.Status), nil
	}
	return unit.Again(pollEvery), nil
}

// ended decides what follows a refresh that has ended.
func (m *groupMover) ended(st *groupState, x Refresh) unit.Next {
	st.Looks = 0
	why := or(x.Reason, "no reason given")
	switch {
	case x.Status == successful:
		st.Step = stepConverge
		return unit.Again(0)
	case x.Status == rollbackSuccessful && !st.Back:
		st.Back, st.Why, st.Step = true, why, stepConverge
		return unit.Again(0)
	case x.Status == failed && !st.Back && m.plan.Preferences.Rollback && m.plan.From != m.plan.To:
		// AWS did not roll back; the version before is still there to go to.
		st.Back, st.Why, st.Target, st.Step = true, why, m.plan.InUse, stepBefore
		m.say(event.Warned, "instance refresh %s of %s failed (%s); going back to template version %s",
			x.ID, m.plan.Group, why, m.plan.InUse)
		return unit.Again(0)
	}
	return m.end(st, Halted, "instance refresh %s ended %s: %s; %d of %d instances in service run %s",
		x.ID, x.Status, why, st.Result.OnImage, st.Result.Of, m.plan.To)
}

// progress tells what moved since the last look.
func (m *groupMover) progress(st *groupState, x Refresh) {
	if !known(x.Status) && st.Odd != x.Status {
		st.Odd = x.Status
		m.say(event.Warned, "instance refresh %s of %s has the unknown status %s; waiting on", x.ID, m.plan.Group, x.Status)
	}
	if x.Percent == st.Percent && !terminal(x.Status) {
		return
	}
	st.Percent = x.Percent
	m.Events.Emit(event.Event{Stage: "roll", Unit: "roll/" + m.plan.Group, Kind: event.Progress, Done: x.Percent, Total: 100,
		Text: fmt.Sprintf("%s: %s, %d%%", m.plan.Group, x.Status, x.Percent)})
}

// lowest keeps the lowest number in service that was seen.
func (m *groupMover) lowest(st *groupState, g Group) {
	if n := len(inService(g)); n < st.Result.MinHealthy {
		st.Result.MinHealthy = n
	}
}

// converge asks EC2 what the instances really run.
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
	if err := m.count(ctx, st, g, want); err != nil {
		return unit.Next{}, err
	}
	on, of := st.Result.OnImage, st.Result.Of
	settled := on == of && of >= g.Desired && of == len(g.Instances)
	if !settled {
		if st.Looks++; st.Looks < maxLooks {
			return unit.Again(pollEvery), nil
		}
	}
	if st.Back {
		if err := m.count(ctx, st, g, m.plan.To); err != nil {
			return unit.Next{}, err
		}
		if !settled {
			return m.end(st, Halted, "the roll failed (%s) and only %d of %d instances in service are back on %s", st.Why, on, of, want), nil
		}
		return m.end(st, RolledBack, "the roll failed (%s); all %d instances are back on %s", st.Why, of, want), nil
	}
	if on < of {
		return m.end(st, Partial, "the refresh says it succeeded, but %d of %d instances in service run %s", on, of, want), nil
	}
	if of < g.Desired {
		return m.end(st, Partial, "all %d instances in service run %s, but %d are wanted", of, want, g.Desired), nil
	}
	if g.Template.Version != st.Target {
		m.say(event.Warned, "%s now launches from template version %s, not %s", m.plan.Group, g.Template.Version, st.Target)
	}
	return m.end(st, Done, "all %d instances run %s", of, want), nil
}

// count describes the instances in service and counts those that run image.
func (m *groupMover) count(ctx context.Context, st *groupState, g Group, image string) error {
	ids := inService(g)
	st.Result.Instances, st.Result.OnImage, st.Result.Of = ids, 0, len(ids)
	if st.Step == stepCheck {
		st.Result.MinHealthy = len(ids)
	}
	if len(ids) == 0 {
		return nil
	}
	list, err := m.Instances.Describe(ctx, ids)
	if err != nil {
		return fmt.Errorf("describe the instances of group %s: %w", m.plan.Group, err)
	}
	for _, i := range list {
		if i.Image == image {
			st.Result.OnImage++
		}
	}
	return nil
}

func inService(g Group) []string {
	var ids []string
	for _, i := range g.Instances {
		if i.State == InService {
			ids = append(ids, i.ID)
		}
	}
	slices.Sort(ids)
	return ids
}
