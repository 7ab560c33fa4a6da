// Package uses reads what launches, runs or names images in a cell.
package uses

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/publish/usage"
)

// EC2 is what is called of EC2.
type EC2 interface {
	ec2.DescribeInstancesAPIClient
	ec2.DescribeLaunchTemplatesAPIClient
	ec2.DescribeLaunchTemplateVersionsAPIClient
	ec2.DescribeImageReferencesAPIClient
}

// AutoScaling is what is called of Auto Scaling.
type AutoScaling interface {
	autoscaling.DescribeAutoScalingGroupsAPIClient
	autoscaling.DescribeLaunchConfigurationsAPIClient
	autoscaling.DescribeInstanceRefreshesAPIClient
}

var (
	_ EC2              = (*ec2.Client)(nil)
	_ AutoScaling      = (*autoscaling.Client)(nil)
	_ usage.Compute    = Compute{}
	_ usage.References = Compute{}
)

// Compute lists instances, templates and groups.
type Compute struct {
	EC2         EC2
	AutoScaling AutoScaling
}

// New is all the eyes of the session's cell.
func New(s *session.Session) usage.Ports {
	c := Compute{ec2.NewFromConfig(s.Config()), autoscaling.NewFromConfig(s.Config())}
	return usage.Ports{Compute: c, References: c, Parameters: Parameters{ssm.NewFromConfig(s.Config())}}
}

// groupTag is the tag by which Auto Scaling marks its instances.
const groupTag = "aws:autoscaling:groupName"

// live are the states of an instance that is not terminated.
var live = []string{"pending", "running", "shutting-down", "stopping", "stopped"}

// Instances are all that are not terminated.
func (c Compute) Instances(ctx context.Context) ([]usage.Instance, error) {
	var out []usage.Instance
	p := ec2.NewDescribeInstancesPaginator(c.EC2, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(1000),
		Filters: []types.Filter{awscloud.Filter("instance-state-name", live...)}})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe instances")
		}
		for _, r := range page.Reservations {
			for _, x := range r.Instances {
				i := usage.Instance{ID: aws.ToString(x.InstanceId), Image: aws.ToString(x.ImageId)}
				if x.State != nil {
					i.State = string(x.State.Name)
				}
				for _, t := range x.Tags {
					if aws.ToString(t.Key) == groupTag {
						i.Group = aws.ToString(t.Value)
					}
				}
				out = append(out, i)
			}
		}
	}
	return out, nil
}

// TemplateVersions are all versions of all launch templates. EC2 lists the versions
// of one template at a time ("DescribeLaunchTemplateVersions", API Reference).
func (c Compute) TemplateVersions(ctx context.Context) ([]usage.TemplateVersion, error) {
	var out []usage.TemplateVersion
	p := ec2.NewDescribeLaunchTemplatesPaginator(c.EC2, &ec2.DescribeLaunchTemplatesInput{})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe launch templates")
		}
		for _, t := range page.LaunchTemplates {
			some, err := c.versions(ctx, aws.ToString(t.LaunchTemplateId))
			if err != nil {
				return nil, err
			}
			out = append(out, some...)
		}
	}
	return out, nil
}

func (c Compute) versions(ctx context.Context, id string) ([]usage.TemplateVersion, error) {
	var out []usage.TemplateVersion
	p := ec2.NewDescribeLaunchTemplateVersionsPaginator(c.EC2, &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe versions of launch template %s", id)
		}
		for _, x := range page.LaunchTemplateVersions {
			v := usage.TemplateVersion{Template: id, Name: aws.ToString(x.LaunchTemplateName), Number: aws.ToInt64(x.VersionNumber),
				Description: aws.ToString(x.VersionDescription), Default: aws.ToBool(x.DefaultVersion)}
			if x.LaunchTemplateData != nil {
				v.Image = aws.ToString(x.LaunchTemplateData.ImageId)
			}
			out = append(out, v)
		}
	}
	return out, nil
}

// LaunchConfigurations are all there are.
func (c Compute) LaunchConfigurations(ctx context.Context) ([]usage.LaunchConfiguration, error) {
	var out []usage.LaunchConfiguration
	p := autoscaling.NewDescribeLaunchConfigurationsPaginator(c.AutoScaling, &autoscaling.DescribeLaunchConfigurationsInput{})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe launch configurations")
		}
		for _, x := range page.LaunchConfigurations {
			out = append(out, usage.LaunchConfiguration{Name: aws.ToString(x.LaunchConfigurationName), Image: aws.ToString(x.ImageId)})
		}
	}
	return out, nil
}

