// Package params is Parameter Store.
package params

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/publish"
)

// API is what the adapter calls.
type API interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
	LabelParameterVersion(context.Context, *ssm.LabelParameterVersionInput, ...func(*ssm.Options)) (*ssm.LabelParameterVersionOutput, error)
	UnlabelParameterVersion(context.Context, *ssm.UnlabelParameterVersionInput, ...func(*ssm.Options)) (*ssm.UnlabelParameterVersionOutput, error)
	ssm.GetParameterHistoryAPIClient
}

var (
	_ API                = (*ssm.Client)(nil)
	_ publish.Parameters = Parameters{}
)

// Parameters reads and writes parameters.
type Parameters struct{ API API }

// New is the adapter over a session.
func New(s *session.Session) Parameters { return Parameters{ssm.NewFromConfig(s.Config())} }

// Get is the newest valid version of a parameter.
func (p Parameters) Get(ctx context.Context, name string) (publish.Parameter, error) {
	out, err := p.API.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if err != nil {
		return publish.Parameter{}, awscloud.Wrap(err, "get parameter %s", name)
	}
	v := out.Parameter
	return publish.Parameter{Name: name, Value: aws.ToString(v.Value), DataType: aws.ToString(v.DataType),
		Version: v.Version, ModifiedAt: aws.ToTime(v.LastModifiedDate)}, nil
}

// History is every version that is kept, oldest first.
func (p Parameters) History(ctx context.Context, name string) ([]publish.Parameter, error) {
	return History(ctx, p.API, name)
}

// History is every version of a parameter that is kept, oldest first; none, without an
// error, when there is no such parameter.
func History(ctx context.Context, api ssm.GetParameterHistoryAPIClient, name string) ([]publish.Parameter, error) {
	var out []publish.Parameter
	pages := ssm.NewGetParameterHistoryPaginator(api, &ssm.GetParameterHistoryInput{Name: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if awscloud.Code(err) == "ParameterNotFound" {
			return nil, nil
		}
		if err != nil {
			return nil, awscloud.Wrap(err, "get the history of parameter %s", name)
		}
		for _, v := range page.Parameters {
			out = append(out, publish.Parameter{Name: name, Value: aws.ToString(v.Value), Type: string(v.Type), DataType: aws.ToString(v.DataType),
				Description: aws.ToString(v.Description), Version: v.Version, Labels: v.Labels, ModifiedAt: aws.ToTime(v.LastModifiedDate)})
		}
	}
	return out, nil
}

// Put writes a new version.
func (p Parameters) Put(ctx context.Context, in publish.NewVersion) (int64, error) {
	req := &ssm.PutParameterInput{Name: &in.Name, Value: &in.Value, Type: types.ParameterTypeString, Overwrite: &in.Overwrite}
	if in.DataType != "" {
		req.DataType = &in.DataType
	}
	if in.Description != "" {
		req.Description = &in.Description
	}
	out, err := p.API.PutParameter(ctx, req)
	if err != nil {
		return 0, awscloud.Wrap(err, "put parameter %s", in.Name)
	}
	return out.Version, nil
}

// Label moves labels to a version.
func (p Parameters) Label(ctx context.Context, name string, version int64, labels ...string) error {
	out, err := p.API.LabelParameterVersion(ctx, &ssm.LabelParameterVersionInput{Name: &name, ParameterVersion: &version, Labels: labels})
	if err == nil && len(out.InvalidLabels) > 0 {
		err = &types.ParameterVersionLabelLimitExceeded{Message: aws.String("labels refused")}
	}
	return awscloud.Wrap(err, "label version %d of parameter %s", version, name)
}

// Unlabel takes labels from a version. Labels that it does not have are no error.
func (p Parameters) Unlabel(ctx context.Context, name string, version int64, labels ...string) error {
	_, err := p.API.UnlabelParameterVersion(ctx, &ssm.UnlabelParameterVersionInput{Name: &name, ParameterVersion: &version, Labels: labels})
	return awscloud.Wrap(err, "take labels from version %d of parameter %s", version, name)
}
