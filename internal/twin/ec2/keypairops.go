package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"strings"
)

func badKeyFormat() error {
	return wire.Errorf("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
}

// CreateKeyPair handles the operation of that name. The private key is in this
// answer and nowhere else.
func (s *Service) CreateKeyPair(tx *world.Tx, in *ec2.CreateKeyPairInput) (*ec2.CreateKeyPairOutput, error) {
	if in.KeyFormat != "" && in.KeyFormat != types.KeyFormatPem {
		return nil, unmodelled("CreateKeyPair", "KeyFormat "+string(in.KeyFormat))
	}
	kind := in.KeyType
	if kind == "" {
		kind = types.KeyTypeRsa
	}
	if kind != types.KeyTypeRsa && kind != types.KeyTypeEd25519 {
		return nil, badValue("Invalid value '%s' for KeyType", kind)
	}
	k, err := keyRow(tx, in.KeyName, in.TagSpecifications)
	if err != nil {
		return nil, err
	}
	private, public, print, err := newKey(kind)
	if err != nil {
		return nil, err
	}
	k.Type, k.PublicKey, k.Fingerprint = string(kind), public, print
	keyPairs(tx).Put(k.ID, k)
	return &ec2.CreateKeyPairOutput{
		KeyPairId: &k.ID, KeyName: &k.Name, KeyFingerprint: &k.Fingerprint, KeyMaterial: &private, Tags: sdkTags(k.Tags),
	}, nil
}

// ImportKeyPair handles the operation of that name.
func (s *Service) ImportKeyPair(tx *world.Tx, in *ec2.ImportKeyPairInput) (*ec2.ImportKeyPairOutput, error) {
	k, err := keyRow(tx, in.KeyName, in.TagSpecifications)
	if err != nil {
		return nil, err
	}
	kind, public, print, err := readKey(in.PublicKeyMaterial)
	if err != nil {
		return nil, err
	}
	k.Type, k.PublicKey, k.Fingerprint = string(kind), public, print
	keyPairs(tx).Put(k.ID, k)
	return &ec2.ImportKeyPairOutput{KeyPairId: &k.ID, KeyName: &k.Name, KeyFingerprint: &k.Fingerprint, Tags: sdkTags(k.Tags)}, nil
}

func keyRow(tx *world.Tx, name *string, specs []types.TagSpecification) (KeyPair, error) {
	if aws.ToString(name) == "" {
		return KeyPair{}, missingParameter("KeyName")
	}
	// "Up to 255 ASCII characters" without leading and trailing spaces ("KeyName").
	if len(*name) > 255 || strings.TrimSpace(*name) != *name || strings.ContainsFunc(*name, func(r rune) bool { return r < ' ' || r > '~' }) {
		return KeyPair{}, badValue("Invalid value for parameter KeyName: up to 255 ASCII characters, without leading or trailing spaces")
	}
	if _, dup := keyByName(tx, *name); dup {
		return KeyPair{}, wire.Errorf("InvalidKeyPair.Duplicate", "The keypair already exists")
	}
	tags, err := tagSpec(specs, types.ResourceTypeKeyPair)
	if err != nil {
		return KeyPair{}, err
	}
	return KeyPair{ID: tx.ID("key-"), Name: *name, Created: tx.Now, Tags: tags[types.ResourceTypeKeyPair]}, nil
}

// DeleteKeyPair handles the operation of that name. A name that does not exist is
// no error on AWS.
func (s *Service) DeleteKeyPair(tx *world.Tx, in *ec2.DeleteKeyPairInput) (*ec2.DeleteKeyPairOutput, error) {
	id := aws.ToString(in.KeyPairId)
	if id == "" {
		if aws.ToString(in.KeyName) == "" {
			return nil, missingParameter("KeyName or KeyPairId")
		}
		k, ok := keyByName(tx, *in.KeyName)
		if !ok {
			return &ec2.DeleteKeyPairOutput{Return: aws.Bool(true)}, nil
		}
		id = k.ID
	}
	if _, ok := keyPairs(tx).Get(id); !ok {
		return nil, noKeyPair(id)
	}
	keyPairs(tx).Delete(id)
	return &ec2.DeleteKeyPairOutput{KeyPairId: &id, Return: aws.Bool(true)}, nil
}

// DescribeKeyPairs handles the operation of that name.
func (s *Service) DescribeKeyPairs(tx *world.Tx, in *ec2.DescribeKeyPairsInput) (*ec2.DescribeKeyPairsOutput, error) {
	if err := known("DescribeKeyPairs", in.Filters, keyPairFields(KeyPair{}), map[string]string{}); err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, id := range in.KeyPairIds {
		if _, ok := keyPairs(tx).Get(id); !ok {
			return nil, noKeyPair(id)
		}
		wanted[id] = true
	}
	for _, name := range in.KeyNames {
		k, ok := keyByName(tx, name)
		if !ok {
			return nil, noKeyPair(name)
		}
		wanted[k.ID] = true
	}
	out := &ec2.DescribeKeyPairsOutput{}
	for id, k := range keyPairs(tx).All() {
		if len(wanted) > 0 && !wanted[id] {
			continue
		}
		if !match(in.Filters, keyPairFields(k), orNone(k.Tags)) {
			continue
		}
		info := types.KeyPairInfo{
			KeyPairId: &k.ID, KeyName: &k.Name, KeyFingerprint: &k.Fingerprint, KeyType: types.KeyType(k.Type),
			CreateTime: &k.Created, Tags: sdkTags(k.Tags),
		}
		if aws.ToBool(in.IncludePublicKey) {
			info.PublicKey = &k.PublicKey
		}
		out.KeyPairs = append(out.KeyPairs, info)
	}
	return out, nil
}

func keyPairFields(k KeyPair) fields {
	return fields{"key-pair-id": {k.ID}, "key-name": {k.Name}, "fingerprint": {k.Fingerprint}}
}
