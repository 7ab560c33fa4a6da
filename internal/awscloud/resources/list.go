package resources

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/awscloud"
)

// alive are the states of an instance that still is one.
var alive = []string{"pending", "running", "shutting-down", "stopping", "stopped"}

func (r Resources) instances(ctx context.Context, tag []types.Filter) (out []bake.Resource, err error) {
	f := append(slices.Clone(tag), awscloud.Filter("instance-state-name", alive...))
	p := ec2.NewDescribeInstancesPaginator(r.API, &ec2.DescribeInstancesInput{Filters: f})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe instances")
		}
		for _, res := range page.Reservations {
			for _, x := range res.Instances {
				state := ""
				if x.State != nil {
					state = string(x.State.Name)
				}
				out = append(out, bake.Resource{Kind: bake.KindInstance, ID: aws.ToString(x.InstanceId), State: state, Tags: awscloud.TagMap(x.Tags)})
			}
		}
	}
	return out, nil
}

func (r Resources) keyPairs(ctx context.Context, tag []types.Filter) (out []bake.Resource, err error) {
	page, err := r.API.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{Filters: tag})
	if err != nil {
		return nil, awscloud.Wrap(err, "describe key pairs")
	}
	for _, x := range page.KeyPairs {
		out = append(out, bake.Resource{Kind: bake.KindKeyPair, ID: aws.ToString(x.KeyPairId), Tags: awscloud.TagMap(x.Tags)})
	}
	return out, nil
}

func (r Resources) securityGroups(ctx context.Context, tag []types.Filter) (out []bake.Resource, err error) {
	p := ec2.NewDescribeSecurityGroupsPaginator(r.API, &ec2.DescribeSecurityGroupsInput{Filters: tag})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe security groups")
		}
		for _, x := range page.SecurityGroups {
			out = append(out, bake.Resource{Kind: bake.KindSecurityGroup, ID: aws.ToString(x.GroupId), Tags: awscloud.TagMap(x.Tags)})
		}
	}
	return out, nil
}

func (r Resources) volumes(ctx context.Context, tag []types.Filter) (out []bake.Resource, err error) {
	p := ec2.NewDescribeVolumesPaginator(r.API, &ec2.DescribeVolumesInput{Filters: tag})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe volumes")
		}
		for _, x := range page.Volumes {
			out = append(out, bake.Resource{Kind: bake.KindVolume, ID: aws.ToString(x.VolumeId), State: string(x.State), Tags: awscloud.TagMap(x.Tags)})
		}
	}
	return out, nil
}

func (r Resources) images(ctx context.Context, tag []types.Filter) (out []bake.Resource, err error) {
	p := ec2.NewDescribeImagesPaginator(r.API, &ec2.DescribeImagesInput{Filters: tag, Owners: []string{"self"}})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe images")
		}
		for _, x := range page.Images {
			out = append(out, bake.Resource{Kind: bake.KindImage, ID: aws.ToString(x.ImageId), State: string(x.State), Tags: awscloud.TagMap(x.Tags)})
		}
	}
	return out, nil
}

func (r Resources) snapshots(ctx context.Context, tag []types.Filter) (out []bake.Resource, err error) {
	p := ec2.NewDescribeSnapshotsPaginator(r.API, &ec2.DescribeSnapshotsInput{Filters: tag, OwnerIds: []string{"self"}})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe snapshots")
		}
		for _, x := range page.Snapshots {
			out = append(out, bake.Resource{Kind: bake.KindSnapshot, ID: aws.ToString(x.SnapshotId), State: string(x.State), Tags: awscloud.TagMap(x.Tags)})
		}
	}
	return out, nil
}
