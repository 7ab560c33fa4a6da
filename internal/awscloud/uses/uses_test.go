package uses

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/usage"
)

// stub has the answers of every call, in pages; code is what every call fails with.
type stub struct {
	t          *testing.T
	code       string
	refreshes  []astypes.InstanceRefresh
	asked      []string
	references []*ec2.DescribeImageReferencesInput
	stranger   string // an image that EC2 has never heard of
}

func (s *stub) call(name string) error {
	s.asked = append(s.asked, name)
	if s.code == "" {
		return nil
	}
	return &smithy.GenericAPIError{Code: s.code}
}

func (s *stub) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	if len(in.Filters) != 1 || slices.Contains(in.Filters[0].Values, "terminated") || !slices.Contains(in.Filters[0].Values, "stopped") {
		s.t.Errorf("asked for %v", in.Filters)
	}
	x := types.Instance{InstanceId: aws.String("i-1"), ImageId: aws.String("ami-1"), State: &types.InstanceState{Name: "running"},
		Tags: []types.Tag{{Key: aws.String("aws:autoscaling:groupName"), Value: aws.String("web")}}}
	out := &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{{Instances: []types.Instance{x}}}}
	if in.NextToken == nil {
		out.NextToken = aws.String("2")
		return out, s.call("instances")
	}
	x.InstanceId, x.State, x.Tags = aws.String("i-2"), nil, nil
	out.Reservations[0].Instances[0] = x
	return out, s.call("instances")
}

func (s *stub) DescribeLaunchTemplates(_ context.Context, in *ec2.DescribeLaunchTemplatesInput, _ ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplatesOutput, error) {
	return &ec2.DescribeLaunchTemplatesOutput{LaunchTemplates: []types.LaunchTemplate{{LaunchTemplateId: aws.String("lt-1")}, {LaunchTemplateId: aws.String("lt-2")}}}, s.call("templates")
}

func (s *stub) DescribeLaunchTemplateVersions(_ context.Context, in *ec2.DescribeLaunchTemplateVersionsInput, _ ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplateVersionsOutput, error) {
	if len(in.Versions) != 0 {
		s.t.Error("not all versions are asked for")
	}
	return &ec2.DescribeLaunchTemplateVersionsOutput{LaunchTemplateVersions: []types.LaunchTemplateVersion{
		{LaunchTemplateName: aws.String("n" + *in.LaunchTemplateId), VersionNumber: aws.Int64(2), VersionDescription: aws.String("d"), LaunchTemplateData: &types.ResponseLaunchTemplateData{ImageId: aws.String("ami-1")}},
		{VersionNumber: aws.Int64(1), DefaultVersion: aws.Bool(true)}}}, s.call("versions " + *in.LaunchTemplateId)
}

func (s *stub) DescribeImageReferences(_ context.Context, in *ec2.DescribeImageReferencesInput, _ ...func(*ec2.Options)) (*ec2.DescribeImageReferencesOutput, error) {
	s.references = append(s.references, in)
	if slices.Contains(in.ImageIds, s.stranger) {
		return nil, &smithy.GenericAPIError{Code: "InvalidAMIID.NotFound"}
	}
	return &ec2.DescribeImageReferencesOutput{ImageReferences: []types.ImageReference{{ImageId: &in.ImageIds[0], ResourceType: "ec2:Instance", Arn: aws.String("arn:x")}}}, s.call("references")
}

func (s *stub) DescribeAutoScalingGroups(_ context.Context, _ *autoscaling.DescribeAutoScalingGroupsInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	spec := func(v string) *astypes.LaunchTemplateSpecification {
		return &astypes.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), Version: &v}
	}
	return &autoscaling.DescribeAutoScalingGroupsOutput{AutoScalingGroups: []astypes.AutoScalingGroup{
		{AutoScalingGroupName: aws.String("plain"), LaunchTemplate: spec("7"), DesiredCapacity: aws.Int32(3), WarmPoolConfiguration: &astypes.WarmPoolConfiguration{}},
		{AutoScalingGroupName: aws.String("old"), LaunchConfigurationName: aws.String("lc")},
		{AutoScalingGroupName: aws.String("mixed"), MixedInstancesPolicy: &astypes.MixedInstancesPolicy{LaunchTemplate: &astypes.LaunchTemplate{LaunchTemplateSpecification: spec("$Latest"),
			Overrides: []astypes.LaunchTemplateOverrides{{LaunchTemplateSpecification: spec("2")}, {ImageId: aws.String("ami-9")}, {}}}}},
		{AutoScalingGroupName: aws.String("odd"), MixedInstancesPolicy: &astypes.MixedInstancesPolicy{}},
	}}, s.call("groups")
}

