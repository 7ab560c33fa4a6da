package worldfile_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
)

const withRoles = `{
  "account": "444455556666", "region": "eu-west-1",
  "roles": [
    {"name": "Publish", "trusts": [{"principal": "111122223333", "externalId": "ours"}], "maxSession": "2h"},
    {"name": "Closed"},
    {"account": "555566667777", "name": "Open", "trusts": [{"principal": "*"}]}
  ]
}`

func TestRolesOfAFileAreTheOnlyOnesOfTheirAccounts(t *testing.T) {
	f, err := worldfile.Parse([]byte(withRoles), "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := wiretest.World(t)
	w.Start()
	l := &worldfile.Loader{World: w}
	for _, want := range []int{3, 0} {
		if made, err := l.Load(f); err != nil || made != want {
			t.Fatalf("made %d, %v", made, err)
		}
	}
	api := awssts.NewFromConfig(wiretest.Config(wiretest.Handler(t, w, sts.New()), "test"))
	for _, c := range []struct {
		role, externalID string
		seconds          int32
		refused          string
	}{
		{"444455556666:role/Publish", "ours", 7200, ""},
		{"444455556666:role/Publish", "ours", 7201, "DurationSeconds"},
		{"444455556666:role/Publish", "theirs", 3600, "not authorized"},
		{"444455556666:role/Closed", "ours", 3600, "not authorized"},
		{"444455556666:role/Other", "ours", 3600, "not authorized"},
		{"555566667777:role/Open", "", 3600, ""},
		{"666677778888:role/Undeclared", "", 3600, ""},
	} {
		in := &awssts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + c.role), RoleSessionName: aws.String("spread"), DurationSeconds: &c.seconds}
		if c.externalID != "" {
			in.ExternalId = &c.externalID
		}
		_, err := api.AssumeRole(context.Background(), in)
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s with %q for %d s: %v", c.role, c.externalID, c.seconds, err)
		}
	}
}

func TestRolesThatCannotBeAreRefused(t *testing.T) {
	for from, to := range map[string]string{
		`"2h"`: `"13h"`, `"Closed"`: `"Publish"`, `"principal": "*"`: `"principal": ""`, `"name": "Open"`: `"name": "a/b"`, `"555566667777"`: `"5555"`,
	} {
		if _, err := worldfile.Parse([]byte(strings.Replace(withRoles, from, to, 1)), "/", nil); err == nil || !strings.Contains(err.Error(), "roles[") {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// fakeEC2 opens what it is told to.
type fakeEC2 struct{ worldfile.EC2 }

func (fakeEC2) Open(*world.Tx) {}

func TestAWorldThatNamesItsAccountsHasNoOthers(t *testing.T) {
	f, err := worldfile.Parse([]byte(strings.Replace(withRoles, `"roles": [`, `"accounts": [{"id": "777788889999"}], "roles": [`, 1)), "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := wiretest.World(t)
	w.Start()
	if _, err := (&worldfile.Loader{World: w, EC2: fakeEC2{}}).Load(f); err != nil {
		t.Fatal(err)
	}
	cfg := wiretest.Config(wiretest.Handler(t, w, sts.New()), "test")
	for role, want := range map[string]bool{
		"777788889999:role/Named": true, "555566667777:role/Open": true, wiretest.Account + ":role/Own": true, "666677778888:role/Unnamed": false, "555566667777:role/Other": false,
	} {
		_, err := awssts.NewFromConfig(cfg).AssumeRole(context.Background(), &awssts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + role), RoleSessionName: aws.String("spread")})
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("%s: %v", role, err)
		}
	}
}
