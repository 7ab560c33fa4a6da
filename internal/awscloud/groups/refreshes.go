package groups

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/rollout"
)

// RefreshesAPI is what Refreshes calls.
type RefreshesAPI interface {
	autoscaling.DescribeInstanceRefreshesAPIClient
	StartInstanceRefresh(context.Context, *autoscaling.StartInstanceRefreshInput, ...func(*autoscaling.Options)) (*autoscaling.StartInstanceRefreshOutput, error)
	CancelInstanceRefresh(context.Context, *autoscaling.CancelInstanceRefreshInput, ...func(*autoscaling.Options)) (*autoscaling.CancelInstanceRefreshOutput, error)
	RollbackInstanceRefresh(context.Context, *autoscaling.RollbackInstanceRefreshInput, ...func(*autoscaling.Options)) (*autoscaling.RollbackInstanceRefreshOutput, error)
}

var (
	_ RefreshesAPI      = (*autoscaling.Client)(nil)
	_ rollout.Refreshes = Refreshes{}
)

// Refreshes starts and watches instance refreshes.
type Refreshes struct{ API RefreshesAPI }

// pages bounds how far back List looks; AWS keeps six weeks, 100 a page.
const pages = 1

// List is the group's latest refreshes, newest first.
func (r Refreshes) List(ctx context.Context, group string) ([]rollout.Refresh, error) {
	var out []rollout.Refresh
	p := autoscaling.NewDescribeInstanceRefreshesPaginator(r.API, &autoscaling.DescribeInstanceRefreshesInput{
		AutoScalingGroupName: &group, MaxRecords: aws.Int32(100)})
	for n := 0; n < pages && p.HasMorePages(); n++ {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe the instance refreshes of group %s", group)
		}
		for _, x := range page.InstanceRefreshes {
			got, err := refresh(x)
			if err != nil {
				return nil, err
			}
			out = append(out, got)
		}
	}
	return out, nil
}

// Start begins a refresh to a numbered version. Instances that match already are not
// replaced again.
func (r Refreshes) Start(ctx context.Context, in rollout.NewRefresh) (string, error) {
	template, mixed, err := desired(in.Desired)
	if err != nil {
		return "", err
	}
	out, err := r.API.StartInstanceRefresh(ctx, &autoscaling.StartInstanceRefreshInput{
		AutoScalingGroupName: &in.Group, Strategy: types.RefreshStrategyRolling,
		DesiredConfiguration: &types.DesiredConfiguration{LaunchTemplate: template, MixedInstancesPolicy: mixed},
		Preferences:          preferences(in.Preferences),
	})
	if awscloud.Code(err) == "InstanceRefreshInProgress" {
		return "", errors.Join(rollout.ErrRefreshing, awscloud.Wrap(err, "start an instance refresh of group %s", in.Group))
	}
	if err != nil {
		return "", awscloud.Wrap(err, "start an instance refresh of group %s", in.Group)
	}
	return aws.ToString(out.InstanceRefreshId), nil
}

// Cancel ends the active refresh once what is on its way has arrived.
func (r Refreshes) Cancel(ctx context.Context, group string) error {
	_, err := r.API.CancelInstanceRefresh(ctx, &autoscaling.CancelInstanceRefreshInput{AutoScalingGroupName: &group})
	return awscloud.Wrap(err, "cancel the instance refresh of group %s", group)
}

// Rollback turns the active refresh round.
func (r Refreshes) Rollback(ctx context.Context, group string) error {
	_, err := r.API.RollbackInstanceRefresh(ctx, &autoscaling.RollbackInstanceRefreshInput{AutoScalingGroupName: &group})
	return awscloud.Wrap(err, "roll back the instance refresh of group %s", group)
}

func preferences(p rollout.Preferences) *types.RefreshPreferences {
	out := &types.RefreshPreferences{SkipMatching: aws.Bool(true), AutoRollback: &p.Rollback,
		ScaleInProtectedInstances: types.ScaleInProtectedInstances(p.Protected),
		StandbyInstances:          types.StandbyInstances(p.Standby)}
	number := func(v *int) *int32 {
		if v == nil {
			return nil
		}
		return aws.Int32(int32(*v)) //nolint:gosec // percentages, checked by the plan
	}
	out.MinHealthyPercentage, out.MaxHealthyPercentage = number(p.MinHealthy), number(p.MaxHealthy)
	for _, c := range p.Checkpoints {
		out.CheckpointPercentages = append(out.CheckpointPercentages, int32(c)) //nolint:gosec // likewise
	}
	if len(p.Checkpoints) > 0 && p.CheckpointDelay > 0 {
		out.CheckpointDelay = seconds(p.CheckpointDelay)
	}
	if p.Soak > 0 {
		out.BakeTime = seconds(p.Soak)
	}
	if p.Warmup != nil {
		out.InstanceWarmup = seconds(*p.Warmup)
	}
	if len(p.Alarms) > 0 {
		out.AlarmSpecification = &types.AlarmSpecification{Alarms: p.Alarms}
	}
	return out
}

func seconds(d time.Duration) *int32 { return aws.Int32(int32(d / time.Second)) } //nolint:gosec // at most 48 h

func refresh(x types.InstanceRefresh) (rollout.Refresh, error) {
	out := rollout.Refresh{ID: aws.ToString(x.InstanceRefreshId), Status: string(x.Status), Reason: aws.ToString(x.StatusReason),
		Percent: int(aws.ToInt32(x.PercentageComplete)), Left: int(aws.ToInt32(x.InstancesToUpdate)),
		StartedAt: aws.ToTime(x.StartTime), EndedAt: aws.ToTime(x.EndTime)}
	if d := x.RollbackDetails; d != nil && aws.ToString(d.RollbackReason) != "" {
		out.Reason = aws.ToString(d.RollbackReason)
	}
	if d := x.DesiredConfiguration; d != nil {
		out.Desired.Template = template(d.LaunchTemplate)
		if d.MixedInstancesPolicy != nil {
			var err error
			if out.Desired.Template, out.Desired.Mixed, err = policy(d.MixedInstancesPolicy); err != nil {
				return out, fmt.Errorf("instance refresh %s: %w", out.ID, err)
			}
		}
	}
	return out, nil
}
