package autoscaling

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DescribeAutoScalingGroups lists groups by name; unknown names are left out.
func (s *Service) DescribeAutoScalingGroups(tx *world.Tx, in *asg.DescribeAutoScalingGroupsInput) (*asg.DescribeAutoScalingGroupsOutput, error) {
	for _, f := range in.Filters {
		if n := aws.ToString(f.Name); n != "tag-key" && n != "tag-value" && !strings.HasPrefix(n, "tag:") {
			return nil, invalid("Invalid filter name: %s", n)
		}
	}
	var all []group
	for name, g := range groups(tx).All() {
		if len(in.AutoScalingGroupNames) > 0 && !slices.Contains(in.AutoScalingGroupNames, name) || !tagged(g, in.Filters) {
			continue
		}
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b group) int { return strings.Compare(a.name(), b.name()) })
	cut, next, err := page(all, in.NextToken, in.MaxRecords, 50, 100)
	if err != nil {
		return nil, err
	}
	out := &asg.DescribeAutoScalingGroupsOutput{AutoScalingGroups: []types.AutoScalingGroup{}, NextToken: next}
	for _, g := range cut {
		out.AutoScalingGroups = append(out.AutoScalingGroups, describeGroup(tx, g, in.IncludeInstances == nil || *in.IncludeInstances))
	}
	return out, nil
}

// tagged says whether a group passes the filters: all of them, any value of each.
func tagged(g group, filters []types.Filter) bool {
	for _, f := range filters {
		name := aws.ToString(f.Name)
		if !slices.ContainsFunc(g.Spec.Tags, func(t types.TagDescription) bool {
			switch {
			case name == "tag-key":
				return slices.Contains(f.Values, aws.ToString(t.Key))
			case name == "tag-value":
				return slices.Contains(f.Values, aws.ToString(t.Value))
			}
			return "tag:"+aws.ToString(t.Key) == name && slices.Contains(f.Values, aws.ToString(t.Value))
		}) {
			return false
		}
	}
	return true
}

func describeGroup(tx *world.Tx, g group, instances bool) types.AutoScalingGroup {
	out := g.Spec
	for _, p := range g.Suspended {
		out.SuspendedProcesses = append(out.SuspendedProcesses, types.SuspendedProcess{ProcessName: aws.String(p), SuspensionReason: aws.String("User suspended at " + tx.Now.Format("2006-01-02T15:04:05Z"))})
	}
	if !instances {
		return out
	}
	for _, m := range members(tx, g.name()).All() {
		out.Instances = append(out.Instances, types.Instance{
			InstanceId: aws.String(m.ID), AvailabilityZone: aws.String(m.Zone), InstanceType: aws.String(m.Type), HealthStatus: aws.String(m.health()),
			ImageId: m.image(), LifecycleState: m.State, LaunchTemplate: m.template(), LaunchConfigurationName: m.configuration(), WeightedCapacity: m.weight(), ProtectedFromScaleIn: aws.Bool(m.Protected),
		})
	}
	return out
}

func (m member) template() *types.LaunchTemplateSpecification {
	if m.Configuration != "" {
		return nil
	}
	return &m.Template
}

// image is told of instances launched with an override's image, or given another root
// volume (Instance.ImageId, API reference).
func (m member) image() *string {
	if !m.Shown {
		return nil
	}
	return &m.Image
}

func (m member) configuration() *string {
	if m.Configuration == "" {
		return nil
	}
	return &m.Configuration
}

func (m member) weight() *string {
	if m.Weight == 0 {
		return nil
	}
	return aws.String(strconv.Itoa(m.Weight))
}

func (m member) health() string {
	if m.Unhealthy {
		return "Unhealthy"
	}
	return "Healthy"
}

// DescribeAutoScalingInstances lists instances of groups; unknown ids are left out.
func (s *Service) DescribeAutoScalingInstances(tx *world.Tx, in *asg.DescribeAutoScalingInstancesInput) (*asg.DescribeAutoScalingInstancesOutput, error) {
	var found []member
	if len(in.InstanceIds) > 0 {
		for i, id := range in.InstanceIds {
			if m, ok := findMember(tx, id); ok && !slices.Contains(in.InstanceIds[:i], id) {
				found = append(found, m)
			}
		}
	} else {
		for id := range owners(tx).Each() {
			if m, ok := findMember(tx, id); ok {
				found = append(found, m)
			}
		}
	}
	cut, next, err := page(found, in.NextToken, in.MaxRecords, 50, 50)
	all := make([]types.AutoScalingInstanceDetails, 0, len(cut))
	for _, m := range cut {
		all = append(all, types.AutoScalingInstanceDetails{
			AutoScalingGroupName: aws.String(m.Group), InstanceId: aws.String(m.ID), AvailabilityZone: aws.String(m.Zone), InstanceType: aws.String(m.Type),
			ImageId: m.image(), HealthStatus: aws.String(strings.ToUpper(m.health())), LifecycleState: aws.String(string(m.State)), LaunchTemplate: m.template(), LaunchConfigurationName: m.configuration(), WeightedCapacity: m.weight(), ProtectedFromScaleIn: aws.Bool(m.Protected),
		})
	}
	return &asg.DescribeAutoScalingInstancesOutput{AutoScalingInstances: all, NextToken: next}, err
}
