package wire

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Session is an issued temporary credential, kept in the world.
type Session struct {
	ARN     string    `json:"arn"`    // arn:aws:sts::123456789012:assumed-role/Role/session
	UserID  string    `json:"userId"` // AROA...:session
	Account string    `json:"account"`
	Secret  string    `json:"secret"`
	Expires time.Time `json:"expires"`
}

const sessionTable = "sts/sessions"

// PutSession keeps a temporary credential under its access key, which must come
// from SessionKey.
func PutSession(tx *world.Tx, accessKey string, s Session) {
	world.Table[Session](tx.In(s.Account, "-"), sessionTable).Put(accessKey, s)
}

// FindSession returns the session that an access key belongs to.
func FindSession(tx *world.Tx, accessKey string) (Session, bool) {
	if len(accessKey) < 16 {
		return Session{}, false
	}
	return world.Table[Session](tx.In(accessKey[4:16], "-"), sessionTable).Get(accessKey)
}

// SessionKey makes a temporary access key that carries its account in clear, so
// that a request can be put in its account before any lookup.
func SessionKey(tx *world.Tx, account string) string {
	return "ASIA" + account + strings.ToUpper(tx.Hex(12))
}

// sessionOf finds who is calling: a session, or the account's own user. It is
// false for a key in the shape of a session that was never issued.
func sessionOf(tx *world.Tx, key string) (Session, bool) {
	if isSessionKey(key) {
		return FindSession(tx, key)
	}
	return Session{}, true
}

func isSessionKey(key string) bool {
	return len(key) == 28 && strings.HasPrefix(key, "ASIA") && digits(key[4:16])
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// accountOf says which account an access key works in: its own if it is in Keys,
// the one it carries if the twin issued it, itself if it is twelve digits, else
// the default.
func (h *Handler) accountOf(key string) string {
	if account, ok := h.o.Keys[key]; ok {
		return account
	}
	switch {
	case isSessionKey(key):
		return key[4:16]
	case len(key) == 12 && digits(key):
		return key
	}
	return h.o.Account
}

// known refuses an access key that is not on file, before anything is read for it.
func (h *Handler) known(r *request) error {
	if len(h.o.Secrets) == 0 || r.cred.key == "" || h.o.Secrets[r.cred.key] != "" || isSessionKey(r.cred.key) {
		return nil
	}
	return &problem{what: isStranger}
}

// authenticate refuses requests without a signature, and presigned ones that are over. The
// signature itself is checked only if the handler has secrets.
func (h *Handler) authenticate(r *request) error {
	if r.cred.key == "" {
		return &problem{what: isUnsigned}
	}
	if r.cred.old { // of S3's own words for buckets of our days ("List of error codes", S3 API Reference)
		return &Error{Code: "InvalidRequest", Message: "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.", Status: 400}
	}
	if err := r.lasts(time.Now()); err != nil {
		return err
	}
	if len(h.o.Secrets) == 0 {
		return nil
	}
	return h.verify(r)
}

// requestID names a request. It is not part of the world, so it does not come
// from the seed.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
