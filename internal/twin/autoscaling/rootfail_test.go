package autoscaling_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	sdkelb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// balanced is a target group that takes ten seconds to drain.
func (a *account) balanced() (arn string) {
	a.t.Helper()
	arn, _ = a.targets("web")
	if _, err := a.elb.ModifyTargetGroupAttributes(a.t.Context(), &sdkelb.ModifyTargetGroupAttributesInput{TargetGroupArn: &arn, Attributes: []elbtypes.TargetGroupAttribute{
		{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("10")},
	}}); err != nil {
		a.t.Fatal(err)
	}
	return arn
}

func (a *account) target(arn string) elbtypes.TargetHealthStateEnum {
	a.t.Helper()
	h, err := a.elb.DescribeTargetHealth(a.t.Context(), &sdkelb.DescribeTargetHealthInput{TargetGroupArn: &arn})
	if err != nil {
		a.t.Fatal(err)
	}
	if len(h.TargetHealthDescriptions) == 0 {
		return ""
	}
	return h.TargetHealthDescriptions[0].TargetHealth.State
}

func TestAReplacementInPlaceDrainsWaitsForItsHooksAndComesBackAsALaunchDoes(t *testing.T) {
	a := open(t)
	arn := a.balanced()
	a.policied(1, func(in *sdk.CreateAutoScalingGroupInput) { in.TargetGroupARNs = []string{arn} })
	a.hook("down", "TERMINATING")
	a.hook("up", "LAUNCHING")
	id := a.ids()[0]
	var purposes []string
	a.w.OnEvent(func(e world.Event) {
		if e.Kind == "lifecycle.action" {
			purposes = append(purposes, e.Data["transition"].(string)+" "+e.Data["action"].(string))
		}
	})
	a.mustReroot(nil, nil)
	var seen []string
	targets := map[string]elbtypes.TargetHealthStateEnum{}
	for range 600 {
		i := a.group("web").Instances[0]
		if state := string(i.LifecycleState); len(seen) == 0 || seen[len(seen)-1] != state {
			seen = append(seen, state)
			targets[state] = a.target(arn)
			switch i.LifecycleState {
			case types.LifecycleStateReplacingRootVolumeWait:
				a.w.Clock().Step(5 * time.Minute) // as long as nobody completes it
				if got := a.images("web"); got[oldImage] != 1 {
					t.Errorf("while the hook holds it: %v", got)
				}
				a.complete("down", id, "CONTINUE")
			case types.LifecycleStatePendingWait:
				if got := a.images("web"); got[newImage] != 1 {
					t.Errorf("before it returns: %v", got)
				}
				a.complete("up", id, "CONTINUE")
			}
		}
		a.w.Clock().Step(time.Second / 2)
	}
	if got := strings.Join(seen, " "); got != "InService ReplacingRootVolume ReplacingRootVolume:Wait ReplacingRootVolume:Proceed RootVolumeReplaced Pending Pending:Wait Pending:Proceed InService" {
		t.Errorf("states: %s", got)
	}
	if targets["ReplacingRootVolume"] != elbtypes.TargetHealthStateEnumDraining || targets["ReplacingRootVolume:Wait"] != "" || targets["Pending:Wait"] != "" || a.target(arn) != elbtypes.TargetHealthStateEnumHealthy {
		t.Errorf("target health by state: %v", targets)
	}
	if want := []string{"autoscaling:EC2_INSTANCE_TERMINATING ReplaceRootVolume", "autoscaling:EC2_INSTANCE_LAUNCHING ReplaceRootVolume"}; !slices.Equal(purposes, want) {
		t.Errorf("lifecycle actions: %v", purposes)
	}
	a.ended(types.InstanceRefreshStatusSuccessful, 100)
	if a.ids()[0] != id {
		t.Errorf("%s is now %s", id, a.ids()[0])
	}
}

func TestWithoutHooksThereIsNoWaitInPlace(t *testing.T) {
	a := open(t)
	a.policied(1, nil)
	a.mustReroot(nil, nil)
	for range 300 {
		if i := a.group("web").Instances[0]; strings.HasSuffix(string(i.LifecycleState), ":Wait") {
			t.Fatal(i.LifecycleState)
		}
		a.w.Clock().Step(time.Second)
	}
	a.ended(types.InstanceRefreshStatusSuccessful, 100)
}

