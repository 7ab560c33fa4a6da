package twin_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
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
	var told []string
	for _, e := range w.World().EventsSince(0) {
		if e.Kind == "events.put" && e.Data["source"] == "aws.ec2" {
			told = append(told, fmt.Sprintf("%s %s %s", e.Time.Sub(start), e.Data["detailType"], e.Data["detail"]))
		}
	}
	if len(told) != 2 || !strings.Contains(told[0], "1h0m0s EC2 Instance Rebalance Recommendation {\"instance-id\":\"i-") ||
		!strings.HasPrefix(told[1], "1h0m0s EC2 Spot Instance Interruption Warning {\"instance-action\":\"terminate\",\"instance-id\":\"i-") {
		t.Errorf("EventBridge has %q", told)
	}
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

// patch sends AWS-RunPatchBaseline to the instances of a name, one after the other.
func patch(t *testing.T, w *twin.Twin, name string) string {
	t.Helper()
	out, err := awsssm.NewFromConfig(once(w)).SendCommand(ctx, &awsssm.SendCommandInput{DocumentName: aws.String("AWS-RunPatchBaseline"),
		Targets:        []ssmtypes.Target{{Key: aws.String("tag:Name"), Values: []string{name}}},
		MaxConcurrency: aws.String("1"), MaxErrors: aws.String("9"), Parameters: map[string][]string{"Operation": {"Scan"}}})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Command.CommandId
}

// outcomes are the states of a command's invocations in the order of ids, when as
// many as wanted have ended.
func outcomes(t *testing.T, w *twin.Twin, command string, ended int, ids ...string) (got []string) {
	t.Helper()
	c := awsssm.NewFromConfig(once(w))
	for range 60 {
		settled(t, w, time.Second)
		got = nil
		n := 0
		for _, id := range ids {
			out, err := c.GetCommandInvocation(ctx, &awsssm.GetCommandInvocationInput{CommandId: &command, InstanceId: &id})
			if err != nil {
				got = append(got, code(err))
				continue
			}
			got = append(got, string(out.Status))
			if out.ExecutionEndDateTime != nil && *out.ExecutionEndDateTime != "" {
				n++
			}
		}
		if n >= ended {
			return got
		}
	}
	t.Fatalf("only %d of %v ended: %v", ended, ids, got)
	return nil
}

// settled steps when what is under way on the wall has ended: nobody promises how long
// that takes.
func settled(t *testing.T, w *twin.Twin, by time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	w.World().Clock().StepSettled(ctx, w.World().Clock().Now().Add(by))
}

func TestPatchingFailsOnTheSecondHostOnly(t *testing.T) {
	t.Parallel()
	w, c := troubled(t, twin.Rule{Fails: world.PatchFails, Nth: 2, Message: "the disk is full"})
	var ids []string
	for range 3 {
		ids = append(ids, launch(c, "m5.large", region+"a", "web"))
	}
	w.World().Clock().Step(time.Minute)
	got := outcomes(t, w, patch(t, w, "web"), 3, ids...)
	slices.Sort(got)
	if d := cmp.Diff([]string{"Failed", "Success", "Success"}, got); d != "" {
		t.Error(d)
	}
	var faults []world.Event
	admin(t, w.Client(""), "GET", "http://127.0.0.1/_twin/events?kind=fault", "", &faults)
	if len(faults) != 1 || faults[0].Data["message"] != "the disk is full" || faults[0].Data["fails"] != "patch" {
		t.Errorf("faults in the log: %+v", faults)
	}
}

// A client that moves the clock cannot see the machines at work: what they have been
// given ends before its time is up.
func TestAStepOfTheClockLetsHealthyHostsEndTheirCommands(t *testing.T) {
	t.Parallel()
	w, c := troubled(t)
	var ids []string
	for range 3 {
		ids = append(ids, launch(c, "m5.large", region+"a", "web"))
	}
	step := func(by string) {
		if code := admin(t, w.Client(""), "POST", "http://127.0.0.1/_twin/clock/step?by="+by, "", nil); code != 200 {
			t.Fatal(code)
		}
	}
	step("10m")
	command := patch(t, w, "web")
	step("3h")
	for _, id := range ids {
		out, err := awsssm.NewFromConfig(once(w)).GetCommandInvocation(ctx, &awsssm.GetCommandInvocationInput{CommandId: &command, InstanceId: &id})
		if err != nil || out.Status != ssmtypes.CommandInvocationStatusSuccess {
			t.Errorf("%s: %+v %v", id, out, err)
		}
	}
}

