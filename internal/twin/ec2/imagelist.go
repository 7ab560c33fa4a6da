package ec2

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DescribeImages handles the operation of that name: what the account owns, what is
// shared with it and what is public.
func (s *Service) DescribeImages(tx *world.Tx, in *ec2.DescribeImagesInput) (*ec2.DescribeImagesOutput, error) {
	if len(in.ImageIds) > 0 && in.MaxResults != nil {
		return nil, badCombination("The parameter imageIds cannot be used with the parameter maxResults")
	}
	rows, err := s.lookImages(tx, in.ImageIds)
	if err != nil {
		return nil, err
	}
	var all []types.Image
	for _, i := range rows {
		if !ownedBy(tx, i, in.Owners) || !executableBy(tx, i, in.ExecutableUsers) {
			continue
		}
		// "IncludeDeprecated": owners see their own in any case.
		if len(in.ImageIds) == 0 && i.Owner != tx.Account && !aws.ToBool(in.IncludeDeprecated) && !i.Deprecation.IsZero() && !tx.Now.Before(i.Deprecation) {
			continue
		}
		ok, err := match(in.Filters, imageFields(i), orNone(tagsSeen(tx, i.Owner, i.Tags)))
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, sdkImage(tx, i))
		}
	}
	out, next, err := page(all, in.MaxResults, in.NextToken, 1, 1000)
	return &ec2.DescribeImagesOutput{Images: out, NextToken: next}, err
}

// lookImages reads images as a caller sees them. One that has been deregistered is
// left out while an instance still refers to it, and unknown afterwards
// ("DescribeImages", API Reference).
func (s *Service) lookImages(tx *world.Tx, ids []string) ([]Image, error) {
	var rows []Image
	if len(ids) == 0 {
		for id, o := range owners(tx).All() {
			i, ok := images(tx.In(o.Account, tx.Region)).Get(id)
			if ok && !o.Gone && i.visible(tx.Account) {
				rows = append(rows, s.lookedImage(tx, i))
			}
		}
		return rows, nil
	}
	var unknown []string
	for _, id := range ids {
		if err := checkID(id, "ami-", "InvalidAMIID.Malformed"); err != nil {
			return nil, err
		}
		i, _, ok := image(tx, id)
		switch {
		case ok && i.visible(tx.Account) && s.linger(tx, id, i.Pending):
			return nil, soon(id)
		case ok && i.visible(tx.Account):
			rows = append(rows, s.lookedImage(tx, i))
		case ok || !referred(tx, id):
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		return nil, noImage(unknown...)
	}
	return rows, nil
}

func referred(tx *world.Tx, image string) bool {
	for _, i := range instances(tx).All() {
		if i.Image == image && i.State != stateTerminated {
			return true
		}
	}
	return false
}

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
		case who == "all" && i.Public, who == "self" && slices.Contains(i.Users, tx.Account), slices.Contains(i.Users, who):
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

func imageFields(i Image) fields {
	f := fields{
		"image-id": {i.ID}, "name": {i.Name}, "description": one(i.Description), "state": {i.State}, "architecture": {i.Architecture},
		"is-public": {strconv.FormatBool(i.Public)}, "owner-id": {i.Owner}, "owner-alias": one(i.OwnerAlias), "root-device-name": {i.RootDevice},
		"root-device-type": {"ebs"}, "virtualization-type": {"hvm"}, "hypervisor": {"xen"}, "image-type": {"machine"}, "platform": one(i.Platform),
		"ena-support": {strconv.FormatBool(i.ENA)}, "creation-date": {stamp(i.Created)}, "source-instance-id": one(i.Instance),
		"source-image-id": one(i.SourceImage), "boot-mode": one(i.BootMode), "imds-support": one(i.IMDS),
		"block-device-mapping.snapshot-id": nil, "block-device-mapping.volume-type": nil, "block-device-mapping.device-name": nil,
	}
	for _, d := range i.Disks {
		for name, v := range map[string]string{"snapshot-id": d.Snapshot, "volume-type": d.Type, "device-name": d.Device} {
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
		PlatformDetails: aws.String("Linux/UNIX"), UsageOperation: aws.String("RunInstances"), Tags: sdkTags(tagsSeen(tx, i.Owner, i.Tags)),
		SourceImageId: some(i.SourceImage), SourceInstanceId: some(i.Instance), DeregistrationProtection: aws.String("disabled"),
	}
	if i.SourceImage != "" {
		out.SourceImageRegion = &tx.Region
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
				Encrypted: aws.Bool(d.Encrypted), DeleteOnTermination: aws.Bool(d.DeleteOnTermination),
			},
		})
	}
	return out
}
