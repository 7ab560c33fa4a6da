package kms_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// forAWS says whether a service of AWS may do what it needs for a principal.
func forAWS(t *testing.T, name, policy, principal string) bool {
	t.Helper()
	w, s, ok := wiretest.World(t), kms.New(), false
	err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		in := &sdk.CreateKeyInput{BypassPolicyLockoutSafetyCheck: true}
		if policy != "" {
			in.Policy = &policy
		}
		out, err := s.CreateKey(tx, in)
		if err != nil {
			return err
		}
		if name == "" {
			name = *out.KeyMetadata.KeyId
		}
		k, err := s.Find(tx, name)
		ok = s.Allowed(tx, k, principal, "kms:CreateGrant")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestAServiceLinkedRoleNeedsToBeNamed(t *testing.T) {
	const own = "arn:aws:iam::" + wiretest.Account + ":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
	named := strings.Replace(*shared(consumer, "kms:CreateGrant"), consumer, own, 1)
	denied := strings.Replace(named, `"Statement":[`, `"Statement":[{"Effect":"Deny","Principal":{"AWS":"`+wiretest.Account+`"},"Action":"kms:CreateGrant","Resource":"*"},`, 1)
	for name, c := range map[string]struct {
		key, policy, who string
		want             bool
	}{
		"the default policy":                  {"", "", own, false},
		"the default policy, for a person":    {"", "", "arn:aws:iam::" + wiretest.Account + ":user/ada", true},
		"a policy that names the role":        {"", named, own, true},
		"a deny of the whole account":         {"", denied, own, false},
		"a policy that trusts its account":    {"", *shared("arn:aws:iam::"+consumer+":root", "kms:*"), autoScaling, false},
		"the key that AWS manages":            {"alias/aws/ebs", "", own, true},
		"the managed key of another account":  {"alias/aws/ebs", "", autoScaling, false},
		"a policy that names another's role":  {"", *shared(autoScaling, "kms:*"), autoScaling, true},
		"a policy that names everyone":        {"", *shared("*", "kms:*"), autoScaling, true},
		"a policy for another of its actions": {"", *shared(autoScaling, "kms:Decrypt"), autoScaling, false},
	} {
		if got := forAWS(t, c.key, c.policy, c.who); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestGrantsForAWSResourcesAreNotForPeople(t *testing.T) {
	policy := strings.Replace(*shared(consumer, "kms:CreateGrant"), `"Action":["kms:CreateGrant"]`,
		`"Action":["kms:CreateGrant"],"Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}`, 1)
	if !forAWS(t, "", policy, "arn:aws:iam::"+consumer+":role/Reader") {
		t.Error("EBS cannot make its grant")
	}
	r := start(t)
	key := r.key(sdk.CreateKeyInput{Policy: &policy})
	_, err := r.theirs.CreateGrant(t.Context(), &sdk.CreateGrantInput{
		KeyId: &key, GranteePrincipal: aws.String(autoScaling), Operations: []types.GrantOperation{types.GrantOperationDecrypt}})
	wantCode(t, "a grant that a person makes", err, "AccessDeniedException")
}
