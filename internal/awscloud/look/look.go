// Package look reads what stands around Auto Scaling groups: subnets, alarms,
// scheduled actions, instance types.
package look

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/rollout"
)

// EC2 is what Look calls of EC2.
type EC2 interface {
	ec2.DescribeSubnetsAPIClient
	ec2.DescribeInstanceTypesAPIClient
}

var (
	_ EC2                                           = (*ec2.Client)(nil)
	_ cloudwatch.DescribeAlarmsAPIClient            = (*cloudwatch.Client)(nil)
	_ autoscaling.DescribeScheduledActionsAPIClient = (*autoscaling.Client)(nil)
	_ rollout.Look                                  = Look{}
)

// Look implements rollout.Look.
type Look struct {
	EC2     EC2
	Alarm   cloudwatch.DescribeAlarmsAPIClient
	Actions autoscaling.DescribeScheduledActionsAPIClient
}

// New is the adapter over a session.
func New(s *session.Session) Look {
	return Look{ec2.NewFromConfig(s.Config()), cloudwatch.NewFromConfig(s.Config()), autoscaling.NewFromConfig(s.Config())}
}

// Subnets tells of subnets by their ids, and of the default ones of zones; those that
// do not exist are left out.
func (l Look) Subnets(ctx context.Context, ids, zones []string) (map[string]rollout.Subnet, error) {
	out := map[string]rollout.Subnet{}
	read := func(filters ...types.Filter) error {
		p := ec2.NewDescribeSubnetsPaginator(l.EC2, &ec2.DescribeSubnetsInput{Filters: filters})
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			if err != nil {
				return awscloud.Wrap(err, "describe subnets")
			}
			for _, x := range page.Subnets {
				out[aws.ToString(x.SubnetId)] = rollout.Subnet{Zone: aws.ToString(x.AvailabilityZone), Free: int(aws.ToInt32(x.AvailableIpAddressCount)), Default: aws.ToBool(x.DefaultForAz)}
			}
		}
		return nil
	}
	const most = 200 // values that a filter takes
	for some := range slices.Chunk(ids, most) {
		if err := read(awscloud.Filter("subnet-id", some...)); err != nil {
			return nil, err
		}
	}
	for some := range slices.Chunk(zones, most) {
		if err := read(awscloud.Filter("availability-zone", some...), awscloud.Filter("default-for-az", "true")); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Alarms says which of the alarms exist, metric or composite.
func (l Look) Alarms(ctx context.Context, names []string) ([]string, error) {
	out := []string{}
	for some := range slices.Chunk(names, 100) { // the most that one call takes
		p := cloudwatch.NewDescribeAlarmsPaginator(l.Alarm, &cloudwatch.DescribeAlarmsInput{AlarmNames: some,
			AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm}})
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			if err != nil {
				return nil, awscloud.Wrap(err, "describe alarms")
			}
			for _, a := range page.MetricAlarms {
				out = append(out, aws.ToString(a.AlarmName))
			}
			for _, a := range page.CompositeAlarms {
				out = append(out, aws.ToString(a.AlarmName))
			}
		}
	}
	return out, nil
}

// Scheduled lists the scheduled actions of all groups that begin in a time.
func (l Look) Scheduled(ctx context.Context, from, until time.Time) ([]rollout.ScheduledAction, error) {
	var out []rollout.ScheduledAction
	p := autoscaling.NewDescribeScheduledActionsPaginator(l.Actions, &autoscaling.DescribeScheduledActionsInput{
		StartTime: &from, EndTime: &until, MaxRecords: aws.Int32(100)})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe scheduled actions")
		}
		for _, a := range page.ScheduledUpdateGroupActions {
			x := rollout.ScheduledAction{Group: aws.ToString(a.AutoScalingGroupName), Name: aws.ToString(a.ScheduledActionName), At: aws.ToTime(a.StartTime)}
			if a.DesiredCapacity != nil {
				n := int(*a.DesiredCapacity)
				x.Desired = &n
			}
			out = append(out, x)
		}
	}
	return out, nil
}

// CPUs is how many vCPUs each instance type has.
func (l Look) CPUs(ctx context.Context, kinds []string) (map[string]int, error) {
	out := map[string]int{}
	for some := range slices.Chunk(kinds, 100) { // the most that one call takes
		in := &ec2.DescribeInstanceTypesInput{}
		for _, k := range some {
			in.InstanceTypes = append(in.InstanceTypes, types.InstanceType(k))
		}
		p := ec2.NewDescribeInstanceTypesPaginator(l.EC2, in)
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			if err != nil {
				return nil, awscloud.Wrap(err, "describe instance types")
			}
			for _, x := range page.InstanceTypes {
				if x.VCpuInfo != nil {
					out[string(x.InstanceType)] = int(aws.ToInt32(x.VCpuInfo.DefaultVCpus))
				}
			}
		}
	}
	return out, nil
}
