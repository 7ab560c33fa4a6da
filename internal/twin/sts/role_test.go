package sts_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const target = "444455556666"

// declared is a world in which account 444455556666 has three roles.
func declared(t *testing.T) (aws.Config, *world.World) {
	t.Helper()
	w := wiretest.World(t)
	if err := w.Do("-", "-", func(tx *world.Tx) error {
		sts.DeclareRole(tx, sts.Role{Account: target, Name: "Open", Trusts: []sts.Trust{{Principal: wiretest.Account}}, MaxSession: 2 * time.Hour})
		sts.DeclareRole(tx, sts.Role{Account: target, Name: "Guarded", Trusts: []sts.Trust{{Principal: "arn:aws:iam::" + wiretest.Account + ":root", ExternalID: "our-secret"}}})
		sts.DeclareRole(tx, sts.Role{Account: target, Name: "Chained", Trusts: []sts.Trust{{Principal: "arn:aws:iam::" + wiretest.Account + ":role/ops/Pipeline"}}})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return wiretest.Client(t, w, sts.New()), w
}

func assume(cfg aws.Config, account, role string, edit func(*sdk.AssumeRoleInput)) (*sdk.AssumeRoleOutput, error) {
	in := &sdk.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + account + ":role/" + role), RoleSessionName: aws.String("run-1")}
	if edit != nil {
		edit(in)
	}
	return sdk.NewFromConfig(cfg).AssumeRole(context.Background(), in)
}

func TestADeclaredRoleTrustsWhomItSays(t *testing.T) {
	t.Parallel()
	cfg, _ := declared(t)
	id := func(s string) func(*sdk.AssumeRoleInput) { return func(in *sdk.AssumeRoleInput) { in.ExternalId = &s } }
	stranger := cfg.Copy()
	stranger.Credentials = wiretest.Key("777788889999")
	session, err := assume(cfg, wiretest.Account, "ops/Pipeline", nil)
	if err != nil {
		t.Fatal(err)
	}
	pipeline := cfg.Copy()
	pipeline.Credentials = wiretest.Key(*session.Credentials.AccessKeyId)
	for name, c := range map[string]struct {
		cfg     aws.Config
		account string
		role    string
		edit    func(*sdk.AssumeRoleInput)
		want    string
	}{
		"the account trusted":              {cfg, target, "Open", nil, ""},
		"with an id that nobody asked for": {cfg, target, "Open", id("spare"), ""},
		"another account":                  {stranger, target, "Open", nil, "AccessDenied"},
		"the external id":                  {cfg, target, "Guarded", id("our-secret"), ""},
		"no external id":                   {cfg, target, "Guarded", nil, "AccessDenied"},
		"a wrong external id":              {cfg, target, "Guarded", id("guess"), "AccessDenied"},
		"a role that is not declared":      {cfg, target, "Admin", nil, "AccessDenied"},
		"a session of the role trusted":    {pipeline, target, "Chained", nil, ""},
		"not by that role":                 {cfg, target, "Chained", nil, "AccessDenied"},
		"an account that declares nothing": {stranger, "123456789012", "Any", nil, ""},
	} {
		if _, err := assume(c.cfg, c.account, c.role, c.edit); code(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestSessionsAreAsLongAsTheirRoleAllows(t *testing.T) {
	t.Parallel()
	cfg, _ := declared(t)
	long := func(d time.Duration) func(*sdk.AssumeRoleInput) {
		return func(in *sdk.AssumeRoleInput) {
			in.DurationSeconds, in.ExternalId = aws.Int32(int32(d.Seconds())), aws.String("our-secret")
		}
	}
	if _, err := assume(cfg, target, "Open", long(2*time.Hour)); err != nil {
		t.Error(err)
	}
	for role, d := range map[string]time.Duration{"Open": 3 * time.Hour, "Guarded": 61 * time.Minute} {
		if _, err := assume(cfg, target, role, long(d)); code(err) != "ValidationError" {
			t.Errorf("%s for %v: %v", role, d, err)
		}
	}
	first, err := assume(cfg, wiretest.Account, "Hub", nil)
	if err != nil {
		t.Fatal(err)
	}
	chained := cfg.Copy()
	chained.Credentials = wiretest.Key(*first.Credentials.AccessKeyId)
	if _, err := assume(chained, "123456789012", "Any", long(2*time.Hour)); code(err) != "ValidationError" {
		t.Errorf("a chained role got two hours: %v", err)
	}
}

func TestSessionTagsAreCheckedAndSeen(t *testing.T) {
	t.Parallel()
	cfg, w := declared(t)
	tags := func(keys ...string) func(*sdk.AssumeRoleInput) {
		return func(in *sdk.AssumeRoleInput) {
			for _, k := range keys {
				in.Tags = append(in.Tags, types.Tag{Key: aws.String(k), Value: aws.String("v")})
			}
		}
	}
	if _, err := assume(cfg, target, "Open", tags("run", "stage")); err != nil {
		t.Fatal(err)
	}
	events, _ := w.Events()
	var seen map[string]any
	for _, e := range events {
		if e.Kind == "role.assumed" {
			seen = e.Data
		}
	}
	if m, ok := seen["tags"].(map[string]string); !ok || m["run"] != "v" || seen["session"] != "run-1" {
		t.Errorf("event %v", seen)
	}
	many := make([]string, 51)
	for i := range many {
		many[i] = string(rune('A'+i%26)) + string(rune('a'+i/26))
	}
	for name, c := range map[string]struct {
		edit func(*sdk.AssumeRoleInput)
		want string
	}{
		"the same in another case": {tags("Run", "run"), "InvalidParameterValue"},
		"the prefix aws:":          {tags("aws:x"), "ValidationError"},
		"51 tags":                  {tags(many...), "ValidationError"},
		"a key that is not there":  {func(in *sdk.AssumeRoleInput) { in.TransitiveTagKeys = []string{"x"} }, "ValidationError"},
	} {
		if _, err := assume(cfg, target, "Open", c.edit); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
