package scenario

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/awscloud/look"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// input is a ring and a fleet for each group.
func (a *account) input(image string, groups ...string) rollout.Input {
	in := rollout.Input{Image: image}
	for _, g := range groups {
		in.Rings = append(in.Rings, rollout.Ring{Name: g})
		in.Fleets = append(in.Fleets, rollout.Fleet{Name: g, Ring: g, Groups: []string{g}, Refresh: a.prefs})
	}
	return in
}

// planned is the plan, refused or not.
func (a *account) planned(in rollout.Input) *rollout.Plan {
	a.t.Helper()
	p, err := a.stage().Plan(a.t.Context(), in)
	if err != nil {
		a.t.Fatal(err)
	}
	return p
}

// refuses fails unless the plan is refused with what it should say, and a hint.
func (a *account) refuses(p *rollout.Plan, kind fault.Kind, says string) {
	a.t.Helper()
	err := p.Err()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(err.Error(), says) || fault.HintOf(err) == "" {
		a.t.Errorf("want kind %d and %q: kind %d, %v (%s)", kind, says, fault.KindOf(err), err, fault.HintOf(err))
	}
}

func TestScenario26_a_roll_that_could_not_come_back_is_refused_in_the_plan(t *testing.T) {
	for name, gone := range map[string]func(*account) error{
		"disabled": func(a *account) error {
			_, err := a.ec2.DisableImage(a.t.Context(), &ec2.DisableImageInput{ImageId: aws.String(oldImage)})
			return err
		},
		"gone": func(a *account) error {
			_, err := a.ec2.DeregisterImage(a.t.Context(), &ec2.DeregisterImageInput{ImageId: aws.String(oldImage)})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t)
			a.group("web", 2)
			if err := gone(a); err != nil {
				t.Fatal(err)
			}
			a.refuses(a.planned(a.input(newImage, "web")), fault.Conflict, "the image "+oldImage+" that it runs now is "+name)
			if n := len(a.refreshes("web")); n > 0 {
				t.Errorf("%d refreshes were started", n)
			}
		})
	}
}

func TestScenario28_every_odd_group_is_decided_in_the_plan_and_none_takes_an_hour_to_fail(t *testing.T) {
	ctx := context.Background()
	first := func(a *account) string { return *a.describe("web").Instances[0].InstanceId }
	for _, c := range []struct {
		name  string
		n     int32
		prefs func(*rollout.Preferences)
		odd   func(*account) error
		kind  fault.Kind
		says  string // of the refusal; empty: it goes, and is done
	}{
		{name: "one instance without surge", n: 1, kind: fault.Usage, says: "one instance"},
		{name: "one instance with surge", n: 1, prefs: func(p *rollout.Preferences) { p.MinHealthy, p.MaxHealthy = nil, nil }},
		{name: "a suspended process", n: 2, odd: func(a *account) error {
			_, err := a.asg.SuspendProcesses(ctx, &autoscaling.SuspendProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: []string{"Launch"}})
			return err
		}, kind: fault.Conflict, says: "its process Launch is suspended"},
		{name: "a protected instance", n: 2, odd: protect(first), kind: fault.Conflict, says: "protected from scale-in"},
		{name: "a protected instance that is refreshed", n: 2, prefs: func(p *rollout.Preferences) { p.Protected = "Refresh" }, odd: protect(first)},
		{name: "an instance in standby", n: 2, odd: func(a *account) error {
			_, err := a.asg.EnterStandby(ctx, &autoscaling.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: []string{first(a)}, ShouldDecrementDesiredCapacity: aws.Bool(true)})
			a.wait(60e9)
			return err
		}, kind: fault.Conflict, says: "in standby"},
		{name: "weights as large as the group", n: 2, odd: func(a *account) error {
			return a.mixed(astypes.LaunchTemplateOverrides{InstanceType: aws.String("t3.small"), WeightedCapacity: aws.String("1")},
				astypes.LaunchTemplateOverrides{InstanceType: aws.String("t3.large"), WeightedCapacity: aws.String("2")})
		}, kind: fault.Usage, says: "an instance of weight 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := open(t)
			a.group("web", c.n)
			if c.prefs != nil {
				c.prefs(&a.prefs)
			}
			if c.odd != nil {
				if err := c.odd(a); err != nil {
					t.Fatal(err)
				}
			}
			p := a.planned(a.input(newImage, "web"))
			if c.says != "" {
				a.refuses(p, c.kind, c.says)
				return
			}
			begun := a.Now()
			got, err := a.execution().Roll(t.Context(), p)
			if err != nil || got[0].Outcome != rollout.Done {
				t.Fatalf("%v: %+v", err, got)
			}
			g := p.Rings[0].Groups[0].Measured
			if took := a.Now().Sub(begun); took > g.Estimate.Duration.High+2*60e9 || got[0].MinHealthy < g.Bounds.Floor {
				t.Errorf("took %s of at most %s; %d in service of at least %d", took, g.Estimate.Duration.High, got[0].MinHealthy, g.Bounds.Floor)
			}
		})
	}
}

