package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// AddImage puts an image with its snapshot into the transaction's account, available
// at once: an AMI of the world before our time. What is empty gets the usual value.
func (s *Service) AddImage(tx *world.Tx, i Image, content backing.Image) (Image, error) {
	s.place(tx)
	if err := checkName(tx, i.Name); err != nil {
		return Image{}, err
	}
	if i.ID == "" {
		i.ID = tx.ID("ami-")
	}
	if err := checkID(i.ID, "ami-", "InvalidAMIID.Malformed"); err != nil {
		return Image{}, err
	}
	if _, dup := owners(tx).Get(i.ID); dup {
		return Image{}, badValue("image id %s is in use", i.ID)
	}
	i.Owner, i.State, i.ENA = tx.Account, imageAvailable, true
	if i.Architecture == "" {
		i.Architecture = "x86_64"
	}
	if i.RootDevice == "" {
		i.RootDevice = "/dev/xvda"
	}
	if i.Created.IsZero() {
		i.Created = tx.Now
	}
	if len(i.Disks) == 0 {
		i.Disks = []Disk{{Device: i.RootDevice, Size: 8, Type: "gp3", DeleteOnTermination: true}}
	}
	i.Content = addContent(tx, Content{Image: content})
	for k, d := range i.Disks {
		if d.Encrypted && d.Key == "" {
			var err error
			if d.Key, err = s.defaultKey(tx); err != nil {
				return Image{}, err
			}
			i.Disks[k].Key = d.Key
		}
		n := Snapshot{Key: d.Key, ID: tx.ID("snap-"), Owner: tx.Account, Size: d.Size, State: snapCompleted, Started: i.Created, Completed: i.Created,
			Encrypted: d.Encrypted, Image: i.ID, Public: i.Public, Users: i.Users, Content: i.Content, Description: "root of " + i.Name}
		putSnapshot(tx, n)
		i.Disks[k].Snapshot = n.ID
	}
	putImage(tx, i)
	return i, nil
}

// RegisterImage handles the operation of that name for EBS images with one snapshot.
func (s *Service) RegisterImage(tx *world.Tx, in *ec2.RegisterImageInput) (*ec2.RegisterImageOutput, error) {
	if err := checkName(tx, aws.ToString(in.Name)); err != nil {
		return nil, err
	}
	tags, err := tagSpec(in.TagSpecifications, types.ResourceTypeImage)
	if err != nil {
		return nil, err
	}
	switch {
	case in.ImageLocation != nil || len(in.BillingProducts) > 0:
		return nil, unmodelled("RegisterImage", "images in S3 and billing products")
	case in.KernelId != nil || in.RamdiskId != nil || aws.ToString(in.VirtualizationType) != "hvm":
		// The reference's default is paravirtual, which no modelled instance type runs.
		return nil, unmodelled("RegisterImage", "paravirtual images: VirtualizationType must be hvm")
	case in.TpmSupport != "" || in.UefiData != nil:
		return nil, unmodelled("RegisterImage", "NitroTPM and UEFI variables")
	}
	root := aws.ToString(in.RootDeviceName)
	if root == "" {
		return nil, missingParameter("RootDeviceName")
	}
	if len(in.BlockDeviceMappings) != 1 || in.BlockDeviceMappings[0].Ebs == nil || aws.ToString(in.BlockDeviceMappings[0].DeviceName) != root {
		return nil, unmodelled("RegisterImage", "other than exactly one EBS mapping, of the root device")
	}
	e := in.BlockDeviceMappings[0].Ebs
	n, ok := snapshot(tx, aws.ToString(e.SnapshotId))
	if !ok || n.Owner != tx.Account {
		return nil, noSnapshot(aws.ToString(e.SnapshotId)) // "you must own the snapshot", RegisterImage
	}
	if n.State != snapCompleted {
		return nil, wire.Errorf("IncorrectState", "The snapshot '%s' is not completed", n.ID)
	}
	d, err := registered(n, root, e)
	if err != nil {
		return nil, err
	}
	i := Image{
		ID: tx.ID("ami-"), Name: *in.Name, Description: aws.ToString(in.Description), Owner: tx.Account, State: imageAvailable,
		Architecture: string(in.Architecture), Created: tx.Now, RootDevice: root, ENA: aws.ToBool(in.EnaSupport), BootMode: string(in.BootMode),
		IMDS: string(in.ImdsSupport), Tags: tags[types.ResourceTypeImage], Disks: []Disk{d}, Content: n.Content,
	}
	if i.Architecture == "" {
		i.Architecture = "i386" // AWS's default for EBS images, fit for no modelled type
	}
	if source, _, ok := image(tx, n.Image); ok {
		i.User = source.User
	}
	putImage(tx, i)
	return &ec2.RegisterImageOutput{ImageId: &i.ID}, nil
}

// registered is the disk of an image made from a snapshot. Whether it is encrypted comes
// from the snapshot and cannot be said again ("Encrypted": "If you include this
// parameter, the request will fail, regardless of the value", EbsBlockDevice).
func registered(n Snapshot, device string, e *types.EbsBlockDevice) (Disk, error) {
	if e.Encrypted != nil || e.KmsKeyId != nil {
		return Disk{}, badCombination("the parameter encrypted and the parameter KmsKeyId cannot be used with the parameter snapshotId in a block device mapping of RegisterImage")
	}
	d := Disk{
		Device: device, Snapshot: n.ID, Size: n.Size, Type: string(types.VolumeTypeGp2), Encrypted: n.Encrypted, Key: n.Key,
		DeleteOnTermination: e.DeleteOnTermination == nil || *e.DeleteOnTermination,
	}
	if size := e.VolumeSize; size != nil {
		if *size < n.Size {
			return d, smaller(*size, n.ID, n.Size)
		}
		d.Size = *size
	}
	perform(&d, e.VolumeType, e.Iops, e.Throughput)
	return d, d.check(true)
}
