// Package paramstest stands in for Parameter Store where a test needs one parameter,
// so that such a test needs no AWS SDK.
package paramstest

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/awscloud/params"
)

// One answers GetParameter and GetParameterHistory for one parameter; version 0 is none.
// Other calls panic.
type One struct {
	params.API
	Name, Value string
	Version     int64
}

// GetParameter is the parameter, if it is this one.
func (o One) GetParameter(_ context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	if *in.Name != o.Name || o.Version == 0 {
		return nil, &types.ParameterNotFound{}
	}
	return &ssm.GetParameterOutput{Parameter: &types.Parameter{Name: &o.Name, Value: &o.Value, Version: o.Version}}, nil
}

// GetParameterHistory is the parameter's only version.
func (o One) GetParameterHistory(_ context.Context, in *ssm.GetParameterHistoryInput, _ ...func(*ssm.Options)) (*ssm.GetParameterHistoryOutput, error) {
	if *in.Name != o.Name || o.Version == 0 {
		return nil, &types.ParameterNotFound{}
	}
	return &ssm.GetParameterHistoryOutput{Parameters: []types.ParameterHistory{{Name: &o.Name, Value: &o.Value, Version: o.Version}}}, nil
}
