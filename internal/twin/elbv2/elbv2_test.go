package elbv2_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// instances are i-1 and i-2, running, and i-3, stopped.
type instances struct {
	all   map[string]ec2.Instance
	image map[string]string
	on    func(tx *world.Tx, id, state string)
}

func (f *instances) InstanceByID(_ *world.Tx, id string) (ec2.Instance, bool) {
	i, ok := f.all[id]
	return i, ok
}

func (f *instances) ImageByID(*world.Tx, string) (ec2.Image, error) {
	return ec2.Image{Tags: f.image}, nil
}
func (f *instances) DescribeVpcs(_ *world.Tx, in *sdkec2.DescribeVpcsInput) (*sdkec2.DescribeVpcsOutput, error) {
	if len(in.VpcIds) > 0 && in.VpcIds[0] != "vpc-1" {
		return nil, errors.New("no such VPC")
	}
	return &sdkec2.DescribeVpcsOutput{Vpcs: []ec2types.Vpc{{VpcId: aws.String("vpc-1")}}}, nil
}
func (f *instances) OnState(g func(tx *world.Tx, id, state string)) { f.on = g }

func (f *instances) enter(id, state string) {
	i := f.all[id]
	i.State = state
	f.all[id] = i
}

// rig is a world with one target group, checked every 10 s: healthy after three,
// unhealthy after two, draining for a minute.
type rig struct {
	*sdk.Client
	t     *testing.T
	w     *world.World
	s     *elbv2.Service
	ec2   *instances
	arn   *string
	heard []string
}

