package rollout

import (
	"context"
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/internal/event"
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
	if err != nil {
		return unit.Next{}, err
	}
	if _, err := m.count(ctx, st, g, m.plan.To); err != nil {
		return unit.Next{}, err
	}
	st.Result.Frozen, st.Result.Manual = frozen, m.manual(g)
	return m.end(st, Halted, "%s; %d of %d instances in service run %s", text, st.Result.OnImage, st.Result.Of, m.plan.To), nil
}

// manual is what a person can do about a group that was left mixed.
func (m *groupMover) manual(g Group) []string {
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
	out := []string{fmt.Sprintf("see why: aws autoscaling describe-scaling-activities --auto-scaling-group-name %q%s", p.Group, region)}
	if stopped := suspended(g); len(stopped) > 0 {
		out = append(out, fmt.Sprintf("let it replace instances again (suspended: %s): %s", strings.Join(stopped, ", "), m.resume(stopped)))
	}
	return append(out,
		fmt.Sprintf("see whether the image before can be launched: aws ec2 describe-images --image-ids %s%s; one that was disabled: aws ec2 enable-image", p.From, region),
		fmt.Sprintf("go back by hand: aws autoscaling start-instance-refresh --auto-scaling-group-name %q%s --desired-configuration '%s' --preferences '{\"SkipMatching\":true}'%s", p.Group, region, configuration, note),
		"then let others roll again: rehydrate roll resume",
	)
}
