package autoscaling

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// settings are what CreateAutoScalingGroup and UpdateAutoScalingGroup take alike.
type settings struct {
	health      *string
	grace       *int32
	warmup      *int32
	cooldown    *int32
	termination []string
	capacity    *string // what the desired capacity counts
	spread      *types.AvailabilityZoneDistribution
	impaired    *types.AvailabilityZoneImpairmentPolicy
}

func settingsOf(in *asg.UpdateAutoScalingGroupInput) settings {
	return settings{in.HealthCheckType, in.HealthCheckGracePeriod, in.DefaultInstanceWarmup, in.DefaultCooldown, in.TerminationPolicies, in.DesiredCapacityType, in.AvailabilityZoneDistribution, in.AvailabilityZoneImpairmentPolicy}
}

// terminationPolicies are those that have names ("Configure termination policies", user
// guide). They are kept; the twin ends instances by the default one.
func terminationPolicies() []string {
	return []string{"Default", "AllocationStrategy", "ClosestToNextInstanceHour", "NewestInstance", "OldestInstance", "OldestLaunchConfiguration", "OldestLaunchTemplate"}
}

// check refuses what the API reference does, and by name what the twin does not model.
func (s settings) check() error {
	for _, kind := range strings.Split(aws.ToString(orText(s.health, "EC2")), ",") {
		switch strings.TrimSpace(kind) {
		case "EC2", "ELB", "":
		case "EBS", "VPC_LATTICE":
			return unmodelled("health checks of the type " + kind)
		default:
			return invalid("Invalid HealthCheckType: %s. Valid types are EC2, EBS, ELB and VPC_LATTICE.", kind)
		}
	}
	for _, p := range s.termination {
		if !slices.Contains(terminationPolicies(), p) && !strings.HasPrefix(p, "arn:aws:lambda:") {
			return invalid("Invalid termination policy: %s", p)
		}
	}
	switch {
	case s.grace != nil && *s.grace < 0:
		return invalid("HealthCheckGracePeriod must not be negative.")
	case s.warmup != nil && *s.warmup < -1:
		return invalid("DefaultInstanceWarmup must be at least 0, or -1 to remove it.")
	case s.cooldown != nil && *s.cooldown < 0:
		return invalid("DefaultCooldown must not be negative.")
	case aws.ToString(orText(s.capacity, "units")) != "units":
		return unmodelled("capacity in " + *s.capacity) // only with attribute-based instance selection
	case s.spread != nil && s.spread.CapacityDistributionStrategy != "" && s.spread.CapacityDistributionStrategy != types.CapacityDistributionStrategyBalancedBestEffort:
		return unmodelled("the zone distribution " + string(s.spread.CapacityDistributionStrategy))
	case s.impaired != nil && aws.ToBool(s.impaired.ZonalShiftEnabled):
		return unmodelled("policies for impaired zones")
	}
	return nil
}

// maxTags is how many tags a group has at most ("Tag restrictions", user guide).
const maxTags = 50

// checkTags refuses tags that a group cannot have, beside those that it has.
func checkTags(have []types.TagDescription, tags []types.Tag) error {
	keys := map[string]bool{}
	for _, t := range have {
		keys[aws.ToString(t.Key)] = true
	}
	given := map[string]bool{}
	for _, t := range tags {
		key := aws.ToString(t.Key)
		switch {
		case key == "":
			return invalid("A tag needs a key.")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalid("aws: prefixed tag key names are not allowed for external use.")
		case t.ResourceType != nil && *t.ResourceType != groupResource:
			return invalid("Invalid resource type: %s. The only supported value is %s.", *t.ResourceType, groupResource)
		case given[key]:
			return invalid("Duplicate tag keys: %s", key)
		}
		given[key], keys[key] = true, true
	}
	if len(keys) > maxTags {
		return exceeded("You've exceeded the limit of %d tags per Auto Scaling group.", maxTags)
	}
	return nil
}

// groupResource is the one kind of resource that has tags ("Tag", API reference).
const groupResource = "auto-scaling-group"

// oneName refuses a launch template that is named twice: "either the LaunchTemplateId or the
// LaunchTemplateName in the request, but not both" (LaunchTemplateSpecification, API
// reference). What is described has both.
func (c config) oneName() error {
	specs := []*types.LaunchTemplateSpecification{c.base()}
	for _, o := range c.overrides() {
		specs = append(specs, o.LaunchTemplateSpecification)
	}
	for _, spec := range specs {
		if spec != nil && (spec.LaunchTemplateId != nil) == (spec.LaunchTemplateName != nil) {
			return invalid("Valid requests must contain either launchTemplateId or LaunchTemplateName")
		}
	}
	return nil
}
