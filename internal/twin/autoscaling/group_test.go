package autoscaling

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestCreateRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*asg.CreateAutoScalingGroupInput)
		code string
	}{
		{"desired above max", func(in *asg.CreateAutoScalingGroupInput) { in.DesiredCapacity = aws.Int32(51) }, "ValidationError"},
		{"desired below min", func(in *asg.CreateAutoScalingGroupInput) { in.MinSize, in.DesiredCapacity = aws.Int32(2), aws.Int32(1) }, "ValidationError"},
		{"min above max", func(in *asg.CreateAutoScalingGroupInput) { in.MinSize = aws.Int32(60) }, "ValidationError"},
		{"nothing to launch", func(in *asg.CreateAutoScalingGroupInput) { in.LaunchTemplate = nil }, "ValidationError"},
		{"an unknown template", func(in *asg.CreateAutoScalingGroupInput) { in.LaunchTemplate.LaunchTemplateId = aws.String("lt-9") }, "ValidationError"},
		{"no network", func(in *asg.CreateAutoScalingGroupInput) { in.AvailabilityZones = nil }, "ValidationError"},
		{"another Region's zone", func(in *asg.CreateAutoScalingGroupInput) {
			in.AvailabilityZones = []string{"eu-central-1a", "us-east-1a"}
		}, "ValidationError"},
		{"an unknown subnet", func(in *asg.CreateAutoScalingGroupInput) { in.VPCZoneIdentifier = aws.String("subnet-9") }, "ValidationError"},
		{"half a maintenance policy", func(in *asg.CreateAutoScalingGroupInput) {
			in.InstanceMaintenancePolicy = &types.InstanceMaintenancePolicy{MinHealthyPercentage: aws.Int32(90)}
		}, "ValidationError"},
		{"template and launch configuration", func(in *asg.CreateAutoScalingGroupInput) { in.LaunchConfigurationName = aws.String("lc") }, "ValidationError"},
		{"an unknown launch configuration", func(in *asg.CreateAutoScalingGroupInput) {
			in.LaunchConfigurationName, in.LaunchTemplate = aws.String("lc"), nil
		}, "ValidationError"},
		{"a lifecycle hook without a name", func(in *asg.CreateAutoScalingGroupInput) {
			in.LifecycleHookSpecificationList = make([]types.LifecycleHookSpecification, 1)
		}, "ValidationError"},
		{"a lifetime of less than a day", func(in *asg.CreateAutoScalingGroupInput) { in.MaxInstanceLifetime = aws.Int32(86399) }, "ValidationError"},
		{"a lifetime of more than a year", func(in *asg.CreateAutoScalingGroupInput) { in.MaxInstanceLifetime = aws.Int32(31536001) }, "ValidationError"},
		{"an unknown target group", func(in *asg.CreateAutoScalingGroupInput) { in.TargetGroupARNs = []string{"arn:x"} }, "ValidationError"},
		{"more target groups than there may be", func(in *asg.CreateAutoScalingGroupInput) { in.TargetGroupARNs = make([]string, 51) }, "ValidationError"},
		{"a name that is taken", func(in *asg.CreateAutoScalingGroupInput) { in.AutoScalingGroupName = aws.String("taken") }, "AlreadyExists"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t)
			r.group("taken", 0)
			in := &asg.CreateAutoScalingGroupInput{
				AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(0), MaxSize: aws.Int32(50), LaunchTemplate: version(1), AvailabilityZones: []string{"eu-central-1a"},
			}
			c.edit(in)
			if _, err := call(r, r.s.CreateAutoScalingGroup, in); code(err) != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
		})
	}
}

func TestGroupLaunchesAndShowsWhatItReallyLaunched(t *testing.T) {
	r := start(t)
	r.group("web", 3, func(in *asg.CreateAutoScalingGroupInput) {
		in.LaunchTemplate = spec("$Latest")
		in.Tags = []types.Tag{{Key: aws.String("App"), Value: aws.String("web"), PropagateAtLaunch: aws.Bool(true)}, {Key: aws.String("Own"), Value: aws.String("x")}}
	})
	r.ec2.lt["lt-1"] = append(r.ec2.lt["lt-1"], "ami-2") // version 5 is now the latest
	must(r, r.s.SetDesiredCapacity, &asg.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: aws.Int32(4)})
	r.step(time.Minute)
	if v := r.versions("web"); v["4"] != 3 || v["5"] != 1 {
		t.Fatalf("versions %v, want the ones launched", v)
	}
	g := r.describe("web")
	if *g.LaunchTemplate.Version != "$Latest" || *g.LaunchTemplate.LaunchTemplateName != "web" {
		t.Fatalf("template %+v", g.LaunchTemplate)
	}
	zones := map[string]int{}
	for _, i := range g.Instances {
		zones[*i.AvailabilityZone]++
	}
	if zones["eu-central-1a"] != 2 || zones["eu-central-1b"] != 2 {
		t.Fatalf("zones %v", zones)
	}
	_ = r.w.Do(account, region, func(tx *world.Tx) error {
		i, _ := r.ec2.Instance(tx, *g.Instances[0].InstanceId)
		if i.Tags["App"] != "web" || i.Tags["Own"] != "" || i.Tags["aws:autoscaling:groupName"] != "web" {
			t.Errorf("instance tags %v", i.Tags)
		}
		return nil
	})
}

