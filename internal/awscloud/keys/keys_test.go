package keys_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/awscloud/keys"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/spread"
)

type stub struct {
	keys.API
	code  string
	key   types.KeyMetadata
	pages [][]types.GrantListEntry
	made  *kms.CreateGrantInput
}

func (s *stub) fail() error {
	if s.code == "" {
		return nil
	}
	return &smithy.GenericAPIError{Code: s.code, Message: "no"}
}

func (s *stub) DescribeKey(context.Context, *kms.DescribeKeyInput, ...func(*kms.Options)) (*kms.DescribeKeyOutput, error) {
	return &kms.DescribeKeyOutput{KeyMetadata: &s.key}, s.fail()
}

func (s *stub) ListGrants(_ context.Context, in *kms.ListGrantsInput, _ ...func(*kms.Options)) (*kms.ListGrantsOutput, error) {
	page := s.pages[0]
	s.pages = s.pages[1:]
	out := &kms.ListGrantsOutput{Grants: page}
	if len(s.pages) > 0 {
		out.NextMarker, out.Truncated = aws.String("more"), true
	}
	return out, s.fail()
}

func (s *stub) CreateGrant(_ context.Context, in *kms.CreateGrantInput, _ ...func(*kms.Options)) (*kms.CreateGrantOutput, error) {
	s.made = in
	return &kms.CreateGrantOutput{}, s.fail()
}

func TestAKeySaysWhoseItIsAndWhatItCanDo(t *testing.T) {
	for name, c := range map[string]struct {
		meta types.KeyMetadata
		want spread.Key
	}{
		"the customer's": {types.KeyMetadata{Arn: aws.String("a"), AWSAccountId: aws.String("1"), KeyState: types.KeyStateEnabled, KeySpec: types.KeySpecSymmetricDefault,
			KeyUsage: types.KeyUsageTypeEncryptDecrypt, KeyManager: types.KeyManagerTypeCustomer}, spread.Key{ARN: "a", Account: "1", State: spread.Enabled, Symmetric: true}},
		"AWS's own": {types.KeyMetadata{Arn: aws.String("a"), KeyState: types.KeyStateDisabled, KeySpec: types.KeySpecSymmetricDefault,
			KeyUsage: types.KeyUsageTypeEncryptDecrypt, KeyManager: types.KeyManagerTypeAws}, spread.Key{ARN: "a", State: "Disabled", Symmetric: true, Managed: true}},
		"one that signs": {types.KeyMetadata{Arn: aws.String("a"), KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify}, spread.Key{ARN: "a"}},
	} {
		got, err := keys.Keys{API: &stub{key: c.meta}}.Key(t.Context(), "x")
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %s, %v", name, d, err)
		}
	}
	for code, kind := range map[string]fault.Kind{"NotFoundException": fault.NotFound, "AccessDeniedException": fault.Denied} {
		if _, err := (keys.Keys{API: &stub{code: code}}).Key(t.Context(), "x"); fault.KindOf(err) != kind {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestGrantsAreReadToTheLastPage(t *testing.T) {
	s := &stub{pages: [][]types.GrantListEntry{
		{{Name: aws.String("n"), GranteePrincipal: aws.String("who"), Operations: []types.GrantOperation{types.GrantOperationDecrypt}}},
		{{GranteePrincipal: aws.String("who"), Constraints: &types.GrantConstraints{EncryptionContextSubset: map[string]string{"aws:ebs:id": "vol-1"}}}}}}
	got, err := keys.Keys{API: s}.Grants(t.Context(), "arn", "who")
	want := []spread.Grant{{Name: "n", Grantee: "who", Operations: []string{"Decrypt"}}, {Grantee: "who", Bound: true}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestAGrantToARoleThatIsNotThereSaysHowItComes(t *testing.T) {
	s := &stub{}
	g := spread.Grant{Name: "n", Grantee: "who", Operations: []string{"Decrypt", "CreateGrant"}}
	if err := (keys.Keys{API: s}).Grant(t.Context(), "arn", g); err != nil || *s.made.Name != "n" || len(s.made.Operations) != 2 {
		t.Errorf("%+v, %v", s.made, err)
	}
	err := keys.Keys{API: &stub{code: "InvalidArnException"}}.Grant(t.Context(), "arn", g)
	if fault.KindOf(err) != fault.NotFound || fault.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
}
