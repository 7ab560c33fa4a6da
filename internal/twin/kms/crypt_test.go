package kms_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

func (r rig) decrypt(c *sdk.Client, in sdk.DecryptInput) (string, error) {
	out, err := c.Decrypt(r.t.Context(), &in)
	if err != nil {
		return "", err
	}
	return string(out.Plaintext), nil
}

func TestWhatIsEncryptedIsReadInItsContextOnly(t *testing.T) {
	r := start(t)
	key, other := r.key(sdk.CreateKeyInput{}), r.key(sdk.CreateKeyInput{})
	where := map[string]string{"b": "2", "a": "1"}
	out, err := r.ours.Encrypt(t.Context(), &sdk.EncryptInput{KeyId: &key, Plaintext: []byte("hello"), EncryptionContext: where})
	if err != nil {
		t.Fatal(err)
	}
	if *out.KeyId != key || bytes.Contains(out.CiphertextBlob, []byte("hello")) {
		t.Errorf("encrypted by %s: %s", *out.KeyId, out.CiphertextBlob)
	}
	again, err := r.ours.Encrypt(t.Context(), &sdk.EncryptInput{KeyId: &key, Plaintext: []byte("hello"), EncryptionContext: where})
	if err != nil || bytes.Equal(again.CiphertextBlob, out.CiphertextBlob) {
		t.Errorf("the same twice: %v", err)
	}
	blob := out.CiphertextBlob
	for name, in := range map[string]sdk.DecryptInput{
		"the key left out": {CiphertextBlob: blob, EncryptionContext: map[string]string{"a": "1", "b": "2"}},
		"the key named":    {CiphertextBlob: blob, EncryptionContext: where, KeyId: &key},
	} {
		if got, err := r.decrypt(r.ours, in); err != nil || got != "hello" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, c := range map[string]struct {
		in   sdk.DecryptInput
		want string
	}{
		"another context":  {sdk.DecryptInput{CiphertextBlob: blob, EncryptionContext: map[string]string{"a": "1"}}, "InvalidCiphertextException"},
		"no context":       {sdk.DecryptInput{CiphertextBlob: blob}, "InvalidCiphertextException"},
		"another key":      {sdk.DecryptInput{CiphertextBlob: blob, EncryptionContext: where, KeyId: &other}, "IncorrectKeyException"},
		"a cut text":       {sdk.DecryptInput{CiphertextBlob: blob[:len(blob)/2], EncryptionContext: where}, "InvalidCiphertextException"},
		"another's text":   {sdk.DecryptInput{CiphertextBlob: []byte("hello"), EncryptionContext: where}, "InvalidCiphertextException"},
		"no key at all":    {sdk.DecryptInput{CiphertextBlob: []byte(`{"key":"` + key[:len(key)-1] + `","salt":"AA==","text":"AA=="}`)}, "AccessDeniedException"},
		"another region's": {sdk.DecryptInput{CiphertextBlob: []byte(`{"key":"arn:aws:kms:us-west-2:123456789012:key/x","salt":"AA==","text":"AA=="}`)}, "AccessDeniedException"},
		"no ARN":           {sdk.DecryptInput{CiphertextBlob: []byte(`{"key":"alias/aws/ebs","salt":"AA==","text":"AA=="}`)}, "InvalidCiphertextException"},
		"an odd salt":      {sdk.DecryptInput{CiphertextBlob: []byte(`{"key":"` + key + `","salt":"AA==","text":"AA=="}`)}, "InvalidCiphertextException"},
		"RSA":              {sdk.DecryptInput{CiphertextBlob: blob, EncryptionContext: where, EncryptionAlgorithm: types.EncryptionAlgorithmSpecRsaesOaepSha256}, "InvalidKeyUsageException"},
		"an enclave":       {sdk.DecryptInput{CiphertextBlob: blob, Recipient: &types.RecipientInfo{AttestationDocument: []byte("x")}}, "UnsupportedOperationException"},
		"dry":              {sdk.DecryptInput{CiphertextBlob: blob, EncryptionContext: where, DryRun: aws.Bool(true)}, "DryRunOperationException"},
	} {
		_, err := r.decrypt(r.ours, c.in)
		wantCode(t, name, err, c.want)
	}
	moved, err := r.ours.ReEncrypt(t.Context(), &sdk.ReEncryptInput{CiphertextBlob: blob, SourceEncryptionContext: where, DestinationKeyId: &other})
	if err != nil || *moved.KeyId != other || *moved.SourceKeyId != key {
		t.Fatalf("%+v, %v", moved, err)
	}
	if got, err := r.decrypt(r.ours, sdk.DecryptInput{CiphertextBlob: moved.CiphertextBlob, KeyId: &other}); err != nil || got != "hello" {
		t.Errorf("encrypted anew: %q, %v", got, err)
	}
	_, err = r.ours.ReEncrypt(t.Context(), &sdk.ReEncryptInput{CiphertextBlob: blob, DestinationKeyId: &other})
	wantCode(t, "encrypted anew without its context", err, "InvalidCiphertextException")
}

func TestADataKeyComesPlainAndEncrypted(t *testing.T) {
	r := start(t)
	key := r.key(sdk.CreateKeyInput{})
	for n, in := range map[int]sdk.GenerateDataKeyInput{16: {KeySpec: types.DataKeySpecAes128}, 32: {KeySpec: types.DataKeySpecAes256}, 1000: {NumberOfBytes: aws.Int32(1000)}} {
		in.KeyId = &key
		out, err := r.ours.GenerateDataKey(t.Context(), &in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.decrypt(r.ours, sdk.DecryptInput{CiphertextBlob: out.CiphertextBlob}); err != nil || got != string(out.Plaintext) || len(got) != n {
			t.Errorf("%d bytes: %d, %v", n, len(got), err)
		}
	}
	hidden, err := r.ours.GenerateDataKeyWithoutPlaintext(t.Context(), &sdk.GenerateDataKeyWithoutPlaintextInput{KeyId: &key, KeySpec: types.DataKeySpecAes256})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.decrypt(r.ours, sdk.DecryptInput{CiphertextBlob: hidden.CiphertextBlob}); err != nil || len(got) != 32 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	_, err = r.ours.GenerateDataKey(t.Context(), &sdk.GenerateDataKeyInput{KeyId: &key})
	wantCode(t, "neither spec nor number", err, "ValidationException")
	_, err = r.ours.GenerateDataKeyWithoutPlaintext(t.Context(), &sdk.GenerateDataKeyWithoutPlaintextInput{KeyId: &key, NumberOfBytes: aws.Int32(1), KeySpec: types.DataKeySpecAes128})
	wantCode(t, "both spec and number", err, "ValidationException")
}

func TestAKeyThatMayNotBeUsedEncryptsNothing(t *testing.T) {
	r := start(t)
	key := r.key(sdk.CreateKeyInput{Policy: shared(consumer, "kms:Encrypt")})
	signs := r.key(sdk.CreateKeyInput{KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify})
	in := &sdk.EncryptInput{KeyId: &key, Plaintext: []byte("x")}
	out, err := r.theirs.Encrypt(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.decrypt(r.theirs, sdk.DecryptInput{CiphertextBlob: out.CiphertextBlob})
	wantCode(t, "decrypting, which the policy does not name", err, "AccessDeniedException")
	_, err = r.theirs.GenerateDataKey(t.Context(), &sdk.GenerateDataKeyInput{KeyId: &key, KeySpec: types.DataKeySpecAes256})
	wantCode(t, "a data key, which the policy does not name", err, "AccessDeniedException")
	_, err = r.ours.Encrypt(t.Context(), &sdk.EncryptInput{KeyId: &signs, Plaintext: []byte("x")})
	wantCode(t, "a key that signs", err, "InvalidKeyUsageException")
	_, err = r.ours.Encrypt(t.Context(), &sdk.EncryptInput{KeyId: aws.String("alias/aws/ebs"), Plaintext: []byte("x")})
	wantCode(t, "the key of a service", err, "AccessDeniedException")
	if _, err := r.ours.DisableKey(t.Context(), &sdk.DisableKeyInput{KeyId: &key}); err != nil {
		t.Fatal(err)
	}
	_, err = r.ours.Encrypt(t.Context(), in)
	wantCode(t, "a disabled key", err, "DisabledException")
	_, err = r.decrypt(r.ours, sdk.DecryptInput{CiphertextBlob: out.CiphertextBlob})
	wantCode(t, "what a disabled key encrypted", err, "DisabledException")
}

func TestAGrantUnderAConstraintIsGoodForItsContextOnly(t *testing.T) {
	r := start(t)
	app, more := map[string]string{"app": "web"}, map[string]string{"app": "web", "env": "prod"}
	for name, c := range map[string]struct {
		constraint         types.GrantConstraints
		want, wantWithMore string
	}{
		"equals": {types.GrantConstraints{EncryptionContextEquals: app}, "", "AccessDeniedException"},
		"subset": {types.GrantConstraints{EncryptionContextSubset: app}, "", ""},
		"other":  {types.GrantConstraints{EncryptionContextSubset: map[string]string{"app": "db"}}, "AccessDeniedException", "AccessDeniedException"},
	} {
		key := r.key(sdk.CreateKeyInput{})
		if _, err := r.ours.CreateGrant(t.Context(), &sdk.CreateGrantInput{KeyId: &key, GranteePrincipal: aws.String("arn:aws:iam::" + consumer + ":root"), Constraints: &c.constraint,
			Operations: []types.GrantOperation{types.GrantOperationEncrypt}}); err != nil {
			t.Fatal(err)
		}
		for _, use := range []struct {
			name, want string
			in         map[string]string
		}{{"its own", c.want, app}, {"more", c.wantWithMore, more}, {"none", "AccessDeniedException", nil}} {
			_, err := r.theirs.Encrypt(t.Context(), &sdk.EncryptInput{KeyId: &key, Plaintext: []byte("x"), EncryptionContext: use.in})
			if use.want != "" {
				wantCode(t, name+", context "+use.name, err, use.want)
			} else if err != nil {
				t.Errorf("%s, context %s: %v", name, use.name, err)
			}
		}
	}
}

func TestADeletionThatIsCancelledLeavesTheKeyDisabled(t *testing.T) {
	r := start(t)
	key := r.key(sdk.CreateKeyInput{})
	cancel := func() error {
		_, err := r.ours.CancelKeyDeletion(t.Context(), &sdk.CancelKeyDeletionInput{KeyId: &key})
		return err
	}
	wantCode(t, "nothing to cancel", cancel(), "KMSInvalidStateException")
	if _, err := r.ours.ScheduleKeyDeletion(t.Context(), &sdk.ScheduleKeyDeletionInput{KeyId: &key}); err != nil {
		t.Fatal(err)
	}
	if err := cancel(); err != nil {
		t.Fatal(err)
	}
	out, err := r.ours.DescribeKey(t.Context(), &sdk.DescribeKeyInput{KeyId: &key})
	if err != nil || out.KeyMetadata.KeyState != types.KeyStateDisabled || out.KeyMetadata.DeletionDate != nil {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestKeysAreListedInPages(t *testing.T) {
	r := start(t)
	want := map[string]bool{}
	for range 5 {
		want[r.key(sdk.CreateKeyInput{})] = true
	}
	pages := sdk.NewListKeysPaginator(r.ours, &sdk.ListKeysInput{Limit: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range page.Keys {
			if !want[*k.KeyArn] || !strings.HasSuffix(*k.KeyArn, *k.KeyId) {
				t.Errorf("listed %s", *k.KeyArn)
			}
			delete(want, *k.KeyArn)
		}
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
	_, err := r.ours.ListKeys(t.Context(), &sdk.ListKeysInput{Marker: aws.String("x")})
	wantCode(t, "a marker", err, "InvalidMarkerException")
}

func TestAnAliasMovesToAnotherKeyAndGoes(t *testing.T) {
	r := start(t)
	one, two := r.key(sdk.CreateKeyInput{}), r.key(sdk.CreateKeyInput{})
	signs := r.key(sdk.CreateKeyInput{KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify})
	alias := aws.String("alias/golden")
	move := func(name, to string) error {
		_, err := r.ours.UpdateAlias(t.Context(), &sdk.UpdateAliasInput{AliasName: &name, TargetKeyId: &to})
		return err
	}
	wantCode(t, "an alias that there is not", move(*alias, one), "NotFoundException")
	if _, err := r.ours.CreateAlias(t.Context(), &sdk.CreateAliasInput{AliasName: alias, TargetKeyId: &one}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "a key of another kind", move(*alias, signs), "ValidationException")
	wantCode(t, "an alias of AWS", move("alias/aws/ebs", one), "InvalidAliasNameException")
	if err := move(*alias, two); err != nil {
		t.Fatal(err)
	}
	if out, err := r.ours.DescribeKey(t.Context(), &sdk.DescribeKeyInput{KeyId: alias}); err != nil || *out.KeyMetadata.Arn != two {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := r.ours.DeleteAlias(t.Context(), &sdk.DeleteAliasInput{AliasName: alias}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "the alias that went", r.describe(r.ours, *alias), "NotFoundException")
	_, err := r.ours.DeleteAlias(t.Context(), &sdk.DeleteAliasInput{AliasName: alias})
	wantCode(t, "the alias that went, again", err, "NotFoundException")
	if err := r.describe(r.ours, two); err != nil {
		t.Errorf("the key went with its alias: %v", err)
	}
}
