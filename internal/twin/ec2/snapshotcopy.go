package ec2

import (
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// timerSnapshot ends the way of a snapshot that is not an image's.
const timerSnapshot = "ec2/snapshot-due"

// CopySnapshot handles the operation of that name. It knows no token: each call makes
// a copy. A copy is the start of a lineage of its own.
func (s *Service) CopySnapshot(tx *world.Tx, in *ec2.CopySnapshotInput) (*ec2.CopySnapshotOutput, error) {
	if in.DestinationAvailabilityZone != nil || in.DestinationOutpostArn != nil {
		return nil, unmodelled("CopySnapshot", "Local Zones and Outposts")
	}
	from, id := tx.In(tx.Account, aws.ToString(in.SourceRegion)), aws.ToString(in.SourceSnapshotId)
	if from.Region == "" {
		return nil, missingParameter("SourceRegion")
	}
	if !regionShape(from.Region) {
		return nil, noRegion(from.Region)
	}
	if err := checkID(id, "snap-", "InvalidSnapshotID.Malformed"); err != nil {
		return nil, err
	}
	source, ok := snapshot(from, id)
	if !ok || !source.visible(tx.Account) {
		return nil, noSnapshot(id)
	}
	if source.State != snapCompleted {
		return nil, wire.Errorf("IncorrectState", "The snapshot '%s' is not completed", id)
	}
	tags, err := tagSpec(in.TagSpecifications, types.ResourceTypeSnapshot)
	if err != nil {
		return nil, err
	}
	due, err := copyDue(tx, from.Region, int64(aws.ToInt32(in.CompletionDurationMinutes)))
	if err != nil {
		return nil, err
	}
	n := Snapshot{
		ID: tx.ID("snap-"), Owner: tx.Account, Size: source.Size, State: snapPending, Started: tx.Now, Description: aws.ToString(in.Description),
		Content: source.Content, Tags: tags[types.ResourceTypeSnapshot], Fails: s.copyFault(tx, aws.ToString(in.Description)),
	}
	var trouble string
	if n.Encrypted, n.Key, trouble, err = s.copyKey(tx, from, source, cipher{in.Encrypted, aws.ToString(in.KmsKeyId)}); err != nil {
		return nil, err
	}
	if trouble != "" {
		n.Fails = trouble
	}
	n.Pending = Pending{Due: due, Timer: tx.At(due, timerSnapshot, n.ID)}
	putSnapshot(tx, n)
	return &ec2.CopySnapshotOutput{SnapshotId: &n.ID, Tags: sdkTags(n.Tags)}, nil
}

// advanceSnapshot ends a snapshot's own way if its time has come.
func (s *Service) advanceSnapshot(tx *world.Tx, n Snapshot) Snapshot {
	if n.State != snapPending || n.Pending.Timer == "" || !n.Pending.ready(tx.Now, s.looks()) {
		return n
	}
	tx.Cancel(n.Pending.Timer)
	n.Pending = Pending{}
	if n.Fails != "" {
		s.dropUpload(tx, n)
		n.State, n.Message, n.Fails, n.Upload = snapError, n.Fails, "", nil
	} else {
		n.State, n.Completed = snapCompleted, tx.Now
	}
	putSnapshot(tx, n)
	tx.Event("ec2.snapshot.state", map[string]any{"snapshot": n.ID, "state": n.State})
	return n
}

// lookedSnapshot counts a look by a caller with its own clock.
func (s *Service) lookedSnapshot(tx *world.Tx, n Snapshot) Snapshot {
	if tx.Registered || n.Upload != nil {
		return n
	}
	n.Pending.Looks++
	putSnapshot(tx, n)
	return s.advanceSnapshot(tx, n)
}

func (s *Service) snapshotDue(tx *world.Tx, payload json.RawMessage) error {
	var id string
	if err := json.Unmarshal(payload, &id); err != nil {
		return err
	}
	if n, ok := snapshot(tx, id); ok {
		s.advanceSnapshot(tx, n)
	}
	return nil
}

// lineage is what a snapshot shares with its relatives.
func (n Snapshot) lineage() string {
	if n.Lineage != "" {
		return n.Lineage
	}
	return n.ID
}

// lineageOf is the lineage of a volume made from a snapshot; a volume made from
// nothing begins one with its first snapshot.
func lineageOf(tx *world.Tx, id string) string {
	n, ok := snapshot(tx, id)
	if !ok {
		return ""
	}
	return n.lineage()
}

// volumeLineage is the lineage of a snapshot of a volume.
func volumeLineage(tx *world.Tx, id string) string {
	if v, ok := volumes(tx).Get(id); ok && v.Lineage != "" {
		return v.Lineage
	}
	return id
}
