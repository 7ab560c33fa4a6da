// Package resources lists and deletes what a run left in an account.
package resources

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
)

// API is what the adapter calls.
type API interface {
	ec2.DescribeInstancesAPIClient
	ec2.DescribeSecurityGroupsAPIClient
	ec2.DescribeVolumesAPIClient
	ec2.DescribeSnapshotsAPIClient
	ec2.DescribeImagesAPIClient
	DescribeKeyPairs(context.Context, *ec2.DescribeKeyPairsInput, ...func(*ec2.Options)) (*ec2.DescribeKeyPairsOutput, error)

	TerminateInstances(context.Context, *ec2.TerminateInstancesInput, ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error)
	DeleteSecurityGroup(context.Context, *ec2.DeleteSecurityGroupInput, ...func(*ec2.Options)) (*ec2.DeleteSecurityGroupOutput, error)
	DeleteVolume(context.Context, *ec2.DeleteVolumeInput, ...func(*ec2.Options)) (*ec2.DeleteVolumeOutput, error)
	DeleteSnapshot(context.Context, *ec2.DeleteSnapshotInput, ...func(*ec2.Options)) (*ec2.DeleteSnapshotOutput, error)
	DeregisterImage(context.Context, *ec2.DeregisterImageInput, ...func(*ec2.Options)) (*ec2.DeregisterImageOutput, error)
	DeleteKeyPair(context.Context, *ec2.DeleteKeyPairInput, ...func(*ec2.Options)) (*ec2.DeleteKeyPairOutput, error)
}

var (
	_ API            = (*ec2.Client)(nil)
	_ bake.Resources = Resources{}
)

// Resources finds by tag and deletes.
type Resources struct{ API API }

// New is the adapter over a session.
func New(s *session.Session) Resources { return Resources{ec2.NewFromConfig(s.Config())} }

// List names every resource that carries the tag.
func (r Resources) List(ctx context.Context, key, value string) ([]bake.Resource, error) {
	tag := []types.Filter{awscloud.Filter("tag:"+key, value)}
	var out []bake.Resource
	for _, list := range []func(context.Context, []types.Filter) ([]bake.Resource, error){
		r.instances, r.keyPairs, r.securityGroups, r.volumes, r.images, r.snapshots,
	} {
		some, err := list(ctx, tag)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

// Delete removes one resource; one that is gone already is not an error.
func (r Resources) Delete(ctx context.Context, x bake.Resource) error {
	var err error
	switch x.Kind {
	case bake.KindInstance:
		_, err = r.API.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{x.ID}})
	case bake.KindKeyPair:
		_, err = r.API.DeleteKeyPair(ctx, &ec2.DeleteKeyPairInput{KeyPairId: &x.ID})
	case bake.KindSecurityGroup:
		_, err = r.API.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &x.ID})
	case bake.KindVolume:
		_, err = r.API.DeleteVolume(ctx, &ec2.DeleteVolumeInput{VolumeId: &x.ID})
	case bake.KindSnapshot:
		_, err = r.API.DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: &x.ID})
	case bake.KindImage:
		_, err = r.API.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: &x.ID})
	default:
		return fault.New(fault.Failed, "", "delete %s %s: unknown kind of resource", x.Kind, x.ID)
	}
	err = awscloud.Wrap(err, "delete %s %s", x.Kind, x.ID)
	if fault.KindOf(err) == fault.NotFound || awscloud.Code(err) == "InvalidAMIID.Unavailable" {
		return nil
	}
	return err
}
