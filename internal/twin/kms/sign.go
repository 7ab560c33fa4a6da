package kms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	_ "crypto/sha256" // the hashes of the algorithms below
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// curve is a key spec that signs.
type curve struct {
	curve     elliptic.Curve
	hash      crypto.Hash
	algorithm types.SigningAlgorithmSpec
}

// curves are the specs that the twin signs with ("Key spec reference", KMS
// Developer Guide).
var curves = map[types.KeySpec]curve{
	types.KeySpecEccNistP256: {elliptic.P256(), crypto.SHA256, types.SigningAlgorithmSpecEcdsaSha256},
	types.KeySpecEccNistP384: {elliptic.P384(), crypto.SHA384, types.SigningAlgorithmSpecEcdsaSha384},
}

// scalar makes a private key from the world's own numbers: the same seed gives the
// same key. The curves' orders begin with thirty-two one bits, so a scalar that
// begins with zeros is always in range.
func (c curve) scalar(tx *world.Tx) string {
	out := "00000000"
	for want := c.curve.Params().BitSize / 4; len(out) < want; {
		out += tx.Hex(min(32, want-len(out)))
	}
	return out
}

func (c curve) private(k Key) (*ecdsa.PrivateKey, error) {
	raw, err := hex.DecodeString(k.Secret)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", k.ID, err)
	}
	return ecdsa.ParseRawPrivateKey(c.curve, raw)
}

// signer finds a key and what it would sign of message.
func (s *Service) signer(tx *world.Tx, name *string, action string, algorithm types.SigningAlgorithmSpec, message []byte, kind types.MessageType) (Key, *ecdsa.PrivateKey, []byte, error) {
	fail := func(err error) (Key, *ecdsa.PrivateKey, []byte, error) { return Key{}, nil, nil, err }
	k, err := s.usable(tx, name, action)
	if err != nil {
		return fail(err)
	}
	c, ok := curves[k.Spec]
	if !ok || c.algorithm != algorithm {
		return fail(wire.Errorf("InvalidKeyUsageException", "Algorithm %s is incompatible with key spec %s.", algorithm, k.Spec))
	}
	digest := message
	switch kind {
	case "", types.MessageTypeRaw: // RAW is the default, of at most 4096 bytes
		h := c.hash.New()
		h.Write(message)
		digest = h.Sum(nil)
	case types.MessageTypeDigest:
		if len(message) != c.hash.Size() {
			return fail(wire.Errorf("ValidationException", "Digest is invalid length for algorithm %s.", algorithm))
		}
	default:
		return fail(wire.Errorf("ValidationException", "MessageType %s does not belong to key spec %s", kind, k.Spec))
	}
	private, err := c.private(k)
	return k, private, digest, err
}

// Sign signs a message or its digest.
func (s *Service) Sign(tx *world.Tx, in *kms.SignInput) (*kms.SignOutput, error) {
	k, private, digest, err := s.signer(tx, in.KeyId, "kms:Sign", in.SigningAlgorithm, in.Message, in.MessageType)
	if err != nil {
		return nil, err
	}
	if err := dry(in.DryRun); err != nil {
		return nil, err
	}
	signature, err := ecdsa.SignASN1(rand.Reader, private, digest)
	if err != nil {
		return nil, err
	}
	return &kms.SignOutput{KeyId: &k.ARN, Signature: signature, SigningAlgorithm: in.SigningAlgorithm}, nil
}

// Verify checks a signature; a wrong one is an error, not an answer.
func (s *Service) Verify(tx *world.Tx, in *kms.VerifyInput) (*kms.VerifyOutput, error) {
	k, private, digest, err := s.signer(tx, in.KeyId, "kms:Verify", in.SigningAlgorithm, in.Message, in.MessageType)
	if err != nil {
		return nil, err
	}
	if !ecdsa.VerifyASN1(&private.PublicKey, digest, in.Signature) {
		return nil, &wire.Error{Code: "KMSInvalidSignatureException", Message: "The signature is not valid."}
	}
	if err := dry(in.DryRun); err != nil {
		return nil, err
	}
	return &kms.VerifyOutput{KeyId: &k.ARN, SignatureValid: true, SigningAlgorithm: in.SigningAlgorithm}, nil
}

// GetPublicKey gives the public half as a DER SubjectPublicKeyInfo.
func (s *Service) GetPublicKey(tx *world.Tx, in *kms.GetPublicKeyInput) (*kms.GetPublicKeyOutput, error) {
	k, err := s.usable(tx, in.KeyId, "kms:GetPublicKey")
	if err != nil {
		return nil, err
	}
	c, ok := curves[k.Spec]
	if !ok {
		return nil, wire.Errorf("UnsupportedOperationException", "%s is not an asymmetric key.", k.ARN)
	}
	private, err := c.private(k)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, err
	}
	return &kms.GetPublicKeyOutput{
		KeyId: &k.ARN, KeySpec: k.Spec, KeyUsage: k.Usage, CustomerMasterKeySpec: types.CustomerMasterKeySpec(k.Spec),
		PublicKey: der, SigningAlgorithms: []types.SigningAlgorithmSpec{c.algorithm},
	}, nil
}
