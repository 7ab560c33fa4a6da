package targets_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/awscloud/targets"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/gate"
)

type stub struct {
	states []types.TargetHealthStateEnum
	err    error
}

func (s stub) DescribeTargetHealth(context.Context, *elasticloadbalancingv2.DescribeTargetHealthInput, ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error) {
	out := &elasticloadbalancingv2.DescribeTargetHealthOutput{TargetHealthDescriptions: []types.TargetHealthDescription{{}}}
	for _, state := range s.states {
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, types.TargetHealthDescription{TargetHealth: &types.TargetHealth{State: state}})
	}
	return out, s.err
}

func TestTargetsAreCountedByStateAndOneWithoutIsUnknown(t *testing.T) {
	open := func(s stub, err error) targets.Targets {
		return targets.Targets{Open: func(context.Context, gate.Cell) (targets.API, error) { return s, err }}
	}
	got, err := open(stub{states: []types.TargetHealthStateEnum{"healthy", "healthy", "draining"}}, nil).Health(t.Context(), gate.Cell{}, "arn")
	if err != nil || len(got) != 3 || got["healthy"] != 2 || got["draining"] != 1 || got["unknown"] != 1 {
		t.Errorf("%v, %v", got, err)
	}
	for code, want := range map[string]fault.Kind{"TargetGroupNotFound": fault.NotFound, "Throttling": fault.Throttled} {
		if _, err := open(stub{err: &smithy.GenericAPIError{Code: code}}, nil).Health(t.Context(), gate.Cell{}, "arn"); fault.KindOf(err) != want {
			t.Errorf("%s: %v", code, err)
		}
	}
	if _, err := open(stub{}, errors.New("no way in")).Health(t.Context(), gate.Cell{}, "arn"); err == nil {
		t.Error("a cell that cannot be opened was read")
	}
}
