package autoscaling

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

func TestWhatAGroupCannotHaveIsNotTakenInSilence(t *testing.T) {
	many := make([]types.Tag, maxTags+1)
	for k := range many {
		many[k].Key = aws.String(fmt.Sprint("k", k))
	}
	both := &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), LaunchTemplateName: aws.String("web"), Version: aws.String("1")}
	for name, c := range map[string]struct {
		edit   func(*asg.CreateAutoScalingGroupInput)
		want   string
		update bool // UpdateAutoScalingGroup refuses it too
	}{
		"a colon in the name":     {func(in *asg.CreateAutoScalingGroupInput) { in.AutoScalingGroupName = aws.String("a:b") }, "ValidationError", false},
		"an unknown health check": {func(in *asg.CreateAutoScalingGroupInput) { in.HealthCheckType = aws.String("EC2,NONE") }, "ValidationError", true},
		"a health check of EBS":   {func(in *asg.CreateAutoScalingGroupInput) { in.HealthCheckType = aws.String("EBS") }, "UnsupportedOperation", true},
		"both that there are":     {func(in *asg.CreateAutoScalingGroupInput) { in.HealthCheckType = aws.String("EC2,ELB") }, "<nil>", true},
		"a negative grace period": {func(in *asg.CreateAutoScalingGroupInput) { in.HealthCheckGracePeriod = aws.Int32(-1) }, "ValidationError", true},
		"a negative warm-up":      {func(in *asg.CreateAutoScalingGroupInput) { in.DefaultInstanceWarmup = aws.Int32(-2) }, "ValidationError", true},
		"an unknown termination":  {func(in *asg.CreateAutoScalingGroupInput) { in.TerminationPolicies = []string{"Any"} }, "ValidationError", true},
		"a termination that is": {func(in *asg.CreateAutoScalingGroupInput) {
			in.TerminationPolicies = []string{"OldestInstance", "Default"}
		}, "<nil>", true},
		"capacity in vCPUs": {func(in *asg.CreateAutoScalingGroupInput) { in.DesiredCapacityType = aws.String("vcpu") }, "UnsupportedOperation", true},
		"zones or nothing": {func(in *asg.CreateAutoScalingGroupInput) {
			in.AvailabilityZoneDistribution = &types.AvailabilityZoneDistribution{CapacityDistributionStrategy: types.CapacityDistributionStrategyBalancedOnly}
		}, "UnsupportedOperation", true},
		"zones as usual": {func(in *asg.CreateAutoScalingGroupInput) {
			in.AvailabilityZoneDistribution = &types.AvailabilityZoneDistribution{CapacityDistributionStrategy: types.CapacityDistributionStrategyBalancedBestEffort}
		}, "<nil>", true},
		"impaired zones as usual": {func(in *asg.CreateAutoScalingGroupInput) {
			in.AvailabilityZoneImpairmentPolicy = &types.AvailabilityZoneImpairmentPolicy{ZonalShiftEnabled: aws.Bool(false)}
		}, "<nil>", true},
		"impaired zones left": {func(in *asg.CreateAutoScalingGroupInput) {
			in.AvailabilityZoneImpairmentPolicy = &types.AvailabilityZoneImpairmentPolicy{ZonalShiftEnabled: aws.Bool(true)}
		}, "UnsupportedOperation", true},
		"a classic load balancer": {func(in *asg.CreateAutoScalingGroupInput) { in.LoadBalancerNames = []string{"old"} }, "UnsupportedOperation", false},
		"a traffic source": {func(in *asg.CreateAutoScalingGroupInput) {
			in.TrafficSources = []types.TrafficSourceIdentifier{{Identifier: aws.String("x")}}
		}, "UnsupportedOperation", false},
		"a tag of AWS": {func(in *asg.CreateAutoScalingGroupInput) { in.Tags = []types.Tag{{Key: aws.String("aws:x")}} }, "ValidationError", false},
		"a tag twice": {func(in *asg.CreateAutoScalingGroupInput) {
			in.Tags = []types.Tag{{Key: aws.String("x")}, {Key: aws.String("x")}}
		}, "ValidationError", false},
		"a tag of something else": {func(in *asg.CreateAutoScalingGroupInput) {
			in.Tags = []types.Tag{{Key: aws.String("x"), ResourceType: aws.String("instance")}}
		}, "ValidationError", false},
		"too many tags":          {func(in *asg.CreateAutoScalingGroupInput) { in.Tags = many }, "LimitExceeded", false},
		"a template named twice": {func(in *asg.CreateAutoScalingGroupInput) { in.LaunchTemplate = both }, "ValidationError", true},
		"a template without a name": {func(in *asg.CreateAutoScalingGroupInput) {
			in.LaunchTemplate = &types.LaunchTemplateSpecification{Version: aws.String("1")}
		}, "ValidationError", true},
		"an override's named twice": {func(in *asg.CreateAutoScalingGroupInput) {
			in.LaunchTemplate, in.MixedInstancesPolicy = nil, &types.MixedInstancesPolicy{LaunchTemplate: &types.LaunchTemplate{LaunchTemplateSpecification: version(1), Overrides: []types.LaunchTemplateOverrides{{LaunchTemplateSpecification: both}}}}
		}, "ValidationError", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			in := &asg.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("new"), MinSize: aws.Int32(0), MaxSize: aws.Int32(1), LaunchTemplate: version(1), AvailabilityZones: []string{"eu-central-1a"}}
			c.edit(in)
			if _, err := call(r, r.s.CreateAutoScalingGroup, in); code(err) != c.want && !(err == nil && c.want == "<nil>") {
				t.Errorf("created: %v, want %s", err, c.want)
			}
			if !c.update {
				return
			}
			r.group("web", 0)
			_, err := call(r, r.s.UpdateAutoScalingGroup, &asg.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), HealthCheckType: in.HealthCheckType, HealthCheckGracePeriod: in.HealthCheckGracePeriod,
				DefaultInstanceWarmup: in.DefaultInstanceWarmup, TerminationPolicies: in.TerminationPolicies, DesiredCapacityType: in.DesiredCapacityType, AvailabilityZoneDistribution: in.AvailabilityZoneDistribution,
				AvailabilityZoneImpairmentPolicy: in.AvailabilityZoneImpairmentPolicy,
				LaunchTemplate:                   in.LaunchTemplate, MixedInstancesPolicy: in.MixedInstancesPolicy})
			if code(err) != c.want && !(err == nil && c.want == "<nil>") {
				t.Errorf("updated: %v, want %s", err, c.want)
			}
		})
	}
}

