// Package groups is Auto Scaling groups, their launch templates and refreshes.
package groups

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/rollout"
)

// GroupsAPI is what Groups calls.
type GroupsAPI interface {
	autoscaling.DescribeAutoScalingGroupsAPIClient
	UpdateAutoScalingGroup(context.Context, *autoscaling.UpdateAutoScalingGroupInput, ...func(*autoscaling.Options)) (*autoscaling.UpdateAutoScalingGroupOutput, error)
}

var (
	_ GroupsAPI      = (*autoscaling.Client)(nil)
	_ rollout.Groups = Groups{}
)

// Groups reads and pins groups.
type Groups struct{ API GroupsAPI }

// New is the three adapters over a session.
func New(s *session.Session) (Groups, Templates, Refreshes) {
	client := autoscaling.NewFromConfig(s.Config())
	return Groups{client}, newTemplates(s), Refreshes{client}
}

// Find lists groups by name, or by tags when there are no names, or all groups.
func (g Groups) Find(ctx context.Context, names []string, tags map[string]string) ([]rollout.Group, error) {
	in := &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: names, MaxRecords: aws.Int32(100)} // the most a page holds
	if len(names) == 0 {
		for _, k := range slices.Sorted(maps.Keys(tags)) {
			in.Filters = append(in.Filters, types.Filter{Name: aws.String("tag:" + k), Values: []string{tags[k]}})
		}
	}
	var out []rollout.Group
	pages := autoscaling.NewDescribeAutoScalingGroupsPaginator(g.API, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe Auto Scaling groups")
		}
		for _, x := range page.AutoScalingGroups {
			got, err := group(x)
			if err != nil {
				return nil, err
			}
			out = append(out, got)
		}
	}
	slices.SortFunc(out, func(a, b rollout.Group) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Pin sets the group to a numbered version of the template it uses.
func (g Groups) Pin(ctx context.Context, name string, d rollout.Desired) error {
	template, mixed, err := desired(d)
	if err != nil {
		return err
	}
	_, err = g.API.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{
		AutoScalingGroupName: &name, LaunchTemplate: template, MixedInstancesPolicy: mixed})
	return awscloud.Wrap(err, "update group %s", name)
}

func group(x types.AutoScalingGroup) (rollout.Group, error) {
	g := rollout.Group{
		Name: aws.ToString(x.AutoScalingGroupName), LaunchConfiguration: aws.ToString(x.LaunchConfigurationName),
		Min: int(aws.ToInt32(x.MinSize)), Max: int(aws.ToInt32(x.MaxSize)), Desired: int(aws.ToInt32(x.DesiredCapacity)),
		WarmPool: x.WarmPoolConfiguration != nil,
		Deleting: strings.HasPrefix(aws.ToString(x.Status), "Delete"),
		Template: template(x.LaunchTemplate),
	}
	for _, p := range x.SuspendedProcesses {
		g.Suspended = append(g.Suspended, aws.ToString(p.ProcessName))
	}
	for _, i := range x.Instances {
		weight, _ := strconv.Atoi(aws.ToString(i.WeightedCapacity)) // without one it is one
		g.Instances = append(g.Instances, rollout.Member{ID: aws.ToString(i.InstanceId), State: string(i.LifecycleState),
			Healthy: strings.EqualFold(aws.ToString(i.HealthStatus), "healthy"), Protected: aws.ToBool(i.ProtectedFromScaleIn),
			Template: template(i.LaunchTemplate), Type: aws.ToString(i.InstanceType), Zone: aws.ToString(i.AvailabilityZone), Weight: weight})
	}
	around(&g, x)
	if m := x.MixedInstancesPolicy; m != nil {
		var err error
		if g.Template, g.Mixed, err = policy(m); err != nil {
			return g, err
		}
		if m.LaunchTemplate != nil {
			for _, o := range m.LaunchTemplate.Overrides {
				g.OwnOverrides = g.OwnOverrides || o.LaunchTemplateSpecification != nil || o.ImageId != nil
			}
		}
	}
	return g, nil
}

func template(t *types.LaunchTemplateSpecification) rollout.Template {
	if t == nil {
		return rollout.Template{}
	}
	return rollout.Template{ID: aws.ToString(t.LaunchTemplateId), Name: aws.ToString(t.LaunchTemplateName), Version: aws.ToString(t.Version)}
}

// policy splits a mixed-instances policy into its template and all the rest, as JSON.
func policy(m *types.MixedInstancesPolicy) (rollout.Template, json.RawMessage, error) {
	rest := *m
	var t rollout.Template
	if rest.LaunchTemplate != nil {
		t = template(rest.LaunchTemplate.LaunchTemplateSpecification)
		lt := *rest.LaunchTemplate
		lt.LaunchTemplateSpecification = nil
		rest.LaunchTemplate = &lt
	}
	data, err := awscloud.Compact(rest)
	return t, data, err
}

// desired is policy's reverse: the template specification, or the whole policy
// around it.
func desired(d rollout.Desired) (*types.LaunchTemplateSpecification, *types.MixedInstancesPolicy, error) {
	spec := &types.LaunchTemplateSpecification{LaunchTemplateId: &d.Template.ID, Version: &d.Template.Version}
	if len(d.Mixed) == 0 {
		return spec, nil, nil
	}
	m := &types.MixedInstancesPolicy{}
	if err := json.Unmarshal(d.Mixed, m); err != nil {
		return nil, nil, awscloud.Wrap(err, "read the mixed-instances policy")
	}
	if m.LaunchTemplate == nil {
		m.LaunchTemplate = &types.LaunchTemplate{}
	}
	m.LaunchTemplate.LaunchTemplateSpecification = spec
	return nil, m, nil
}
