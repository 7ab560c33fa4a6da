package kms_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

// "Testing your permissions", KMS Developer Guide.
func TestADryRunSaysThatItWouldSucceedAndDoesNothing(t *testing.T) {
	r := start(t)
	symmetric, signing := r.key(sdk.CreateKeyInput{}), r.key(sdk.CreateKeyInput{KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify})
	grant := &sdk.CreateGrantInput{KeyId: &symmetric, GranteePrincipal: aws.String(autoScaling), Operations: []types.GrantOperation{types.GrantOperationDecrypt}, DryRun: aws.Bool(true)}
	_, err := r.ours.CreateGrant(t.Context(), grant)
	wantCode(t, "grant", err, "DryRunOperationException")
	if list, err := r.ours.ListGrants(t.Context(), &sdk.ListGrantsInput{KeyId: &symmetric}); err != nil || len(list.Grants) != 0 {
		t.Errorf("grants %v, %v", list, err)
	}
	grant.DryRun = nil
	made, err := r.ours.CreateGrant(t.Context(), grant)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.ours.RevokeGrant(t.Context(), &sdk.RevokeGrantInput{KeyId: &symmetric, GrantId: made.GrantId, DryRun: aws.Bool(true)})
	wantCode(t, "revoke", err, "DryRunOperationException")
	if list, err := r.ours.ListGrants(t.Context(), &sdk.ListGrantsInput{KeyId: &symmetric}); err != nil || len(list.Grants) != 1 {
		t.Errorf("grants %v, %v", list, err)
	}
	sign := &sdk.SignInput{KeyId: &signing, Message: []byte("x"), SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256, DryRun: aws.Bool(true)}
	_, err = r.ours.Sign(t.Context(), sign)
	wantCode(t, "sign", err, "DryRunOperationException")
	sign.KeyId = &symmetric
	_, err = r.ours.Sign(t.Context(), sign)
	wantCode(t, "sign with a key that cannot", err, "InvalidKeyUsageException")
}

// "CreateGrant", KMS API Reference.
func TestAGrantIsForWhatItsKeyCanDo(t *testing.T) {
	r := start(t)
	symmetric, signing := r.key(sdk.CreateKeyInput{Policy: shared(consumer, "kms:ListGrants")}), r.key(sdk.CreateKeyInput{KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify})
	who := "arn:aws:iam::" + consumer + ":role/Reader"
	context := &types.GrantConstraints{EncryptionContextEquals: map[string]string{"app": "web"}}
	grant := func(key, grantee string, c *types.GrantConstraints, ops ...types.GrantOperation) error {
		_, err := r.ours.CreateGrant(t.Context(), &sdk.CreateGrantInput{KeyId: &key, GranteePrincipal: &grantee, Operations: ops, Constraints: c})
		return err
	}
	wantCode(t, "signing with a symmetric key", grant(symmetric, who, nil, types.GrantOperationSign), "ValidationException")
	wantCode(t, "decrypting with a signing key", grant(signing, who, nil, types.GrantOperationDecrypt), "ValidationException")
	wantCode(t, "a context for a signing key", grant(signing, who, context, types.GrantOperationSign), "ValidationException")
	for _, bad := range []string{"autoscaling.amazonaws.com", consumer, "arn:aws:iam::12:root", "arn:aws:iam::" + consumer + ":group/ops", "arn:aws:s3:::" + consumer} {
		wantCode(t, bad, grant(symmetric, bad, nil, types.GrantOperationDecrypt), "InvalidArnException")
	}
	// "the constraint doesn't apply to" DescribeKey.
	if err := grant(symmetric, who, context, types.GrantOperationDescribeKey, types.GrantOperationCreateGrant); err != nil {
		t.Fatal(err)
	}
	if err := r.describe(r.theirs, symmetric); err != nil {
		t.Error(err)
	}
	_, err := r.theirs.CreateGrant(t.Context(), &sdk.CreateGrantInput{KeyId: &symmetric, GranteePrincipal: &who, Operations: []types.GrantOperation{types.GrantOperationDecrypt}})
	wantCode(t, "a grant without the context", err, "AccessDeniedException")
}