func protect(which func(*account) string) func(*account) error {
	return func(a *account) error {
		_, err := a.asg.SetInstanceProtection(a.t.Context(), &autoscaling.SetInstanceProtectionInput{AutoScalingGroupName: aws.String("web"),
			InstanceIds: []string{which(a)}, ProtectedFromScaleIn: aws.Bool(true)})
		return err
	}
}

// mixed gives the group a mixed-instances policy.
func (a *account) mixed(o ...astypes.LaunchTemplateOverrides) error {
	_, err := a.asg.UpdateAutoScalingGroup(a.t.Context(), &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"),
		MixedInstancesPolicy: &astypes.MixedInstancesPolicy{LaunchTemplate: &astypes.LaunchTemplate{
			LaunchTemplateSpecification: &astypes.LaunchTemplateSpecification{LaunchTemplateId: &a.template, Version: aws.String("1")}, Overrides: o}}})
	return err
}

// alias makes a channel with the old image, and a template version that follows it by
// resolve:ssm, and saves a group on that version. It returns its number.
func (a *account) alias(channel, group string) string {
	a.t.Helper()
	ctx := a.t.Context()
	if _, err := a.ssm.PutParameter(ctx, &ssm.PutParameterInput{Name: &channel, Value: aws.String(oldImage), Type: ssmtypes.ParameterTypeString}); err != nil {
		a.t.Fatal(err)
	}
	v, err := a.ec2.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &a.template, SourceVersion: aws.String("1"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: aws.String("resolve:ssm:" + channel)}})
	if err != nil {
		a.t.Fatal(err)
	}
	number := fmt.Sprint(*v.LaunchTemplateVersion.VersionNumber)
	if _, err := a.asg.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: &group,
		LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: &a.template, Version: &number}}); err != nil {
		a.t.Fatal(err)
	}
	return number
}

