package worldfile

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// more adds what few groups have: an instance maintenance policy, and a mixed-instances
// policy around the template.
func (g Group) more(in *autoscaling.CreateAutoScalingGroupInput) {
	if g.MinHealthy != nil && g.MaxHealthy != nil {
		in.InstanceMaintenancePolicy = &asgtypes.InstanceMaintenancePolicy{MinHealthyPercentage: g.MinHealthy, MaxHealthyPercentage: g.MaxHealthy}
	}
	if g.Mixed == nil {
		return
	}
	policy := *g.Mixed
	template := asgtypes.LaunchTemplate{}
	if policy.LaunchTemplate != nil {
		template = *policy.LaunchTemplate
	}
	template.LaunchTemplateSpecification = &asgtypes.LaunchTemplateSpecification{LaunchTemplateName: in.LaunchTemplate.LaunchTemplateName,
		Version: aws.String(aws.ToString(in.LaunchTemplate.Version))}
	policy.LaunchTemplate = &template
	in.LaunchTemplate, in.MixedInstancesPolicy = nil, &policy
}
