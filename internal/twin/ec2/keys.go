package ec2

import (
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Keys is what EC2 needs of KMS; *kms.Service is one.
type Keys interface {
	// Find finds a key by id, ARN or alias in the transaction's region.
	Find(tx *world.Tx, name string) (kms.Key, error)
	// Allowed says whether a principal may do an action with the key.
	Allowed(tx *world.Tx, k kms.Key, principal, action string) bool
}

// ebsAlias is the key that EBS encrypts with unless told otherwise.
const ebsAlias = "alias/aws/ebs"

// defaultKey is the ARN of the account's key for EBS.
func (s *Service) defaultKey(tx *world.Tx) (string, error) {
	k, err := s.Keys.Find(tx, ebsAlias)
	return k.ARN, err
}

// What whoever launches or copies must be allowed to do with a key ("Requirements
// for Amazon EBS encryption" and "How Amazon EBS encryption works", EBS User Guide;
// "Required AWS KMS key policy for use with encrypted volumes", Auto Scaling User
// Guide): for a volume with its snapshot's own key, from and to another key, and for
// what was not encrypted before.
func sameKey() []string {
	return []string{"kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt"}
}
func fromKey() []string { return append(sameKey(), "kms:ReEncryptFrom") }
func toKey() []string   { return []string{"kms:DescribeKey", "kms:CreateGrant", "kms:ReEncryptTo"} }
func freshKey() []string {
	return []string{"kms:DescribeKey", "kms:CreateGrant", "kms:GenerateDataKeyWithoutPlaintext"}
}

// Why a key cannot be used, in the words of a StateReason ("Instance terminates
// immediately", EC2 User Guide).
func keyDenied() Reason {
	return Reason{"Client.InternalError", "Client.InternalError: Client error on launch"}
}
func keyState() Reason {
	return Reason{"Client.InvalidKMSKey.InvalidState", "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state"}
}

// keyTrouble is why a principal cannot use a key, or nothing. A key that nobody
// knows is like one that may not be used.
func (s *Service) keyTrouble(tx *world.Tx, name, principal string, actions []string) Reason {
	k, err := s.Keys.Find(tx, name)
	switch {
	case err != nil, k.Spec != kmstypes.KeySpecSymmetricDefault: // "EBS does not support asymmetric KMS keys"
		return keyDenied()
	case k.State != kmstypes.KeyStateEnabled:
		return keyState()
	}
	for _, a := range actions {
		if !s.Keys.Allowed(tx, k, principal, a) {
			return keyDenied()
		}
	}
	return Reason{}
}

// autoScaling is who launches for a group ("Service-linked roles", Auto Scaling User
// Guide). It may use what a key's policy or a grant names it for, nothing else.
func autoScaling(account string) string {
	return "arn:aws:iam::" + account + ":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
}

// launcher is the principal behind a launch.
func launcher(tx *world.Tx, by string) string {
	if by == "autoscaling" {
		return autoScaling(tx.Account)
	}
	return caller(tx)
}

// recrypt decides on the key of something made from a source in another or the same
// region and says what stands in the way. wanted is a name of a key or empty; own
// says that the source belongs to the account, which then keeps its key.
func (s *Service) recrypt(tx, from *world.Tx, source, wanted, principal string, own bool) (key string, trouble Reason) {
	switch {
	case wanted == "" && source != "" && own:
		wanted = source
	case wanted == "":
		wanted = ebsAlias
	}
	if k, err := s.Keys.Find(tx, wanted); err == nil {
		key = k.ARN
	}
	if source == "" {
		return key, s.keyTrouble(tx, wanted, principal, freshKey())
	}
	if key == source {
		return key, s.keyTrouble(tx, wanted, principal, sameKey())
	}
	if t := s.keyTrouble(from, source, principal, fromKey()); t.Code != "" {
		return key, t
	}
	return key, s.keyTrouble(tx, wanted, principal, toKey())
}

// encryptDisks settles the keys of a launch's volumes. A volume keeps the key of the
// account's own snapshot; one of a snapshot shared by others gets the account's
// default key unless the launch names one ("Encryption outcomes", EBS User Guide).
func (s *Service) encryptDisks(tx *world.Tx, img Image, disks []bootDisk, by string) Reason {
	trouble := Reason{}
	for k := range disks {
		d := &disks[k]
		source := ""
		for _, o := range img.Disks {
			if o.Device == d.Device && o.Encrypted {
				source = o.Key
			}
		}
		d.Encrypted = d.Encrypted || settings(tx).Encrypt
		if !d.Encrypted {
			continue
		}
		wanted := d.Key
		if wanted == source {
			wanted = ""
		}
		var t Reason
		if d.Key, t = s.recrypt(tx, tx, source, wanted, launcher(tx, by), img.Owner == tx.Account); t.Code != "" {
			trouble = t
		}
	}
	return trouble
}

// shareable refuses to share what is encrypted with an AWS managed key, and to make
// public what is encrypted at all ("Share an AMI", EC2 User Guide; "Share an Amazon
// EBS snapshot", EBS User Guide).
func (s *Service) shareable(tx *world.Tx, encrypted bool, key string, with []string) error {
	if !encrypted || len(with) == 0 {
		return nil
	}
	if k, err := s.Keys.Find(tx, key); err != nil || k.Manager == kmstypes.KeyManagerTypeAws {
		return wire.Errorf("InvalidParameter", "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.")
	}
	for _, who := range with {
		if who == "all" {
			return wire.Errorf("OperationNotPermitted", "Encrypted snapshots and images with them cannot be made public.")
		}
	}
	return nil
}
