package ec2

import (
	"time"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// How long a copy takes without a completion time: 5 to 30 min between regions;
// within one we take it to be as long as making an image.
const copyLow, copyHigh = 5 * time.Minute, 30 * time.Minute

// copyDue is when a copy of now is done. limit is a completion time in minutes, 0 for
// none ("Time-based copies", EBS User Guide: 15-minute steps, at most 48 hours).
func copyDue(tx *world.Tx, sourceRegion string, limit int64) (time.Time, error) {
	if limit < 0 || limit%15 != 0 || limit > 48*60 {
		return time.Time{}, badValue("The completion duration of %d minutes is invalid: specify a multiple of 15 up to 2880", limit)
	}
	d := between(tx, copyLow, copyHigh)
	if sourceRegion == tx.Region {
		d = between(tx, imageLow, imageHigh)
	}
	if l := time.Duration(limit) * time.Minute; limit > 0 {
		d = min(d, l)
	}
	return tx.Now.Add(d), nil
}

// cipher is what a request says of a copy's encryption.
type cipher struct {
	encrypted *bool
	key       string
}

// copyKey decides on the key of a copy of n, and says what will make it fail: KMS is
// asked asynchronously ("KmsKeyId", CopyImage, API Reference). A copy of an encrypted
// snapshot is encrypted, with the account's default key unless another is named.
func (s *Service) copyKey(tx, from *world.Tx, n Snapshot, c cipher) (encrypted bool, key string, trouble string, err error) {
	explicit := c.encrypted != nil && *c.encrypted
	switch {
	case c.encrypted != nil && !explicit && n.Encrypted:
		return false, "", "", wire.Errorf("InvalidRequest",
			"Snapshot %s is encrypted. Creating an unencrypted copy from an encrypted snapshot is not supported.", n.ID)
	case c.key != "" && !explicit:
		return false, "", "", wire.Errorf("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
	case !explicit && !n.Encrypted && !settings(tx).Encrypt:
		return false, "", "", nil
	}
	source := ""
	if n.Encrypted {
		source = n.Key
	}
	key, t := s.recrypt(tx, from, source, c.key, caller(tx), false)
	if t.Code != "" {
		trouble = "Given key ID is not accessible"
	}
	return true, key, trouble, nil
}

// copyFault is what a fault plan wants to go wrong with a copy.
func (s *Service) copyFault(tx *world.Tx, name string) string {
	if s.CopyFault == nil {
		return ""
	}
	return s.CopyFault(tx, name)
}
