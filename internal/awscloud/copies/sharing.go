package copies

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/publish/spread"
)

// Audience implements spread.Sharing.
func (c Copies) Audience(ctx context.Context, image string) (spread.Audience, error) {
	var a spread.Audience
	out, err := c.API.DescribeImageAttribute(ctx, &ec2.DescribeImageAttributeInput{ImageId: &image, Attribute: types.ImageAttributeNameLaunchPermission})
	if err != nil {
		return a, awscloud.Wrap(err, "read the launch permissions of image %s", image)
	}
	for _, p := range out.LaunchPermissions {
		switch {
		case p.UserId != nil:
			a.Accounts = append(a.Accounts, *p.UserId)
		case p.OrganizationArn != nil:
			a.Organizations = append(a.Organizations, *p.OrganizationArn)
		case p.OrganizationalUnitArn != nil:
			a.Units = append(a.Units, *p.OrganizationalUnitArn)
		}
	}
	return a, nil
}

// Share implements spread.Sharing.
func (c Copies) Share(ctx context.Context, image string, with spread.Audience) error {
	var add []types.LaunchPermission
	for _, x := range with.Accounts {
		add = append(add, types.LaunchPermission{UserId: aws.String(x)})
	}
	for _, x := range with.Organizations {
		add = append(add, types.LaunchPermission{OrganizationArn: aws.String(x)})
	}
	for _, x := range with.Units {
		add = append(add, types.LaunchPermission{OrganizationalUnitArn: aws.String(x)})
	}
	_, err := c.API.ModifyImageAttribute(ctx, &ec2.ModifyImageAttributeInput{ImageId: &image, LaunchPermission: &types.LaunchPermissionModifications{Add: add}})
	return awscloud.Wrap(err, "share image %s", image)
}

// Readers implements spread.Sharing.
func (c Copies) Readers(ctx context.Context, snapshot string) ([]string, error) {
	out, err := c.API.DescribeSnapshotAttribute(ctx, &ec2.DescribeSnapshotAttributeInput{SnapshotId: &snapshot, Attribute: types.SnapshotAttributeNameCreateVolumePermission})
	if err != nil {
		return nil, awscloud.Wrap(err, "read who may use snapshot %s", snapshot)
	}
	var all []string
	for _, p := range out.CreateVolumePermissions {
		if p.UserId != nil {
			all = append(all, *p.UserId)
		}
	}
	return all, nil
}

// Open implements spread.Sharing.
func (c Copies) Open(ctx context.Context, snapshot string, accounts []string) error {
	var add []types.CreateVolumePermission
	for _, x := range accounts {
		add = append(add, types.CreateVolumePermission{UserId: aws.String(x)})
	}
	_, err := c.API.ModifySnapshotAttribute(ctx, &ec2.ModifySnapshotAttributeInput{SnapshotId: &snapshot,
		CreateVolumePermission: &types.CreateVolumePermissionModifications{Add: add}})
	return awscloud.Wrap(err, "share snapshot %s with %s", snapshot, strings.Join(accounts, ", "))
}
