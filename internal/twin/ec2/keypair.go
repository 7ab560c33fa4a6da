package ec2

import (
	"crypto/ed25519"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// newKey makes a key pair in AWS's form: the private half as PEM, the public one as
// a line of authorized_keys, and AWS's fingerprint ("Verify the fingerprint of your
// key pair", EC2 User Guide): SHA-1 of the private key's DER for RSA, SHA-256 of the
// public key for ED25519.
func newKey(kind types.KeyType) (private, public, fingerprint string, err error) {
	if kind == types.KeyTypeEd25519 {
		pub, priv, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return "", "", "", fmt.Errorf("make ed25519 key: %w", err)
		}
		block, err := ssh.MarshalPrivateKey(priv, "")
		if err != nil {
			return "", "", "", fmt.Errorf("encode ed25519 key: %w", err)
		}
		key, err := ssh.NewPublicKey(pub)
		if err != nil {
			return "", "", "", fmt.Errorf("encode ed25519 key: %w", err)
		}
		return string(pem.EncodeToMemory(block)), line(key), sha256Print(key), nil
	}
	priv, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", "", "", fmt.Errorf("make rsa key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return "", "", "", fmt.Errorf("encode rsa key: %w", err)
	}
	key, err := ssh.NewPublicKey(&priv.PublicKey)
	if err != nil {
		return "", "", "", fmt.Errorf("encode rsa key: %w", err)
	}
	sum := sha1.Sum(der)
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(priv)})
	return string(text), line(key), colons(sum[:]), nil
}

// readKey takes over a public key in the OpenSSH form; the fingerprint of an
// imported RSA key is the MD5 of its DER.
func readKey(material []byte) (kind types.KeyType, public, fingerprint string, err error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey(material)
	if err != nil {
		return "", "", "", badKeyFormat()
	}
	switch key.Type() {
	case ssh.KeyAlgoED25519:
		return types.KeyTypeEd25519, line(key), sha256Print(key), nil
	case ssh.KeyAlgoRSA:
		pub, ok := key.(ssh.CryptoPublicKey)
		if !ok {
			return "", "", "", badKeyFormat()
		}
		der, err := x509.MarshalPKIXPublicKey(pub.CryptoPublicKey())
		if err != nil {
			return "", "", "", badKeyFormat()
		}
		sum := md5.Sum(der)
		return types.KeyTypeRsa, line(key), colons(sum[:]), nil
	}
	return "", "", "", badKeyFormat() // ECDSA and DSA keys are not taken
}

func line(key ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) }

func sha256Print(key ssh.PublicKey) string {
	sum := sha256.Sum256(key.Marshal())
	return base64.StdEncoding.EncodeToString(sum[:])
}

func colons(sum []byte) string {
	var out []string
	for _, b := range sum {
		out = append(out, hex.EncodeToString([]byte{b}))
	}
	return strings.Join(out, ":")
}

// keyByName finds a key pair of the account; names are unique in a region.
func keyByName(tx *world.Tx, name string) (KeyPair, bool) {
	for _, k := range keyPairs(tx).All() {
		if k.Name == name {
			return k, true
		}
	}
	return KeyPair{}, false
}
