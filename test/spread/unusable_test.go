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
)

// Scenario 19 of the facts, in three ways: before the plan, after the copies, and
// where only a launch shows it.
func TestAKeyThatCannotBeUsedIsFoundBeforeThePointer(t *testing.T) {
	t.Parallel()
	disable := func(t *testing.T, w *universe, region string) {
		if _, err := kms.NewFromConfig(w.aws(home, region)).DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: keyID(t, w, region)}); err != nil {
			t.Error(err)
		}
	}
	t.Run("disabled before the plan", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, options{distribute: `kms_key = "alias/golden"`})
		w.keys(t)
		disable(t, w, there)
		_, _, err := w.run(t, "", "publish", nil)
		w.unpublished(t, err, fault.Conflict, "find key alias/golden in "+home+"/"+there, "is Disabled")
		if n := w.copies(t); n > 0 {
			t.Errorf("%d copies were made", n)
		}
	})
	t.Run("disabled after the copies", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, options{distribute: `kms_key = "alias/golden"`})
		w.keys(t)
		w.heard = func(e event.Event) {
			if strings.HasSuffix(e.Text, "is available in "+home+"/"+there) {
				disable(t, w, there)
			}
		}
		doc, _, err := w.run(t, "", "publish", nil)
		w.unpublished(t, err, fault.Conflict, "its key "+*arnOf(t, w, there)+" is Disabled", "no pointer was moved")
		for _, s := range doc.Spread.Seen {
			if s.Verified != (s.Region == here) {
				t.Errorf("recorded %+v", s)
			}
		}
		// Mended, the same run goes on with the copies that stand.
		w.heard = nil
		if _, err := kms.NewFromConfig(w.aws(home, there)).EnableKey(t.Context(), &kms.EnableKeyInput{KeyId: keyID(t, w, there)}); err != nil {
			t.Fatal(err)
		}
		doc, said, err := w.run(t, doc.ID, "publish", nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		w.published(t, doc.Bake.Image)
		if n := w.copies(t); n != 2 {
			t.Errorf("%d copies stand", n)
		}
	})
	t.Run("unusable in a launch only", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, options{distribute: "kms_key = \"alias/golden\"\ncanary = \"t3.micro\""})
		// To EC2's condition we know the answer; the twin takes the strictest reading, by
		// which nothing but a look at the key is allowed.
		for _, r := range regions {
			w.keyWith(t, r, func(policy string) string {
				return strings.Replace(policy, `"Statement":[`, `"Statement":[
{"Effect":"Allow","Principal":{"AWS":["`+root(stage)+`","`+root(prod)+`"]},"Action":"kms:DescribeKey","Resource":"*"},
{"Effect":"Allow","Principal":{"AWS":["`+root(stage)+`","`+root(prod)+`"]},"Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"ec2.`+r+`.amazonaws.com"}}},`, 1)
			}, groupsRole(home), groupsRole(stage), groupsRole(prod))
		}
		doc, said, err := w.run(t, "", "publish", nil)
		w.unpublished(t, err, fault.Failed, "cannot be launched in "+prod+"/"+there+": the canary i-", "ended at once: Client.InternalError", "no pointer was moved")
		for _, s := range doc.Spread.Seen {
			if s.Verified != (s.Account == home) || !s.Canary {
				t.Errorf("recorded %+v\n%s", s, said)
			}
		}
		for _, a := range accounts { // whatever became of them, the canaries are gone
			for _, r := range regions {
				out, err := ec2.NewFromConfig(w.aws(a, r)).DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{
					{Name: aws.String("tag:rehydrate:copy-of"), Values: []string{"*"}}, {Name: aws.String("instance-state-name"), Values: []string{"pending", "running"}}}})
				if err != nil || len(out.Reservations) > 0 {
					t.Errorf("in %s/%s canaries live: %v, %v", a, r, out.Reservations, err)
				}
			}
		}
	})
}

func alias() *string { return aws.String("alias/golden") }

func arnOf(t *testing.T, w *universe, region string) *string {
	t.Helper()
	out, err := kms.NewFromConfig(w.aws(home, region)).DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: alias()})
	if err != nil {
		t.Fatal(err)
	}
	return out.KeyMetadata.Arn
}

func keyID(t *testing.T, w *universe, region string) *string { return arnOf(t, w, region) }
