package spread

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
)

// What an account or a Region refuses, for good, is one error that names the place, and
// no pointer moves anywhere; once it is mended the same run goes on.
func TestWhatOnePlaceRefusesMovesNoPointerAndIsGoneOnWith(t *testing.T) {
	t.Parallel()
	rule := func(service, operation, account, region, code string) twin.Rule {
		return twin.Rule{Service: service, Operation: operation, Account: account, Region: region, Times: -1, Error: &twin.RuleError{Code: code}}
	}
	for name, c := range map[string]struct {
		rule twin.Rule
		kind fault.Kind
		says []string
	}{
		"the Region is not enabled":             {rule("ec2", "", prod, there, "AuthFailure"), fault.Denied, []string{prod + "/" + there}},
		"the account has not opted in":          {rule("ec2", "", prod, there, "OptInRequired"), fault.Denied, []string{prod + "/" + there}},
		"the image must not be shared":          {rule("ec2", "ModifyImageAttribute", home, there, "UnauthorizedOperation"), fault.Denied, []string{"no pointer was moved"}},
		"the snapshot must not be shared":       {rule("ec2", "ModifySnapshotAttribute", home, there, "UnauthorizedOperation"), fault.Denied, []string{"no pointer was moved"}},
		"the key must not be looked at":         {rule("kms", "DescribeKey", home, there, "AccessDeniedException"), fault.Denied, []string{"alias/golden", home + "/" + there}},
		"parameters must not be read":           {rule("ssm", "GetParameterHistory", prod, there, "AccessDeniedException"), fault.Denied, []string{prod, there}},
		"parameters must not be written":        {rule("ssm", "PutParameter", prod, there, "AccessDeniedException"), fault.Denied, []string{"builds/", prod, there}},
		"every call about parameters throttles": {rule("ssm", "", prod, there, "ThrottlingException"), fault.Throttled, []string{prod, there}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// One that is throttled takes more than a minute of the SDK's own patience.
			if testing.Short() && (c.kind == fault.Throttled || !strings.HasPrefix(name, "parameters")) {
				t.Skip("a whole world each: left out by -short")
			}
			w := newWorld(t, options{distribute: `kms_key = "alias/golden"`})
			w.keys(t)
			w.faults(t, c.rule)
			doc, said, err := w.run(t, "", "publish", nil)
			w.faults(t)
			w.unpublished(t, err, c.kind, c.says...)
			if err == nil || doc == nil {
				t.Fatalf("%v\n%s", err, said)
			}
			doc, said, err = w.run(t, doc.ID, "publish", nil)
			if err != nil {
				t.Fatalf("mended, it does not go on: %v\n%s", err, said)
			}
			w.published(t, doc.Bake.Image)
		})
	}
}

func TestAKeyThatIsToBeDeletedIsFoundBeforeAnythingIsCopied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{distribute: `kms_key = "alias/golden"`})
	w.keys(t)
	if _, err := kms.NewFromConfig(w.aws(home, there)).ScheduleKeyDeletion(t.Context(), &kms.ScheduleKeyDeletionInput{KeyId: keyID(t, w, there)}); err != nil {
		t.Fatal(err)
	}
	_, _, err := w.run(t, "", "publish", nil)
	w.unpublished(t, err, fault.Conflict, "alias/golden in "+home+"/"+there, "PendingDeletion")
	if n := w.copies(t); n > 0 {
		t.Errorf("%d copies were made", n)
	}
}

// Somebody takes the image from an account after that account has seen it: AWS does not
// validate the account's entry, and no pointer moves anywhere.
func TestAShareThatIsRevokedMeanwhileMovesNoPointer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{distribute: `kms_key = "alias/golden"`})
	w.keys(t)
	done := false
	w.heard = func(e event.Event) {
		if done || !strings.HasPrefix(e.Text, "wrote "+strings.TrimSuffix(channel, "latest")+"builds/") {
			return
		}
		done = true
		api := ec2.NewFromConfig(w.aws(home, there))
		for id := range w.owned(t, home, there) {
			if _, err := api.ModifyImageAttribute(t.Context(), &ec2.ModifyImageAttributeInput{ImageId: aws.String(id),
				LaunchPermission: &types.LaunchPermissionModifications{Remove: []types.LaunchPermission{{UserId: aws.String(prod)}}}}); err != nil {
				t.Error(err)
			}
		}
	}
	_, said, err := w.run(t, "", "publish", nil)
	if !done {
		t.Fatalf("nothing was written\n%s", said)
	}
	w.unpublished(t, err, fault.Failed, "never validated", prod, there, "no channel was moved")
}
