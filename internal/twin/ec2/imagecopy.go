package ec2

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// CopyImage handles the operation of that name: from a region into the caller's own,
// pending until the copy is done. Nothing is shared and no deprecation is copied
// ("Copy an Amazon EC2 AMI", EC2 User Guide).
func (s *Service) CopyImage(tx *world.Tx, in *ec2.CopyImageInput) (*ec2.CopyImageOutput, error) {
	rest := *in
	rest.Name, rest.SourceImageId, rest.SourceRegion, rest.ClientToken, rest.DryRun = nil, nil, nil, nil, nil
	rest.CopyImageTags, rest.Description, rest.Encrypted, rest.KmsKeyId, rest.TagSpecifications = nil, nil, nil, nil, nil
	rest.SnapshotCopyCompletionDurationMinutes = nil
	if !isZero(rest) {
		return nil, unmodelled("CopyImage", "Local Zones and Outposts")
	}
	bare := *in
	bare.ClientToken = nil
	id, remember, err := once(tx, "CopyImage", aws.ToString(in.ClientToken), bare)
	if err != nil {
		return nil, err
	}
	if id == "" {
		if id, err = s.copyImage(tx, in); err != nil {
			return nil, err
		}
		remember(id)
	}
	return &ec2.CopyImageOutput{ImageId: &id}, nil
}

func (s *Service) copyImage(tx *world.Tx, in *ec2.CopyImageInput) (string, error) {
	from := tx.In(tx.Account, aws.ToString(in.SourceRegion))
	if from.Region == "" {
		return "", missingParameter("SourceRegion")
	}
	if !regionShape(from.Region) {
		return "", noRegion(from.Region)
	}
	source, err := s.ImageByID(from, aws.ToString(in.SourceImageId))
	if err != nil {
		return "", err
	}
	if err := checkName(tx, aws.ToString(in.Name)); err != nil {
		return "", err
	}
	tags, err := tagSpec(in.TagSpecifications, types.ResourceTypeImage, types.ResourceTypeSnapshot)
	if err != nil {
		return "", err
	}
	due, err := copyDue(tx, from.Region, aws.ToInt64(in.SnapshotCopyCompletionDurationMinutes))
	if err != nil {
		return "", err
	}
	img := copied(tx, source, from.Region, aws.ToBool(in.CopyImageTags))
	img.ID, img.Name, img.Description = tx.ID("ami-"), *in.Name, aws.ToString(in.Description)
	img.Tags = mergeTags(img.Tags, tags[types.ResourceTypeImage])
	if why := s.copyFault(tx, img.Name); why != "" {
		img.Fails = Reason{"Server.InternalError", "Server.InternalError: " + why}
	}
	c := cipher{in.Encrypted, aws.ToString(in.KmsKeyId)}
	for k, d := range source.Disks {
		n, ok := snapshot(from, d.Snapshot)
		if !ok || !n.visible(tx.Account) {
			// A launch permission does not reach the storage ("Copy an AMI": the owner of a
			// shared image must grant read permissions for what backs it).
			return "", wire.Errorf("InvalidRequest", "You do not have permission to access the storage of this ami")
		}
		to := Snapshot{
			ID: tx.ID("snap-"), Owner: tx.Account, Size: n.Size, State: snapPending, Started: tx.Now, Image: img.ID, Content: n.Content,
			Description: "Copied for DestinationAmi " + img.ID + " from SourceAmi " + source.ID + " for SourceSnapshot " + n.ID,
			Tags:        tags[types.ResourceTypeSnapshot],
		}
		var trouble string
		if to.Encrypted, to.Key, trouble, err = s.copyKey(tx, from, n, c); err != nil {
			return "", err
		}
		if trouble != "" {
			img.Fails = Reason{"Client.InternalError", "Client.InternalError: " + trouble}
		}
		putSnapshot(tx, to)
		img.Disks[k].Snapshot, img.Disks[k].Encrypted, img.Disks[k].Key = to.ID, to.Encrypted, to.Key
	}
	img.Pending = Pending{Due: due, Timer: tx.At(due, timerImage, img.ID)}
	putImage(tx, img)
	tx.Event("ec2.image.state", map[string]any{"image": img.ID, "name": img.Name, "state": img.State, "source": source.ID, "from": from.Region})
	return img.ID, nil
}

// copied is the copy of an image before it has a name of its own. Tags that other
// accounts have set are not copied, nor are aws: ones ("CopyImageTags").
func copied(tx *world.Tx, source Image, region string, withTags bool) Image {
	img := Image{
		Owner: tx.Account, Architecture: source.Architecture, State: imagePending, Created: tx.Now, RootDevice: source.RootDevice,
		Disks: append([]Disk(nil), source.Disks...), BootMode: source.BootMode, IMDS: source.IMDS, ENA: source.ENA, Platform: source.Platform,
		SourceImage: source.ID, SourceRegion: region, User: source.User, Content: source.Content,
	}
	if withTags && source.Owner == tx.Account {
		for k, v := range source.Tags {
			if !strings.HasPrefix(k, "aws:") {
				img.Tags = mergeTags(img.Tags, map[string]string{k: v})
			}
		}
	}
	return img
}
