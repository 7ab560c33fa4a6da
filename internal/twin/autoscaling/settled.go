package autoscaling

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// CreateGroup makes a group as the API does, for the loader of world files. Settled,
// its instances have been in service all along; what EC2 refuses to launch so is left
// to the group, which tries again as after any failed launch.
func (s *Service) CreateGroup(tx *world.Tx, in *asg.CreateAutoScalingGroupInput, settled bool) error {
	if _, err := s.CreateAutoScalingGroup(tx, in); err != nil || !settled {
		return err
	}
	g, _ := groups(tx).Get(*in.AutoScalingGroupName)
	if len(g.Hooks) > 0 {
		return nil // their actions are to be completed by somebody
	}
	return s.populate(tx, g)
}

// populate launches the desired capacity at once.
func (s *Service) populate(tx *world.Tx, g group) error {
	v := s.view(tx, g)
	defer v.done()
	all, err := s.options(tx, v.g.config())
	if err != nil {
		return err
	}
	tags := launchTags(v.g)
	for have := 0; have < v.g.desired(); {
		got, o, err := v.launchOne(all, tags, true)
		if err != nil {
			break
		}
		m := v.newMember(got, o)
		m.Activity = s.launched(tx, v.g, m.ID, have, got.State == "running")
		if got.State == "running" {
			s.inService(tx, m)
		} else {
			members(tx, m.Group).Put(m.ID, m)
		}
		owners(tx).Put(m.ID, m.Group)
		have += m.units()
	}
	groups(tx).Put(v.g.name(), v.g)
	s.capacityEvent(tx, v.g.name(), "launch")
	return nil
}

// launched notes the activity of a launch, which may be over already: then there is
// nothing left to end.
func (s *Service) launched(tx *world.Tx, g group, instance string, before int, over bool) string {
	text := "Launching a new EC2 instance: " + instance
	if !over {
		return s.begin(tx, g, text, causeOfLaunch(before))
	}
	a := activity(tx, g, text, causeOfLaunch(before))
	a.EndTime, a.Progress, a.StatusCode = aws.Time(tx.Now), aws.Int32(100), types.ScalingActivityStatusCodeSuccessful
	s.keep(tx, g, a)
	return ""
}

func causeOfLaunch(before int) string {
	return fmt.Sprintf("an instance was started in response to a difference between desired and actual capacity, increasing the capacity from %d to %d", before, before+1)
}

// activity is a scaling activity that begins now.
func activity(tx *world.Tx, g group, text, cause string) types.Activity {
	return types.Activity{
		ActivityId: aws.String(tx.UUID()), AutoScalingGroupName: g.Spec.AutoScalingGroupName, AutoScalingGroupARN: g.Spec.AutoScalingGroupARN,
		Cause: aws.String("At " + tx.Now.UTC().Format(time.RFC3339) + " " + cause + "."), Description: &text,
		StartTime: aws.Time(tx.Now), StatusCode: types.ScalingActivityStatusCodeInProgress, Progress: aws.Int32(30), Details: aws.String("{}"),
	}
}
