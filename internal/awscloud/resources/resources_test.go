package resources_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/awscloud/resources"
	"github.com/goldenami/rehydrate/internal/fault"
)

// stub has one resource of every kind; code is what deletions answer.
type stub struct {
	resources.API
	t       *testing.T
	code    string
	deleted []string
}

func (s *stub) tag(filters []types.Filter) {
	s.t.Helper()
	if len(filters) == 0 || *filters[0].Name != "tag:run" || filters[0].Values[0] != "r1" {
		s.t.Errorf("asked without the tag: %v", filters)
	}
}

func (s *stub) delete(id string) error {
	s.deleted = append(s.deleted, id)
	if s.code == "" {
		return nil
	}
	return &smithy.GenericAPIError{Code: s.code}
}

func (s *stub) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	s.tag(in.Filters)
	return &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{{Instances: []types.Instance{{InstanceId: aws.String("i-1"), State: &types.InstanceState{Name: "running"}}}}}}, nil
}

func (s *stub) DescribeKeyPairs(_ context.Context, in *ec2.DescribeKeyPairsInput, _ ...func(*ec2.Options)) (*ec2.DescribeKeyPairsOutput, error) {
	s.tag(in.Filters)
	return &ec2.DescribeKeyPairsOutput{KeyPairs: []types.KeyPairInfo{{KeyPairId: aws.String("key-1")}}}, nil
}

func (s *stub) DescribeSecurityGroups(_ context.Context, in *ec2.DescribeSecurityGroupsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	s.tag(in.Filters)
	return &ec2.DescribeSecurityGroupsOutput{SecurityGroups: []types.SecurityGroup{{GroupId: aws.String("sg-1")}}}, nil
}

func (s *stub) DescribeVolumes(_ context.Context, in *ec2.DescribeVolumesInput, _ ...func(*ec2.Options)) (*ec2.DescribeVolumesOutput, error) {
	s.tag(in.Filters)
	return &ec2.DescribeVolumesOutput{Volumes: []types.Volume{{VolumeId: aws.String("vol-1")}}}, nil
}

func (s *stub) DescribeSnapshots(_ context.Context, in *ec2.DescribeSnapshotsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSnapshotsOutput, error) {
	s.tag(in.Filters)
	return &ec2.DescribeSnapshotsOutput{Snapshots: []types.Snapshot{{SnapshotId: aws.String("snap-1")}}}, nil
}

func (s *stub) DescribeImages(_ context.Context, in *ec2.DescribeImagesInput, _ ...func(*ec2.Options)) (*ec2.DescribeImagesOutput, error) {
	s.tag(in.Filters)
	return &ec2.DescribeImagesOutput{Images: []types.Image{{ImageId: aws.String("ami-1"), State: types.ImageStateAvailable}}}, nil
}

func (s *stub) TerminateInstances(_ context.Context, in *ec2.TerminateInstancesInput, _ ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error) {
	return nil, s.delete(in.InstanceIds[0])
}

func (s *stub) DeleteKeyPair(_ context.Context, in *ec2.DeleteKeyPairInput, _ ...func(*ec2.Options)) (*ec2.DeleteKeyPairOutput, error) {
	return nil, s.delete(*in.KeyPairId)
}

func (s *stub) DeleteSecurityGroup(_ context.Context, in *ec2.DeleteSecurityGroupInput, _ ...func(*ec2.Options)) (*ec2.DeleteSecurityGroupOutput, error) {
	return nil, s.delete(*in.GroupId)
}

func (s *stub) DeleteVolume(_ context.Context, in *ec2.DeleteVolumeInput, _ ...func(*ec2.Options)) (*ec2.DeleteVolumeOutput, error) {
	return nil, s.delete(*in.VolumeId)
}

func (s *stub) DeleteSnapshot(_ context.Context, in *ec2.DeleteSnapshotInput, _ ...func(*ec2.Options)) (*ec2.DeleteSnapshotOutput, error) {
	return nil, s.delete(*in.SnapshotId)
}

func (s *stub) DeregisterImage(_ context.Context, in *ec2.DeregisterImageInput, _ ...func(*ec2.Options)) (*ec2.DeregisterImageOutput, error) {
	return nil, s.delete(*in.ImageId)
}

func TestEveryKindIsListedByTagAndDeleted(t *testing.T) {
	s := &stub{t: t}
	r := resources.Resources{API: s}
	list, err := r.List(t.Context(), "run", "r1")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		if err := r.Delete(t.Context(), x); err != nil {
			t.Error(err)
		}
	}
	if d := cmp.Diff([]string{"i-1", "key-1", "sg-1", "vol-1", "ami-1", "snap-1"}, s.deleted); d != "" {
		t.Error(d)
	}
}

func TestDeleting(t *testing.T) {
	for code, want := range map[string]fault.Kind{"InvalidGroup.NotFound": -1, "InvalidAMIID.Unavailable": -1,
		"DependencyViolation": fault.Conflict, "UnauthorizedOperation": fault.Denied} {
		err := resources.Resources{API: &stub{t: t, code: code}}.Delete(t.Context(), bake.Resource{Kind: bake.KindSecurityGroup, ID: "sg-1"})
		if want < 0 && err != nil || want >= 0 && fault.KindOf(err) != want {
			t.Errorf("%s: %v", code, err)
		}
	}
	if err := (resources.Resources{API: &stub{t: t}}).Delete(t.Context(), bake.Resource{Kind: "moon", ID: "m"}); err == nil {
		t.Error("an unknown kind was deleted")
	}
}