func start(t *testing.T) *rig {
	t.Helper()
	w := wiretest.World(t)
	f := &instances{all: map[string]ec2.Instance{}}
	for _, id := range []string{"i-1", "i-2", "i-3"} {
		f.all[id] = ec2.Instance{ID: id, State: "running", Tags: map[string]string{}}
	}
	f.enter("i-3", "stopped")
	r := &rig{t: t, w: w, ec2: f, s: elbv2.New(w, f)}
	r.s.OnHealth(func(tx *world.Tx, id string) { r.heard = append(r.heard, fmt.Sprint(id, " ", r.s.Unhealthy(tx, id))) })
	r.Client = sdk.NewFromConfig(wiretest.Client(t, w, r.s.Wire()))
	w.Start()
	out, err := r.CreateTargetGroup(t.Context(), create("web"))
	if err != nil {
		t.Fatal(err)
	}
	r.arn = out.TargetGroups[0].TargetGroupArn
	if _, err := r.ModifyTargetGroupAttributes(t.Context(), &sdk.ModifyTargetGroupAttributesInput{TargetGroupArn: r.arn, Attributes: attribute("deregistration_delay.timeout_seconds", "60")}); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAnAttributeIsReadAsItWasSet(t *testing.T) {
	r := start(t)
	out, err := r.DescribeTargetGroupAttributes(t.Context(), &sdk.DescribeTargetGroupAttributesInput{TargetGroupArn: r.arn})
	if err != nil || len(out.Attributes) != 1 || *out.Attributes[0].Key != "deregistration_delay.timeout_seconds" || *out.Attributes[0].Value != "60" {
		t.Errorf("%+v, %v", out, err)
	}
}

func create(name string) *sdk.CreateTargetGroupInput {
	return &sdk.CreateTargetGroupInput{
		Name: &name, Protocol: types.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String("vpc-1"),
		HealthCheckIntervalSeconds: aws.Int32(10), HealthyThresholdCount: aws.Int32(3), UnhealthyThresholdCount: aws.Int32(2),
	}
}

func attribute(key, value string) []types.TargetGroupAttribute {
	return []types.TargetGroupAttribute{{Key: &key, Value: &value}}
}

func target(id string) []types.TargetDescription { return []types.TargetDescription{{Id: &id}} }

func (r *rig) register(id string) {
	r.t.Helper()
	if _, err := r.RegisterTargets(r.t.Context(), &sdk.RegisterTargetsInput{TargetGroupArn: r.arn, Targets: target(id)}); err != nil {
		r.t.Fatal(err)
	}
}

// want steps and compares the state of i-1, with its reason.
func (r *rig) want(after time.Duration, state string) {
	r.t.Helper()
	r.w.Clock().Step(after)
	out, err := r.DescribeTargetHealth(r.t.Context(), &sdk.DescribeTargetHealthInput{TargetGroupArn: r.arn, Targets: target("i-1")})
	if err != nil {
		r.t.Fatal(err)
	}
	h := out.TargetHealthDescriptions[0].TargetHealth
	got := string(h.State)
	if h.Reason != "" {
		got += " " + string(h.Reason)
	}
	if got != state {
		r.t.Errorf("%s, want %s", got, state)
	}
}

func TestATargetIsInitialForAsManyChecksAsTheThreshold(t *testing.T) {
	r := start(t)
	r.want(0, "unused Target.NotRegistered")
	r.register("i-1")
	r.want(0, "initial Elb.InitialHealthChecking")
	r.want(29*time.Second, "initial Elb.InitialHealthChecking")
	r.register("i-1") // again changes nothing
	r.want(time.Second, "healthy")
	if fmt.Sprint(r.heard) != "[i-1 false]" {
		t.Errorf("heard %v", r.heard)
	}
	all, err := r.DescribeTargetHealth(t.Context(), &sdk.DescribeTargetHealthInput{TargetGroupArn: r.arn})
	if err != nil || len(all.TargetHealthDescriptions) != 1 || *all.TargetHealthDescriptions[0].Target.Port != 80 || *all.TargetHealthDescriptions[0].HealthCheckPort != "80" {
		t.Errorf("%+v %v", all, err)
	}
}

func TestATargetDrainsForTheDeregistrationDelay(t *testing.T) {
	r := start(t)
	r.register("i-1")
	r.want(time.Minute, "healthy")
	in := &sdk.DeregisterTargetsInput{TargetGroupArn: r.arn, Targets: append(target("i-1"), target("i-2")...)}
	for range 2 { // the second does not begin anew
		if _, err := r.DeregisterTargets(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		r.want(29*time.Second, "draining Target.DeregistrationInProgress")
	}
	r.want(2*time.Second, "unused Target.NotRegistered")
	r.register("i-1")
	if _, err := r.DeregisterTargets(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	r.register("i-1")
	r.want(0, "initial Elb.InitialHealthChecking")
	r.want(2*time.Minute, "healthy")
}

func TestAFailingInstanceIsUnhealthyAfterItsThreshold(t *testing.T) {
	for name, set := range map[string]func(f *instances, on bool){
		"tag of the instance": func(f *instances, on bool) { f.all["i-1"].Tags[elbv2.FaultTag] = fmt.Sprint(on) },
		"tag for ELB only": func(f *instances, on bool) {
			f.all["i-1"].Tags[elbv2.FaultTag] = map[bool]string{true: elbv2.FaultELB}[on]
		},
		"tag of the image": func(f *instances, on bool) { f.image = map[string]string{elbv2.FaultTag: fmt.Sprint(on)} },
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			r.register("i-1")
			r.want(time.Minute, "healthy")
			set(r.ec2, true)
			r.want(0, "healthy")
			r.want(19*time.Second, "healthy")
			r.want(time.Second, "unhealthy Target.FailedHealthChecks")
			set(r.ec2, false)
			r.want(0, "unhealthy Target.FailedHealthChecks")
			r.want(30*time.Second, "healthy")
			set(r.ec2, true)
			r.want(0, "healthy")
			set(r.ec2, false)
			r.want(10*time.Second, "healthy")
			r.want(time.Hour, "healthy")
			if fmt.Sprint(r.heard) != "[i-1 false i-1 true i-1 false]" {
				t.Errorf("heard %v", r.heard)
			}
		})
	}
}

func TestATargetThatFailsFromTheStartIsNeverHealthy(t *testing.T) {
	r := start(t)
	r.ec2.all["i-1"].Tags[elbv2.FaultTag] = "true"
	r.register("i-1")
	r.want(19*time.Second, "initial Elb.InitialHealthChecking")
	r.want(time.Second, "unhealthy Target.FailedHealthChecks")
}

func TestAStoppedInstanceIsUnusedAndATerminatedOneLeaves(t *testing.T) {
	r := start(t)
	r.register("i-1")
	r.want(time.Minute, "healthy")
	for _, s := range []string{"stopped", "terminated"} {
		r.ec2.enter("i-1", s)
		if err := r.w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error { r.ec2.on(tx, "i-1", s); return nil }); err != nil {
			t.Fatal(err)
		}
		r.want(time.Minute, map[string]string{"stopped": "unused Target.InvalidState", "terminated": "unused Target.NotRegistered"}[s])
	}
}

