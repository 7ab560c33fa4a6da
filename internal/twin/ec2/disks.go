package ec2

import (
	"strings"

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
	seen := map[string]bool{}
	for _, c := range changes {
		name := aws.ToString(c.DeviceName)
		if err := checkDevice(name); err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, wire.Errorf("InvalidBlockDeviceMapping", "The device '%s' is used in more than one block device mapping", name)
		}
		seen[name] = true
		at := -1
		for k := range out {
			if out[k].Device == name {
				at = k
			}
		}
		if c.NoDevice != nil {
			if name == img.RootDevice {
				return nil, wire.Errorf("InvalidBlockDeviceMapping", "The root device '%s' cannot be suppressed", name)
			}
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
		if err := out[at].check(name == img.RootDevice); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func change(d *bootDisk, e *types.LaunchTemplateEbsBlockDeviceRequest) error {
	if e.VolumeInitializationRate != nil || aws.ToInt32(e.EbsCardIndex) != 0 {
		return unmodelled("RunInstances", "VolumeInitializationRate and EBS cards")
	}
	if id := aws.ToString(e.SnapshotId); id != "" && id != d.Snapshot {
		return unmodelled("RunInstances", "another snapshot than the image's")
	}
	if e.VolumeSize != nil {
		if *e.VolumeSize < d.Size {
			return smaller(*e.VolumeSize, d.Snapshot, d.Size)
		}
		d.Size = *e.VolumeSize
	}
	perform(d, e.VolumeType, e.Iops, e.Throughput)
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

func smaller(size int32, snapshot string, least int32) error {
	return wire.Errorf("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB", size, snapshot, least)
}

// perform takes over type and performance of a mapping; what was chosen for another type
// does not stay.
func perform(d *Disk, kind types.VolumeType, iops, throughput *int32) {
	if kind != "" && string(kind) != d.Type {
		d.Type, d.IOPS, d.Throughput = string(kind), 0, 0
	}
	if iops != nil {
		d.IOPS = *iops
	}
	if throughput != nil {
		d.Throughput = *throughput
	}
}

// checkDevice takes the names that EC2 has for devices of HVM images ("Device names for
// volumes on Amazon EC2 instances", EC2 User Guide).
func checkDevice(name string) error {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(name, "/dev/"), "xvd")
	if !ok {
		rest, ok = strings.CutPrefix(strings.TrimPrefix(name, "/dev/"), "sd")
	}
	letters := strings.TrimRight(rest, "0123456789")
	if n := len(letters); !ok || n < 1 || n > 2 || len(rest)-n > 2 || strings.Trim(letters, "abcdefghijklmnopqrstuvwxyz") != "" {
		return badValue("Value (%s) for parameter device is invalid. %s is not a valid EBS device name.", name, name)
	}
	return nil
}

// attach makes the instance's volumes.
func (s *Service) attach(tx *world.Tx, i Instance, disks []bootDisk, tags map[string]string) []string {
	var ids []string
	for _, d := range disks {
		v := Volume{
			ID: tx.ID("vol-"), Zone: i.Zone, Size: d.Size, Type: d.Type, IOPS: d.IOPS, Throughput: d.Throughput, Encrypted: d.Encrypted, Key: d.Key, Snapshot: d.Snapshot,
			Lineage: lineageOf(tx, d.Snapshot), Created: tx.Now, Instance: i.ID, Device: d.Device, Keep: !d.DeleteOnTermination, Tags: tags,
		}
		volumes(tx).Put(v.ID, v)
		ids = append(ids, v.ID)
	}
	return ids
}
