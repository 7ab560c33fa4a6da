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
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestInPlaceTheInstancesStayWithAddressesAndDataVolumesAndRunTheNewImage(t *testing.T) {
	a := open(t)
	if _, err := a.ec2.CreateLaunchTemplateVersion(t.Context(), &sdkec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &a.lt, SourceVersion: aws.String("1"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{
			BlockDeviceMappings: []ec2types.LaunchTemplateBlockDeviceMappingRequest{{DeviceName: aws.String("/dev/sdf"), Ebs: &ec2types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: aws.Int32(20)}}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	data := func(image string) *types.MixedInstancesPolicy {
		p := a.rooted("t3.micro", image)
		p.LaunchTemplate.LaunchTemplateSpecification.Version = aws.String("3")
		return p
	}
	a.policied(3, func(in *sdk.CreateAutoScalingGroupInput) { in.MixedInstancesPolicy = data(oldImage) })
	before := a.machines()
	a.mustReroot(nil, func(in *sdk.StartInstanceRefreshInput) { in.DesiredConfiguration.MixedInstancesPolicy = data(newImage) })
	if s := a.ended(types.InstanceRefreshStatusSuccessful, 100); s.Strategy != types.RefreshStrategyReplaceRootVolume || *s.InstancesToUpdate != 0 {
		t.Errorf("%+v", s)
	}
	after := a.machines()
	volumes := func(i ec2types.Instance) (root string, rest []string) {
		for _, m := range i.BlockDeviceMappings {
			if *m.DeviceName == *i.RootDeviceName {
				root = *m.Ebs.VolumeId
			} else {
				rest = append(rest, *m.Ebs.VolumeId)
			}
		}
		return root, rest
	}
	for id, was := range before {
		is, ok := after[id]
		if !ok {
			t.Fatalf("%s is gone", id)
		}
		oldRoot, oldData := volumes(was)
		root, kept := volumes(is)
		if *is.ImageId != newImage || *is.PrivateIpAddress != *was.PrivateIpAddress || *is.NetworkInterfaces[0].NetworkInterfaceId != *was.NetworkInterfaces[0].NetworkInterfaceId ||
			!is.LaunchTime.Equal(*was.LaunchTime) || root == oldRoot || len(kept) != 1 || kept[0] != oldData[0] {
			t.Errorf("before %+v\nafter %+v", was, is)
		}
		if _, err := a.ec2.DescribeVolumes(t.Context(), &sdkec2.DescribeVolumesInput{VolumeIds: []string{oldRoot}}); refusal(err) != "InvalidVolume.NotFound" {
			t.Errorf("the root volume that was replaced is still there: %v", err)
		}
	}
	g := a.group("web")
	if *g.MixedInstancesPolicy.LaunchTemplate.Overrides[0].ImageId != newImage {
		t.Error("the group did not take the desired configuration")
	}
	shown, err := a.asg.DescribeAutoScalingInstances(t.Context(), &sdk.DescribeAutoScalingInstancesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for k, i := range g.Instances {
		if aws.ToString(i.ImageId) != newImage || *i.LaunchTemplate.Version != "3" || aws.ToString(shown.AutoScalingInstances[k].ImageId) != newImage {
			t.Errorf("shown as %+v and %+v", i, shown.AutoScalingInstances[k])
		}
	}
}

func TestTheImageIsShownOnlyOfInstancesWithAnOverridesImageOrAReplacedRoot(t *testing.T) {
	a := open(t)
	a.create("web", 1)
	if i := a.group("web").Instances[0]; i.ImageId != nil {
		t.Errorf("from the template alone: %s", *i.ImageId)
	}
	b := open(t)
	b.policied(1, nil)
	if i := b.group("web").Instances[0]; aws.ToString(i.ImageId) != oldImage {
		t.Errorf("from an override: %s", aws.ToString(i.ImageId))
	}
}

func TestInPlaceTheMinimumHealthyPercentageIsKeptAndNothingIsLaunched(t *testing.T) {
	a := open(t)
	a.policied(4, nil)
	seen := a.lows()
	a.mustReroot(&types.RefreshPreferences{MinHealthyPercentage: aws.Int32(75), MaxHealthyPercentage: aws.Int32(150)}, nil)
	a.ended(types.InstanceRefreshStatusSuccessful, 100)
	if low, high := seen(); low != 3 || high != 4 {
		t.Errorf("%d serving at least, %d at most in all", low, high)
	}
	if got := a.images("web"); got[newImage] != 4 || len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestInPlaceAMinimumThatLeavesNoRoomMakesNoProgressAndFailsAfterAnHour(t *testing.T) {
	a := open(t)
	a.policied(2, nil)
	a.mustReroot(&types.RefreshPreferences{MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(150)}, nil)
	a.w.Clock().Step(time.Minute)
	if s := a.now(); !strings.Contains(aws.ToString(s.StatusReason), "minimum healthy percentage") {
		t.Errorf("waits for: %s", aws.ToString(s.StatusReason))
	}
	s := a.ended(types.InstanceRefreshStatusFailed, 0)
	if took := s.EndTime.Sub(*s.StartTime); took < time.Hour || took > time.Hour+time.Minute {
		t.Errorf("after %s", took)
	}
	if got := a.images("web"); got[oldImage] != 2 {
		t.Errorf("%v", got)
	}
}

func TestInPlaceWithoutAMaximumTheLastInstanceGoesOutOfServiceToo(t *testing.T) {
	a := open(t)
	a.policied(1, nil)
	id, seen := a.ids()[0], a.lows()
	a.mustReroot(&types.RefreshPreferences{MinHealthyPercentage: aws.Int32(100)}, nil)
	a.ended(types.InstanceRefreshStatusSuccessful, 100)
	if low, high := seen(); low != 0 || high != 1 || a.ids()[0] != id {
		t.Errorf("%d serving at least, %d in all at most, %v after %s", low, high, a.ids(), id)
	}
}

func TestInPlaceCheckpointsAreReachedAndAPartialRefreshCanBeRunAgain(t *testing.T) {
	a := open(t)
	a.policied(4, nil)
	before := a.ids()
	p := &types.RefreshPreferences{CheckpointPercentages: []int32{25, 50}, CheckpointDelay: aws.Int32(600), SkipMatching: aws.Bool(true)}
	a.mustReroot(p, nil)
	a.until("a wait at the checkpoint", func() bool { return strings.Contains(aws.ToString(a.now().StatusReason), "25% checkpoint") })
	if got := a.images("web"); got[newImage] != 1 {
		t.Errorf("at the checkpoint of 25%%: %v", got)
	}
	a.ended(types.InstanceRefreshStatusSuccessful, 50)
	a.mustReroot(p, nil) // about the two that are left: half of them is one, and 25 % is passed with it
	a.ended(types.InstanceRefreshStatusSuccessful, 50)
	if got := a.images("web"); got[newImage] != 3 || got[oldImage] != 1 || !slices.Equal(a.ids(), before) {
		t.Errorf("%v of %v, before %v", got, a.ids(), before)
	}
	a.mustReroot(&types.RefreshPreferences{SkipMatching: aws.Bool(true)}, nil)
	a.ended(types.InstanceRefreshStatusSuccessful, 100)
	if got := a.images("web"); got[newImage] != 4 {
		t.Errorf("%v", got)
	}
}

func TestInPlaceTheTypeOfAnInstanceSaysWhichOverridesImageItGets(t *testing.T) {
	a := open(t)
	third := a.addImage(func(i *ec2.Image) { i.ID = "ami-00000000000000003" })
	a.policied(1, func(in *sdk.CreateAutoScalingGroupInput) {
		in.MixedInstancesPolicy = a.rooted("t3.small", oldImage, "t3.micro", oldImage)
	})
	a.mustReroot(nil, func(in *sdk.StartInstanceRefreshInput) {
		in.DesiredConfiguration.MixedInstancesPolicy = a.rooted("t3.micro", third, "t3.small", newImage)
	})
	a.ended(types.InstanceRefreshStatusSuccessful, 100)
	if i := a.group("web").Instances[0]; *i.InstanceType != "t3.small" || *i.ImageId != newImage {
		t.Errorf("%s of %s", *i.ImageId, *i.InstanceType)
	}
}

func TestInPlaceCapacityIsCountedInWeights(t *testing.T) {
	weigh := func(p *types.MixedInstancesPolicy) *types.MixedInstancesPolicy {
		p.LaunchTemplate.Overrides[0].WeightedCapacity = aws.String("2")
		return p
	}
	a := open(t)
	a.policied(6, func(in *sdk.CreateAutoScalingGroupInput) { in.MixedInstancesPolicy = weigh(in.MixedInstancesPolicy) })
	before, seen := a.ids(), a.lows()
	a.mustReroot(&types.RefreshPreferences{MinHealthyPercentage: aws.Int32(50)}, func(in *sdk.StartInstanceRefreshInput) { weigh(in.DesiredConfiguration.MixedInstancesPolicy) })
	a.ended(types.InstanceRefreshStatusSuccessful, 100)
	if low, high := seen(); low != 4 || high != 6 || len(before) != 3 || !slices.Equal(a.ids(), before) {
		t.Errorf("%d serving at least, %d in all at most, %v after %v", low, high, a.ids(), before)
	}
}

func TestInPlaceAScaleOutLaunchesTheNewImage(t *testing.T) {
	a := open(t)
	a.policied(2, nil)
	a.mustReroot(nil, nil)
	a.until("the first replacement", func() bool { _, ok := a.in(types.LifecycleStateReplacingRootVolumeProceed); return ok })
	if _, err := a.asg.SetDesiredCapacity(t.Context(), &sdk.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: aws.Int32(4)}); err != nil {
		t.Fatal(err)
	}
	a.ended(types.InstanceRefreshStatusSuccessful, 100)
	if got := a.images("web"); got[newImage] != 4 || len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestAKilledTwinGoesOnWithAReplacementInPlace(t *testing.T) {
	dir := t.TempDir()
	again := func(old *account) *account {
		if old != nil {
			if err := old.w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		w, err := world.Open(world.Options{Dir: dir, Seed: 1, Start: wiretest.Start, Mode: world.Manual})
		if err != nil {
			t.Fatal(err)
		}
		return serve(t, w)
	}
	a := again(nil)
	a.fill()
	a.policied(2, nil)
	before := a.ids()
	a.mustReroot(nil, nil)
	for _, state := range []types.LifecycleState{types.LifecycleStateReplacingRootVolumeProceed, types.LifecycleStateRootVolumeReplaced} {
		a.until(string(state), func() bool { _, ok := a.in(state); return ok })
		a = again(a)
	}
	a.ended(types.InstanceRefreshStatusSuccessful, 100)
	if got := a.images("web"); got[newImage] != 2 || !slices.Equal(a.ids(), before) {
		t.Errorf("%v of %v, before %v", got, a.ids(), before)
	}
	if err := a.w.Close(); err != nil {
		t.Error(err)
	}
}