func TestTagsAreCheckedWhereverTheyAreGiven(t *testing.T) {
	r := start(t)
	if _, err := call(r, r.s.DescribeTags, &asg.DescribeTagsInput{Filters: []types.Filter{{Name: aws.String("key")}, {Name: aws.String("odd")}}}); code(err) != "ValidationError" {
		t.Errorf("a filter that there is not, where there is no tag: %v", err)
	}
	r.group("web", 0)
	put := func(tag types.Tag) error {
		tag.ResourceId = aws.String("web")
		_, err := call(r, r.s.CreateOrUpdateTags, &asg.CreateOrUpdateTagsInput{Tags: []types.Tag{tag}})
		return err
	}
	for k := range maxTags {
		if err := put(types.Tag{Key: aws.String(fmt.Sprint("k", k)), ResourceType: aws.String("auto-scaling-group")}); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		tag  types.Tag
		want string
	}{
		"one more":          {types.Tag{Key: aws.String("new")}, "LimitExceeded"},
		"AWS's":             {types.Tag{Key: aws.String("AWS:x")}, "ValidationError"},
		"of something else": {types.Tag{Key: aws.String("k1"), ResourceType: aws.String("foo")}, "ValidationError"},
	} {
		if err := put(c.tag); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := put(types.Tag{Key: aws.String("k1"), Value: aws.String("new")}); err != nil {
		t.Errorf("one that is there: %v", err)
	}
}

func TestAGroupIsNotGivenATemplateThatLaunchesNoImage(t *testing.T) {
	for name, c := range map[string]struct {
		image string
		state string // "" is unknown
		want  string
	}{
		"none":         {"", "", "ImageId"},
		"unknown":      {"ami-none", "", "'[ami-none]' does not exist"},
		"disabled":     {"ami-off", "disabled", "'ami-off' is no longer available"},
		"no parameter": {"resolve:ssm:/none", "", "cannot be resolved from resolve:ssm:/none"},
		"there":        {"ami-2", "available", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			r.group("web", 0)
			r.ec2.lt["lt-2"] = []string{c.image}
			if c.state != "" {
				r.ec2.images[c.image] = Image{State: c.state}
			}
			spec := &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-2")}
			in := &asg.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("new"), MinSize: aws.Int32(0), MaxSize: aws.Int32(1), LaunchTemplate: spec, AvailabilityZones: []string{"eu-central-1a"}}
			_, created := call(r, r.s.CreateAutoScalingGroup, in)
			_, updated := call(r, r.s.UpdateAutoScalingGroup, &asg.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: spec})
			for what, err := range map[string]error{"created": created, "updated": updated} {
				if c.want == "" && err != nil || c.want != "" && (code(err) != "ValidationError" || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%s: %v, want %q", what, err, c.want)
				}
			}
		})
	}
	r := start(t)
	r.group("web", 0)
	delete(r.ec2.images, "ami-1")
	if _, err := call(r, r.s.UpdateAutoScalingGroup, &asg.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(0)}); err != nil {
		t.Errorf("an update that leaves the template alone: %v", err)
	}
}

func TestALaunchConfigurationNamesItsProfileByNameOrARN(t *testing.T) {
	for profile, arn := range map[string]bool{"web": false, "arn:aws:iam::111122223333:instance-profile/web": true} {
		p := Settings{Profile: profile}.data().IamInstanceProfile
		if aws.ToString(p.Name)+aws.ToString(p.Arn) != profile || (p.Arn != nil) != arn {
			t.Errorf("%s: %+v", profile, p)
		}
	}
}