func TestATerminationHookThatAbandonsOrTimesOutLetsTheRootBeReplaced(t *testing.T) {
	for name, let := range map[string]func(a *account, id string){
		"abandoned": func(a *account, id string) { a.complete("down", id, "ABANDON") },
		"timed out": func(a *account, _ string) { a.w.Clock().Step(11 * time.Minute) },
		"deleted": func(a *account, _ string) {
			if _, err := a.asg.DeleteLifecycleHook(a.t.Context(), &sdk.DeleteLifecycleHookInput{AutoScalingGroupName: aws.String("web"), LifecycleHookName: aws.String("down")}); err != nil {
				a.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t)
			a.policied(1, nil)
			a.hook("down", "TERMINATING")
			id := a.ids()[0]
			a.mustReroot(nil, nil)
			a.until("a wait", func() bool { _, ok := a.in(types.LifecycleStateReplacingRootVolumeWait); return ok })
			let(a, id)
			a.ended(types.InstanceRefreshStatusSuccessful, 100)
			if got := a.machines(); len(got) != 1 || *got[id].ImageId != newImage {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestALaunchHookThatAbandonsEndsTheInstanceWithTheNewRoot(t *testing.T) {
	a := open(t)
	a.policied(1, nil)
	a.hook("up", "LAUNCHING")
	id := a.ids()[0]
	a.mustReroot(nil, nil)
	a.until("a wait", func() bool { _, ok := a.in(types.LifecycleStatePendingWait); return ok })
	a.complete("up", id, "ABANDON")
	a.until("a wait of the next", func() bool { now, ok := a.in(types.LifecycleStatePendingWait); return ok && now != id })
	next, _ := a.in(types.LifecycleStatePendingWait)
	a.complete("up", next, "CONTINUE")
	a.ended(types.InstanceRefreshStatusSuccessful, 100)
	if got := a.machines(); len(got) != 1 || *got[next].ImageId != newImage {
		t.Errorf("%v", got)
	}
}

func TestAnInstanceWhoseRootCannotBeReplacedIsEndedAndReplaced(t *testing.T) {
	stop := func(a *account, id string) {
		if _, err := a.ec2.StopInstances(a.t.Context(), &sdkec2.StopInstancesInput{InstanceIds: []string{id}}); err != nil {
			a.t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		state types.LifecycleState
		spoil func(a *account, id string)
	}{
		"refused, because it is stopped": {types.LifecycleStateReplacingRootVolumeWait, stop},
		"failed, because it was stopped": {types.LifecycleStateReplacingRootVolumeProceed, stop},
		"stopped before it was back":     {types.LifecycleStateRootVolumeReplaced, stop},
		"ended by somebody in the meantime": {types.LifecycleStateReplacingRootVolumeProceed, func(a *account, id string) {
			if _, err := a.ec2.TerminateInstances(a.t.Context(), &sdkec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
				a.t.Fatal(err)
			}
		}},
		"ended through the group": {types.LifecycleStateReplacingRootVolumeWait, func(a *account, id string) {
			if _, err := a.asg.TerminateInstanceInAutoScalingGroup(a.t.Context(), &sdk.TerminateInstanceInAutoScalingGroupInput{InstanceId: &id, ShouldDecrementDesiredCapacity: aws.Bool(false)}); err != nil {
				a.t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t)
			a.policied(2, nil)
			before := a.ids()
			a.hook("down", "TERMINATING")
			a.mustReroot(nil, nil)
			spoiled := ""
			for range 3600 {
				if id, ok := a.in(types.LifecycleStateReplacingRootVolumeWait); ok && (spoiled != "" || c.state != types.LifecycleStateReplacingRootVolumeWait) {
					a.complete("down", id, "CONTINUE")
				} else if id, ok := a.in(types.LifecycleStateTerminatingWait); ok {
					a.complete("down", id, "CONTINUE")
				}
				if id, ok := a.in(c.state); ok && spoiled == "" {
					spoiled = id
					c.spoil(a, id)
				}
				if a.now().EndTime != nil {
					break
				}
				a.w.Clock().Step(time.Second)
			}
			a.ended(types.InstanceRefreshStatusSuccessful, 100)
			after := a.ids()
			kept := slices.DeleteFunc(slices.Clone(before), func(id string) bool { return id == spoiled })
			if len(after) != 2 || slices.Contains(after, spoiled) || !slices.Contains(after, kept[0]) {
				t.Errorf("before %v, after %v, spoiled %s", before, after, spoiled)
			}
			if got := a.images("web"); got[newImage] != 2 {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestAReplacementThatFailsIsToldInItsActivity(t *testing.T) {
	a := open(t)
	a.policied(1, nil)
	a.mustReroot(nil, nil)
	a.w.Clock().Step(2 * time.Second)
	if _, err := a.ec2.DeregisterImage(t.Context(), &sdkec2.DeregisterImageInput{ImageId: aws.String(newImage)}); err != nil {
		t.Fatal(err)
	}
	a.ended(types.InstanceRefreshStatusFailed, 0)
	out, err := a.asg.DescribeScalingActivities(t.Context(), &sdk.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("web")})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(out.Activities, func(a types.Activity) bool {
		return strings.HasPrefix(*a.Description, "Replacing root volume") && a.StatusCode == types.ScalingActivityStatusCodeFailed && strings.Contains(aws.ToString(a.StatusMessage), newImage)
	}) {
		t.Errorf("no activity tells of the failure: %+v", out.Activities)
	}
}

func TestARollbackInPlaceGivesTheSameInstancesTheEarlierImage(t *testing.T) {
	a := open(t)
	a.policied(3, nil)
	before, seen := a.ids(), a.lows()
	a.mustReroot(&types.RefreshPreferences{MinHealthyPercentage: aws.Int32(60)}, nil)
	a.until("one with the new image in service, one on the way", func() bool {
		_, way := a.in(types.LifecycleStateReplacingRootVolumeProceed)
		return way && a.images("web")[newImage] > 0 && *a.now().PercentageComplete > 0
	})
	if _, err := a.asg.RollbackInstanceRefresh(t.Context(), &sdk.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}); err != nil {
		t.Fatal(err)
	}
	s := a.ended(types.InstanceRefreshStatusRollbackSuccessful, 0)
	if s.Strategy != types.RefreshStrategyReplaceRootVolume || *s.RollbackDetails.PercentageCompleteOnRollback == 0 {
		t.Errorf("%+v", s)
	}
	if got := a.images("web"); got[oldImage] != 3 || len(got) != 1 || !slices.Equal(a.ids(), before) {
		t.Errorf("%v of %v, before %v", got, a.ids(), before)
	}
	if low, high := seen(); low != 2 || high != 3 {
		t.Errorf("%d serving at least, %d in all at most", low, high)
	}
	if i := *a.group("web").MixedInstancesPolicy.LaunchTemplate.Overrides[0].ImageId; i != oldImage {
		t.Errorf("the group is on %s", i)
	}
}

func TestAnImageThatFailsItsChecksInPlaceIsRolledBackOnTheInstancesThatAreLeft(t *testing.T) {
	a := open(t)
	a.policied(3, nil)
	before := a.ids()
	a.unhealthy(newImage)
	a.mustReroot(&types.RefreshPreferences{AutoRollback: aws.Bool(true)}, nil)
	a.ended(types.InstanceRefreshStatusRollbackSuccessful, 0)
	got, after := a.images("web"), a.ids()
	stayed := slices.DeleteFunc(slices.Clone(before), func(id string) bool { return !slices.Contains(after, id) })
	// The first that was given the image failed its checks and was ended as unhealthy; so
	// was each that was launched for it.
	if got[oldImage] != 3 || len(got) != 1 || len(stayed) != 2 {
		t.Errorf("%v of %v, before %v", got, after, before)
	}
}

func TestWithoutRollbackARefreshInPlaceThatFailsLeavesAMixedFleetThatCanBeMended(t *testing.T) {
	a := open(t)
	a.policied(3, nil)
	a.mustReroot(nil, nil)
	a.until("the first with the new image", func() bool { return *a.now().PercentageComplete > 0 })
	if _, err := a.asg.CancelInstanceRefresh(t.Context(), &sdk.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}); err != nil {
		t.Fatal(err)
	}
	if s := a.wait("web"); s.Status != types.InstanceRefreshStatusCancelled {
		t.Fatal(s.Status)
	}
	if got := a.images("web"); got[oldImage] == 0 || got[newImage] == 0 {
		t.Fatalf("%v: no mixed fleet", got)
	}
	a.mustReroot(&types.RefreshPreferences{SkipMatching: aws.Bool(true)}, nil)
	a.ended(types.InstanceRefreshStatusSuccessful, 100)
	if got := a.images("web"); got[newImage] != 3 {
		t.Errorf("%v", got)
	}
}

func TestACancellationWaitsForRootsOnTheirWayUnlessToldNotTo(t *testing.T) {
	for _, wait := range []bool{true, false} {
		a := open(t)
		a.policied(2, nil)
		a.mustReroot(nil, nil)
		a.until("a replacement", func() bool { _, ok := a.in(types.LifecycleStateReplacingRootVolumeProceed); return ok })
		id, _ := a.in(types.LifecycleStateReplacingRootVolumeProceed)
		if _, err := a.asg.CancelInstanceRefresh(t.Context(), &sdk.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("web"), WaitForTransitioningInstances: &wait}); err != nil {
			t.Fatal(err)
		}
		if ended := a.now().EndTime != nil; ended == wait {
			t.Errorf("waiting %t: ended at once %t", wait, ended)
		}
		if s := a.wait("web"); s.Status != types.InstanceRefreshStatusCancelled {
			t.Error(s.Status)
		}
		if _, way := a.in(types.LifecycleStateReplacingRootVolumeProceed); way == wait {
			t.Errorf("waiting %t: still on its way %t", wait, way)
		}
		a.mustReroot(nil, nil) // Pending as long as the other's are on their way
		a.ended(types.InstanceRefreshStatusSuccessful, 100)
		if got := a.machines(); *got[id].ImageId != newImage || len(got) != 2 {
			t.Errorf("%v", got)
		}
	}
}

func TestInPlaceProtectedAndStandbyInstancesFollowThePreferences(t *testing.T) {
	for name, c := range map[string]struct {
		p      types.RefreshPreferences
		status types.InstanceRefreshStatus
		images map[string]int // of the group at the end
		stays  bool           // the one in Standby
	}{
		"wait":    {types.RefreshPreferences{}, types.InstanceRefreshStatusFailed, map[string]int{newImage: 1, oldImage: 2}, true},
		"ignore":  {types.RefreshPreferences{ScaleInProtectedInstances: types.ScaleInProtectedInstancesIgnore, StandbyInstances: types.StandbyInstancesIgnore}, types.InstanceRefreshStatusSuccessful, map[string]int{newImage: 1, oldImage: 2}, true},
		"replace": {types.RefreshPreferences{ScaleInProtectedInstances: types.ScaleInProtectedInstancesRefresh, StandbyInstances: types.StandbyInstancesTerminate}, types.InstanceRefreshStatusSuccessful, map[string]int{newImage: 2}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t)
			a.policied(3, nil)
			ids := a.ids()
			if _, err := a.asg.SetInstanceProtection(t.Context(), &sdk.SetInstanceProtectionInput{AutoScalingGroupName: aws.String("web"), InstanceIds: ids[:1], ProtectedFromScaleIn: aws.Bool(true)}); err != nil {
				t.Fatal(err)
			}
			if _, err := a.asg.EnterStandby(t.Context(), &sdk.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: ids[1:2], ShouldDecrementDesiredCapacity: aws.Bool(true)}); err != nil {
				t.Fatal(err)
			}
			a.mustReroot(&c.p, nil)
			if s := a.wait("web"); s.Status != c.status {
				t.Fatalf("%s: %s", s.Status, aws.ToString(s.StatusReason))
			}
			a.w.Clock().Step(2 * time.Minute)
			got := a.images("web")
			for image, n := range c.images {
				if got[image] != n {
					t.Errorf("%v, not %v", got, c.images)
				}
			}
			if stays := slices.Contains(a.ids(), ids[1]); stays != c.stays || !slices.Contains(a.ids(), ids[0]) || !slices.Contains(a.ids(), ids[2]) {
				t.Errorf("before %v, after %v", ids, a.ids())
			}
			for _, i := range a.group("web").Instances {
				if *i.InstanceId == ids[0] && !*i.ProtectedFromScaleIn {
					t.Error("the protection is gone")
				}
			}
		})
	}
}

func TestARollbackInPlaceToAnImageThatIsGoneFailsAndLosesTheInstance(t *testing.T) {
	a := open(t)
	a.policied(2, nil)
	before := a.ids()
	a.mustReroot(nil, nil)
	a.until("the first with the new image", func() bool { return *a.now().PercentageComplete > 0 })
	if _, err := a.ec2.DeregisterImage(t.Context(), &sdkec2.DeregisterImageInput{ImageId: aws.String(oldImage)}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.asg.RollbackInstanceRefresh(t.Context(), &sdk.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}); err != nil {
		t.Fatal(err)
	}
	if s := a.wait("web"); s.Status != types.InstanceRefreshStatusRollbackFailed {
		t.Errorf("%s: %s", s.Status, aws.ToString(s.StatusReason))
	}
	if after := a.ids(); len(after) >= len(before) {
		t.Errorf("before %v, after %v: nothing was lost", before, after)
	}
}
