// Package copies is how EC2 brings images to other accounts and Regions: copies, launch
// permissions, and launches that only show whether they work.
package copies

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/spread"
)

// API is what the adapter calls.
type API interface {
	ec2.DescribeImagesAPIClient
	ec2.DescribeSnapshotsAPIClient
	ec2.DescribeInstancesAPIClient
	CopyImage(context.Context, *ec2.CopyImageInput, ...func(*ec2.Options)) (*ec2.CopyImageOutput, error)
	DeregisterImage(context.Context, *ec2.DeregisterImageInput, ...func(*ec2.Options)) (*ec2.DeregisterImageOutput, error)
	DescribeImageAttribute(context.Context, *ec2.DescribeImageAttributeInput, ...func(*ec2.Options)) (*ec2.DescribeImageAttributeOutput, error)
	ModifyImageAttribute(context.Context, *ec2.ModifyImageAttributeInput, ...func(*ec2.Options)) (*ec2.ModifyImageAttributeOutput, error)
	DescribeSnapshotAttribute(context.Context, *ec2.DescribeSnapshotAttributeInput, ...func(*ec2.Options)) (*ec2.DescribeSnapshotAttributeOutput, error)
	ModifySnapshotAttribute(context.Context, *ec2.ModifySnapshotAttributeInput, ...func(*ec2.Options)) (*ec2.ModifySnapshotAttributeOutput, error)
	RunInstances(context.Context, *ec2.RunInstancesInput, ...func(*ec2.Options)) (*ec2.RunInstancesOutput, error)
	TerminateInstances(context.Context, *ec2.TerminateInstancesInput, ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error)
}

var (
	_ API            = (*ec2.Client)(nil)
	_ spread.Images  = Copies{}
	_ spread.Sharing = Copies{}
	_ spread.Trial   = Copies{}
)

// Copies is EC2 of one account's Region.
type Copies struct{ API API }

// New is the adapter over a session.
func New(s *session.Session) Copies { return Copies{ec2.NewFromConfig(s.Config())} }

// Image implements spread.Images.
func (c Copies) Image(ctx context.Context, id string) (spread.Image, error) {
	// By id, not by a filter: what is shared through an organization is found only so
	// ("Find a shared AMI", EC2 User Guide).
	return c.one(ctx, id, &ec2.DescribeImagesInput{ImageIds: []string{id}, IncludeDisabled: aws.Bool(true)})
}

// Named implements spread.Images. A disabled image keeps its name.
func (c Copies) Named(ctx context.Context, name string) (spread.Image, error) {
	return c.one(ctx, name, &ec2.DescribeImagesInput{Owners: []string{"self"}, Filters: []types.Filter{awscloud.Filter("name", name)}, IncludeDisabled: aws.Bool(true)})
}

func (c Copies) one(ctx context.Context, what string, in *ec2.DescribeImagesInput) (spread.Image, error) {
	out, err := c.API.DescribeImages(ctx, in)
	if err != nil {
		return spread.Image{}, awscloud.Wrap(err, "describe image %s", what)
	}
	if len(out.Images) == 0 {
		return spread.Image{}, fault.New(fault.NotFound, "check id, account and region", "there is no image %s", what)
	}
	x := out.Images[0]
	i := spread.Image{ID: aws.ToString(x.ImageId), Name: aws.ToString(x.Name), Owner: aws.ToString(x.OwnerId), State: string(x.State),
		Arch: string(x.Architecture), Tags: awscloud.TagMap(x.Tags), Blocked: x.ImageAllowed != nil && !*x.ImageAllowed}
	if x.StateReason != nil {
		i.Reason = aws.ToString(x.StateReason.Message)
	}
	var sealed []string
	for _, m := range x.BlockDeviceMappings {
		if m.Ebs == nil || aws.ToString(m.Ebs.SnapshotId) == "" {
			continue
		}
		d := spread.Disk{Snapshot: *m.Ebs.SnapshotId, Encrypted: aws.ToBool(m.Ebs.Encrypted), Key: aws.ToString(m.Ebs.KmsKeyId)}
		if d.Encrypted && d.Key == "" {
			sealed = append(sealed, d.Snapshot)
		}
		i.Disks = append(i.Disks, d)
	}
	return i, c.sealed(ctx, &i, sealed)
}

// sealed finds the keys of encrypted disks, which only DescribeSnapshots tells. Others
// than the owner may not see the snapshots; they have no use for the keys either.
func (c Copies) sealed(ctx context.Context, i *spread.Image, snapshots []string) error {
	if len(snapshots) == 0 {
		return nil
	}
	out, err := c.API.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{Filters: []types.Filter{awscloud.Filter("snapshot-id", snapshots...)}})
	if err != nil {
		return awscloud.Wrap(err, "describe the snapshots of image %s", i.ID)
	}
	for n := range i.Disks {
		for _, s := range out.Snapshots {
			if aws.ToString(s.SnapshotId) == i.Disks[n].Snapshot {
				i.Disks[n].Key = aws.ToString(s.KmsKeyId)
			}
		}
	}
	return nil
}

// Copy implements spread.Images.
func (c Copies) Copy(ctx context.Context, in spread.NewCopy) (string, error) {
	req := &ec2.CopyImageInput{SourceImageId: &in.Image, SourceRegion: &in.Region, Name: &in.Name, ClientToken: &in.Token,
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeImage, Tags: awscloud.Tags(in.Tags)},
			{ResourceType: types.ResourceTypeSnapshot, Tags: awscloud.Tags(in.Tags)},
		}}
	if in.Description != "" {
		req.Description = &in.Description
	}
	if in.Encrypted {
		req.Encrypted = aws.Bool(true)
	}
	if in.Key != "" {
		req.KmsKeyId = &in.Key
	}
	if in.Completion > 0 {
		req.SnapshotCopyCompletionDurationMinutes = aws.Int64(int64(in.Completion / time.Minute))
	}
	out, err := c.API.CopyImage(ctx, req)
	if awscloud.Code(err) == "ResourceLimitExceeded" {
		// As many copies as the destination takes at a time are under way.
		return "", fault.As(awscloud.Wrap(err, "copy image %s", in.Image), fault.Throttled, "")
	}
	if err != nil {
		return "", awscloud.Wrap(err, "copy image %s", in.Image)
	}
	return aws.ToString(out.ImageId), nil
}

// Remove implements spread.Images.
func (c Copies) Remove(ctx context.Context, id string) error {
	_, err := c.API.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: &id, DeleteAssociatedSnapshots: aws.Bool(true)})
	return awscloud.Wrap(err, "deregister image %s with its snapshots", id)
}