// Groups are all Auto Scaling groups.
func (c Compute) Groups(ctx context.Context) ([]usage.Group, error) {
	var out []usage.Group
	p := autoscaling.NewDescribeAutoScalingGroupsPaginator(c.AutoScaling, &autoscaling.DescribeAutoScalingGroupsInput{MaxRecords: aws.Int32(100)})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe Auto Scaling groups")
		}
		for _, x := range page.AutoScalingGroups {
			g := usage.Group{Name: aws.ToString(x.AutoScalingGroupName), LaunchConfiguration: aws.ToString(x.LaunchConfigurationName),
				Desired: int(aws.ToInt32(x.DesiredCapacity)), WarmPool: x.WarmPoolConfiguration != nil, Template: template(x.LaunchTemplate)}
			if m := x.MixedInstancesPolicy; m != nil {
				g.Template, g.Overrides, g.Images = policy(m)
			}
			out = append(out, g)
		}
	}
	return out, nil
}

func template(t *astypes.LaunchTemplateSpecification) usage.Template {
	if t == nil {
		return usage.Template{}
	}
	return usage.Template{ID: aws.ToString(t.LaunchTemplateId), Name: aws.ToString(t.LaunchTemplateName), Version: aws.ToString(t.Version)}
}

func policy(m *astypes.MixedInstancesPolicy) (main usage.Template, overrides []usage.Template, images []string) {
	if m.LaunchTemplate == nil {
		return main, nil, nil
	}
	for _, o := range m.LaunchTemplate.Overrides {
		if o.LaunchTemplateSpecification != nil {
			overrides = append(overrides, template(o.LaunchTemplateSpecification))
		}
		if id := aws.ToString(o.ImageId); id != "" {
			images = append(images, id)
		}
	}
	return template(m.LaunchTemplate.LaunchTemplateSpecification), overrides, images
}

// over are the states of an instance refresh that launches nothing any more; a state
// that we do not know is taken for a running one.
var over = map[astypes.InstanceRefreshStatus]bool{
	astypes.InstanceRefreshStatusSuccessful: true, astypes.InstanceRefreshStatusFailed: true, astypes.InstanceRefreshStatusCancelled: true,
	astypes.InstanceRefreshStatusRollbackFailed: true, astypes.InstanceRefreshStatusRollbackSuccessful: true,
}

// Refreshing is where the group's running refreshes go.
func (c Compute) Refreshing(ctx context.Context, group string) (to []usage.Template, images []string, err error) {
	p := autoscaling.NewDescribeInstanceRefreshesPaginator(c.AutoScaling, &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: &group})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, nil, awscloud.Wrap(err, "describe the instance refreshes of group %s", group)
		}
		for _, x := range page.InstanceRefreshes {
			if over[x.Status] || x.DesiredConfiguration == nil {
				continue
			}
			if x.DesiredConfiguration.LaunchTemplate != nil {
				to = append(to, template(x.DesiredConfiguration.LaunchTemplate))
			}
			if m := x.DesiredConfiguration.MixedInstancesPolicy; m != nil {
				main, overrides, named := policy(m)
				if main != (usage.Template{}) {
					to = append(to, main)
				}
				to, images = append(to, overrides...), append(images, named...)
			}
		}
	}
	return to, images, nil
}

// mostImages is how many images one DescribeImageReferences takes.
const mostImages = 10

// References asks for every kind of resource, and for every version of templates. An image
// that EC2 has never heard of, such as one of another Region, has none; it must not hide
// those of the others.
func (c Compute) References(ctx context.Context, images []string) ([]usage.Reference, error) {
	var out []usage.Reference
	for some := range slices.Chunk(images, mostImages) {
		list, err := c.references(ctx, some)
		if awscloud.NoImage(err) && len(some) > 1 {
			list, err = nil, nil
			for n := 0; n < len(some) && err == nil; n++ {
				var one []usage.Reference
				one, err = c.References(ctx, some[n:n+1])
				list = append(list, one...)
			}
		}
		if err != nil && !awscloud.NoImage(err) {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

func (c Compute) references(ctx context.Context, images []string) ([]usage.Reference, error) {
	var out []usage.Reference
	p := ec2.NewDescribeImageReferencesPaginator(c.EC2, &ec2.DescribeImageReferencesInput{
		ImageIds: images, IncludeAllResourceTypes: aws.Bool(true),
		ResourceTypes: []types.ResourceTypeRequest{
			{ResourceType: types.ImageReferenceResourceTypeEc2Instance, ResourceTypeOptions: []types.ResourceTypeOption{
				{OptionName: types.ImageReferenceOptionNameStateName, OptionValues: live}}},
			{ResourceType: types.ImageReferenceResourceTypeEc2LaunchTemplate, ResourceTypeOptions: []types.ResourceTypeOption{
				{OptionName: types.ImageReferenceOptionNameVersionDepth, OptionValues: []string{"10000"}}}},
		}})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe image references")
		}
		for _, x := range page.ImageReferences {
			out = append(out, usage.Reference{Image: aws.ToString(x.ImageId), Kind: strings.TrimSpace(string(x.ResourceType)), ARN: aws.ToString(x.Arn)})
		}
	}
	return out, nil
}
