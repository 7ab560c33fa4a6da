package autoscaling

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// settled makes a group of n whose instances run from the start.
func (r *rig) settled(n int32, edit func(*asg.CreateAutoScalingGroupInput)) {
	r.t.Helper()
	in := &asg.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(0), MaxSize: aws.Int32(50), DesiredCapacity: &n,
		LaunchTemplate: version(1), AvailabilityZones: []string{"eu-central-1a", "eu-central-1b"}, DefaultInstanceWarmup: aws.Int32(60),
	}
	if edit != nil {
		edit(in)
	}
	if err := r.w.Do(account, region, func(tx *world.Tx) error { return r.s.CreateGroup(tx, in, true) }); err != nil {
		r.t.Fatal(err)
	}
}

func TestASettledGroupIsInServiceFromTheStart(t *testing.T) {
	r := start(t)
	r.settled(5, nil)
	check := func(when string) {
		t.Helper()
		g := r.describe("web")
		zones := map[string]int{}
		for _, i := range g.Instances {
			zones[*i.AvailabilityZone]++
			if i.LifecycleState != types.LifecycleStateInService || *i.LaunchTemplate.Version != "1" || *i.LaunchTemplate.LaunchTemplateId != "lt-1" {
				t.Errorf("%s: %+v", when, i)
			}
		}
		if len(g.Instances) != 5 || zones["eu-central-1a"] != 3 || zones["eu-central-1b"] != 2 {
			t.Errorf("%s: %d instances in %v", when, len(g.Instances), zones)
		}
		acts := must(r, r.s.DescribeScalingActivities, &asg.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("web")})
		if len(acts.Activities) != 5 {
			t.Fatalf("%s: %d activities", when, len(acts.Activities))
		}
		for _, a := range acts.Activities {
			if a.StatusCode != types.ScalingActivityStatusCodeSuccessful || a.EndTime == nil || *a.Progress != 100 {
				t.Errorf("%s: %+v", when, a)
			}
		}
	}
	check("at once")
	r.step(10 * time.Minute)
	check("ten minutes later")

	r.refresh("web", 2, nil)
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || r.versions("web")["2"] != 5 {
		t.Errorf("the refresh is %s, versions are %v", s.Status, r.versions("web"))
	}
}

func TestASettledGroupTriesAgainWhatWasRefused(t *testing.T) {
	r := start(t)
	left := 2
	r.ec2.refuse = func(Launch) error {
		if left--; left < 0 {
			return wire.Errorf(capacityCode, "none")
		}
		return nil
	}
	r.settled(4, nil)
	if n := len(r.describe("web").Instances); n != 2 {
		t.Errorf("%d instances at once, want the 2 that there was capacity for", n)
	}
	r.ec2.refuse = nil
	r.step(5 * time.Minute)
	if n := r.versions("web")["1"]; n != 4 {
		t.Errorf("%d in service in the end", n)
	}
}

func TestASettledGroupWithHooksLaunchesAsAnyOther(t *testing.T) {
	r := start(t)
	r.settled(2, func(in *asg.CreateAutoScalingGroupInput) {
		in.LifecycleHookSpecificationList = []types.LifecycleHookSpecification{{LifecycleHookName: aws.String("ready"), LifecycleTransition: aws.String(launching)}}
	})
	if n := r.versions("web")["1"]; n != 0 {
		t.Errorf("%d instances in service at once", n)
	}
	r.step(time.Minute)
	for _, i := range r.describe("web").Instances {
		if i.LifecycleState != types.LifecycleStatePendingWait {
			t.Errorf("%s is %s", *i.InstanceId, i.LifecycleState)
		}
	}
}

func TestASettledInstanceThatFailsItsChecksIsReplaced(t *testing.T) {
	r := start(t)
	r.settled(1, func(in *asg.CreateAutoScalingGroupInput) { in.LaunchTemplate = version(3) }) // ami-bad
	first := *r.describe("web").Instances[0].InstanceId
	r.step(5 * time.Minute)
	for _, i := range r.describe("web").Instances {
		if *i.InstanceId == first && i.LifecycleState == types.LifecycleStateInService {
			t.Error("the first instance still serves")
		}
	}
}

func TestInstancesAreFoundByTheirIDsOnceEach(t *testing.T) {
	r := start(t)
	r.settled(3, nil)
	id := r.describe("web").Instances[1].InstanceId
	out := must(r, r.s.DescribeAutoScalingInstances, &asg.DescribeAutoScalingInstancesInput{InstanceIds: []string{*id, "i-none", *id}})
	if len(out.AutoScalingInstances) != 1 || *out.AutoScalingInstances[0].InstanceId != *id {
		t.Errorf("%+v", out.AutoScalingInstances)
	}
	if out = must(r, r.s.DescribeAutoScalingInstances, &asg.DescribeAutoScalingInstancesInput{InstanceIds: []string{"i-none"}}); len(out.AutoScalingInstances) != 0 {
		t.Errorf("%+v", out.AutoScalingInstances)
	}
}
