package autoscaling

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// existing are alarms that exist.
type existing []string

func (n existing) Exists(_ *world.Tx, name string) bool {
	for _, have := range n {
		if have == name {
			return true
		}
	}
	return false
}

func TestARefreshIsNotGuardedByAlarmsThatDoNotExist(t *testing.T) {
	r := start(t)
	r.s.Watch(existing{"errors"})
	r.group("web", 1)
	begin := func(alarms ...string) error {
		_, err := call(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web"),
			Preferences: &types.RefreshPreferences{AlarmSpecification: &types.AlarmSpecification{Alarms: alarms}}})
		return err
	}
	if err := begin("errors", "latency"); code(err) != "ValidationError" || !strings.Contains(err.Error(), "latency") {
		t.Errorf("with one that does not exist: %v", err)
	}
	if g := r.describe("web"); len(g.Instances) != 1 {
		t.Errorf("%d instances", len(g.Instances))
	}
	if err := begin("errors"); err != nil {
		t.Errorf("with one that exists: %v", err)
	}
}

func TestAFailedLaunchSaysWhyEC2EndedTheInstance(t *testing.T) {
	for reason, want := range map[string]string{
		"": "Instance became unhealthy while waiting for instance to be in InService state.",
		"Client.InternalError: Client error on launch": "Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: Client.InternalError: Client error on launch",
	} {
		r := start(t)
		name, one := "web", int32(1)
		must(r, r.s.CreateAutoScalingGroup, &asg.CreateAutoScalingGroupInput{AutoScalingGroupName: &name, MinSize: &one, MaxSize: &one, LaunchTemplate: version(1), AvailabilityZones: []string{"eu-central-1a"}})
		r.step(time.Second)
		id := *r.describe("web").Instances[0].InstanceId
		if err := r.w.Do(account, region, func(tx *world.Tx) error {
			i, _ := r.ec2.rows(tx).Get(id)
			i.Reason = reason
			r.ec2.rows(tx).Put(id, i)
			r.ec2.move(tx, fakeMove{id, "terminated"})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		acts := must(r, r.s.DescribeScalingActivities, &asg.DescribeScalingActivitiesInput{AutoScalingGroupName: &name})
		a := acts.Activities[len(acts.Activities)-1]
		if a.StatusCode != types.ScalingActivityStatusCodeFailed || aws.ToString(a.StatusMessage) != want {
			t.Errorf("%s: %q", a.StatusCode, aws.ToString(a.StatusMessage))
		}
	}
}
