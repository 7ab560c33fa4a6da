package worldfile_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
)

const withKeys = `{
  "account": "111122223333", "region": "eu-west-1",
  "keys": [
    {"alias": "alias/golden", "users": ["arn:aws:iam::444455556666:root"]},
    {"alias": "alias/golden", "region": "us-east-1"}
  ]
}`

func TestKeysOfAFileAreThereUnderTheirAliasesForTheirUsers(t *testing.T) {
	f, err := worldfile.Parse([]byte(withKeys), "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := wiretest.World(t)
	w.Start()
	service := kms.New()
	l := &worldfile.Loader{World: w, Keys: service}
	for _, want := range []int{2, 0} {
		if made, err := l.Load(f); err != nil || made != want {
			t.Fatalf("made %d, %v", made, err)
		}
	}
	as := func(account string) *awskms.Client {
		c := wiretest.Config(wiretest.Handler(t, w, service.Wire()), "test")
		c.Credentials = wiretest.Key(account)
		return awskms.NewFromConfig(c)
	}
	got, err := as("111122223333").DescribeKey(t.Context(), &awskms.DescribeKeyInput{KeyId: aws.String("alias/golden")})
	if err != nil {
		t.Fatal(err)
	}
	of := &awskms.DescribeKeyInput{KeyId: got.KeyMetadata.Arn}
	if _, err := as("444455556666").DescribeKey(t.Context(), of); err != nil {
		t.Errorf("a user of the key may not look at it: %v", err)
	}
	if _, err := as("777788889999").DescribeKey(t.Context(), of); err == nil {
		t.Error("a stranger may look at the key")
	}
}

func TestKeysThatCannotBeMadeAreNamed(t *testing.T) {
	for from, to := range map[string]string{
		`"alias/golden", "region"`: `"golden", "region"`,
		`"us-east-1"`:              `"eu-west-1"`,
		`arn:aws:iam::4444`:        `4444`,
		`alias/golden", "users"`:   `alias/aws/ebs", "users"`,
	} {
		if _, err := worldfile.Parse([]byte(strings.Replace(withKeys, from, to, 1)), "/", nil); err == nil || !strings.Contains(err.Error(), "keys[") {
			t.Errorf("%s: %v", to, err)
		}
	}
	f, err := worldfile.Parse([]byte(withKeys), "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&worldfile.Loader{World: wiretest.World(t)}).Load(f); err == nil || !strings.Contains(err.Error(), "no KMS") {
		t.Errorf("without KMS: %v", err)
	}
}
