package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// setting is what an account has set for EBS in a region.
type setting struct {
	Encrypt bool `json:"encrypt,omitempty"` // new volumes and copies are encrypted
}

func settingRows(tx *world.Tx) *world.Rows[setting] {
	return world.Table[setting](tx, "ec2/settings")
}

func settings(tx *world.Tx) setting {
	s, _ := settingRows(tx).Get("ebs")
	return s
}

// GetEbsEncryptionByDefault handles the operation of that name.
func (s *Service) GetEbsEncryptionByDefault(tx *world.Tx, _ *ec2.GetEbsEncryptionByDefaultInput) (*ec2.GetEbsEncryptionByDefaultOutput, error) {
	return &ec2.GetEbsEncryptionByDefaultOutput{EbsEncryptionByDefault: aws.Bool(settings(tx).Encrypt)}, nil
}

// EnableEbsEncryptionByDefault handles the operation of that name. What exists stays
// as it is ("Encryption by default", EBS User Guide).
func (s *Service) EnableEbsEncryptionByDefault(tx *world.Tx, _ *ec2.EnableEbsEncryptionByDefaultInput) (*ec2.EnableEbsEncryptionByDefaultOutput, error) {
	settingRows(tx).Put("ebs", setting{Encrypt: true})
	return &ec2.EnableEbsEncryptionByDefaultOutput{EbsEncryptionByDefault: aws.Bool(true)}, nil
}

// DisableEbsEncryptionByDefault handles the operation of that name. What is encrypted
// stays so.
func (s *Service) DisableEbsEncryptionByDefault(tx *world.Tx, _ *ec2.DisableEbsEncryptionByDefaultInput) (*ec2.DisableEbsEncryptionByDefaultOutput, error) {
	settingRows(tx).Put("ebs", setting{})
	return &ec2.DisableEbsEncryptionByDefaultOutput{EbsEncryptionByDefault: aws.Bool(false)}, nil
}

// GetEbsDefaultKmsKeyID handles GetEbsDefaultKmsKeyId: the account's aws/ebs
// key, for none other can be set here.
func (s *Service) GetEbsDefaultKmsKeyID(tx *world.Tx, _ *ec2.GetEbsDefaultKmsKeyIdInput) (*ec2.GetEbsDefaultKmsKeyIdOutput, error) {
	key, err := s.defaultKey(tx)
	return &ec2.GetEbsDefaultKmsKeyIdOutput{KmsKeyId: &key}, err
}
