package kms_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

const (
	consumer    = "444455556666"
	autoScaling = "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
)

// rig is two accounts: ours, and a role in the consumer's.
type rig struct {
	t            *testing.T
	ours, theirs *sdk.Client
}

func start(t *testing.T) rig {
	t.Helper()
	cfg := wiretest.Client(t, wiretest.World(t), kms.New().Wire(), sts.New())
	other := cfg.Copy()
	other.Credentials = stscreds.NewAssumeRoleProvider(sdksts.NewFromConfig(cfg), "arn:aws:iam::"+consumer+":role/Reader")
	return rig{t, sdk.NewFromConfig(cfg), sdk.NewFromConfig(other)}
}

func (r rig) key(in sdk.CreateKeyInput) string {
	r.t.Helper()
	out, err := r.ours.CreateKey(r.t.Context(), &in)
	if err != nil {
		r.t.Fatal(err)
	}
	return *out.KeyMetadata.Arn
}

func (r rig) describe(c *sdk.Client, key string) error {
	_, err := c.DescribeKey(r.t.Context(), &sdk.DescribeKeyInput{KeyId: &key})
	return err
}

// shared is a policy that gives account the actions.
func shared(account string, actions ...string) *string {
	return aws.String(fmt.Sprintf(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Allow","Principal":{"AWS":["%s"]},"Action":["%s"],"Resource":"*"}]}`, wiretest.Account, account, strings.Join(actions, `","`)))
}

func wantCode(t *testing.T, name string, err error, code string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", name, err, code)
	}
}

func TestAKeyOfAnotherAccountNeedsItsPolicy(t *testing.T) {
	r := start(t)
	closed, open := r.key(sdk.CreateKeyInput{}), r.key(sdk.CreateKeyInput{Policy: shared(consumer, "kms:Describe*")})
	wantCode(t, "the default policy", r.describe(r.theirs, closed), "AccessDeniedException")
	if err := r.describe(r.theirs, open); err != nil {
		t.Error(err)
	}
	wantCode(t, "an id without its account", r.describe(r.theirs, open[strings.LastIndex(open, "/")+1:]), "NotFoundException")
	_, err := r.theirs.CreateGrant(t.Context(), &sdk.CreateGrantInput{KeyId: &open, GranteePrincipal: aws.String(autoScaling), Operations: []types.GrantOperation{types.GrantOperationDecrypt}})
	wantCode(t, "an action that the policy does not name", err, "AccessDeniedException")
	_, err = r.theirs.DisableKey(t.Context(), &sdk.DisableKeyInput{KeyId: &open})
	wantCode(t, "managing it", err, "AccessDeniedException")
}

func TestADenyAndAConditionThatIsNotKnownWin(t *testing.T) {
	r := start(t)
	denied := r.key(sdk.CreateKeyInput{Policy: aws.String(strings.Replace(*shared(consumer, "kms:*"), `"Statement":[`,
		`"Statement":[{"Effect":"Deny","Principal":"*","Action":"kms:DescribeKey","Resource":"*"},`, 1)), BypassPolicyLockoutSafetyCheck: true})
	wantCode(t, "denied to all", r.describe(r.theirs, denied), "AccessDeniedException")
	via := r.key(sdk.CreateKeyInput{Policy: aws.String(strings.Replace(*shared(consumer, "kms:*"), `"Action":["kms:*"]`,
		`"Action":["kms:*"],"Condition":{"StringEquals":{"kms:ViaService":"ec2.eu-west-1.amazonaws.com"}}`, 1))})
	wantCode(t, "a condition", r.describe(r.theirs, via), "AccessDeniedException")
}

func TestAGrantGivesWhatItNames(t *testing.T) {
	r := start(t)
	key := r.key(sdk.CreateKeyInput{Policy: shared(consumer, "kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant")})
	in := &sdk.CreateGrantInput{KeyId: &key, Name: aws.String("asg"), GranteePrincipal: aws.String("arn:aws:iam::" + consumer + ":role/Reader"),
		Operations: []types.GrantOperation{types.GrantOperationDescribeKey}}
	first, err := r.theirs.CreateGrant(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.theirs.CreateGrant(t.Context(), in)
	if err != nil || *again.GrantId != *first.GrantId {
		t.Errorf("the same grant twice: %v %v", again, err)
	}
	if err := r.describe(r.theirs, key); err != nil {
		t.Error(err)
	}
	list, err := r.theirs.ListGrants(t.Context(), &sdk.ListGrantsInput{KeyId: &key})
	if err != nil || len(list.Grants) != 1 || *list.Grants[0].Name != "asg" {
		t.Errorf("grants %+v, %v", list, err)
	}
	if _, err := r.theirs.RevokeGrant(t.Context(), &sdk.RevokeGrantInput{KeyId: &key, GrantId: first.GrantId}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "after the grant was revoked", r.describe(r.theirs, key), "AccessDeniedException")
	_, err = r.ours.RevokeGrant(t.Context(), &sdk.RevokeGrantInput{KeyId: &key, GrantId: first.GrantId})
	wantCode(t, "revoking twice", err, "NotFoundException")
}

func TestGrantsComeInPages(t *testing.T) {
	r := start(t)
	key := r.key(sdk.CreateKeyInput{})
	for i := range 7 {
		if _, err := r.ours.CreateGrant(t.Context(), &sdk.CreateGrantInput{KeyId: &key, GranteePrincipal: aws.String(fmt.Sprintf("arn:aws:iam::%s:role/r%d", consumer, i)),
			Operations: []types.GrantOperation{types.GrantOperationDecrypt}}); err != nil {
			t.Fatal(err)
		}
	}
	n, pages := 0, sdk.NewListGrantsPaginator(r.ours, &sdk.ListGrantsInput{KeyId: &key, Limit: aws.Int32(3)})
	for pages.HasMorePages() {
		p, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(p.Grants)
	}
	if n != 7 {
		t.Errorf("%d grants", n)
	}
}

func TestASignatureIsTheKeysOwn(t *testing.T) {
	r := start(t)
	key := r.key(sdk.CreateKeyInput{KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify})
	message := []byte("the verdict")
	sig, err := r.ours.Sign(t.Context(), &sdk.SignInput{KeyId: &key, Message: message, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256})
	if err != nil {
		t.Fatal(err)
	}
	pub, err := r.ours.GetPublicKey(t.Context(), &sdk.GetPublicKeyInput{KeyId: &key})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKIXPublicKey(pub.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(message)
	if !ecdsa.VerifyASN1(parsed.(*ecdsa.PublicKey), digest[:], sig.Signature) {
		t.Error("the public key does not verify the signature")
	}
	verify := func(message []byte, kind types.MessageType) error {
		_, err := r.ours.Verify(t.Context(), &sdk.VerifyInput{KeyId: &key, Message: message, MessageType: kind, Signature: sig.Signature, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256})
		return err
	}
	if err := errors.Join(verify(message, types.MessageTypeRaw), verify(digest[:], types.MessageTypeDigest)); err != nil {
		t.Error(err)
	}
	wantCode(t, "another message", verify([]byte("another"), ""), "KMSInvalidSignatureException")
	wantCode(t, "a short digest", verify(digest[:5], types.MessageTypeDigest), "ValidationException")
	symmetric := r.key(sdk.CreateKeyInput{})
	_, err = r.ours.Sign(t.Context(), &sdk.SignInput{KeyId: &symmetric, Message: message, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256})
	wantCode(t, "a symmetric key", err, "InvalidKeyUsageException")
	if _, err := r.ours.DisableKey(t.Context(), &sdk.DisableKeyInput{KeyId: &key}); err != nil {
		t.Fatal(err)
	}
	_, err = r.ours.Sign(t.Context(), &sdk.SignInput{KeyId: &key, Message: message, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256})
	wantCode(t, "a disabled key", err, "DisabledException")
}

func TestAliasesNameKeys(t *testing.T) {
	r := start(t)
	key := r.key(sdk.CreateKeyInput{})
	if _, err := r.ours.CreateAlias(t.Context(), &sdk.CreateAliasInput{AliasName: aws.String("alias/images"), TargetKeyId: &key}); err != nil {
		t.Fatal(err)
	}
	out, err := r.ours.DescribeKey(t.Context(), &sdk.DescribeKeyInput{KeyId: aws.String("alias/images")})
	if err != nil || *out.KeyMetadata.Arn != key {
		t.Errorf("%+v, %v", out, err)
	}
	out, err = r.ours.DescribeKey(t.Context(), &sdk.DescribeKeyInput{KeyId: aws.String("alias/aws/ebs")})
	if err != nil || out.KeyMetadata.KeyManager != types.KeyManagerTypeAws {
		t.Errorf("%+v, %v", out, err)
	}
	list, err := r.ours.ListAliases(t.Context(), &sdk.ListAliasesInput{})
	names := []string{}
	for _, a := range list.Aliases {
		names = append(names, *a.AliasName)
	}
	if slices.Sort(names); err != nil || fmt.Sprint(names) != "[alias/aws/ebs alias/images]" {
		t.Errorf("%v, %v", names, err)
	}
	_, err = r.ours.CreateAlias(t.Context(), &sdk.CreateAliasInput{AliasName: aws.String("alias/images"), TargetKeyId: &key})
	wantCode(t, "an alias twice", err, "AlreadyExistsException")
	_, err = r.ours.CreateAlias(t.Context(), &sdk.CreateAliasInput{AliasName: aws.String("alias/aws/x"), TargetKeyId: &key})
	wantCode(t, "an alias of AWS", err, "InvalidAliasNameException")
	wantCode(t, "an unknown alias", r.describe(r.ours, "alias/none"), "NotFoundException")
}

func TestAPolicyCannotLockItsWriterOut(t *testing.T) {
	r := start(t)
	key := r.key(sdk.CreateKeyInput{})
	put := func(policy string) error {
		_, err := r.ours.PutKeyPolicy(t.Context(), &sdk.PutKeyPolicyInput{KeyId: &key, Policy: &policy})
		return err
	}
	wantCode(t, "others only", put(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"kms:*","Resource":"*"}]}`), "MalformedPolicyDocumentException")
	wantCode(t, "no JSON", put(`{`), "MalformedPolicyDocumentException")
	wantCode(t, "a member that there is not", put(`{"Statement":{"Effect":"Allow","Principal":"*","Akshun":"kms:*","Action":"kms:*","Resource":"*"}}`), "MalformedPolicyDocumentException")
	wantCode(t, "a conditional deny", put(`{"Statement":[{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`), "UnsupportedOperationException")
	wantCode(t, "everything but", put(`{"Statement":{"Effect":"Allow","Principal":"*","NotAction":"kms:Sign","Resource":"*"}}`), "UnsupportedOperationException")
	if err := put(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}}`); err != nil {
		t.Errorf("one statement without brackets: %v", err)
	}
	if err := put(*shared(consumer, "kms:DescribeKey")); err != nil {
		t.Fatal(err)
	}
	out, err := r.ours.GetKeyPolicy(t.Context(), &sdk.GetKeyPolicyInput{KeyId: &key})
	if err != nil || *out.Policy != *shared(consumer, "kms:DescribeKey") {
		t.Errorf("%+v, %v", out, err)
	}
	if err := r.describe(r.theirs, key); err != nil {
		t.Error(err)
	}
}

func TestADeletedKeyCannotComeBackByEnabling(t *testing.T) {
	r := start(t)
	key := r.key(sdk.CreateKeyInput{})
	out, err := r.ours.ScheduleKeyDeletion(t.Context(), &sdk.ScheduleKeyDeletionInput{KeyId: &key, PendingWindowInDays: aws.Int32(7)})
	if err != nil || !out.DeletionDate.Equal(wiretest.Start.AddDate(0, 0, 7)) {
		t.Fatalf("%+v, %v", out, err)
	}
	_, err = r.ours.EnableKey(t.Context(), &sdk.EnableKeyInput{KeyId: &key})
	wantCode(t, "enable", err, "KMSInvalidStateException")
	_, err = r.ours.ScheduleKeyDeletion(t.Context(), &sdk.ScheduleKeyDeletionInput{KeyId: &key})
	wantCode(t, "delete twice", err, "KMSInvalidStateException")
	_, err = r.ours.CreateKey(t.Context(), &sdk.CreateKeyInput{KeySpec: types.KeySpecRsa2048, KeyUsage: types.KeyUsageTypeSignVerify})
	wantCode(t, "a spec that is not modelled", err, "UnsupportedOperationException")
}