func TestANamedGrantIsTheSameOnlyWithTheSameTerms(t *testing.T) {
	r := start(t)
	key := r.key(sdk.CreateKeyInput{})
	ask := func(edit func(*sdk.CreateGrantInput)) string {
		in := &sdk.CreateGrantInput{KeyId: &key, Name: aws.String("asg"), GranteePrincipal: aws.String(autoScaling), Operations: []types.GrantOperation{types.GrantOperationDecrypt, types.GrantOperationEncrypt}}
		edit(in)
		out, err := r.ours.CreateGrant(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		return *out.GrantId
	}
	first := ask(func(*sdk.CreateGrantInput) {})
	if ask(func(in *sdk.CreateGrantInput) { slices.Reverse(in.Operations) }) != first {
		t.Error("the order of the operations makes another grant")
	}
	if ask(func(in *sdk.CreateGrantInput) {
		in.RetiringPrincipal = aws.String("arn:aws:iam::" + consumer + ":root")
	}) == first {
		t.Error("another retiring principal is the same grant")
	}
	if ask(func(in *sdk.CreateGrantInput) {
		in.Constraints = &types.GrantConstraints{EncryptionContextSubset: map[string]string{"a": "b"}}
	}) == first {
		t.Error("another constraint is the same grant")
	}
}

func TestWhatNamesNoKey(t *testing.T) {
	r := start(t)
	key := r.key(sdk.CreateKeyInput{})
	for _, bad := range []string{"arn:aws:kms:eu-west-1:1:key/x", "arn:aws:kms:eu-west-1:" + consumer + ":x", "arn:aws:s3:eu-west-1:" + consumer + ":key/x", "arn:aws:kms"} {
		wantCode(t, bad, r.describe(r.ours, bad), "InvalidArnException")
	}
	wantCode(t, "another Region", r.describe(r.ours, strings.Replace(key, "eu-west-1", "eu-west-2", 1)), "NotFoundException")
	_, err := r.ours.CreateAlias(t.Context(), &sdk.CreateAliasInput{AliasName: aws.String("alias/"), TargetKeyId: &key})
	wantCode(t, "an empty alias", err, "InvalidAliasNameException")
	_, err = r.ours.CreateKey(t.Context(), &sdk.CreateKeyInput{Tags: []types.Tag{{TagKey: aws.String("aws:x"), TagValue: aws.String("")}}})
	wantCode(t, "a tag of AWS's", err, "TagException")
	_, err = r.ours.CreateKey(t.Context(), &sdk.CreateKeyInput{Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + consumer + `:root"},"Action":"kms:*","Resource":"*"}]}`)})
	wantCode(t, "a policy that locks its writer out", err, "MalformedPolicyDocumentException")
}

// "ScheduleKeyDeletion", KMS API Reference: after the waiting period the key is gone,
// and its aliases with it.
func TestAKeyIsGoneWhenItsWaitingPeriodIsOver(t *testing.T) {
	w := wiretest.World(t)
	r := rig{t: t, ours: sdk.NewFromConfig(wiretest.Client(t, w, kms.New().Wire()))}
	key := r.key(sdk.CreateKeyInput{})
	alias := func(name string) error {
		_, err := r.ours.CreateAlias(t.Context(), &sdk.CreateAliasInput{AliasName: &name, TargetKeyId: &key})
		return err
	}
	if err := alias("alias/golden"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ours.ScheduleKeyDeletion(t.Context(), &sdk.ScheduleKeyDeletionInput{KeyId: &key, PendingWindowInDays: aws.Int32(7)}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "an alias of a key pending deletion", alias("alias/late"), "KMSInvalidStateException")
	w.Clock().Step(7*24*time.Hour - time.Minute)
	if err := r.describe(r.ours, key); err != nil {
		t.Error(err)
	}
	w.Clock().Step(time.Minute)
	wantCode(t, "after seven days", r.describe(r.ours, key), "NotFoundException")
	wantCode(t, "by its alias", r.describe(r.ours, "alias/golden"), "NotFoundException")
	if list, err := r.ours.ListAliases(t.Context(), &sdk.ListAliasesInput{}); err != nil || len(list.Aliases) != 0 {
		t.Errorf("aliases %v, %v", list, err)
	}
	key = r.key(sdk.CreateKeyInput{})
	if err := alias("alias/golden"); err != nil {
		t.Errorf("the name is not free again: %v", err)
	}
}

func TestAMarkerIsForItsList(t *testing.T) {
	r := start(t)
	key := r.key(sdk.CreateKeyInput{})
	for _, name := range []string{"alias/a", "alias/b", "alias/c"} {
		if _, err := r.ours.CreateAlias(t.Context(), &sdk.CreateAliasInput{AliasName: &name, TargetKeyId: &key}); err != nil {
			t.Fatal(err)
		}
	}
	page, err := r.ours.ListAliases(t.Context(), &sdk.ListAliasesInput{Limit: aws.Int32(2)})
	if err != nil || len(page.Aliases) != 2 {
		t.Fatal(page, err)
	}
	if rest, err := r.ours.ListAliases(t.Context(), &sdk.ListAliasesInput{Marker: page.NextMarker}); err != nil || len(rest.Aliases) != 1 || rest.Truncated {
		t.Errorf("the rest: %v, %v", rest, err)
	}
	for name, m := range map[string]*string{"a number": aws.String("2"), "far beyond": aws.String("999"), "a part": aws.String((*page.NextMarker)[:12])} {
		_, err := r.ours.ListAliases(t.Context(), &sdk.ListAliasesInput{Marker: m})
		wantCode(t, name, err, "InvalidMarkerException")
	}
	_, err = r.ours.ListGrants(t.Context(), &sdk.ListGrantsInput{KeyId: &key, Marker: page.NextMarker})
	wantCode(t, "of another list", err, "InvalidMarkerException")
	_, err = r.ours.ListAliases(t.Context(), &sdk.ListAliasesInput{KeyId: &key, Marker: page.NextMarker})
	wantCode(t, "of all keys for one", err, "InvalidMarkerException")
}