func (s *stub) DescribeLaunchConfigurations(context.Context, *autoscaling.DescribeLaunchConfigurationsInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeLaunchConfigurationsOutput, error) {
	return &autoscaling.DescribeLaunchConfigurationsOutput{LaunchConfigurations: []astypes.LaunchConfiguration{{LaunchConfigurationName: aws.String("lc"), ImageId: aws.String("ami-1")}}}, s.call("configurations")
}

func (s *stub) DescribeInstanceRefreshes(context.Context, *autoscaling.DescribeInstanceRefreshesInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeInstanceRefreshesOutput, error) {
	return &autoscaling.DescribeInstanceRefreshesOutput{InstanceRefreshes: s.refreshes}, s.call("refreshes")
}

func (s *stub) DescribeParameters(_ context.Context, in *ssm.DescribeParametersInput, _ ...func(*ssm.Options)) (*ssm.DescribeParametersOutput, error) {
	out := &ssm.DescribeParametersOutput{}
	if in.NextToken == nil {
		out.NextToken = aws.String("2")
		out.Parameters = []ssmtypes.ParameterMetadata{{Name: aws.String("secret"), Type: ssmtypes.ParameterTypeSecureString}}
		return out, s.call("parameters")
	}
	for n := range 11 {
		out.Parameters = append(out.Parameters, ssmtypes.ParameterMetadata{Name: aws.String(fmt.Sprintf("/p/%d", n)), Type: ssmtypes.ParameterTypeString, Description: aws.String("d")})
	}
	return out, s.call("parameters")
}

func (s *stub) GetParameters(_ context.Context, in *ssm.GetParametersInput, _ ...func(*ssm.Options)) (*ssm.GetParametersOutput, error) {
	if len(in.Names) > 10 {
		s.t.Errorf("%d names in one call", len(in.Names))
	}
	out := &ssm.GetParametersOutput{}
	for _, n := range in.Names {
		if n == "/p/3" {
			out.InvalidParameters = append(out.InvalidParameters, n)
			continue
		}
		out.Parameters = append(out.Parameters, ssmtypes.Parameter{Name: &n, Value: aws.String("ami-1"), Version: 4})
	}
	return out, s.call("get")
}

func (s *stub) GetParameterHistory(context.Context, *ssm.GetParameterHistoryInput, ...func(*ssm.Options)) (*ssm.GetParameterHistoryOutput, error) {
	return &ssm.GetParameterHistoryOutput{Parameters: []ssmtypes.ParameterHistory{{Value: aws.String("ami-1"), Version: 1, Labels: []string{"current"}, Description: aws.String("d")}}}, s.call("history")
}

func TestListsAreWhole(t *testing.T) {
	s := &stub{t: t}
	c := Compute{s, s}
	instances, err := c.Instances(t.Context())
	if d := cmp.Diff([]usage.Instance{{ID: "i-1", Image: "ami-1", State: "running", Group: "web"}, {ID: "i-2", Image: "ami-1"}}, instances); d != "" || err != nil {
		t.Error(d, err)
	}
	versions, err := c.TemplateVersions(t.Context())
	if err != nil || len(versions) != 4 || versions[0] != (usage.TemplateVersion{Template: "lt-1", Name: "nlt-1", Number: 2, Image: "ami-1", Description: "d"}) || !versions[3].Default {
		t.Errorf("%+v, %v", versions, err)
	}
	groups, err := c.Groups(t.Context())
	want := []usage.Group{{Name: "plain", Template: usage.Template{ID: "lt-1", Version: "7"}, Desired: 3, WarmPool: true}, {Name: "old", LaunchConfiguration: "lc"},
		{Name: "mixed", Template: usage.Template{ID: "lt-1", Version: "$Latest"}, Overrides: []usage.Template{{ID: "lt-1", Version: "2"}}, Images: []string{"ami-9"}}, {Name: "odd"}}
	if d := cmp.Diff(want, groups); d != "" || err != nil {
		t.Error(d, err)
	}
	configs, err := c.LaunchConfigurations(t.Context())
	if err != nil || len(configs) != 1 || configs[0].Image != "ami-1" {
		t.Errorf("%+v, %v", configs, err)
	}
	all, err := Parameters{s}.All(t.Context())
	if err != nil || len(all) != 10 || all[0].Name != "/p/0" || all[0].Version != 4 || all[0].Description != "d" {
		t.Errorf("%+v, %v", all, err)
	}
	history, err := Parameters{s}.History(t.Context(), "/p")
	if err != nil || len(history) != 1 || history[0].Labels[0] != "current" || history[0].Name != "/p" {
		t.Errorf("%+v, %v", history, err)
	}
}

