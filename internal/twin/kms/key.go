package kms

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Service is the twin's KMS in all accounts and regions of one world.
type Service struct{}

// New makes the service.
func New() *Service { return &Service{} }

// Wire is the service's operations.
func (s *Service) Wire() *wire.Service {
	o := wire.NewService("kms")
	wire.Op(o, "CreateKey", s.CreateKey)
	wire.Op(o, "DescribeKey", s.DescribeKey)
	wire.Op(o, "EnableKey", s.EnableKey)
	wire.Op(o, "DisableKey", s.DisableKey)
	wire.Op(o, "ScheduleKeyDeletion", s.ScheduleKeyDeletion)
	wire.Op(o, "CancelKeyDeletion", s.CancelKeyDeletion)
	wire.Op(o, "ListKeys", s.ListKeys)
	wire.Op(o, "GetKeyPolicy", s.GetKeyPolicy)
	wire.Op(o, "PutKeyPolicy", s.PutKeyPolicy)
	wire.Op(o, "CreateAlias", s.CreateAlias)
	wire.Op(o, "UpdateAlias", s.UpdateAlias)
	wire.Op(o, "DeleteAlias", s.DeleteAlias)
	wire.Op(o, "ListAliases", s.ListAliases)
	wire.Op(o, "CreateGrant", s.CreateGrant)
	wire.Op(o, "ListGrants", s.ListGrants)
	wire.Op(o, "RevokeGrant", s.RevokeGrant)
	wire.Op(o, "Encrypt", s.Encrypt)
	wire.Op(o, "Decrypt", s.Decrypt)
	wire.Op(o, "ReEncrypt", s.ReEncrypt)
	wire.Op(o, "GenerateDataKey", s.GenerateDataKey)
	wire.Op(o, "GenerateDataKeyWithoutPlaintext", s.GenerateDataKeyWithoutPlaintext)
	wire.Op(o, "GetPublicKey", s.GetPublicKey)
	wire.Op(o, "Sign", s.Sign)
	wire.Op(o, "Verify", s.Verify)
	return o
}

// Key is a key as its row holds it.
type Key struct {
	ID          string               `json:"id"`
	ARN         string               `json:"arn"`
	Account     string               `json:"account"`
	Region      string               `json:"region"`
	Description string               `json:"description,omitempty"`
	Manager     types.KeyManagerType `json:"manager"` // CUSTOMER or AWS
	Spec        types.KeySpec        `json:"spec"`
	Usage       types.KeyUsageType   `json:"usage"`
	State       types.KeyState       `json:"state"`
	Policy      string               `json:"policy"` // JSON
	Created     time.Time            `json:"created"`
	Deletion    time.Time            `json:"deletion,omitzero"`
	Secret      string               `json:"secret,omitempty"` // scalar of a signing key, hex
}

func keys(tx *world.Tx) *world.Rows[Key] { return world.Table[Key](tx, "kms/keys") }

// CreateKey makes a symmetric key, or an elliptic-curve key for signatures.
func (s *Service) CreateKey(tx *world.Tx, in *kms.CreateKeyInput) (*kms.CreateKeyOutput, error) {
	if in.Origin != "" && in.Origin != types.OriginTypeAwsKms || in.MultiRegion != nil && *in.MultiRegion {
		return nil, wire.Errorf("UnsupportedOperationException", "The twin models keys of origin AWS_KMS in one region only.")
	}
	k := Key{Spec: in.KeySpec, Usage: in.KeyUsage, Description: aws.ToString(in.Description), Manager: types.KeyManagerTypeCustomer}
	if k.Spec == "" {
		k.Spec = types.KeySpecSymmetricDefault
	}
	if k.Usage == "" && k.Spec == types.KeySpecSymmetricDefault {
		k.Usage = types.KeyUsageTypeEncryptDecrypt // required for all other specs ("CreateKey", KMS API Reference)
	}
	switch {
	case k.Spec == types.KeySpecSymmetricDefault && k.Usage == types.KeyUsageTypeEncryptDecrypt:
	case curves[k.Spec].curve != nil && k.Usage == types.KeyUsageTypeSignVerify:
	case curves[k.Spec].curve == nil && k.Spec != types.KeySpecSymmetricDefault:
		return nil, wire.Errorf("UnsupportedOperationException", "The twin does not model keys of spec %s.", k.Spec)
	default:
		return nil, wire.Errorf("ValidationException", "KeyUsage %s is not compatible with KeySpec %s", k.Usage, k.Spec)
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	k.Policy = aws.ToString(in.Policy)
	if k.Policy == "" {
		k.Policy = defaultPolicy(tx.Account)
	} else if _, err := parsePolicy(k.Policy); err != nil {
		return nil, err
	}
	k.Account = tx.Account
	if err := s.keepsWriter(tx, k, in.BypassPolicyLockoutSafetyCheck); err != nil {
		return nil, err
	}
	k = s.create(tx, k)
	return &kms.CreateKeyOutput{KeyMetadata: k.metadata()}, nil
}

// checkTags: at most fifty, no key twice, none that begins with aws: ("Tags", CreateKey).
// There is no operation here that shows them.
func checkTags(tags []types.Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		key := aws.ToString(t.TagKey)
		if seen[key] || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return wire.Errorf("TagException", "The tag key '%s' is given twice or reserved.", key)
		}
		seen[key] = true
	}
	if len(tags) > 50 {
		return wire.Errorf("LimitExceededException", "A key can have at most 50 tags.")
	}
	return nil
}

