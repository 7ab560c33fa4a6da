package kms

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// volumeActions are the use of a key that encrypts volumes: what its users need ("Required KMS key policy for
// use with encrypted volumes", Amazon EC2 Auto Scaling User Guide).
var volumeActions = []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey", "kms:CreateGrant"}

// Make makes a symmetric key with an alias, such as alias/golden, in the transaction's
// place and returns its ARN. Its policy trusts its account and lets users, which are
// ARNs of principals, encrypt volumes with it. Asked by the owner of the world.
func (s *Service) Make(tx *world.Tx, alias string, users []string) (string, error) {
	if !strings.HasPrefix(alias, "alias/") || strings.HasPrefix(alias, "alias/aws/") {
		return "", fmt.Errorf("alias %q does not begin with alias/ or belongs to AWS", alias)
	}
	if _, ok := aliases(tx).Get(alias); ok {
		return "", wire.Errorf("AlreadyExistsException", "An alias with the name %s already exists", alias)
	}
	policy := defaultPolicy(tx.Account)
	if len(users) > 0 {
		type m = map[string]any
		data, err := json.Marshal(m{"Version": "2012-10-17", "Statement": []m{
			{"Effect": "Allow", "Principal": m{"AWS": "arn:aws:iam::" + tx.Account + ":root"}, "Action": "kms:*", "Resource": "*"},
			{"Effect": "Allow", "Principal": m{"AWS": users}, "Action": volumeActions, "Resource": "*"},
		}})
		if err != nil {
			return "", err
		}
		policy = string(data)
	}
	if _, err := parsePolicy(policy); err != nil {
		return "", err
	}
	k := s.create(tx, Key{Spec: types.KeySpecSymmetricDefault, Usage: types.KeyUsageTypeEncryptDecrypt,
		Manager: types.KeyManagerTypeCustomer, Policy: policy})
	aliases(tx).Put(alias, k.ID)
	return k.ARN, nil
}
