package groups

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/rollout"
)

var _ rollout.TemplateTags = Templates{}

// Tags lists all launch templates with their tags.
func (t Templates) Tags(ctx context.Context) ([]rollout.TaggedTemplate, error) {
	var out []rollout.TaggedTemplate
	p := ec2.NewDescribeLaunchTemplatesPaginator(t.API, &ec2.DescribeLaunchTemplatesInput{MaxResults: aws.Int32(200)}) // the most a page holds
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe launch templates")
		}
		for _, x := range page.LaunchTemplates {
			out = append(out, rollout.TaggedTemplate{ID: aws.ToString(x.LaunchTemplateId), Name: aws.ToString(x.LaunchTemplateName),
				CreatedBy: aws.ToString(x.CreatedBy), Tags: awscloud.TagMap(x.Tags)})
		}
	}
	return out, nil
}
