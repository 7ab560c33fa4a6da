package kms

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/twin/cursor"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// grants are the grants of the keys of an account and region, by grant id.
func grants(tx *world.Tx) *world.Rows[types.GrantListEntry] {
	return world.Table[types.GrantListEntry](tx, "kms/grants")
}

// granted reports whether a grant lets principal do action in an encryption context.
func (s *Service) granted(tx *world.Tx, k Key, principal, action string, context map[string]string) bool {
	for _, g := range grants(tx.In(k.Account, k.Region)).All() {
		if *g.KeyId == k.ARN && isPrincipal(aws.ToString(g.GranteePrincipal), principal) && meets(g, action, context) &&
			slices.ContainsFunc(g.Operations, func(o types.GrantOperation) bool { return covers("kms:"+string(o), action) }) {
			return true
		}
	}
	return false
}

// CreateGrant lets a principal use a key. The same name and terms give the same
// grant again ("CreateGrant": a retry with Name makes no second one).
func (s *Service) CreateGrant(tx *world.Tx, in *kms.CreateGrantInput) (*kms.CreateGrantOutput, error) {
	k, err := s.usable(tx, in.KeyId, "kms:CreateGrant")
	if err != nil {
		return nil, err
	}
	if in.GranteePrincipal == nil {
		return nil, wire.Errorf("ValidationException", "GranteePrincipal must be specified")
	}
	if k.Manager == types.KeyManagerTypeAws {
		return nil, wire.Errorf("AccessDeniedException", "%s is managed by AWS", k.ARN)
	}
	if err := checkGrant(k, in); err != nil {
		return nil, err
	}
	if err := dry(in.DryRun); err != nil {
		return nil, err
	}
	at := tx.In(k.Account, k.Region)
	if in.Name != nil {
		for id, g := range grants(at).All() {
			if *g.KeyId == k.ARN && sameGrant(g, in) {
				return &kms.CreateGrantOutput{GrantId: aws.String(id), GrantToken: token(id)}, nil
			}
		}
	}
	id := tx.Hex(64)
	grants(at).Put(id, types.GrantListEntry{
		GrantId: &id, KeyId: &k.ARN, Name: in.Name, GranteePrincipal: in.GranteePrincipal, RetiringPrincipal: in.RetiringPrincipal,
		IssuingAccount: aws.String("arn:aws:iam::" + tx.Account + ":root"), Operations: in.Operations, Constraints: in.Constraints, CreationDate: &tx.Now,
	})
	tx.Event("grant.created", map[string]any{"key": k.ARN, "grant": id, "grantee": *in.GranteePrincipal})
	return &kms.CreateGrantOutput{GrantId: &id, GrantToken: token(id)}, nil
}

func token(id string) *string {
	return aws.String(base64.StdEncoding.EncodeToString([]byte("grant:" + id)))
}

// ListGrants lists a key's grants.
func (s *Service) ListGrants(tx *world.Tx, in *kms.ListGrantsInput) (*kms.ListGrantsOutput, error) {
	k, err := s.use(tx, in.KeyId, "kms:ListGrants")
	if err != nil {
		return nil, err
	}
	all := []types.GrantListEntry{}
	for id, g := range grants(tx.In(k.Account, k.Region)).All() {
		if *g.KeyId != k.ARN || in.GrantId != nil && id != *in.GrantId ||
			in.GranteePrincipal != nil && aws.ToString(g.GranteePrincipal) != *in.GranteePrincipal {
			continue
		}
		all = append(all, g)
	}
	page, next, err := cut(all, func(g types.GrantListEntry) string { return *g.GrantId }, in.Marker, in.Limit, "grants", tx.Account, k.ARN, in.GrantId, in.GranteePrincipal)
	return &kms.ListGrantsOutput{Grants: page, NextMarker: next, Truncated: next != nil}, err
}

// RevokeGrant ends a grant.
func (s *Service) RevokeGrant(tx *world.Tx, in *kms.RevokeGrantInput) (*kms.RevokeGrantOutput, error) {
	k, err := s.use(tx, in.KeyId, "kms:RevokeGrant")
	if err != nil {
		return nil, err
	}
	rows := grants(tx.In(k.Account, k.Region))
	if g, ok := rows.Get(*in.GrantId); !ok || *g.KeyId != k.ARN {
		return nil, notFound("Grant ID %s not found", *in.GrantId)
	}
	if err := dry(in.DryRun); err != nil {
		return nil, err
	}
	rows.Delete(*in.GrantId)
	tx.Event("grant.revoked", map[string]any{"key": k.ARN, "grant": *in.GrantId})
	return &kms.RevokeGrantOutput{}, nil
}

// defaultPage is how many aliases or grants an answer has unless Limit says.
const defaultPage = 50

// cut is one page of a list in the order of its keys. scope is what the marker is for.
func cut[T any](all []T, key func(T) string, marker *string, limit *int32, scope ...any) ([]T, *string, error) {
	size, last := defaultPage, ""
	if limit != nil {
		size = int(*limit)
	}
	if marker != nil {
		var ok bool
		if last, ok = cursor.Open(*marker, scope...); !ok {
			return nil, nil, wire.Errorf("InvalidMarkerException", "The marker is not valid.")
		}
	}
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	all = slices.DeleteFunc(all, func(row T) bool { return key(row) <= last })
	if len(all) <= size {
		return all, nil, nil
	}
	return all[:size], aws.String(cursor.Seal(key(all[size-1]), scope...)), nil
}

// dry ends a call that only asked whether it would succeed ("Testing
// your permissions", KMS Developer Guide).
func dry(asked *bool) error {
	if aws.ToBool(asked) {
		return wire.Errorf("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
	}
	return nil
}
