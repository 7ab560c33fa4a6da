package ec2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DescribeSnapshots handles the operation of that name: what the account owns, what
// is shared with it and what is public.
func (s *Service) DescribeSnapshots(tx *world.Tx, in *ec2.DescribeSnapshotsInput) (*ec2.DescribeSnapshotsOutput, error) {
	if err := known("DescribeSnapshots", in.Filters, snapshotFields(Snapshot{}), map[string]string{}); err != nil {
		return nil, err
	}
	if err := checkAccounts(in.OwnerIds, "self", "amazon"); err != nil {
		return nil, err
	}
	if err := checkAccounts(in.RestorableByUserIds, "self", "all"); err != nil {
		return nil, err
	}
	if len(in.SnapshotIds) > 0 && in.MaxResults != nil {
		return nil, badCombination("The parameter snapshotIds cannot be used with the parameter maxResults")
	}
	rows, err := s.lookSnapshots(tx, in.SnapshotIds)
	if err != nil {
		return nil, err
	}
	var all []types.Snapshot
	for _, n := range rows {
		owned := len(in.OwnerIds) == 0 || slices.Contains(in.OwnerIds, n.Owner) || n.Owner == tx.Account && slices.Contains(in.OwnerIds, "self")
		restorable := len(in.RestorableByUserIds) == 0 || slices.ContainsFunc(in.RestorableByUserIds, func(who string) bool {
			return who == "all" && n.Public || who == "self" && n.visible(tx.Account) || slices.Contains(n.Users, who)
		})
		if !owned || !restorable {
			continue
		}
		if match(in.Filters, snapshotFields(n), orNone(tagsSeen(tx, n.Owner, n.Tags))) {
			all = append(all, sdkSnapshot(tx, n))
		}
	}
	out, next, err := page(tx, in, all, func(n types.Snapshot) string { return *n.SnapshotId }, 5, 1000)
	return &ec2.DescribeSnapshotsOutput{Snapshots: out, NextToken: next}, err
}

func (s *Service) lookSnapshots(tx *world.Tx, ids []string) ([]Snapshot, error) {
	if len(ids) == 0 {
		for id := range owners(tx).All() {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		ids = slices.DeleteFunc(ids, func(id string) bool { n, ok := snapshot(tx, id); return !ok || !n.visible(tx.Account) })
	}
	var rows []Snapshot
	var unknown []string
	for _, id := range distinct(ids) {
		if err := checkID(id, "snap-", "InvalidSnapshotID.Malformed"); err != nil {
			return nil, err
		}
		n, ok := snapshot(tx, id)
		if !ok || !n.visible(tx.Account) {
			unknown = append(unknown, id)
			continue
		}
		if n.State == snapPending && n.Pending.Timer != "" {
			n = s.lookedSnapshot(tx, n)
		} else if n.State == snapPending {
			if i, _, ok := image(tx, n.Image); ok {
				s.lookedImage(tx, i)
				n, _ = snapshot(tx, id)
			}
		}
		rows = append(rows, n)
	}
	if len(unknown) > 0 {
		return nil, noSnapshot(unknown...)
	}
	return rows, nil
}

func progress(n Snapshot) string {
	if n.State == snapCompleted {
		return "100%"
	}
	return "0%"
}

func text(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func sdkSnapshot(tx *world.Tx, n Snapshot) types.Snapshot {
	out := types.Snapshot{
		SnapshotId: &n.ID, OwnerId: &n.Owner, State: types.SnapshotState(n.State), StateMessage: some(n.Message), StartTime: &n.Started,
		Description: &n.Description, VolumeId: some(n.Volume), VolumeSize: &n.Size, Encrypted: &n.Encrypted, KmsKeyId: some(n.Key), Progress: aws.String(progress(n)),
		StorageTier: types.StorageTierStandard, Tags: sdkTags(tagsSeen(tx, n.Owner, n.Tags)),
	}
	if n.Volume == "" {
		out.VolumeId = aws.String("vol-ffffffff") // AWS's placeholder for snapshots without a volume
	}
	if !n.Completed.IsZero() {
		out.CompletionTime = &n.Completed
	}
	return out
}

// ModifySnapshotAttribute handles the operation of that name: who may create volumes.
func (s *Service) ModifySnapshotAttribute(tx *world.Tx, in *ec2.ModifySnapshotAttributeInput) (*ec2.ModifySnapshotAttributeOutput, error) {
	n, err := ownSnapshot(tx, aws.ToString(in.SnapshotId))
	if err != nil {
		return nil, err
	}
	if a := in.Attribute; a != "" && a != types.SnapshotAttributeNameCreateVolumePermission {
		return nil, unmodelled("ModifySnapshotAttribute", "attribute "+string(a))
	}
	var add, remove []string
	if p := in.CreateVolumePermission; p != nil {
		for _, g := range p.Add {
			add = append(add, aws.ToString(g.UserId)+string(g.Group))
		}
		for _, g := range p.Remove {
			remove = append(remove, aws.ToString(g.UserId)+string(g.Group))
		}
	}
	flat := append(slices.Clone(in.UserIds), in.GroupNames...)
	if in.OperationType == types.OperationTypeRemove {
		remove = append(remove, flat...)
	} else {
		add = append(add, flat...)
	}
	if len(add)+len(remove) == 0 {
		return nil, badCombination("No attributes specified.")
	}
	if _, err := checkGrantees(append(slices.Clone(add), remove...)); err != nil {
		return nil, err
	}
	if err := s.shareable(tx, n.Encrypted, n.Key, add); err != nil {
		return nil, err
	}
	n.Users, n.Public = permit(n.Users, n.Public, add, remove)
	putSnapshot(tx, n)
	return &ec2.ModifySnapshotAttributeOutput{}, nil
}

func snapshotFields(n Snapshot) fields {
	return fields{
		"snapshot-id": {n.ID}, "owner-id": {n.Owner}, "status": {n.State}, "volume-id": one(n.Volume), "description": one(n.Description),
		"volume-size": {itoa(n.Size)}, "progress": {progress(n)}, "start-time": {stamp(n.Started)}, "encrypted": {text(n.Encrypted)},
		"storage-tier": {"standard"}, "owner-alias": nil,
	}
}
