package kms

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// metadata is the key as DescribeKey shows it.
func (k Key) metadata() *types.KeyMetadata {
	m := &types.KeyMetadata{
		KeyId: &k.ID, Arn: &k.ARN, AWSAccountId: &k.Account, Description: &k.Description, CreationDate: &k.Created,
		Enabled: k.State == types.KeyStateEnabled, KeyManager: k.Manager, KeySpec: k.Spec, KeyUsage: k.Usage, KeyState: k.State,
		CustomerMasterKeySpec: types.CustomerMasterKeySpec(k.Spec), MultiRegion: aws.Bool(false), Origin: types.OriginTypeAwsKms,
	}
	if !k.Deletion.IsZero() {
		m.DeletionDate = &k.Deletion
	}
	if c, ok := curves[k.Spec]; ok {
		m.SigningAlgorithms = []types.SigningAlgorithmSpec{c.algorithm}
	} else {
		m.EncryptionAlgorithms = []types.EncryptionAlgorithmSpec{types.EncryptionAlgorithmSpecSymmetricDefault}
	}
	return m
}

// DescribeKey tells of a key. The alias of an AWS service makes that service's key
// when it is first asked for.
func (s *Service) DescribeKey(tx *world.Tx, in *kms.DescribeKeyInput) (*kms.DescribeKeyOutput, error) {
	k, err := s.use(tx, in.KeyId, "kms:DescribeKey")
	if err != nil {
		return nil, err
	}
	return &kms.DescribeKeyOutput{KeyMetadata: k.metadata()}, nil
}

// EnableKey lets a disabled key be used again.
func (s *Service) EnableKey(tx *world.Tx, in *kms.EnableKeyInput) (*kms.EnableKeyOutput, error) {
	return &kms.EnableKeyOutput{}, s.turn(tx, in.KeyId, "kms:EnableKey", types.KeyStateEnabled)
}

// DisableKey keeps a key from being used.
func (s *Service) DisableKey(tx *world.Tx, in *kms.DisableKeyInput) (*kms.DisableKeyOutput, error) {
	return &kms.DisableKeyOutput{}, s.turn(tx, in.KeyId, "kms:DisableKey", types.KeyStateDisabled)
}

func (s *Service) turn(tx *world.Tx, name *string, action string, state types.KeyState) error {
	k, err := s.own(tx, name, action)
	if err != nil {
		return err
	}
	if k.State == types.KeyStatePendingDeletion {
		return wire.Errorf("KMSInvalidStateException", "%s is pending deletion.", k.ARN)
	}
	k.State = state
	s.put(tx, k)
	return nil
}

// own finds a key to be managed: KMS does that in the key's own account only, and
// not for keys of AWS services.
func (s *Service) own(tx *world.Tx, name *string, action string) (Key, error) {
	k, err := s.use(tx, name, action)
	switch {
	case err != nil:
		return k, err
	case k.Account != tx.Account:
		return k, notFound("Key '%s' does not exist", aws.ToString(name))
	case k.Manager == types.KeyManagerTypeAws:
		return k, wire.Errorf("AccessDeniedException", "%s is managed by AWS", k.ARN)
	}
	return k, nil
}

func (s *Service) put(tx *world.Tx, k Key) {
	keys(tx.In(k.Account, k.Region)).Put(k.ID, k)
	tx.Event("key.changed", map[string]any{"key": k.ARN, "state": string(k.State)})
}

// deletionDays is the waiting period unless the caller chooses 7 to 30 days
// ("ScheduleKeyDeletion").
const deletionDays = 30

// ScheduleKeyDeletion makes a key unusable at once. The twin keeps the row for good.
func (s *Service) ScheduleKeyDeletion(tx *world.Tx, in *kms.ScheduleKeyDeletionInput) (*kms.ScheduleKeyDeletionOutput, error) {
	k, err := s.own(tx, in.KeyId, "kms:ScheduleKeyDeletion")
	if err != nil {
		return nil, err
	}
	days := int32(deletionDays)
	if in.PendingWindowInDays != nil {
		days = *in.PendingWindowInDays
	}
	switch {
	case days < 7 || days > 30:
		return nil, wire.Errorf("ValidationException", "PendingWindowInDays must be between 7 and 30")
	case k.State == types.KeyStatePendingDeletion:
		return nil, wire.Errorf("KMSInvalidStateException", "%s is pending deletion.", k.ARN)
	}
	k.State, k.Deletion = types.KeyStatePendingDeletion, tx.Now.Add(time.Duration(days)*24*time.Hour)
	s.put(tx, k)
	return &kms.ScheduleKeyDeletionOutput{KeyId: &k.ARN, DeletionDate: &k.Deletion, KeyState: k.State, PendingWindowInDays: &days}, nil
}

// CancelKeyDeletion keeps a key that waits to be deleted; it comes back disabled.
func (s *Service) CancelKeyDeletion(tx *world.Tx, in *kms.CancelKeyDeletionInput) (*kms.CancelKeyDeletionOutput, error) {
	k, err := s.own(tx, in.KeyId, "kms:CancelKeyDeletion")
	if err != nil {
		return nil, err
	}
	if k.State != types.KeyStatePendingDeletion {
		return nil, wire.Errorf("KMSInvalidStateException", "%s is not pending deletion.", k.ARN)
	}
	k.State, k.Deletion = types.KeyStateDisabled, time.Time{}
	s.put(tx, k)
	return &kms.CancelKeyDeletionOutput{KeyId: &k.ARN}, nil
}

// ListKeys lists the keys of the account, those that AWS manages among them.
func (s *Service) ListKeys(tx *world.Tx, in *kms.ListKeysInput) (*kms.ListKeysOutput, error) {
	var all []types.KeyListEntry
	for id, k := range keys(tx).All() {
		if _, err := s.Find(tx, id); err == nil { // its waiting period may be over
			all = append(all, types.KeyListEntry{KeyId: &k.ID, KeyArn: &k.ARN})
		}
	}
	page, next, err := cut(all, func(k types.KeyListEntry) string { return *k.KeyId }, in.Marker, in.Limit, "keys", tx.Account, tx.Region)
	return &kms.ListKeysOutput{Keys: page, NextMarker: next, Truncated: next != nil}, err
}