func TestTargetGroupsComeByNameByARNAndInPages(t *testing.T) {
	r := start(t)
	for _, n := range []string{"c", "a", "b"} {
		if _, err := r.CreateTargetGroup(t.Context(), create(n)); err != nil {
			t.Fatal(err)
		}
	}
	again, err := r.CreateTargetGroup(t.Context(), create("web"))
	if err != nil || *again.TargetGroups[0].TargetGroupArn != *r.arn {
		t.Fatalf("the same group again: %v", err)
	}
	names := ""
	p := sdk.NewDescribeTargetGroupsPaginator(r.Client, &sdk.DescribeTargetGroupsInput{PageSize: aws.Int32(2)})
	for p.HasMorePages() {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range out.TargetGroups {
			names += *g.TargetGroupName + " "
		}
		names += "| "
	}
	if names != "a b | c web | " {
		t.Error(names)
	}
	one, err := r.DescribeTargetGroups(t.Context(), &sdk.DescribeTargetGroupsInput{TargetGroupArns: []string{*r.arn}})
	if g := one.TargetGroups[0]; err != nil || len(one.TargetGroups) != 1 || *g.HealthCheckTimeoutSeconds != 6 || *g.HealthCheckPath != "/" || *g.Matcher.HttpCode != "200" {
		t.Errorf("%+v %v", one, err)
	}
	r.register("i-1")
	for _, want := range []string{"<nil>", "TargetGroupNotFound"} {
		if _, err := r.DeleteTargetGroup(t.Context(), &sdk.DeleteTargetGroupInput{TargetGroupArn: r.arn}); !strings.Contains(fmt.Sprint(err), want) {
			t.Fatalf("%v, want %s", err, want)
		}
	}
	r.w.Clock().Step(time.Hour) // the target's timer is gone with it
	if len(r.heard) != 0 {
		t.Errorf("heard %v", r.heard)
	}
}

