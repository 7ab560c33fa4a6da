package kms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// sealed is a ciphertext as the twin makes it: which key it is of is in it, as in KMS's
// own, and only KMS reads it.
type sealed struct {
	Key  string `json:"key"` // ARN
	Salt []byte `json:"salt"`
	Text []byte `json:"text"`
}

// cipherIn is a symmetric key's cipher, and an encryption context as what it encrypts is
// bound to: JSON has its names in order. The key's material is worked out from the row,
// which the state folder shows anyway: it keeps nothing secret.
func (k Key) cipherIn(context map[string]string) (c cipher.AEAD, with []byte, err error) {
	material := sha256.Sum256([]byte("key material of " + k.ARN))
	block, err := aes.NewCipher(material[:])
	if err != nil {
		return nil, nil, err
	}
	if len(context) > 0 { // an empty one is none
		if with, err = json.Marshal(context); err != nil {
			return nil, nil, err
		}
	}
	c, err = cipher.NewGCM(block)
	return c, with, err
}

func (k Key) seal(plain []byte, context map[string]string) ([]byte, error) {
	c, with, err := k.cipherIn(context)
	if err != nil {
		return nil, err
	}
	s := sealed{Key: k.ARN, Salt: make([]byte, c.NonceSize())}
	if _, err := rand.Read(s.Salt); err != nil {
		return nil, err
	}
	s.Text = c.Seal(nil, s.Salt, plain, with)
	return json.Marshal(s)
}

var (
	errCiphertext = &wire.Error{Code: "InvalidCiphertextException", Status: 400} // KMS says no more
	// errForeign tells nobody whether there is such a key.
	errForeign = &wire.Error{Code: "AccessDeniedException", Status: 400,
		Message: "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."}
)

// unseal is a ciphertext's plaintext, if it is of the key and of the context.
func (k Key) unseal(s sealed, context map[string]string) ([]byte, error) {
	c, with, err := k.cipherIn(context)
	if err != nil {
		return nil, err
	}
	if len(s.Salt) != c.NonceSize() {
		return nil, errCiphertext
	}
	plain, err := c.Open(nil, s.Salt, s.Text, with)
	if err != nil {
		return nil, errCiphertext
	}
	return plain, nil
}

// symmetric finds a key that encrypts, for a caller who may in that context. Keys that AWS
// manages are used through their services only ("AWS managed keys", KMS Developer Guide).
func (s *Service) symmetric(tx *world.Tx, name *string, action string, context map[string]string, algorithm types.EncryptionAlgorithmSpec) (Key, error) {
	k, err := s.usableIn(tx, name, action, context)
	switch {
	case err != nil:
		return k, err
	case k.Usage != types.KeyUsageTypeEncryptDecrypt:
		return k, wire.Errorf("InvalidKeyUsageException", "%s key usage is %s which is not valid for %s.", k.ARN, k.Usage, action)
	case algorithm != "" && algorithm != types.EncryptionAlgorithmSpecSymmetricDefault:
		return k, wire.Errorf("InvalidKeyUsageException", "Algorithm %s is incompatible with key spec %s.", algorithm, k.Spec)
	case k.Manager == types.KeyManagerTypeAws:
		return k, wire.Errorf("AccessDeniedException", "%s is managed by AWS and used through its service only.", k.ARN)
	}
	return k, nil
}