func TestAGroupThatFollowsTheChannelByAliasIsToldOfAndNeverRolled(t *testing.T) {
	a := open(t)
	a.group("web", 2)
	a.group("follower", 2)
	a.alias("/golden/web/latest", "follower")
	in := a.input(newImage, "web")
	in.Channels = []string{"/golden/web/latest"}
	p := a.planned(in)
	if err := p.Err(); err != nil || len(p.Findings) != 1 || !p.Findings[0].Warn || !strings.Contains(p.Findings[0].Text, "group follower launches from /golden/web/latest by resolve:ssm") {
		t.Fatalf("%v, %+v", err, p.Findings)
	}
	if got, err := a.roll(p); err != nil || len(got) != 1 || got[0].Group != "web" || len(a.refreshes("follower")) > 0 {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestBadInputIsRefusedInOnePlanThatShowsAllOfIt(t *testing.T) {
	a := open(t)
	for _, g := range []string{"web", "twice", "alias", "config"} {
		a.group(g, 2)
	}
	ctx := t.Context()
	number := a.alias("/golden/web/latest", "alias")
	if _, err := a.asg.CreateLaunchConfiguration(ctx, &autoscaling.CreateLaunchConfigurationInput{LaunchConfigurationName: aws.String("old"), ImageId: aws.String(oldImage), InstanceType: aws.String("t3.small")}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.asg.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("config"), LaunchConfigurationName: aws.String("old")}); err != nil {
		t.Fatal(err)
	}
	in := a.input(newImage, "web", "twice", "alias", "config")
	in.Fleets[0].Groups = append(in.Fleets[0].Groups, "twice", "nowhere")
	p := a.planned(in)
	said := map[string]bool{}
	for g := range p.Groups() {
		for _, f := range g.Findings {
			if f.Refuse {
				said[g.Group+": "+f.Text] = true
				if f.Hint == "" {
					t.Errorf("%s: nothing says what to do: %s", g.Group, f.Text)
				}
			}
		}
	}
	for _, f := range p.Findings {
		said[f.Fleet+": "+f.Text] = true
	}
	wants := []string{"twice: it belongs to fleet web and to fleet twice", "web: there is no Auto Scaling group nowhere", "config: it uses the launch configuration old",
		"alias: version " + number + " of its launch template names the image by resolve:ssm:/golden/web/latest"}
	for _, want := range wants {
		found := false
		for s := range said {
			found = found || strings.HasPrefix(s, want)
		}
		if !found {
			t.Errorf("not said: %s; said: %v", want, said)
		}
	}
}

func TestAPlanFromAFileIsAppliedWithinItsToleranceOnly(t *testing.T) {
	a := open(t)
	a.group("web", 8)
	in := a.input(newImage, "web")
	var file bytes.Buffer
	if err := rollout.WritePlan(&file, a.planned(in)); err != nil {
		t.Fatal(err)
	}
	p, err := rollout.ReadPlan(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	scale := func(n int32) {
		if _, err := a.asg.UpdateAutoScalingGroup(t.Context(), &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: &n}); err != nil {
			t.Fatal(err)
		}
		a.wait(300e9)
	}
	scale(12)
	if err := a.stage().Check(t.Context(), in, p); fault.KindOf(err).ExitCode() != 11 || err == nil || !strings.Contains(err.Error(), "wants 12 instances; the plan was made for 8 and tolerates 6 to 10") {
		t.Errorf("four more: %v", err)
	}
	scale(10)
	if err := a.stage().Check(t.Context(), in, p); err != nil {
		t.Fatalf("two more: %v", err)
	}
	got, err := a.roll(p)
	if err != nil || got[0].Of != 10 || got[0].OnImage != 10 {
		t.Errorf("%v: %+v", err, got)
	}
	if err := a.stage().Check(t.Context(), in, p); fault.KindOf(err).ExitCode() != 11 || err == nil {
		t.Errorf("a plan was good for two rolls: %v", err)
	}
}

func TestThePlanSeesWhatStandsAroundTheGroups(t *testing.T) {
	a := open(t)
	a.group("web", 4)
	a.ports.Look = look.Look{EC2: a.ec2, Actions: a.asg}
	subnets, err := a.ec2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.asg.UpdateAutoScalingGroup(t.Context(), &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"),
		VPCZoneIdentifier: aws.String(*subnets.Subnets[0].SubnetId + "," + *subnets.Subnets[1].SubnetId), MaxInstanceLifetime: aws.Int32(7 * 86400)}); err != nil {
		t.Fatal(err)
	}
	at := a.Now().Add(3600e9)
	if _, err := a.asg.PutScheduledUpdateGroupAction(t.Context(), &autoscaling.PutScheduledUpdateGroupActionInput{AutoScalingGroupName: aws.String("web"),
		ScheduledActionName: aws.String("evening"), StartTime: &at, DesiredCapacity: aws.Int32(8)}); err != nil {
		t.Fatal(err)
	}
	a.prefs.MinHealthy, a.prefs.MaxHealthy = aws.Int(100), aws.Int(150)
	m := a.planned(a.input(newImage, "web")).Rings[0].Groups[0].Measured
	if m.Room.Wanted != 2 || m.Room.Addresses == nil || *m.Room.Addresses < 100 || m.Room.CPUs == nil || *m.Room.CPUs != 4 {
		t.Errorf("room %+v", m.Room)
	}
	if text := strings.Join(m.Anyway, "\n"); !strings.Contains(text, "after 7 days") || !strings.Contains(text, "scheduled action evening") || !strings.Contains(text, "to 8") {
		t.Errorf("anyway %q", text)
	}
	if m.Estimate.Surge.High <= 0 || m.Bounds.Floor != 4 || m.Bounds.Ceiling != 6 {
		t.Errorf("%+v, %+v", m.Estimate, m.Bounds)
	}
}
