// Package targets is Elastic Load Balancing as far as the health of targets is watched.
package targets

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/gate"
	"github.com/goldenami/rehydrate/rollout/gate/probe"
)

// API is what the adapter calls.
type API interface {
	DescribeTargetHealth(context.Context, *elasticloadbalancingv2.DescribeTargetHealthInput, ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error)
}

var (
	_ API                = (*elasticloadbalancingv2.Client)(nil)
	_ probe.TargetGroups = Targets{}
)

// Targets reads target groups of any cell.
type Targets struct {
	Open func(context.Context, gate.Cell) (API, error)
}

// New is the adapter over sessions.
func New(open func(ctx context.Context, account, region string) (*session.Session, error)) Targets {
	return Targets{func(ctx context.Context, c gate.Cell) (API, error) {
		s, err := open(ctx, c.Account, c.Region)
		if err != nil {
			return nil, err
		}
		return elasticloadbalancingv2.NewFromConfig(s.Config()), nil
	}}
}

// Health implements probe.TargetGroups. The API answers for all targets at once.
func (t Targets) Health(ctx context.Context, c gate.Cell, arn string) (map[string]int, error) {
	api, err := t.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	out, err := api.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: &arn})
	if awscloud.Code(err) == "TargetGroupNotFound" {
		return nil, fault.As(awscloud.Wrap(err, "describe the health of target group %s", arn), fault.NotFound, "check the ARN")
	}
	if err != nil {
		return nil, awscloud.Wrap(err, "describe the health of target group %s", arn)
	}
	states := map[string]int{}
	for _, d := range out.TargetHealthDescriptions {
		state := "unknown"
		if d.TargetHealth != nil && d.TargetHealth.State != "" {
			state = string(d.TargetHealth.State)
		}
		states[state]++
	}
	return states, nil
}
