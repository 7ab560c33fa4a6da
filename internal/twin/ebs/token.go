package ebs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// tokenLife is how long block and page tokens are good for ("ListSnapshotBlocks",
// EBS direct API Reference: they expire; seven days).
const tokenLife = 7 * 24 * time.Hour

// key seals tokens, so that none can be made up and none need be kept.
type key []byte

const (
	pageToken  = 'p'
	blockToken = 'b'
	macSize    = 16
)

// keyOf is the world's key, made at the first use.
func keyOf(tx *world.Tx) key {
	rows := world.Table[string](tx.In("-", "-"), "ebs/key")
	k, ok := rows.Get("key")
	if !ok {
		k = tx.Hex(64)
		rows.Put("key", k)
	}
	return key(k)
}

func (k key) mac(kind byte, snapshot string, head []byte) []byte {
	h := hmac.New(sha256.New, k)
	h.Write([]byte{kind})
	h.Write([]byte(snapshot))
	h.Write(head)
	return h.Sum(nil)[:macSize]
}

// seal makes a token of an index in a snapshot.
func (k key) seal(kind byte, snapshot string, index int64, expires time.Time) string {
	head := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix())) //nolint:gosec // after 1970
	head = binary.BigEndian.AppendUint64(head, uint64(index))          //nolint:gosec // not negative
	return base64.StdEncoding.EncodeToString(append(head, k.mac(kind, snapshot, head)...))
}

var (
	errToken   = errors.New("it was not issued for this snapshot")
	errExpired = errors.New("it has expired")
)

// open is the index of a token that was sealed for this use.
func (k key) open(kind byte, snapshot, token string, now time.Time) (int64, error) {
	text, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(text) != 16+macSize {
		return 0, errToken
	}
	head := text[:16]
	if !hmac.Equal(text[16:], k.mac(kind, snapshot, head)) {
		return 0, errToken
	}
	if now.After(time.Unix(int64(binary.BigEndian.Uint64(head)), 0)) { //nolint:gosec // sealed by us
		return 0, errExpired
	}
	return int64(binary.BigEndian.Uint64(head[8:])), nil //nolint:gosec // sealed by us
}
