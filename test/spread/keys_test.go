package spread

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// key makes the key alias/golden of an account in a Region, whose policy lets more
// principals use it; it returns the ARN.
func (w *universe) key(t testing.TB, account, region string, principals ...string) string {
	t.Helper()
	return w.makeKey(t, account, region, policy(account, principals...))
}

// keyWith is home's key with a policy that is edited first.
func (w *universe) keyWith(t testing.TB, region string, edit func(string) string, principals ...string) string {
	t.Helper()
	return w.makeKey(t, home, region, edit(policy(home, principals...)))
}

func (w *universe) makeKey(t testing.TB, account, region, policy string) string {
	t.Helper()
	api := kms.NewFromConfig(w.aws(account, region))
	out, err := api.CreateKey(t.Context(), &kms.CreateKeyInput{Policy: &policy})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: aws.String("alias/golden"), TargetKeyId: out.KeyMetadata.KeyId}); err != nil {
		t.Fatal(err)
	}
	return *out.KeyMetadata.Arn
}

func policy(account string, principals ...string) string {
	more := ""
	if len(principals) > 0 {
		more = fmt.Sprintf(`,{"Effect":"Allow","Principal":{"AWS":["%s"]},"Action":["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:DescribeKey","kms:CreateGrant"],"Resource":"*"}`,
			strings.Join(principals, `","`))
	}
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:*","Resource":"*"}%s]}`, account, more)
}

func groupsRole(account string) string {
	return "arn:aws:iam::" + account + ":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
}

func root(account string) string { return "arn:aws:iam::" + account + ":root" }

// keys makes home's keys in both Regions, for all that use what is shared.
func (w *universe) keys(t testing.TB) {
	t.Helper()
	for _, r := range regions {
		w.key(t, home, r, groupsRole(home), root(stage), groupsRole(stage), root(prod), groupsRole(prod))
	}
}
