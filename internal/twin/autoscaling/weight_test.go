package autoscaling

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// mixed is a policy on a version of lt-1, with types and weights in turn ("" is none).
func mixed(n int, typesAndWeights ...string) *types.MixedInstancesPolicy {
	p := &types.MixedInstancesPolicy{LaunchTemplate: &types.LaunchTemplate{LaunchTemplateSpecification: version(n)}}
	for k := 0; k < len(typesAndWeights); k += 2 {
		o := types.LaunchTemplateOverrides{InstanceType: &typesAndWeights[k]}
		if w := typesAndWeights[k+1]; w != "" {
			o.WeightedCapacity = &w
		}
		p.LaunchTemplate.Overrides = append(p.LaunchTemplate.Overrides, o)
	}
	return p
}

func onPolicy(p *types.MixedInstancesPolicy) func(*asg.CreateAutoScalingGroupInput) {
	return func(in *asg.CreateAutoScalingGroupInput) { in.LaunchTemplate, in.MixedInstancesPolicy = nil, p }
}

// kinds counts the members in service by instance type.
func (r *rig) kinds() map[string]int {
	out := map[string]int{}
	for _, i := range r.describe("web").Instances {
		if i.LifecycleState == types.LifecycleStateInService {
			out[*i.InstanceType]++
		}
	}
	return out
}

// without has EC2 refuse launches of a type in a zone; empty is any.
func (r *rig) without(kind, zone string) {
	r.ec2.refuse = func(l Launch) error {
		have := l.Type
		if have == "" {
			have = l.Template.Type
		}
		if (kind == "" || kind == have) && (zone == "" || zone == l.Zone) {
			return wire.Errorf(capacityCode, "We currently do not have sufficient %s capacity in the Availability Zone you requested (%s).", have, l.Zone)
		}
		return nil
	}
}

func TestWeightsFillTheDesiredCapacityOrALittleMore(t *testing.T) {
	r := start(t)
	r.group("web", 10, onPolicy(mixed(1, "m5.2xlarge", "4", "m5.large", "1")))
	if k := r.kinds(); k["m5.2xlarge"] != 3 || len(k) != 1 { // 12 of 10 units
		t.Fatalf("%v", k)
	}
	if w := aws.ToString(r.describe("web").Instances[0].WeightedCapacity); w != "4" {
		t.Fatalf("weight %q", w)
	}
	r.scale(9) // 8 would be too little
	r.step(2 * time.Minute)
	if k := r.kinds(); k["m5.2xlarge"] != 3 {
		t.Fatalf("%v", k)
	}
	r.scale(8)
	r.step(2 * time.Minute)
	if k := r.kinds(); k["m5.2xlarge"] != 2 {
		t.Fatalf("%v", k)
	}
	id := []string{*r.describe("web").Instances[0].InstanceId}
	must(r, r.s.EnterStandby, &asg.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: id, ShouldDecrementDesiredCapacity: aws.Bool(true)})
	if g := r.describe("web"); *g.DesiredCapacity != 4 {
		t.Fatalf("desired %d", *g.DesiredCapacity)
	}
}

func TestWeightedGroupRollsWithinItsFloor(t *testing.T) {
	for _, p := range []*types.RefreshPreferences{
		{MinHealthyPercentage: aws.Int32(50)},
		nil, // floor 36 of 40: one instance of 4 at a time
		{MinHealthyPercentage: aws.Int32(90)},
		{MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(120)},
	} {
		r := start(t)
		r.group("web", 40, onPolicy(mixed(1, "m5.2xlarge", "4")))
		lowest := 99
		r.watch(func(c capacity, _ string) { lowest = min(lowest, c.serving) })
		must(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web"), DesiredConfiguration: &types.DesiredConfiguration{MixedInstancesPolicy: mixed(2, "m5.2xlarge", "4")}, Preferences: p})
		if s := r.until("web", 3*time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || *s.PercentageComplete != 100 {
			t.Fatalf("%s", s.Status)
		}
		low := 36
		if p != nil {
			low = int(40 * *p.MinHealthyPercentage / 100)
		}
		if lowest < low || r.versions("web")["2"] != 10 {
			t.Fatalf("%+v: down to %d, want %d; %v", p, lowest, low, r.versions("web"))
		}
	}
}

func TestAWeightOfTheWholeCapacityReplacesEverythingAtOnce(t *testing.T) {
	r := start(t)
	r.group("web", 8, onPolicy(mixed(1, "m5.4xlarge", "8")))
	lowest := 99
	r.watch(func(c capacity, _ string) { lowest = min(lowest, c.serving) })
	must(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web"), DesiredConfiguration: &types.DesiredConfiguration{MixedInstancesPolicy: mixed(2, "m5.4xlarge", "8")}})
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || lowest != 0 {
		t.Fatalf("%s, down to %d", s.Status, lowest)
	}
}

func TestWeightsThatAreRefused(t *testing.T) {
	r := start(t)
	for name, p := range map[string]*types.MixedInstancesPolicy{
		"a weight of 0": mixed(1, "m5.large", "0"), "a weight of 1000": mixed(1, "m5.large", "1000"), "half a unit": mixed(1, "m5.large", "0.5"),
		"only some with a weight": mixed(1, "m5.large", "2", "m5.xlarge", ""), "an unknown version": mixed(9, "m5.large", "2"),
		"a parameter for an image": mixed(4, "m5.large", ""),
	} {
		in := &asg.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(0), MaxSize: aws.Int32(9), MixedInstancesPolicy: p, AvailabilityZones: []string{"eu-central-1a"}}
		if _, err := call(r, r.s.CreateAutoScalingGroup, in); code(err) != "ValidationError" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLaunchesGoToTheNextTypeAndThenToTheNextZoneForWantOfCapacity(t *testing.T) {
	r := start(t)
	r.without("m5.large", "eu-central-1a")
	r.group("web", 4, onPolicy(mixed(1, "m5.large", "", "m6i.large", "")))
	if k := r.kinds(); k["m5.large"] != 2 || k["m6i.large"] != 2 {
		t.Fatalf("%v", k)
	}
	r.without("", "eu-central-1a")
	r.scale(8)
	r.step(time.Minute)
	if k := r.kinds(); k["m5.large"] != 6 || k["m6i.large"] != 2 {
		t.Fatalf("%v", k)
	}
	r.without("", "")
	r.scale(9)
	r.step(time.Minute)
	a := must(r, r.s.DescribeScalingActivities, &asg.DescribeScalingActivitiesInput{}).Activities[0]
	if a.StatusCode != types.ScalingActivityStatusCodeFailed || *a.StatusMessage == "" || len(r.describe("web").Instances) != 8 {
		t.Fatalf("%+v", a)
	}
}

func TestRefreshWithoutCapacityFailsAfterAnHourAndGoesOnIfItReturnsBefore(t *testing.T) {
	for _, returns := range []bool{true, false} {
		r := start(t)
		r.group("web", 3)
		r.without("", "")
		r.refresh("web", 2, nil)
		r.step(50 * time.Minute)
		want := types.InstanceRefreshStatusFailed
		if returns {
			r.ec2.refuse = nil
			want = types.InstanceRefreshStatusSuccessful
		}
		if s := r.until("web", 3*time.Hour); s.Status != want {
			t.Errorf("capacity returns %v: %s", returns, s.Status)
		}
	}
}