func TestAnAgentThatIsAwayIsShownAsLostAndTakesItsCommandsLater(t *testing.T) {
	t.Parallel()
	w, c := troubled(t, twin.Rule{Fails: world.AgentOffline, Until: start.Add(30 * time.Minute), Where: &twin.Where{Tag: "Name=away"}})
	away, there := launch(c, "m5.large", region+"a", "away"), launch(c, "m5.large", region+"a", "there")
	w.World().Clock().Step(time.Minute)
	pings := func() map[string]string {
		out, err := awsssm.NewFromConfig(once(w)).DescribeInstanceInformation(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, i := range out.InstanceInformationList {
			got[*i.InstanceId] = string(i.PingStatus)
		}
		return got
	}
	if d := cmp.Diff(map[string]string{away: "ConnectionLost", there: "Online"}, pings()); d != "" {
		t.Error(d)
	}
	waits, runs := patch(t, w, "away"), patch(t, w, "there")
	if got := outcomes(t, w, runs, 1, there); got[0] != "Success" {
		t.Errorf("on the other: %s", got)
	}
	if got := outcomes(t, w, waits, 0, away); got[0] != "Pending" {
		t.Errorf("while it is away: %s", got)
	}
	w.World().Clock().StepTo(start.Add(32 * time.Minute))
	if d := cmp.Diff(map[string]string{away: "Online", there: "Online"}, pings()); d != "" {
		t.Error(d)
	}
	if got := outcomes(t, w, waits, 1, away); got[0] != "Success" {
		t.Errorf("when it is back: %s", got)
	}
}

func TestAHookWhoseCompletionIsLostTimesOut(t *testing.T) {
	t.Parallel()
	w, c := troubled(t, twin.Rule{Fails: world.HookTimeout, Where: &twin.Where{Name: "ready"}})
	if _, err := c.CreateLaunchTemplate(ctx, &awsec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("web"),
		LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(testImage), InstanceType: "m5.large"}}); err != nil {
		t.Fatal(err)
	}
	groups := awsasg.NewFromConfig(once(w))
	_, err := groups.CreateAutoScalingGroup(ctx, &awsasg.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(1), MaxSize: aws.Int32(1),
		AvailabilityZones: []string{region + "a"}, LaunchTemplate: &asgtypes.LaunchTemplateSpecification{LaunchTemplateName: aws.String("web")},
		LifecycleHookSpecificationList: []asgtypes.LifecycleHookSpecification{{LifecycleHookName: aws.String("ready"),
			LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_LAUNCHING"), HeartbeatTimeout: aws.Int32(300), DefaultResult: aws.String("ABANDON")}}})
	if err != nil {
		t.Fatal(err)
	}
	member := func() (id, state string) {
		out, err := groups.DescribeAutoScalingGroups(ctx, nil)
		if err != nil || len(out.AutoScalingGroups[0].Instances) == 0 {
			return "", fmt.Sprint("none ", err)
		}
		i := out.AutoScalingGroups[0].Instances[0]
		return *i.InstanceId, string(i.LifecycleState)
	}
	complete := func(id string) {
		_, err := groups.CompleteLifecycleAction(ctx, &awsasg.CompleteLifecycleActionInput{AutoScalingGroupName: aws.String("web"), LifecycleHookName: aws.String("ready"),
			InstanceId: &id, LifecycleActionResult: aws.String("CONTINUE")})
		if err != nil {
			t.Error(err)
		}
	}
	w.World().Clock().Step(time.Minute)
	first, _ := member()
	complete(first)
	w.World().Clock().Step(time.Minute)
	if id, state := member(); id != first || state != "Pending:Wait" {
		t.Errorf("after the lost completion %s is %s", id, state)
	}
	w.World().Clock().Step(6 * time.Minute)
	second, state := member()
	if second == first || state != "Pending:Wait" {
		t.Fatalf("after the timeout %s (first %s) is %s", second, first, state)
	}
	complete(second)
	w.World().Clock().Step(time.Minute)
	if id, state := member(); id != second || state != "InService" {
		t.Errorf("after the next completion %s is %s", id, state)
	}
}
