package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DescribeSnapshotAttribute handles the operation of that name for who may create
// volumes.
func (s *Service) DescribeSnapshotAttribute(tx *world.Tx, in *ec2.DescribeSnapshotAttributeInput) (*ec2.DescribeSnapshotAttributeOutput, error) {
	n, err := ownSnapshot(tx, aws.ToString(in.SnapshotId))
	if err != nil {
		return nil, err
	}
	if in.Attribute != types.SnapshotAttributeNameCreateVolumePermission {
		return nil, unmodelled("DescribeSnapshotAttribute", "attribute "+string(in.Attribute))
	}
	out := &ec2.DescribeSnapshotAttributeOutput{SnapshotId: &n.ID}
	if n.Public {
		out.CreateVolumePermissions = append(out.CreateVolumePermissions, types.CreateVolumePermission{Group: types.PermissionGroupAll})
	}
	for _, u := range n.Users {
		out.CreateVolumePermissions = append(out.CreateVolumePermissions, types.CreateVolumePermission{UserId: aws.String(u)})
	}
	return out, nil
}

// ResetSnapshotAttribute handles the operation of that name: only the owner may create
// volumes again.
func (s *Service) ResetSnapshotAttribute(tx *world.Tx, in *ec2.ResetSnapshotAttributeInput) (*ec2.ResetSnapshotAttributeOutput, error) {
	n, err := ownSnapshot(tx, aws.ToString(in.SnapshotId))
	if err != nil {
		return nil, err
	}
	if in.Attribute != types.SnapshotAttributeNameCreateVolumePermission {
		return nil, badValue("Invalid attribute '%s': only createVolumePermission can be reset", in.Attribute)
	}
	n.Users, n.Public = nil, false
	putSnapshot(tx, n)
	return &ec2.ResetSnapshotAttributeOutput{}, nil
}
