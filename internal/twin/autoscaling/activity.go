package autoscaling

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// keptActivities bounds the rows that a twin keeps of one group; AWS keeps six weeks.
const keptActivities = 500

func activities(tx *world.Tx, group string) *world.Rows[types.Activity] {
	return world.Table[types.Activity](tx, "autoscaling/activities/"+group)
}

// activityGroups is the group of each activity under way.
func activityGroups(tx *world.Tx) *world.Rows[string] {
	return world.Table[string](tx, "autoscaling/activities")
}

// begin notes a scaling activity and returns its id.
func (s *Service) begin(tx *world.Tx, g group, text, cause string) string {
	a := activity(tx, g, text, cause)
	s.keep(tx, g, a)
	activityGroups(tx).Put(*a.ActivityId, g.name())
	return *a.ActivityId
}

// keep adds a group's newest activity.
func (s *Service) keep(tx *world.Tx, g group, a types.Activity) {
	rows := activities(tx, g.name())
	if rows.Len() >= keptActivities {
		for id := range rows.All() {
			rows.Delete(id)
			break
		}
	}
	rows.Put(*a.ActivityId, a)
}

// describe changes an activity's description.
func (s *Service) describe(tx *world.Tx, id, text string) {
	if name, ok := activityGroups(tx).Get(id); ok {
		if a, ok := activities(tx, name).Get(id); ok {
			a.Description = &text
			activities(tx, name).Put(id, a)
		}
	}
}

// stage tells what an activity waits for.
func (s *Service) stage(tx *world.Tx, id string, status types.ScalingActivityStatusCode) {
	if name, ok := activityGroups(tx).Get(id); ok {
		if a, ok := activities(tx, name).Get(id); ok {
			a.StatusCode, a.Progress = status, aws.Int32(60)
			activities(tx, name).Put(id, a)
		}
	}
}

// end closes an activity; an empty or unknown id is no error.
func (s *Service) end(tx *world.Tx, id string, cause error) {
	name, ok := activityGroups(tx).Get(id)
	if !ok {
		return
	}
	activityGroups(tx).Delete(id)
	a, ok := activities(tx, name).Get(id)
	if !ok {
		return
	}
	a.EndTime, a.Progress, a.StatusCode = aws.Time(tx.Now), aws.Int32(100), types.ScalingActivityStatusCodeSuccessful
	if cause != nil {
		a.StatusCode, a.StatusMessage = types.ScalingActivityStatusCodeFailed, aws.String(message(cause))
	}
	activities(tx, name).Put(id, a)
}

// done is an activity that began and ended at once, for calls that answer with one.
func (s *Service) done(tx *world.Tx, g group, text, cause string) types.Activity {
	id := s.begin(tx, g, text, cause)
	a, _ := activities(tx, g.name()).Get(id)
	s.end(tx, id, nil)
	return a
}

// DescribeScalingActivities lists a group's activities, newest first.
func (s *Service) DescribeScalingActivities(tx *world.Tx, in *asg.DescribeScalingActivitiesInput) (*asg.DescribeScalingActivitiesOutput, error) {
	if len(in.Filters) > 0 {
		return nil, unmodelled("filters of scaling activities")
	}
	names := []string{}
	if in.AutoScalingGroupName != nil {
		if _, ok := groups(tx).Get(*in.AutoScalingGroupName); !ok {
			return nil, noGroup(*in.AutoScalingGroupName)
		}
		names = append(names, *in.AutoScalingGroupName)
	} else {
		for name := range groups(tx).All() {
			names = append(names, name)
		}
	}
	var all []types.Activity
	for _, name := range names {
		for id, a := range activities(tx, name).All() {
			if len(in.ActivityIds) == 0 || slices.Contains(in.ActivityIds, id) {
				all = append(all, a)
			}
		}
	}
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b types.Activity) int { return b.StartTime.Compare(*a.StartTime) })
	page, next, err := page(all, in.NextToken, in.MaxRecords, 100, 100)
	return &asg.DescribeScalingActivitiesOutput{Activities: page, NextToken: next}, err
}