// create gives k an id and stores it.
func (s *Service) create(tx *world.Tx, k Key) Key {
	h := tx.Hex(32)
	k.ID = h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	k.Account, k.Region, k.Created, k.State = tx.Account, tx.Region, tx.Now, types.KeyStateEnabled
	k.ARN = fmt.Sprintf("arn:aws:kms:%s:%s:key/%s", tx.Region, tx.Account, k.ID)
	if c, ok := curves[k.Spec]; ok {
		k.Secret = c.scalar(tx)
	}
	keys(tx).Put(k.ID, k)
	tx.Event("key.created", map[string]any{"key": k.ARN})
	return k
}

// Find finds a key by id, key ARN, alias or alias ARN; an ARN may be of another
// account in the same region. It does not ask whether the caller may use it.
func (s *Service) Find(tx *world.Tx, name string) (Key, error) {
	at, ref := tx, name
	if strings.HasPrefix(name, "arn:") {
		parts := strings.Split(name, ":")
		if len(parts) != 6 || parts[1] != "aws" || parts[2] != "kms" || len(parts[4]) != 12 || strings.Trim(parts[4], "0123456789") != "" ||
			!strings.HasPrefix(parts[5], "key/") && !strings.HasPrefix(parts[5], "alias/") {
			return Key{}, wire.Errorf("InvalidArnException", "Invalid arn %s", name)
		}
		if parts[3] != tx.Region {
			return Key{}, notFound("Invalid arn %s", parts[3])
		}
		at, ref = tx.In(parts[4], parts[3]), strings.TrimPrefix(parts[5], "key/")
	}
	if strings.HasPrefix(ref, "alias/") {
		id, ok := s.aliased(at, ref)
		if !ok {
			return Key{}, notFound("Alias arn:aws:kms:%s:%s:%s is not found.", at.Region, at.Account, ref)
		}
		ref = id
	}
	k, ok := keys(at).Get(ref)
	if !ok || !k.Deletion.IsZero() && !tx.Now.Before(k.Deletion) { // its waiting period is over
		return Key{}, notFound("Key 'arn:aws:kms:%s:%s:key/%s' does not exist", at.Region, at.Account, ref)
	}
	return k, nil
}

func notFound(format string, args ...any) error {
	return wire.Errorf("NotFoundException", format, args...)
}

// use finds a key that the caller may do action with.
func (s *Service) use(tx *world.Tx, name *string, action string) (Key, error) {
	return s.useIn(tx, name, action, nil)
}

// useIn is use in an encryption context.
func (s *Service) useIn(tx *world.Tx, name *string, action string, context map[string]string) (Key, error) {
	k, err := s.Find(tx, aws.ToString(name))
	if err != nil {
		return k, err
	}
	if !s.allowed(tx, k, caller(tx), action, context, false) {
		return k, &wire.Error{Code: "AccessDeniedException", Status: 400, Message: fmt.Sprintf(
			"User: %s is not authorized to perform: %s on resource: %s because no resource-based policy allows the %s action", caller(tx), action, k.ARN, action)}
	}
	return k, nil
}

// usable is a key that is enabled, for operations that need its material.
func (s *Service) usable(tx *world.Tx, name *string, action string) (Key, error) {
	return s.usableIn(tx, name, action, nil)
}

// usableIn is usable in an encryption context.
func (s *Service) usableIn(tx *world.Tx, name *string, action string, context map[string]string) (Key, error) {
	k, err := s.useIn(tx, name, action, context)
	switch {
	case err != nil:
		return k, err
	case k.State == types.KeyStateDisabled:
		return k, wire.Errorf("DisabledException", "%s is disabled.", k.ARN)
	case k.State != types.KeyStateEnabled:
		return k, wire.Errorf("KMSInvalidStateException", "%s is pending deletion.", k.ARN)
	}
	return k, nil
}
