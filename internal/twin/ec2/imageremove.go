package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DeregisterImage handles the operation of that name. Snapshots stay unless
// DeleteAssociatedSnapshots is set, and then those that another image uses stay and
// are reported as skipped.
func (s *Service) DeregisterImage(tx *world.Tx, in *ec2.DeregisterImageInput) (*ec2.DeregisterImageOutput, error) {
	i, err := ownImage(tx, aws.ToString(in.ImageId))
	if err != nil {
		return nil, err
	}
	if err := i.protected(tx.Now); err != nil {
		return nil, err
	}
	tx.Cancel(i.Pending.Timer)
	images(tx).Delete(i.ID)
	forget(tx, i.ID)
	tx.Event("ec2.image.state", map[string]any{"image": i.ID, "name": i.Name, "state": "deregistered"})
	out := &ec2.DeregisterImageOutput{Return: aws.Bool(true)}
	for _, d := range i.Disks {
		n, ok := snapshot(tx, d.Snapshot)
		if !ok {
			continue
		}
		if n.State == snapPending { // its image is no more: AWS completes it, we have nothing to complete it with
			n.State, n.Message = snapError, "The image was deregistered while it was made"
			putSnapshot(tx, n)
		}
		if !aws.ToBool(in.DeleteAssociatedSnapshots) {
			continue
		}
		code := types.SnapshotReturnCodesSuccess
		if imageOf(tx, n.ID) != "" {
			code = types.SnapshotReturnCodesWarnSkipped
		} else {
			removeSnapshot(tx, n.ID)
		}
		out.DeleteSnapshotResults = append(out.DeleteSnapshotResults, types.DeleteSnapshotReturnCode{SnapshotId: aws.String(n.ID), ReturnCode: code})
	}
	s.sweep(tx)
	return out, nil
}

// imageOf is an image of the account that uses the snapshot.
func imageOf(tx *world.Tx, snapshot string) string {
	for id, i := range images(tx).All() {
		for _, d := range i.Disks {
			if d.Snapshot == snapshot {
				return id
			}
		}
	}
	return ""
}

func removeSnapshot(tx *world.Tx, id string) {
	snapshots(tx).Delete(id)
	forget(tx, id)
	tx.Event("ec2.snapshot.deleted", map[string]any{"snapshot": id})
}

// DeleteSnapshot handles the operation of that name. The snapshot of a registered
// image stays ("DeleteSnapshot", API Reference).
func (s *Service) DeleteSnapshot(tx *world.Tx, in *ec2.DeleteSnapshotInput) (*ec2.DeleteSnapshotOutput, error) {
	n, err := ownSnapshot(tx, aws.ToString(in.SnapshotId))
	if err != nil {
		return nil, err
	}
	if ami := imageOf(tx, n.ID); ami != "" {
		return nil, wire.Errorf("InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s", n.ID, ami)
	}
	s.dropUpload(tx, n)
	removeSnapshot(tx, n.ID)
	s.sweep(tx)
	return &ec2.DeleteSnapshotOutput{}, nil
}

func ownSnapshot(tx *world.Tx, id string) (Snapshot, error) {
	if err := checkID(id, "snap-", "InvalidSnapshotID.Malformed"); err != nil {
		return Snapshot{}, err
	}
	n, ok := snapshot(tx, id)
	switch {
	case ok && n.Owner == tx.Account:
		return n, nil
	case ok && n.visible(tx.Account):
		return Snapshot{}, wire.Errorf("UnauthorizedOperation", "You are not authorized to perform this operation on snapshot %s.", id)
	}
	return Snapshot{}, noSnapshot(id)
}
