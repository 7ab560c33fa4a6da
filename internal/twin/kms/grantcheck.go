package kms

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// meets says whether an action meets a grant's constraint, which is for those with an
// encryption context: the same pairs, or these among others ("GrantConstraints", KMS API
// Reference). What context EBS gives is not modelled, so that under a constraint nothing is
// encrypted or decrypted for it: the strictest reading.
func meets(g types.GrantListEntry, action string, context map[string]string) bool {
	if g.Constraints == nil || covers("kms:DescribeKey", action) || covers("kms:RetireGrant", action) {
		return true
	}
	for name, value := range g.Constraints.EncryptionContextSubset {
		if have, ok := context[name]; !ok || have != value {
			return false
		}
	}
	same := g.Constraints.EncryptionContextEquals
	return len(same) == 0 || maps.Equal(same, context)
}

// checkGrant refuses what a key cannot be granted for, and who is no principal.
func checkGrant(k Key, in *kms.CreateGrantInput) error {
	for _, p := range []*string{in.GranteePrincipal, in.RetiringPrincipal} {
		if p != nil && !principalARN(*p) {
			return wire.Errorf("InvalidArnException", "ARN does not refer to a valid principal: %s", *p)
		}
	}
	_, signs := curves[k.Spec]
	for _, o := range in.Operations {
		switch o {
		case types.GrantOperationSign, types.GrantOperationVerify, types.GrantOperationGetPublicKey:
			if signs {
				continue
			}
		case types.GrantOperationDescribeKey, types.GrantOperationCreateGrant, types.GrantOperationRetireGrant:
			continue
		case types.GrantOperationEncrypt, types.GrantOperationDecrypt, types.GrantOperationGenerateDataKey, types.GrantOperationGenerateDataKeyWithoutPlaintext,
			types.GrantOperationReEncryptFrom, types.GrantOperationReEncryptTo, types.GrantOperationGenerateDataKeyPair, types.GrantOperationGenerateDataKeyPairWithoutPlaintext:
			if !signs {
				continue
			}
		}
		return wire.Errorf("ValidationException", "The operation %s is not supported on keys of spec %s", o, k.Spec)
	}
	if signs && in.Constraints != nil {
		return wire.Errorf("ValidationException", "Grant constraints are supported on symmetric encryption keys only")
	}
	return nil
}

// principalARN: accounts, users, roles, federated users and sessions ("GranteePrincipal").
func principalARN(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] != "aws" || len(parts[4]) != 12 || strings.Trim(parts[4], "0123456789") != "" {
		return false
	}
	kind, name, named := strings.Cut(parts[5], "/")
	switch {
	case parts[2] == "iam" && parts[5] == "root":
		return true
	case !named || name == "":
		return false
	case parts[2] == "iam":
		return kind == "user" || kind == "role"
	}
	return parts[2] == "sts" && (kind == "assumed-role" || kind == "federated-user")
}

// sameGrant says whether a request asks again for a grant that there is.
func sameGrant(g types.GrantListEntry, in *kms.CreateGrantInput) bool {
	sorted := func(o []types.GrantOperation) []types.GrantOperation { o = slices.Clone(o); slices.Sort(o); return o }
	return aws.ToString(g.Name) == *in.Name && aws.ToString(g.GranteePrincipal) == *in.GranteePrincipal &&
		aws.ToString(g.RetiringPrincipal) == aws.ToString(in.RetiringPrincipal) && slices.Equal(sorted(g.Operations), sorted(in.Operations)) &&
		reflect.DeepEqual(g.Constraints, in.Constraints)
}
