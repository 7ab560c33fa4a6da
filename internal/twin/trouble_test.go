package twin_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const testImage = "ami-0000000000000000a"

// troubled is a full twin with an image, whose time stands still, under a fault plan.
func troubled(t *testing.T, rules ...twin.Rule) (*twin.Twin, *awsec2.Client) {
	t.Helper()
	var compute *ec2.Service
	o := fullWith(t.TempDir(), func(s *ec2.Service) { compute = s })
	o.Mode, o.Faults = world.Manual, rules
	w := open(t, o)
	err := w.World().Do("111122223333", region, func(tx *world.Tx) error {
		_, err := compute.AddImage(tx, ec2.Image{ID: testImage, Name: "debian", Public: true, User: "admin"},
			backing.Image{Modelled: &backing.ModelledImage{OS: "DEBIAN", Product: "Debian12", Arch: "amd64"}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, awsec2.NewFromConfig(once(w))
}

// launch asks for one instance and returns its id, or the error's code.
func launch(c *awsec2.Client, kind types.InstanceType, zone string, tags ...string) string {
	in := &awsec2.RunInstancesInput{ImageId: aws.String(testImage), InstanceType: kind, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		Placement: &types.Placement{AvailabilityZone: &zone}}
	for _, name := range tags {
		in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String(name)}}}}
	}
	out, err := c.RunInstances(ctx, in)
	if err != nil {
		return code(err)
	}
	return *out.Instances[0].InstanceId
}

// states are the states of all instances by their name, and why they have gone.
func states(t *testing.T, c *awsec2.Client) map[string]string {
	t.Helper()
	out, err := c.DescribeInstances(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			s := string(i.State.Name)
			if i.StateReason != nil {
				s += " " + *i.StateReason.Code
			}
			got[*i.Tags[0].Value] = s
		}
	}
	return got
}

func TestThereIsNoCapacityForATypeInAZoneForAFewLaunches(t *testing.T) {
	t.Parallel()
	_, c := troubled(t, twin.Rule{Fails: world.NoCapacity, Times: 2, Where: &twin.Where{Type: "m5.large", Zone: region + "a"}})
	const short = "InsufficientInstanceCapacity"
	if got := launch(c, "m5.large", region+"a"); got != short {
		t.Errorf("the first: %s", got)
	}
	if launch(c, "m5.large", region+"b") == short || launch(c, "t3.micro", region+"a") == short {
		t.Error("another zone or type")
	}
	if got := launch(c, "m5.large", region+"a"); got != short {
		t.Errorf("the second: %s", got)
	}
	if got := launch(c, "m5.large", region+"a"); got == short {
		t.Errorf("the third: %s", got)
	}
}

func TestAGroupWaitsForCapacity(t *testing.T) {
	t.Parallel()
	w, c := troubled(t, twin.Rule{Fails: world.NoCapacity, Until: start.Add(10 * time.Minute)})
	if _, err := c.CreateLaunchTemplate(ctx, &awsec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("web"),
		LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(testImage), InstanceType: "m5.large"}}); err != nil {
		t.Fatal(err)
	}
	groups := awsasg.NewFromConfig(once(w))
	if _, err := groups.CreateAutoScalingGroup(ctx, &awsasg.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(2), MaxSize: aws.Int32(2),
		AvailabilityZones: []string{region + "a"}, LaunchTemplate: &asgtypes.LaunchTemplateSpecification{LaunchTemplateName: aws.String("web")}}); err != nil {
		t.Fatal(err)
	}
	have := func() int {
		out, err := groups.DescribeAutoScalingGroups(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		return len(out.AutoScalingGroups[0].Instances)
	}
	w.World().Clock().Step(9 * time.Minute)
	if n := have(); n != 0 {
		t.Errorf("%d instances without capacity", n)
	}
	w.World().Clock().Step(5 * time.Minute)
	if n := have(); n != 2 {
		t.Errorf("%d instances when there is capacity again", n)
	}
}

func TestSpotInstancesGetNoticeAndGo(t *testing.T) {
	t.Parallel()
	w, c := troubled(t, twin.Rule{Fails: world.SpotInterruption, From: start.Add(time.Hour), Where: &twin.Where{Tag: "Name=spot"}})
	launch(c, "m5.large", region+"a", "spot")
	launch(c, "m5.large", region+"a", "other")
	at := w.World().Clock().StepTo
	at(start.Add(time.Hour + 119*time.Second))
	if d := cmp.Diff(map[string]string{"spot": "running", "other": "running"}, states(t, c)); d != "" {
		t.Errorf("during the notice: %s", d)
	}
	at(start.Add(time.Hour + 121*time.Second))
	if d := cmp.Diff(map[string]string{"spot": "terminated Server.SpotInstanceTermination", "other": "running"}, states(t, c)); d != "" {
		t.Errorf("after it: %s", d)
	}
}

func TestALostZoneTakesItsInstancesAndLetsNoneLaunch(t *testing.T) {
	t.Parallel()
	rule := twin.Rule{Fails: world.ZoneLost, From: start.Add(time.Hour), Until: start.Add(2 * time.Hour), Where: &twin.Where{Zone: region + "a"}}
	w, c := troubled(t, rule)
	launch(c, "m5.large", region+"a", "a")
	launch(c, "m5.large", region+"b", "b")
	at := w.World().Clock().StepTo
	at(start.Add(time.Hour + time.Minute))
	if d := cmp.Diff(map[string]string{"a": "terminated Server.InternalError", "b": "running"}, states(t, c)); d != "" {
		t.Error(d)
	}
	if got := launch(c, "m5.large", region+"a"); got != "InsufficientInstanceCapacity" {
		t.Errorf("a launch there: %s", got)
	}
	at(start.Add(2 * time.Hour))
	if got := launch(c, "m5.large", region+"a", "again"); got == "InsufficientInstanceCapacity" {
		t.Errorf("a launch afterwards: %s", got)
	}
	at(start.Add(4 * time.Hour))
	if got := states(t, c)["again"]; got != "running" {
		t.Errorf("it was lost a second time: %s", got)
	}
}

func TestAnOutageThatWasTakenOutOfThePlanDoesNotCome(t *testing.T) {
	t.Parallel()
	w, c := troubled(t, twin.Rule{Fails: world.SpotInterruption, From: start.Add(time.Hour)})
	launch(c, "m5.large", region+"a", "a")
	admin(t, w.Client(""), "DELETE", "http://127.0.0.1/_twin/faults", "", nil)
	w.World().Clock().Step(2 * time.Hour)
	if got := states(t, c)["a"]; got != "running" {
		t.Error(got)
	}
}

func TestACopyFailsInOneRegionOnly(t *testing.T) {
	t.Parallel()
	w, _ := troubled(t, twin.Rule{Fails: world.CopyFails, Region: "us-east-1", Times: -1, Message: "as the plan says"})
	for to, want := range map[string]string{"us-east-1": "failed", "us-west-2": "available"} {
		cfg := once(w)
		cfg.Region = to
		c := awsec2.NewFromConfig(cfg)
		copied, err := c.CopyImage(ctx, &awsec2.CopyImageInput{Name: aws.String("copy"), SourceImageId: aws.String(testImage), SourceRegion: aws.String(region)})
		if err != nil {
			t.Fatal(err)
		}
		w.World().Clock().Step(3 * time.Hour)
		out, err := c.DescribeImages(ctx, &awsec2.DescribeImagesInput{ImageIds: []string{*copied.ImageId}})
		if err != nil || string(out.Images[0].State) != want {
			t.Errorf("%s: %+v %v, want %s", to, out, err, want)
		}
	}
}
