package ec2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// CreateImage handles the operation of that name: the image and its snapshots are
// pending at once, with their tags; the work is done in the background.
func (s *Service) CreateImage(tx *world.Tx, in *ec2.CreateImageInput) (*ec2.CreateImageOutput, error) {
	if in.SnapshotLocation != "" && in.SnapshotLocation != types.SnapshotLocationEnumRegional {
		return nil, unmodelled("CreateImage", "SnapshotLocation")
	}
	rows, err := byIDs(tx, []string{aws.ToString(in.InstanceId)})
	if err != nil {
		return nil, err
	}
	from := rows[0]
	if from.State != stateRunning && from.State != stateStopped {
		return nil, badValue("Instance is not in state 'running' or 'stopped'.")
	}
	if err := checkName(tx, aws.ToString(in.Name)); err != nil {
		return nil, err
	}
	tags, err := tagSpec(in.TagSpecifications, types.ResourceTypeImage, types.ResourceTypeSnapshot)
	if err != nil {
		return nil, err
	}
	img := Image{
		ID: tx.ID("ami-"), Name: *in.Name, Description: aws.ToString(in.Description), Owner: tx.Account, State: imagePending,
		Architecture: from.Architecture, Created: tx.Now, RootDevice: from.RootDevice, ENA: true, Platform: from.Platform, IMDS: "",
		SourceImage: from.Image, Instance: from.ID, User: from.User, Tags: tags[types.ResourceTypeImage], Live: aws.ToBool(in.NoReboot),
	}
	if source, _, ok := image(tx, from.Image); ok {
		img.BootMode, img.IMDS = source.BootMode, source.IMDS
	}
	if img.Disks, err = s.imageDisks(tx, from, in.BlockDeviceMappings); err != nil {
		return nil, err
	}
	for k, d := range img.Disks {
		n := Snapshot{
			ID: tx.ID("snap-"), Owner: tx.Account, Volume: from.Volumes[k], Size: d.Size, State: snapPending, Started: tx.Now, Image: img.ID,
			Description: "Created by CreateImage(" + from.ID + ") for " + img.ID, Encrypted: d.Encrypted, Key: d.Key,
			Lineage: volumeLineage(tx, from.Volumes[k]), Tags: tags[types.ResourceTypeSnapshot],
		}
		putSnapshot(tx, n)
		img.Disks[k].Snapshot = n.ID
	}
	due := tx.Now.Add(between(tx, imageLow, imageHigh))
	img.Pending = Pending{Due: due, Timer: tx.At(due, timerImage, img.ID), Work: workRunning}
	putImage(tx, img)
	tx.Event("ec2.image.state", map[string]any{"image": img.ID, "name": img.Name, "state": img.State, "instance": from.ID})
	s.captureLater(tx, img.ID)
	return &ec2.CreateImageOutput{ImageId: &img.ID}, nil
}

// imageDisks are the instance's disks, root first, with the request's changes. A
// mapping cannot change size or encryption here ("CreateImage": BlockDeviceMapping).
func (s *Service) imageDisks(tx *world.Tx, i Instance, changes []types.BlockDeviceMapping) ([]Disk, error) {
	var out []Disk
	for _, id := range i.Volumes {
		v, ok := volumes(tx).Get(id)
		if ok {
			d := v.disk()
			d.Snapshot = ""
			out = append(out, d)
		}
	}
	for _, c := range changes {
		k := slices.IndexFunc(out, func(d Disk) bool { return d.Device == aws.ToString(c.DeviceName) })
		if k < 0 || c.Ebs == nil || c.NoDevice != nil {
			return nil, unmodelled("CreateImage", "block devices that the instance does not have, or NoDevice")
		}
		if c.Ebs.Encrypted != nil && *c.Ebs.Encrypted != out[k].Encrypted || c.Ebs.SnapshotId != nil {
			return nil, badCombination("You cannot specify the encrypted flag or snapshot if specifying a device of the instance")
		}
		if n := c.Ebs.VolumeSize; n != nil && *n < out[k].Size {
			return nil, badValue("Volume of size %dGB is smaller than the instance's volume, expect size >= %dGB", *n, out[k].Size)
		} else if n != nil {
			out[k].Size = *n
		}
		perform(&out[k], c.Ebs.VolumeType, c.Ebs.Iops, c.Ebs.Throughput)
		if err := out[k].check(out[k].Device == i.RootDevice); err != nil {
			return nil, err
		}
		if c.Ebs.DeleteOnTermination != nil {
			out[k].DeleteOnTermination = *c.Ebs.DeleteOnTermination
		}
	}
	if len(out) != 1 {
		return nil, unmodelled("CreateImage", "instances that have not exactly one volume")
	}
	return out, nil
}
