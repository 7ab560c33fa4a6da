package autoscaling

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// scheduledKind is the timer of a scheduled action.
const scheduledKind = "autoscaling/scheduled"

// turn is when a scheduled action is carried out next.
type turn struct {
	Group  string    `json:"group"`
	Action string    `json:"action"`
	Due    time.Time `json:"due"`
	Timer  string    `json:"timer,omitempty"`
}

func turns(tx *world.Tx) *world.Rows[turn] { return world.Table[turn](tx, "autoscaling/turns") }

// due is when an action is carried out for the first time after t. Start and end bound a
// recurrence ("PutScheduledUpdateGroupAction", API reference).
func due(a types.ScheduledUpdateGroupAction, t time.Time) (time.Time, bool) {
	at := aws.ToTime(a.StartTime)
	if a.Recurrence != nil {
		r, err := parseRecurrence(*a.Recurrence)
		zone, zerr := time.LoadLocation(aws.ToString(a.TimeZone))
		if err != nil || zerr != nil {
			return at, false
		}
		if before := at.Add(-time.Nanosecond); a.StartTime != nil && before.After(t) {
			t = before
		}
		next, ok := r.next(t, zone)
		if !ok {
			return at, false
		}
		at = next
	}
	return at, at.After(t) && (a.EndTime == nil || !at.After(*a.EndTime))
}

// plan sets the timer of an action anew; one that has no time left goes away, as AWS deletes it.
func plan(tx *world.Tx, a types.ScheduledUpdateGroupAction) {
	unplan(tx, *a.AutoScalingGroupName, *a.ScheduledActionName)
	at, ok := due(a, tx.Now)
	if !ok {
		scheduled(tx, *a.AutoScalingGroupName).Delete(*a.ScheduledActionName)
		return
	}
	t := turn{Group: *a.AutoScalingGroupName, Action: *a.ScheduledActionName, Due: at}
	t.Timer = tx.At(at, scheduledKind, turn{Group: t.Group, Action: t.Action})
	turns(tx).Put(t.Group+"/"+t.Action, t)
}

func unplan(tx *world.Tx, group, action string) {
	if was, ok := turns(tx).Get(group + "/" + action); ok {
		tx.Cancel(was.Timer)
		turns(tx).Delete(group + "/" + action)
	}
}

// onSchedule carries a scheduled action out. What it does not name stays, but for a desired
// capacity that its new bounds pass ("Scheduled scaling", user guide); what the group's own
// bounds do not let it do is not done. While the process ScheduledActions is suspended
// nothing is, nor later.
func (s *Service) onSchedule(tx *world.Tx, payload json.RawMessage) error {
	var t turn
	if err := json.Unmarshal(payload, &t); err != nil {
		return err
	}
	turns(tx).Delete(t.Group + "/" + t.Action)
	a, there := scheduled(tx, t.Group).Get(t.Action)
	g, ok := groups(tx).Get(t.Group)
	if !there || !ok || g.Deleting {
		return nil
	}
	plan(tx, a)
	if g.suspended("ScheduledActions") {
		return nil
	}
	before := *g.Spec.DesiredCapacity
	text, refused := "", updateSize(&g, &asg.UpdateAutoScalingGroupInput{MinSize: a.MinSize, MaxSize: a.MaxSize, DesiredCapacity: a.DesiredCapacity})
	if refused != nil {
		text = message(refused)
	}
	tx.Event("scheduled.action", map[string]any{"group": t.Group, "action": t.Action, "from": int(before), "to": int(*g.Spec.DesiredCapacity), "error": text})
	if refused == nil {
		s.save(tx, g, "scheduled action")
	}
	return nil
}

// DeleteScheduledAction takes a scheduled action away.
func (s *Service) DeleteScheduledAction(tx *world.Tx, in *asg.DeleteScheduledActionInput) (*asg.DeleteScheduledActionOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	name := aws.ToString(in.ScheduledActionName)
	if _, ok := scheduled(tx, g.name()).Get(name); !ok {
		return nil, invalid("Scheduled action name not found")
	}
	unplan(tx, g.name(), name)
	scheduled(tx, g.name()).Delete(name)
	return &asg.DeleteScheduledActionOutput{}, nil
}
