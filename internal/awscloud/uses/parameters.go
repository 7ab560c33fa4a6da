package uses

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/publish/usage"
)

// SSM is what is called of Parameter Store.
type SSM interface {
	ssm.DescribeParametersAPIClient
	ssm.GetParameterHistoryAPIClient
	GetParameters(context.Context, *ssm.GetParametersInput, ...func(*ssm.Options)) (*ssm.GetParametersOutput, error)
}

var (
	_ SSM              = (*ssm.Client)(nil)
	_ usage.Parameters = Parameters{}
)

// Parameters lists Parameter Store.
type Parameters struct{ API SSM }

// mostNames is how many parameters one GetParameters takes.
const mostNames = 10

// All is the current value of every parameter that is not encrypted. EC2 resolves no
// encrypted ones, so they launch nothing.
func (p Parameters) All(ctx context.Context) ([]usage.Parameter, error) {
	var names []string
	described := map[string]string{}
	pages := ssm.NewDescribeParametersPaginator(p.API, &ssm.DescribeParametersInput{MaxResults: aws.Int32(50)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe parameters")
		}
		for _, x := range page.Parameters {
			if x.Type != types.ParameterTypeSecureString {
				names = append(names, aws.ToString(x.Name))
				described[aws.ToString(x.Name)] = aws.ToString(x.Description)
			}
		}
	}
	out := make([]usage.Parameter, 0, len(names))
	for some := range slices.Chunk(names, mostNames) {
		got, err := p.API.GetParameters(ctx, &ssm.GetParametersInput{Names: some})
		if err != nil {
			return nil, awscloud.Wrap(err, "get %d parameters", len(some))
		}
		// A name that is invalid now was deleted since, or is not validated yet.
		for _, x := range got.Parameters {
			out = append(out, usage.Parameter{Name: aws.ToString(x.Name), Value: aws.ToString(x.Value), Version: x.Version,
				ModifiedAt: aws.ToTime(x.LastModifiedDate), Description: described[aws.ToString(x.Name)]})
		}
	}
	return out, nil
}

// History is every version that is kept, oldest first.
func (p Parameters) History(ctx context.Context, name string) ([]usage.Parameter, error) {
	return params.History(ctx, p.API, name)
}