func TestWhatElasticLoadBalancingRefuses(t *testing.T) {
	r := start(t)
	with := func(edit func(*sdk.CreateTargetGroupInput)) func() error {
		return func() error {
			in := create("web2")
			edit(in)
			_, err := r.CreateTargetGroup(t.Context(), in)
			return err
		}
	}
	unknown := aws.String("arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/x/0")
	for _, tt := range []struct {
		name, code string
		call       func() error
	}{
		{"a name of 33", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) { in.Name = aws.String("a23456789012345678901234567890123") })},
		{"a hyphen at the end", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) { in.Name = aws.String("a-") })},
		{"an interval of 4 s", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) { in.HealthCheckIntervalSeconds = aws.Int32(4) })},
		{"a timeout as long as the interval", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) { in.HealthCheckTimeoutSeconds = aws.Int32(10) })},
		{"no VPC", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) { in.VpcId = nil })},
		{"a VPC that is not there", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) { in.VpcId = aws.String("vpc-9") })},
		{"a matcher of no codes", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) { in.Matcher = &types.Matcher{HttpCode: aws.String("2xx")} })},
		{"a path without a slash", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) { in.HealthCheckPath = aws.String("health") })},
		{"a check on port 99999", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) { in.HealthCheckPort = aws.String("99999") })},
		{"checks by UDP", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) { in.HealthCheckProtocol = types.ProtocolEnumUdp })},
		{"an HTTP group checked by TCP", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) { in.HealthCheckProtocol = types.ProtocolEnumTcp })},
		{"HTTP2 over TCP", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) {
			in.Protocol, in.ProtocolVersion = types.ProtocolEnumTcp, aws.String("HTTP2")
		})},
		{"no port", "ValidationError", with(func(in *sdk.CreateTargetGroupInput) { in.Port = nil })},
		{"checks switched off", "InvalidConfigurationRequest", with(func(in *sdk.CreateTargetGroupInput) { in.HealthCheckEnabled = aws.Bool(false) })},
		{"targets by address", "UnsupportedOperation", with(func(in *sdk.CreateTargetGroupInput) { in.TargetType = types.TargetTypeEnumIp })},
		{"a name that is taken", "DuplicateTargetGroupName", with(func(in *sdk.CreateTargetGroupInput) { in.Name, in.Port = aws.String("web"), aws.Int32(81) })},
		{"describe an unknown name", "TargetGroupNotFound", func() error {
			_, err := r.DescribeTargetGroups(t.Context(), &sdk.DescribeTargetGroupsInput{Names: []string{"x"}})
			return err
		}},
		{"a marker that only decodes", "ValidationError", func() error {
			_, err := r.DescribeTargetGroups(t.Context(), &sdk.DescribeTargetGroupsInput{Marker: aws.String("gaga")})
			return err
		}},
		{"names and ARNs", "ValidationError", func() error {
			_, err := r.DescribeTargetGroups(t.Context(), &sdk.DescribeTargetGroupsInput{Names: []string{"web"}, TargetGroupArns: []string{*r.arn}})
			return err
		}},
		{"a marker of somebody else", "ValidationError", func() error {
			_, err := r.DescribeTargetGroups(t.Context(), &sdk.DescribeTargetGroupsInput{Marker: aws.String("%")})
			return err
		}},
		{"groups of a load balancer", "LoadBalancerNotFound", func() error {
			_, err := r.DescribeTargetGroups(t.Context(), &sdk.DescribeTargetGroupsInput{LoadBalancerArn: unknown})
			return err
		}},
		{"register with an unknown group", "TargetGroupNotFound", func() error {
			_, err := r.RegisterTargets(t.Context(), &sdk.RegisterTargetsInput{TargetGroupArn: unknown, Targets: target("i-1")})
			return err
		}},
		{"register a stopped instance", "InvalidTarget", func() error {
			_, err := r.RegisterTargets(t.Context(), &sdk.RegisterTargetsInput{TargetGroupArn: r.arn, Targets: target("i-3")})
			return err
		}},
		{"register an unknown instance", "InvalidTarget", func() error {
			_, err := r.RegisterTargets(t.Context(), &sdk.RegisterTargetsInput{TargetGroupArn: r.arn, Targets: append(target("i-2"), target("i-9")...)})
			return err
		}},
		{"deregister from an unknown group", "TargetGroupNotFound", func() error {
			_, err := r.DeregisterTargets(t.Context(), &sdk.DeregisterTargetsInput{TargetGroupArn: unknown, Targets: target("i-1")})
			return err
		}},
		{"health of an unknown group", "TargetGroupNotFound", func() error {
			_, err := r.DescribeTargetHealth(t.Context(), &sdk.DescribeTargetHealthInput{TargetGroupArn: unknown})
			return err
		}},
		{"a delay of two hours", "InvalidConfigurationRequest", func() error {
			_, err := r.ModifyTargetGroupAttributes(t.Context(), &sdk.ModifyTargetGroupAttributesInput{TargetGroupArn: r.arn, Attributes: attribute("deregistration_delay.timeout_seconds", "7200")})
			return err
		}},
		{"stickiness", "UnsupportedOperation", func() error {
			_, err := r.ModifyTargetGroupAttributes(t.Context(), &sdk.ModifyTargetGroupAttributesInput{TargetGroupArn: r.arn, Attributes: attribute("stickiness.enabled", "true")})
			return err
		}},
		{"attributes of an unknown group", "TargetGroupNotFound", func() error {
			_, err := r.ModifyTargetGroupAttributes(t.Context(), &sdk.ModifyTargetGroupAttributesInput{TargetGroupArn: unknown, Attributes: attribute("stickiness.enabled", "true")})
			return err
		}},
		{"attributes of an unknown group, read", "TargetGroupNotFound", func() error {
			_, err := r.DescribeTargetGroupAttributes(t.Context(), &sdk.DescribeTargetGroupAttributesInput{TargetGroupArn: unknown})
			return err
		}},
	} {
		var e smithy.APIError
		if err := tt.call(); !errors.As(err, &e) || e.ErrorCode() != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
	out, err := r.DescribeTargetHealth(t.Context(), &sdk.DescribeTargetHealthInput{TargetGroupArn: r.arn})
	if err != nil || len(out.TargetHealthDescriptions) != 0 {
		t.Errorf("a refused call registered something: %+v %v", out, err)
	}
}

// The models, the Auto Scaling of other accounts and the codec are proved in package
// wire; here a world of two accounts keeps them apart.
func TestTargetGroupsBelongToOneAccount(t *testing.T) {
	r := start(t)
	cfg := wiretest.Client(t, r.w, r.s.Wire())
	cfg.Credentials = wiretest.Key("222233334444")
	other := sdk.NewFromConfig(cfg)
	var e *types.TargetGroupNotFoundException
	if _, err := other.DescribeTargetHealth(t.Context(), &sdk.DescribeTargetHealthInput{TargetGroupArn: r.arn}); !errors.As(err, &e) {
		t.Error(err)
	}
}