func TestReferencesAreAskedForInFull(t *testing.T) {
	s := &stub{t: t}
	var ids []string
	for n := range 21 {
		ids = append(ids, fmt.Sprintf("ami-%d", n))
	}
	got, err := Compute{s, s}.References(t.Context(), ids)
	if err != nil || len(got) != 3 || len(s.references) != 3 || len(s.references[2].ImageIds) != 1 || got[1].Image != "ami-10" {
		t.Fatalf("%+v, %v", got, err)
	}
	depth := s.references[0].ResourceTypes[1].ResourceTypeOptions[0]
	if depth.OptionName != types.ImageReferenceOptionNameVersionDepth || depth.OptionValues[0] != "10000" || !*s.references[0].IncludeAllResourceTypes {
		t.Errorf("asked for %+v", s.references[0])
	}
}

func TestAnImageThatEC2DoesNotKnowHidesNoOther(t *testing.T) {
	s := &stub{t: t, stranger: "ami-2"}
	got, err := Compute{s, s}.References(t.Context(), []string{"ami-1", "ami-2", "ami-3"})
	var of []string
	for _, r := range got {
		of = append(of, r.Image)
	}
	if err != nil || !slices.Equal(of, []string{"ami-1", "ami-3"}) {
		t.Errorf("%v, %v", of, err)
	}
	if got, err := (Compute{s, s}).References(t.Context(), []string{"ami-2"}); err != nil || len(got) != 0 {
		t.Errorf("alone: %v, %v", got, err)
	}
}

func TestOnlyRunningRefreshesCountAndUnknownStatesRun(t *testing.T) {
	to := func(status, version string) astypes.InstanceRefresh {
		return astypes.InstanceRefresh{Status: astypes.InstanceRefreshStatus(status), DesiredConfiguration: &astypes.DesiredConfiguration{
			LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), Version: &version}}}
	}
	s := &stub{t: t, refreshes: []astypes.InstanceRefresh{to("Successful", "1"), to("Failed", "2"), to("Cancelled", "3"), to("RollbackSuccessful", "4"), to("RollbackFailed", "5"),
		to("InProgress", "6"), to("Baking", "7"), to("SomethingNew", "8"), {Status: "InProgress"},
		{Status: "Pending", DesiredConfiguration: &astypes.DesiredConfiguration{MixedInstancesPolicy: &astypes.MixedInstancesPolicy{LaunchTemplate: &astypes.LaunchTemplate{
			LaunchTemplateSpecification: &astypes.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), Version: aws.String("9")}, Overrides: []astypes.LaunchTemplateOverrides{{ImageId: aws.String("ami-9")}}}}}}}}
	got, images, err := Compute{s, s}.Refreshing(t.Context(), "web")
	var versions []string
	for _, x := range got {
		versions = append(versions, x.Version)
	}
	if err != nil || !slices.Equal(versions, []string{"6", "7", "8", "9"}) || !slices.Equal(images, []string{"ami-9"}) {
		t.Errorf("%v, %v, %v", versions, images, err)
	}
}

func TestEveryRefusalIsAnErrorOfItsKind(t *testing.T) {
	s := &stub{t: t, code: "UnauthorizedOperation"}
	c, p := Compute{s, s}, Parameters{s}
	for name, call := range map[string]func() error{
		"instances":      func() error { _, err := c.Instances(t.Context()); return err },
		"templates":      func() error { _, err := c.TemplateVersions(t.Context()); return err },
		"versions":       func() error { _, err := c.versions(t.Context(), "lt-1"); return err },
		"groups":         func() error { _, err := c.Groups(t.Context()); return err },
		"configurations": func() error { _, err := c.LaunchConfigurations(t.Context()); return err },
		"refreshes":      func() error { _, _, err := c.Refreshing(t.Context(), "web"); return err },
		"references":     func() error { _, err := c.References(t.Context(), []string{"ami-1"}); return err },
		"parameters":     func() error { _, err := p.All(t.Context()); return err },
		"history":        func() error { _, err := p.History(t.Context(), "/p"); return err },
	} {
		if err := call(); fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.code = "ParameterNotFound"
	if h, err := p.History(t.Context(), "/p"); err != nil || h != nil {
		t.Errorf("a parameter that is not there: %v, %v", h, err)
	}
}
