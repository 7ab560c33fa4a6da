package kms

import (
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Ready says with an error that there is no such key, or that it cannot be used now: for
// services that encrypt with a key that somebody names.
func (s *Service) Ready(tx *world.Tx, name string) error {
	k, err := s.Find(tx, name)
	switch {
	case err != nil:
		return err
	case k.State == types.KeyStateDisabled:
		return wire.Errorf("DisabledException", "%s is disabled.", k.ARN)
	case k.State != types.KeyStateEnabled:
		return wire.Errorf("KMSInvalidStateException", "%s is pending deletion.", k.ARN)
	}
	return nil
}
