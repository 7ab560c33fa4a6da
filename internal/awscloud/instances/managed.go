package instances

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
)

// managed says which of ids Systems Manager sees online.
func managed(ctx context.Context, api ssmAPI, ids []string) (map[string]bool, error) {
	out := map[string]bool{}
	for some := range slices.Chunk(ids, 50) {
		p := ssm.NewDescribeInstanceInformationPaginator(api, &ssm.DescribeInstanceInformationInput{
			Filters: []types.InstanceInformationStringFilter{{Key: aws.String("InstanceIds"), Values: some}}})
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			if err != nil {
				return nil, awscloud.Wrap(err, "ask Systems Manager which instances are online")
			}
			for _, x := range page.InstanceInformationList {
				out[aws.ToString(x.InstanceId)] = x.PingStatus == types.PingStatusOnline
			}
		}
	}
	return out, nil
}
