package kms

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// aliases are key ids by alias/name.
func aliases(tx *world.Tx) *world.Rows[string] { return world.Table[string](tx, "kms/aliases") }

// ebsAlias is the key that EBS encrypts with unless told otherwise. It cannot be
// shared with other accounts ("Amazon EBS encryption", EBS User Guide).
const ebsAlias = "alias/aws/ebs"

// aliased finds the key of an alias; EBS's own is made when first asked for.
func (s *Service) aliased(tx *world.Tx, alias string) (string, bool) {
	id, ok := aliases(tx).Get(alias)
	if ok || alias != ebsAlias {
		return id, ok
	}
	k := s.create(tx, Key{
		Spec: types.KeySpecSymmetricDefault, Usage: types.KeyUsageTypeEncryptDecrypt, Manager: types.KeyManagerTypeAws,
		Description: "Default key that protects my EBS volumes when no other key is defined", Policy: defaultPolicy(tx.Account),
	})
	aliases(tx).Put(alias, k.ID)
	return k.ID, true
}

// CreateAlias gives a key of the caller's own account a name.
func (s *Service) CreateAlias(tx *world.Tx, in *kms.CreateAliasInput) (*kms.CreateAliasOutput, error) {
	name := *in.AliasName
	k, err := s.named(tx, name, in.TargetKeyId, "kms:CreateAlias")
	if err != nil {
		return nil, err
	}
	if _, err := s.Find(tx, name); err == nil {
		return nil, wire.Errorf("AlreadyExistsException", "An alias with the name arn:aws:kms:%s:%s:%s already exists", tx.Region, tx.Account, name)
	}
	aliases(tx).Put(name, k.ID)
	return &kms.CreateAliasOutput{}, nil
}

// named finds the key that an alias of ours is to name.
func (s *Service) named(tx *world.Tx, alias string, key *string, action string) (Key, error) {
	if err := ours(alias); err != nil {
		return Key{}, err
	}
	if strings.Contains(*key, "alias/") {
		return Key{}, wire.Errorf("ValidationException", "Aliases must refer to keys. Not aliases")
	}
	k, err := s.own(tx, key, action)
	if err == nil && k.State == types.KeyStatePendingDeletion { // "Key states of AWS KMS keys", KMS Developer Guide
		err = wire.Errorf("KMSInvalidStateException", "%s is pending deletion.", k.ARN)
	}
	return k, err
}

// ours refuses what no alias is called, and the aliases of AWS.
func ours(alias string) error {
	if len(alias) <= len("alias/") || !strings.HasPrefix(alias, "alias/") || strings.HasPrefix(alias, "alias/aws/") {
		return wire.Errorf("InvalidAliasNameException", "Alias must start with the prefix \"alias/\" and not with \"alias/aws/\".")
	}
	return nil
}

// UpdateAlias lets an alias name another key of the same kind and usage.
func (s *Service) UpdateAlias(tx *world.Tx, in *kms.UpdateAliasInput) (*kms.UpdateAliasOutput, error) {
	k, err := s.named(tx, *in.AliasName, in.TargetKeyId, "kms:UpdateAlias")
	if err != nil {
		return nil, err
	}
	was, err := s.own(tx, in.AliasName, "kms:UpdateAlias")
	if err != nil {
		return nil, err
	}
	if was.Usage != k.Usage || (was.Spec == types.KeySpecSymmetricDefault) != (k.Spec == types.KeySpecSymmetricDefault) {
		return nil, wire.Errorf("ValidationException", "Alias %s cannot be changed to a key of another type or usage.", *in.AliasName)
	}
	aliases(tx).Put(*in.AliasName, k.ID)
	return &kms.UpdateAliasOutput{}, nil
}

// DeleteAlias takes a name from a key, which is not touched.
func (s *Service) DeleteAlias(tx *world.Tx, in *kms.DeleteAliasInput) (*kms.DeleteAliasOutput, error) {
	if err := ours(*in.AliasName); err != nil {
		return nil, err
	}
	if _, err := s.own(tx, in.AliasName, "kms:DeleteAlias"); err != nil {
		return nil, err
	}
	aliases(tx).Delete(*in.AliasName)
	return &kms.DeleteAliasOutput{}, nil
}

// ListAliases lists the aliases of the account, or of one key.
func (s *Service) ListAliases(tx *world.Tx, in *kms.ListAliasesInput) (*kms.ListAliasesOutput, error) {
	only := ""
	if in.KeyId != nil {
		k, err := s.own(tx, in.KeyId, "kms:ListAliases")
		if err != nil {
			return nil, err
		}
		only = k.ID
	}
	var all []types.AliasListEntry
	for name, id := range aliases(tx).All() {
		if _, err := s.Find(tx, id); err != nil || only != "" && id != only { // an alias goes with its key
			continue
		}
		all = append(all, types.AliasListEntry{
			AliasName: aws.String(name), TargetKeyId: aws.String(id),
			AliasArn: aws.String(fmt.Sprintf("arn:aws:kms:%s:%s:%s", tx.Region, tx.Account, name)),
		})
	}
	page, next, err := cut(all, func(a types.AliasListEntry) string { return *a.AliasName }, in.Marker, in.Limit, "aliases", tx.Account, tx.Region, only)
	return &kms.ListAliasesOutput{Aliases: page, NextMarker: next, Truncated: next != nil}, err
}
