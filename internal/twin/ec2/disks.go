package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// bootDisk is a volume to make at launch.
type bootDisk = Disk

// bootDisks are the image's disks with the request's changes ("Block device
// mappings", EC2 User Guide): a device named again is changed, a new one added,
// NoDevice leaves one out.
func bootDisks(img Image, changes []types.LaunchTemplateBlockDeviceMappingRequest) ([]bootDisk, error) {
	out := append([]bootDisk(nil), img.Disks...)
	for _, c := range changes {
		name := aws.ToString(c.DeviceName)
		at := -1
		for k := range out {
			if out[k].Device == name {
				at = k
			}
		}
		if c.NoDevice != nil {
			if at >= 0 {
				out = append(out[:at:at], out[at+1:]...)
			}
			continue
		}
		if c.Ebs == nil {
			if c.VirtualName != nil {
				continue // instance store: no type of the twin has any
			}
			return nil, missingParameter("ebs")
		}
		if at < 0 {
			if c.Ebs.VolumeSize == nil {
				return nil, missingParameter("size or snapshotId")
			}
			out = append(out, Disk{Device: name, Type: "gp2", DeleteOnTermination: true})
			at = len(out) - 1
		}
		if err := change(&out[at], c.Ebs); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func change(d *bootDisk, e *types.LaunchTemplateEbsBlockDeviceRequest) error {
	if id := aws.ToString(e.SnapshotId); id != "" && id != d.Snapshot {
		return unmodelled("RunInstances", "another snapshot than the image's")
	}
	if e.VolumeSize != nil {
		if *e.VolumeSize < d.Size {
			return wire.Errorf("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB", *e.VolumeSize, d.Snapshot, d.Size)
		}
		d.Size = *e.VolumeSize
	}
	if e.VolumeType != "" {
		d.Type = string(e.VolumeType)
	}
	if e.DeleteOnTermination != nil {
		d.DeleteOnTermination = *e.DeleteOnTermination
	}
	if e.Encrypted != nil {
		if d.Encrypted && !*e.Encrypted {
			return badValue("Encrypted flag cannot be false for a volume of an encrypted snapshot")
		}
		d.Encrypted = *e.Encrypted
	}
	if name := aws.ToString(e.KmsKeyId); name != "" {
		if !d.Encrypted {
			return wire.Errorf("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
		}
		d.Key = name
	}
	return nil
}

// attach makes the instance's volumes.
func (s *Service) attach(tx *world.Tx, i Instance, disks []bootDisk, tags map[string]string) []string {
	var ids []string
	for _, d := range disks {
		v := Volume{
			ID: tx.ID("vol-"), Zone: i.Zone, Size: d.Size, Type: d.Type, Encrypted: d.Encrypted, Key: d.Key, Snapshot: d.Snapshot,
			Lineage: lineageOf(tx, d.Snapshot), Created: tx.Now, Instance: i.ID, Device: d.Device, Keep: !d.DeleteOnTermination, Tags: tags,
		}
		volumes(tx).Put(v.ID, v)
		ids = append(ids, v.ID)
	}
	return ids
}
