package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DescribeVolumes handles the operation of that name.
func (s *Service) DescribeVolumes(tx *world.Tx, in *ec2.DescribeVolumesInput) (*ec2.DescribeVolumesOutput, error) {
	if err := known("DescribeVolumes", in.Filters, volumeFields(tx, Volume{}), map[string]string{}); err != nil {
		return nil, err
	}
	if len(in.VolumeIds) > 0 && in.MaxResults != nil {
		return nil, badCombination("The parameter volumesSet cannot be used with the parameter maxResults")
	}
	wanted := map[string]bool{}
	var unknown []string
	for _, id := range distinct(in.VolumeIds) {
		if err := checkID(id, "vol-", "InvalidVolumeID.Malformed"); err != nil {
			return nil, err
		}
		if _, ok := volumes(tx).Get(id); !ok {
			unknown = append(unknown, id)
		}
		wanted[id] = true
	}
	if len(unknown) > 0 {
		return nil, noVolume(unknown...)
	}
	var all []types.Volume
	for id, v := range volumes(tx).All() {
		if len(wanted) > 0 && !wanted[id] {
			continue
		}
		if match(in.Filters, volumeFields(tx, v), orNone(v.Tags)) {
			all = append(all, sdkVolume(v))
		}
	}
	out, next, err := page(tx, in, all, func(v types.Volume) string { return *v.VolumeId }, 5, 1000)
	return &ec2.DescribeVolumesOutput{Volumes: out, NextToken: next}, err
}

func (v Volume) state() string {
	if v.Instance != "" {
		return "in-use"
	}
	return "available"
}

func (v Volume) attachment() string {
	if v.Instance != "" {
		return "attached"
	}
	return ""
}

func sdkVolume(v Volume) types.Volume {
	iops, throughput := v.performance()
	out := types.Volume{
		Iops: iops, Throughput: throughput,
		VolumeId: &v.ID, AvailabilityZone: &v.Zone, Size: &v.Size, VolumeType: types.VolumeType(v.Type), Encrypted: &v.Encrypted, KmsKeyId: some(v.Key),
		SnapshotId: aws.String(v.Snapshot), CreateTime: &v.Created, State: types.VolumeState(v.state()), Tags: sdkTags(v.Tags), MultiAttachEnabled: aws.Bool(false),
	}
	if v.Instance != "" {
		out.Attachments = []types.VolumeAttachment{{
			VolumeId: &v.ID, InstanceId: &v.Instance, Device: &v.Device, State: types.VolumeAttachmentStateAttached,
			AttachTime: &v.Created, DeleteOnTermination: aws.Bool(!v.Keep),
		}}
	}
	return out
}

// DeleteVolume handles the operation of that name.
func (s *Service) DeleteVolume(tx *world.Tx, in *ec2.DeleteVolumeInput) (*ec2.DeleteVolumeOutput, error) {
	id := aws.ToString(in.VolumeId)
	if err := checkID(id, "vol-", "InvalidVolumeID.Malformed"); err != nil {
		return nil, err
	}
	v, ok := volumes(tx).Get(id)
	if !ok {
		return nil, noVolume(id)
	}
	if v.Instance != "" {
		return nil, wire.Errorf("VolumeInUse", "Volume %s is currently attached to %s", id, v.Instance)
	}
	volumes(tx).Delete(id)
	return &ec2.DeleteVolumeOutput{}, nil
}

func volumeFields(tx *world.Tx, v Volume) fields {
	attached := ""
	if v.Instance != "" {
		attached = stamp(v.Created)
	}
	return fields{
		"volume-id": {v.ID}, "status": {v.state()}, "attachment.instance-id": one(v.Instance), "attachment.device": one(v.Device),
		"snapshot-id": one(v.Snapshot), "size": {itoa(v.Size)}, "volume-type": {v.Type}, "availability-zone": {v.Zone},
		"encrypted": {text(v.Encrypted)}, "attachment.status": one(v.attachment()), "attachment.delete-on-termination": {text(!v.Keep)},
		"attachment.attach-time": one(attached), "availability-zone-id": {zoneID(tx, v.Zone)}, "create-time": {stamp(v.Created)},
		"fast-restored": {"false"}, "multi-attach-enabled": {"false"}, "operator.managed": {"false"},
	}
}