func TestScaleInTakesTheOldestAndLeavesProtected(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	must(r, r.s.SetDesiredCapacity, &asg.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: aws.Int32(4)})
	r.step(time.Minute)
	ms := r.describe("web").Instances
	must(r, r.s.SetInstanceProtection, &asg.SetInstanceProtectionInput{AutoScalingGroupName: aws.String("web"), InstanceIds: []string{*ms[0].InstanceId}, ProtectedFromScaleIn: aws.Bool(true)})
	must(r, r.s.SetDesiredCapacity, &asg.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: aws.Int32(3)})
	r.step(2 * time.Minute)
	var left []string
	for _, m := range r.describe("web").Instances {
		left = append(left, *m.InstanceId)
	}
	if want := []string{*ms[0].InstanceId, *ms[2].InstanceId, *ms[3].InstanceId}; !slices.Equal(left, want) {
		t.Fatalf("left %v, want %v", left, want)
	}
	for _, n := range []int32{-1, 51} {
		if _, err := call(r, r.s.SetDesiredCapacity, &asg.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: &n}); code(err) != "ValidationError" {
			t.Fatalf("%d: %v", n, err)
		}
	}
}

func TestUnhealthyInstanceIsReplaced(t *testing.T) {
	r := start(t)
	r.group("web", 2, func(in *asg.CreateAutoScalingGroupInput) { in.HealthCheckGracePeriod = aws.Int32(300) })
	id := r.describe("web").Instances[0].InstanceId
	in := &asg.SetInstanceHealthInput{InstanceId: id, HealthStatus: aws.String("Unhealthy")}
	must(r, r.s.SetInstanceHealth, in)
	if h := *r.describe("web").Instances[0].HealthStatus; h != "Healthy" {
		t.Fatalf("%s within the grace period", h)
	}
	in.ShouldRespectGracePeriod = aws.Bool(false)
	must(r, r.s.SetInstanceHealth, in)
	r.step(2 * time.Minute)
	g := r.describe("web")
	if len(g.Instances) != 2 || slices.ContainsFunc(g.Instances, func(i types.Instance) bool { return *i.InstanceId == *id }) {
		t.Fatalf("%d instances, the unhealthy one still there", len(g.Instances))
	}
}

func TestInstanceThatEndsOutsideIsReplacedUnlessSuspended(t *testing.T) {
	for _, suspended := range []bool{false, true} {
		r := start(t)
		r.group("web", 2)
		if suspended {
			must(r, r.s.SuspendProcesses, &asg.SuspendProcessesInput{AutoScalingGroupName: aws.String("web")})
			if n := len(r.describe("web").SuspendedProcesses); n != 9 {
				t.Fatalf("%d processes suspended", n)
			}
		}
		id := *r.describe("web").Instances[0].InstanceId
		if err := r.w.Do(account, region, func(tx *world.Tx) error { return r.ec2.Terminate(tx, id) }); err != nil {
			t.Fatal(err)
		}
		r.step(3 * time.Minute)
		want := 2
		if suspended {
			want = 1
		}
		if v := r.versions("web"); v["1"] != want {
			t.Fatalf("suspended %v: %v", suspended, v)
		}
	}
}

func TestStandbyWithAndWithoutDecrement(t *testing.T) {
	r := start(t)
	r.group("web", 2, func(in *asg.CreateAutoScalingGroupInput) { in.MinSize = aws.Int32(2) })
	id := []string{*r.describe("web").Instances[0].InstanceId}
	in := &asg.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: id, ShouldDecrementDesiredCapacity: aws.Bool(true)}
	if _, err := call(r, r.s.EnterStandby, in); code(err) != "ValidationError" {
		t.Fatalf("below the minimum: %v", err)
	}
	in.ShouldDecrementDesiredCapacity = aws.Bool(false)
	if out := must(r, r.s.EnterStandby, in); len(out.Activities) != 1 {
		t.Fatal("no activity")
	}
	r.step(time.Minute)
	if g := r.describe("web"); len(g.Instances) != 3 || *g.DesiredCapacity != 2 {
		t.Fatalf("%d instances, desired %d: no replacement for the one in Standby", len(g.Instances), *g.DesiredCapacity)
	}
	must(r, r.s.ExitStandby, &asg.ExitStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: id})
	if g := r.describe("web"); *g.DesiredCapacity != 3 {
		t.Fatalf("desired %d after ExitStandby", *g.DesiredCapacity)
	}
	if _, err := call(r, r.s.ExitStandby, &asg.ExitStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: id}); code(err) != "ValidationError" {
		t.Fatal(err)
	}
}

