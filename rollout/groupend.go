package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

func (m *groupMover) end(st *groupState, outcome, format string, args ...any) unit.Next {
	st.Ended = true
	st.Result.Outcome, st.Result.Text = outcome, fmt.Sprintf(format, args...)
	st.Result.EndedAt = m.Clock.Now()
	kind := event.Ended
	if outcome != Done && outcome != NothingToDo {
		kind = event.Failed
	}
	m.say(kind, "%s: %s: %s", m.name(), outcome, st.Result.Text)
	return unit.Done()
}

// halt ends a group that may run two images: with the map of what runs what, and with
// what a person can do. A frozen group is never rolled back again by itself.
func (m *groupMover) halt(ctx context.Context, st *groupState, frozen bool, format string, args ...any) (unit.Next, error) {
	text := fmt.Sprintf(format, args...)
	g, err := m.group(ctx)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return m.end(st, Halted, "%s; the group is gone", text), nil
	}
	if err != nil {
		return unit.Next{}, err
	}
	if err := m.count(ctx, st, g, m.plan.To); err != nil {
		return unit.Next{}, err
	}
	st.Result.Frozen, st.Result.Manual = frozen, m.manual()
	return m.end(st, Halted, "%s; %d of %d instances in service run %s", text, st.Result.OnImage, st.Result.Of, m.plan.To), nil
}

// manual is what a person can do about a group that was left mixed.
func (m *groupMover) manual() []string {
	p := m.plan
	region := ""
	if p.Cell.Region != "" {
		region = " --region " + p.Cell.Region
	}
	configuration := fmt.Sprintf(`{"LaunchTemplate":{"LaunchTemplateId":%q,"Version":%q}}`, p.Template.ID, p.InUse)
	note := ""
	if len(p.Mixed) > 0 {
		configuration = "file://policy.json"
		note = fmt.Sprintf(" (policy.json: {\"MixedInstancesPolicy\": …} as describe-auto-scaling-groups shows it, with version %s)", p.InUse)
	}
	return []string{
		fmt.Sprintf("see why: aws autoscaling describe-scaling-activities --auto-scaling-group-name %q%s", p.Group, region),
		fmt.Sprintf("see whether the image before can be launched: aws ec2 describe-images --image-ids %s%s; one that was disabled: aws ec2 enable-image", p.From, region),
		fmt.Sprintf("go back by hand: aws autoscaling start-instance-refresh --auto-scaling-group-name %q%s --desired-configuration '%s' --preferences '{\"SkipMatching\":true}'%s", p.Group, region, configuration, note),
		"then let others roll again: rehydrate roll resume",
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
		if !settled {
			return m.halt(ctx, st, true, "the roll was taken back (%s) and only %d of %d instances in service are back on %s", st.Why, on, of, want)
		}
		st.Result.OnImage = 0
		return m.end(st, RolledBack, "the roll was taken back (%s); all %d instances are back on %s", st.Why, of, want), nil
	}
	if on < of {
		return m.end(st, Partial, "the refresh says it succeeded, but %d of %d instances in service run %s", on, of, want), nil
	}
	if of < g.Desired {
		return m.end(st, Partial, "all %d instances in service run %s, but %d are wanted", of, want, g.Desired), nil
	}
	st.Result.Mixed = nil
	if g.Template.Version != st.Target {
		m.say(event.Warned, "%s now launches from template version %s, not %s", m.name(), g.Template.Version, st.Target)
	}
	return m.end(st, Done, "all %d instances run %s", of, want), nil
}

// count describes the instances in service, counts those that run image, and keeps the
// map of a fleet that runs more than one.
func (m *groupMover) count(ctx context.Context, st *groupState, g Group, image string) error {
	ids := inService(g)
	st.Result.Instances, st.Result.OnImage, st.Result.Of, st.Result.Mixed = ids, 0, len(ids), nil
	if st.Step == stepCheck {
		st.Result.MinHealthy = len(ids)
	}
	if len(ids) == 0 {
		return nil
	}
	list, err := m.Instances.Describe(ctx, ids)
	if err != nil {
		return fmt.Errorf("describe the instances of group %s: %w", m.name(), err)
	}
	runs := map[string][]string{}
	for _, i := range list {
		runs[i.Image] = append(runs[i.Image], i.ID)
		if i.Image == image {
			st.Result.OnImage++
		}
	}
	if len(runs) > 1 {
		for _, k := range slices.Collect(maps.Keys(runs)) {
			slices.Sort(runs[k])
		}
		st.Result.Mixed = runs
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
