package ec2

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func ownedBy(tx *world.Tx, i Image, list []string) bool {
	return len(list) == 0 || slices.Contains(list, i.Owner) || i.OwnerAlias != "" && slices.Contains(list, i.OwnerAlias) ||
		i.Owner == tx.Account && slices.Contains(list, "self")
}

// executableBy: self is explicit permission, all is public, an account id is what
// that account was given explicitly.
func executableBy(tx *world.Tx, i Image, list []string) bool {
	if len(list) == 0 {
		return true
	}
	for _, who := range list {
		switch {
		case who == "all" && i.Public, who == "self" && i.granted(tx, tx.Account), i.granted(tx, who):
			return true
		}
	}
	return false
}

// tagsSeen: tags belong to the account that set them; others do not see them.
func tagsSeen(tx *world.Tx, owner string, tags map[string]string) map[string]string {
	if owner != tx.Account {
		return nil
	}
	return tags
}

// sourceRegion is where the source image is, if there is one.
func (i Image) sourceRegion(own string) string {
	if i.SourceImage == "" || i.SourceRegion != "" {
		return i.SourceRegion
	}
	return own
}

func imageFields(i Image, region string) fields {
	f := fields{
		"image-id": {i.ID}, "name": {i.Name}, "description": one(i.Description), "state": {i.State}, "architecture": {i.Architecture},
		"is-public": {strconv.FormatBool(i.Public)}, "owner-id": {i.Owner}, "owner-alias": one(i.OwnerAlias), "root-device-name": {i.RootDevice},
		"root-device-type": {"ebs"}, "virtualization-type": {"hvm"}, "hypervisor": {"xen"}, "image-type": {"machine"}, "platform": one(i.Platform),
		"ena-support": {strconv.FormatBool(i.ENA)}, "creation-date": {stamp(i.Created)}, "source-instance-id": one(i.Instance),
		"source-image-id": one(i.SourceImage), "boot-mode": one(i.BootMode), "imds-support": one(i.IMDS),
		"block-device-mapping.snapshot-id": nil, "block-device-mapping.volume-type": nil, "block-device-mapping.device-name": nil,
		"block-device-mapping.volume-size": nil, "block-device-mapping.encrypted": nil, "block-device-mapping.delete-on-termination": nil,
		"source-image-region": one(i.sourceRegion(region)), "state-reason-code": one(i.Reason.Code), "state-reason-message": one(i.Reason.Message),
		"manifest-location": {i.Owner + "/" + i.Name}, "image-allowed": {"true"}, // Allowed AMIs are not set here
	}
	for _, d := range i.Disks {
		for name, v := range map[string]string{"snapshot-id": d.Snapshot, "volume-type": d.Type, "device-name": d.Device,
			"volume-size": itoa(d.Size), "encrypted": text(d.Encrypted), "delete-on-termination": text(d.DeleteOnTermination)} {
			f["block-device-mapping."+name] = append(f["block-device-mapping."+name], v)
		}
	}
	return f
}

func sdkImage(tx *world.Tx, i Image) types.Image {
	out := types.Image{
		ImageId: &i.ID, Name: &i.Name, Description: some(i.Description), OwnerId: &i.Owner, ImageOwnerAlias: some(i.OwnerAlias),
		ImageLocation: aws.String(i.Owner + "/" + i.Name), Architecture: types.ArchitectureValues(i.Architecture), State: types.ImageState(i.State),
		Public: &i.Public, CreationDate: aws.String(stamp(i.Created)), RootDeviceName: &i.RootDevice, RootDeviceType: types.DeviceTypeEbs,
		VirtualizationType: types.VirtualizationTypeHvm, Hypervisor: types.HypervisorTypeXen, ImageType: types.ImageTypeValuesMachine, EnaSupport: &i.ENA,
		BootMode: types.BootModeValues(i.BootMode), ImdsSupport: types.ImdsSupportValues(i.IMDS), Platform: types.PlatformValues(i.Platform),
		PlatformDetails: aws.String(platformDetails(i.Platform)), UsageOperation: aws.String(usageOperation(i.Platform)), Tags: sdkTags(tagsSeen(tx, i.Owner, i.Tags)),
		SourceImageId: some(i.SourceImage), SourceInstanceId: some(i.Instance), SourceImageRegion: some(i.sourceRegion(tx.Region)),
		DeregistrationProtection: aws.String(i.protection()),
	}
	if i.Reason.Code != "" {
		out.StateReason = &types.StateReason{Code: &i.Reason.Code, Message: &i.Reason.Message}
	}
	if !i.Deprecation.IsZero() {
		out.DeprecationTime = aws.String(stamp(i.Deprecation))
	}
	if !i.LastLaunched.IsZero() && i.Owner == tx.Account {
		out.LastLaunchedTime = aws.String(stamp(i.LastLaunched))
	}
	for _, d := range i.Disks {
		out.BlockDeviceMappings = append(out.BlockDeviceMappings, types.BlockDeviceMapping{
			DeviceName: aws.String(d.Device),
			Ebs: &types.EbsBlockDevice{
				SnapshotId: some(d.Snapshot), VolumeSize: aws.Int32(d.Size), VolumeType: types.VolumeType(d.Type),
				Encrypted: aws.Bool(d.Encrypted), DeleteOnTermination: aws.Bool(d.DeleteOnTermination), Iops: number(d.IOPS), Throughput: number(d.Throughput),
			},
		})
	}
	return out
}