func TestTerminateWithDecrement(t *testing.T) {
	r := start(t)
	r.group("web", 3, func(in *asg.CreateAutoScalingGroupInput) { in.MinSize = aws.Int32(2) })
	for k, want := range []string{"<nil>", "ValidationError"} {
		id := r.describe("web").Instances[k].InstanceId
		out, err := call(r, r.s.TerminateInstanceInAutoScalingGroup, &asg.TerminateInstanceInAutoScalingGroupInput{InstanceId: id, ShouldDecrementDesiredCapacity: aws.Bool(true)})
		if code(err) != want || err == nil && out.Activity == nil {
			t.Fatalf("%d: %v %+v", k, err, out)
		}
	}
	r.step(2 * time.Minute)
	if v := r.versions("web"); v["1"] != 2 {
		t.Fatalf("%v", v)
	}
}

func TestDelete(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	in := &asg.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("web")}
	if _, err := call(r, r.s.DeleteAutoScalingGroup, in); code(err) != "ResourceInUse" {
		t.Fatal(err)
	}
	in.ForceDelete = aws.Bool(true)
	must(r, r.s.DeleteAutoScalingGroup, in)
	if g := r.describe("web"); aws.ToString(g.Status) == "" {
		t.Fatal("no status while it is being deleted")
	}
	r.step(2 * time.Minute)
	out := must(r, r.s.DescribeAutoScalingGroups, &asg.DescribeAutoScalingGroupsInput{})
	left := must(r, r.s.DescribeAutoScalingInstances, &asg.DescribeAutoScalingInstancesInput{})
	if len(out.AutoScalingGroups) != 0 || len(left.AutoScalingInstances) != 0 {
		t.Fatalf("%d groups and %d instances left", len(out.AutoScalingGroups), len(left.AutoScalingInstances))
	}
}

func TestFailedLaunchIsRetriedAndRecorded(t *testing.T) {
	r := start(t)
	broken := true
	r.ec2.refuse = func(Launch) error {
		if broken {
			return invalid("no capacity")
		}
		return nil
	}
	r.group("web", 1)
	acts := must(r, r.s.DescribeScalingActivities, &asg.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("web")}).Activities
	if len(acts) == 0 || acts[0].StatusCode != types.ScalingActivityStatusCodeFailed || *acts[0].StatusMessage != "no capacity. Launching EC2 instance failed." {
		t.Fatalf("%+v", acts)
	}
	broken = false
	r.step(2 * time.Minute)
	if v := r.versions("web"); v["1"] != 1 {
		t.Fatalf("%v", v)
	}
}

func TestTerminationThatEC2RefusesIsTriedAgain(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	r.ec2.stuck = true
	must(r, r.s.SetDesiredCapacity, &asg.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: aws.Int32(1)})
	r.step(3 * time.Minute)
	if v := r.versions("web"); v["1"] != 2 {
		t.Fatalf("%v", v)
	}
	r.ec2.stuck = false
	r.step(3 * time.Minute)
	if v := r.versions("web"); v["1"] != 1 || len(r.describe("web").Instances) != 1 {
		t.Fatalf("%v", v)
	}
}