// open decrypts with the key that a ciphertext names; a request that names one, too, means
// no other.
func (s *Service) open(tx *world.Tx, blob []byte, name *string, action string, context map[string]string, algorithm types.EncryptionAlgorithmSpec) (Key, []byte, error) {
	var c sealed
	if err := json.Unmarshal(blob, &c); err != nil || !strings.HasPrefix(c.Key, "arn:") {
		return Key{}, nil, errCiphertext
	}
	if name != nil {
		k, err := s.Find(tx, *name)
		if err != nil {
			return k, nil, err
		}
		if k.ARN != c.Key {
			return k, nil, wire.Errorf("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
		}
	}
	if k, err := s.Find(tx, c.Key); err != nil || k.ARN != c.Key {
		return k, nil, errForeign
	}
	k, err := s.symmetric(tx, &c.Key, action, context, algorithm)
	if err != nil {
		return k, nil, err
	}
	plain, err := k.unseal(c, context)
	return k, plain, err
}

// recipient refuses answers for Nitro enclaves.
func recipient(r *types.RecipientInfo) error {
	if r != nil {
		return wire.Errorf("UnsupportedOperationException", "The twin does not model attestations of enclaves.")
	}
	return nil
}

// Encrypt encrypts up to 4096 bytes, bound to their encryption context.
func (s *Service) Encrypt(tx *world.Tx, in *kms.EncryptInput) (*kms.EncryptOutput, error) {
	k, err := s.symmetric(tx, in.KeyId, "kms:Encrypt", in.EncryptionContext, in.EncryptionAlgorithm)
	if err != nil {
		return nil, err
	}
	if err := dry(in.DryRun); err != nil {
		return nil, err
	}
	blob, err := k.seal(in.Plaintext, in.EncryptionContext)
	return &kms.EncryptOutput{KeyId: &k.ARN, CiphertextBlob: blob, EncryptionAlgorithm: types.EncryptionAlgorithmSpecSymmetricDefault}, err
}

// Decrypt decrypts; another context, or a ciphertext that is not KMS's own, is an error
// that says no more.
func (s *Service) Decrypt(tx *world.Tx, in *kms.DecryptInput) (*kms.DecryptOutput, error) {
	if err := recipient(in.Recipient); err != nil {
		return nil, err
	}
	k, plain, err := s.open(tx, in.CiphertextBlob, in.KeyId, "kms:Decrypt", in.EncryptionContext, in.EncryptionAlgorithm)
	if err != nil {
		return nil, err
	}
	if err := dry(in.DryRun); err != nil {
		return nil, err
	}
	return &kms.DecryptOutput{KeyId: &k.ARN, Plaintext: plain, EncryptionAlgorithm: types.EncryptionAlgorithmSpecSymmetricDefault}, nil
}

// ReEncrypt encrypts anew what another key, or another context, encrypted.
func (s *Service) ReEncrypt(tx *world.Tx, in *kms.ReEncryptInput) (*kms.ReEncryptOutput, error) {
	from, plain, err := s.open(tx, in.CiphertextBlob, in.SourceKeyId, "kms:ReEncryptFrom", in.SourceEncryptionContext, in.SourceEncryptionAlgorithm)
	if err != nil {
		return nil, err
	}
	to, err := s.symmetric(tx, in.DestinationKeyId, "kms:ReEncryptTo", in.DestinationEncryptionContext, in.DestinationEncryptionAlgorithm)
	if err != nil {
		return nil, err
	}
	if err := dry(in.DryRun); err != nil {
		return nil, err
	}
	blob, err := to.seal(plain, in.DestinationEncryptionContext)
	symmetric := types.EncryptionAlgorithmSpecSymmetricDefault
	return &kms.ReEncryptOutput{CiphertextBlob: blob, SourceKeyId: &from.ARN, KeyId: &to.ARN, SourceEncryptionAlgorithm: symmetric, DestinationEncryptionAlgorithm: symmetric}, err
}

// dataKey makes a data key, of the bytes that a request names by number or by spec.
func (s *Service) dataKey(tx *world.Tx, name *string, action string, spec types.DataKeySpec, bytes *int32, context map[string]string, dryRun *bool) (k Key, plain, blob []byte, err error) {
	if k, err = s.symmetric(tx, name, action, context, ""); err != nil {
		return k, nil, nil, err
	}
	n := map[types.DataKeySpec]int32{types.DataKeySpecAes128: 16, types.DataKeySpecAes256: 32}[spec]
	switch {
	case (spec == "") == (bytes == nil):
		return k, nil, nil, wire.Errorf("ValidationException", "Please specify either number of bytes or key spec.")
	case bytes != nil:
		n = *bytes
	}
	if err := dry(dryRun); err != nil {
		return k, nil, nil, err
	}
	plain = make([]byte, n)
	if _, err = rand.Read(plain); err == nil {
		blob, err = k.seal(plain, context)
	}
	return k, plain, blob, err
}

// GenerateDataKey makes a data key and gives it as it is and encrypted.
func (s *Service) GenerateDataKey(tx *world.Tx, in *kms.GenerateDataKeyInput) (*kms.GenerateDataKeyOutput, error) {
	if err := recipient(in.Recipient); err != nil {
		return nil, err
	}
	k, plain, blob, err := s.dataKey(tx, in.KeyId, "kms:GenerateDataKey", in.KeySpec, in.NumberOfBytes, in.EncryptionContext, in.DryRun)
	if err != nil {
		return nil, err
	}
	return &kms.GenerateDataKeyOutput{KeyId: &k.ARN, Plaintext: plain, CiphertextBlob: blob}, nil
}

// GenerateDataKeyWithoutPlaintext makes a data key and gives it encrypted.
func (s *Service) GenerateDataKeyWithoutPlaintext(tx *world.Tx, in *kms.GenerateDataKeyWithoutPlaintextInput) (*kms.GenerateDataKeyWithoutPlaintextOutput, error) {
	k, _, blob, err := s.dataKey(tx, in.KeyId, "kms:GenerateDataKeyWithoutPlaintext", in.KeySpec, in.NumberOfBytes, in.EncryptionContext, in.DryRun)
	if err != nil {
		return nil, err
	}
	return &kms.GenerateDataKeyWithoutPlaintextOutput{KeyId: &k.ARN, CiphertextBlob: blob}, nil
}