func TestFindByTagsAndPages(t *testing.T) {
	r := start(t)
	for _, n := range []string{"a", "b", "c"} {
		r.group(n, 0, func(in *asg.CreateAutoScalingGroupInput) {
			in.Tags = []types.Tag{{Key: aws.String("ring"), Value: aws.String(map[string]string{"a": "dev", "b": "prod", "c": "prod"}[n])}}
		})
	}
	names := func(fs ...types.Filter) (out []string) {
		in := &asg.DescribeAutoScalingGroupsInput{Filters: fs, MaxRecords: aws.Int32(1)}
		for {
			o := must(r, r.s.DescribeAutoScalingGroups, in)
			for _, g := range o.AutoScalingGroups {
				out = append(out, *g.AutoScalingGroupName)
			}
			if in.NextToken = o.NextToken; in.NextToken == nil {
				return out
			}
		}
	}
	f := func(n string, v ...string) types.Filter { return types.Filter{Name: &n, Values: v} }
	for _, c := range []struct {
		want []string
		fs   []types.Filter
	}{
		{[]string{"a", "b", "c"}, nil},
		{[]string{"b", "c"}, []types.Filter{f("tag:ring", "prod")}},
		{[]string{"a", "b", "c"}, []types.Filter{f("tag:ring", "prod", "dev")}},
		{[]string{"a"}, []types.Filter{f("tag-key", "ring"), f("tag-value", "dev")}},
		{nil, []types.Filter{f("tag:ring", "uat")}},
	} {
		if got := names(c.fs...); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v", c.fs, got)
		}
	}
	if _, err := call(r, r.s.DescribeAutoScalingGroups, &asg.DescribeAutoScalingGroupsInput{Filters: []types.Filter{f("name", "a")}}); code(err) != "ValidationError" {
		t.Fatal(err)
	}
	if _, err := call(r, r.s.DescribeAutoScalingGroups, &asg.DescribeAutoScalingGroupsInput{NextToken: aws.String("?")}); code(err) != "InvalidNextToken" {
		t.Fatal(err)
	}
	must(r, r.s.CreateOrUpdateTags, &asg.CreateOrUpdateTagsInput{Tags: []types.Tag{{ResourceId: aws.String("a"), Key: aws.String("ring"), Value: aws.String("uat")}}})
	must(r, r.s.DeleteTags, &asg.DeleteTagsInput{Tags: []types.Tag{{ResourceId: aws.String("b"), Key: aws.String("ring")}}})
	out := must(r, r.s.DescribeTags, &asg.DescribeTagsInput{Filters: []types.Filter{f("auto-scaling-group", "a", "b")}})
	if len(out.Tags) != 1 || *out.Tags[0].Value != "uat" {
		t.Fatalf("%+v", out.Tags)
	}
}

func TestMixedPolicyIsKeptWhole(t *testing.T) {
	r := start(t)
	policy := &types.MixedInstancesPolicy{
		InstancesDistribution: &types.InstancesDistribution{OnDemandBaseCapacity: aws.Int32(1), SpotAllocationStrategy: aws.String("price-capacity-optimized")},
		LaunchTemplate: &types.LaunchTemplate{
			LaunchTemplateSpecification: version(1),
			Overrides:                   []types.LaunchTemplateOverrides{{InstanceType: aws.String("m5.large")}, {InstanceType: aws.String("m6i.large")}},
		},
	}
	r.group("web", 2, func(in *asg.CreateAutoScalingGroupInput) { in.LaunchTemplate, in.MixedInstancesPolicy = nil, policy })
	next := *policy
	lt := *policy.LaunchTemplate
	lt.LaunchTemplateSpecification = version(2)
	next.LaunchTemplate = &lt
	must(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web"), DesiredConfiguration: &types.DesiredConfiguration{MixedInstancesPolicy: &next}})
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful {
		t.Fatal(s.Status)
	}
	g := r.describe("web")
	p := g.MixedInstancesPolicy
	if g.LaunchTemplate != nil || len(p.LaunchTemplate.Overrides) != 2 || *p.InstancesDistribution.OnDemandBaseCapacity != 1 || *p.LaunchTemplate.LaunchTemplateSpecification.Version != "2" {
		t.Fatalf("%+v", p)
	}
	if i := g.Instances[0]; *i.InstanceType != "m5.large" || *i.LaunchTemplate.Version != "2" {
		t.Fatalf("%+v", i)
	}
	next.LaunchTemplate = &types.LaunchTemplate{LaunchTemplateSpecification: version(1), Overrides: []types.LaunchTemplateOverrides{{InstanceType: aws.String("m5.large"), WeightedCapacity: aws.String("2")}, {InstanceType: aws.String("m6i.large")}}}
	if _, err := call(r, r.s.UpdateAutoScalingGroup, &asg.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MixedInstancesPolicy: &next}); code(err) != "ValidationError" {
		t.Fatal(err)
	}
}

func TestUpdateRefusesAnotherRegionsZone(t *testing.T) {
	r := start(t)
	r.group("web", 0)
	in := &asg.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), AvailabilityZones: []string{"us-east-1a"}}
	if _, err := call(r, r.s.UpdateAutoScalingGroup, in); code(err) != "ValidationError" {
		t.Errorf("got %v", err)
	}
	if z := r.describe("web").AvailabilityZones; len(z) != 2 {
		t.Errorf("zones are now %v", z)
	}
}

func TestUpdateMovesDesiredWithTheBounds(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	must(r, r.s.UpdateAutoScalingGroup, &asg.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(3), LaunchTemplate: version(2), DefaultInstanceWarmup: aws.Int32(-1)})
	r.step(time.Minute)
	g := r.describe("web")
	if *g.DesiredCapacity != 3 || g.DefaultInstanceWarmup != nil {
		t.Fatalf("%+v", g)
	}
	if v := r.versions("web"); v["1"] != 2 || v["2"] != 1 {
		t.Fatalf("%v: existing instances are not touched by an update", v)
	}
	if _, err := call(r, r.s.UpdateAutoScalingGroup, &asg.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: aws.Int32(2)}); code(err) != "ValidationError" {
		t.Fatal(err)
	}
}
