package sts_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

func TestAnAssumedRoleWorksInItsOwnAccount(t *testing.T) {
	t.Parallel()
	w := wiretest.World(t)
	cfg := wiretest.Client(t, w, sts.New())
	ctx := context.Background()
	me, err := sdk.NewFromConfig(cfg).GetCallerIdentity(ctx, &sdk.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *me.Account != wiretest.Account || *me.Arn != "arn:aws:iam::111122223333:user/twin" {
		t.Errorf("me = %s %s", *me.Account, *me.Arn)
	}
	other := cfg.Copy()
	other.Credentials = stscreds.NewAssumeRoleProvider(sdk.NewFromConfig(cfg), "arn:aws:iam::444455556666:role/ops/Patcher", func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "run-1"
	})
	me, err = sdk.NewFromConfig(other).GetCallerIdentity(ctx, &sdk.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *me.Account != "444455556666" || *me.Arn != "arn:aws:sts::444455556666:assumed-role/Patcher/run-1" {
		t.Errorf("other = %s %s", *me.Account, *me.Arn)
	}
}

func TestASessionEnds(t *testing.T) {
	t.Parallel()
	w := wiretest.World(t)
	cfg := wiretest.Client(t, w, sts.New())
	ctx := context.Background()
	out, err := sdk.NewFromConfig(cfg).AssumeRole(ctx, &sdk.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::444455556666:role/R"), RoleSessionName: aws.String("run-1"), DurationSeconds: aws.Int32(900)})
	if err != nil {
		t.Fatal(err)
	}
	if !out.Credentials.Expiration.Equal(wiretest.Start.Add(15 * time.Minute)) {
		t.Errorf("expires %v", out.Credentials.Expiration)
	}
	cfg.Credentials = wiretest.Key(*out.Credentials.AccessKeyId)
	w.Clock().Step(16 * time.Minute)
	if _, err := sdk.NewFromConfig(cfg).GetCallerIdentity(ctx, &sdk.GetCallerIdentityInput{}); code(err) != "ExpiredToken" {
		t.Errorf("err = %v", err)
	}
	cfg.Credentials = wiretest.Key("ASIA444455556666FFFFFFFFFFFF")
	if _, err := sdk.NewFromConfig(cfg).GetCallerIdentity(ctx, &sdk.GetCallerIdentityInput{}); code(err) != "InvalidClientTokenId" {
		t.Errorf("a session that was never issued: %v", err)
	}
}

func TestTwelveDigitsAreAnAccount(t *testing.T) {
	t.Parallel()
	cfg := wiretest.Client(t, wiretest.World(t), sts.New())
	cfg.Credentials = wiretest.Key("777788889999")
	me, err := sdk.NewFromConfig(cfg).GetCallerIdentity(context.Background(), &sdk.GetCallerIdentityInput{})
	if err != nil || *me.Account != "777788889999" {
		t.Errorf("%v, %v", me, err)
	}
}

func TestBadRolesAreRefused(t *testing.T) {
	t.Parallel()
	c := sdk.NewFromConfig(wiretest.Client(t, wiretest.World(t), sts.New()))
	for name, in := range map[string]*sdk.AssumeRoleInput{
		"not a role":    {RoleArn: aws.String("arn:aws:iam::444455556666:user/R"), RoleSessionName: aws.String("s1")},
		"no account":    {RoleArn: aws.String("arn:aws:iam::x:role/R-with-a-name"), RoleSessionName: aws.String("s1")},
		"short session": {RoleArn: aws.String("arn:aws:iam::444455556666:role/R"), RoleSessionName: aws.String("s")},
		"odd session":   {RoleArn: aws.String("arn:aws:iam::444455556666:role/R"), RoleSessionName: aws.String("a b")},
		"too long":      {RoleArn: aws.String("arn:aws:iam::444455556666:role/R"), RoleSessionName: aws.String("s1"), DurationSeconds: aws.Int32(50000)},
	} {
		if _, err := c.AssumeRole(context.Background(), in); code(err) != "ValidationError" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// "Policy" and "PolicyArns", AssumeRole, STS API Reference.
	for policy, want := range map[string]string{"{": "MalformedPolicyDocument", `"Allow"`: "MalformedPolicyDocument", "{}": "MalformedPolicyDocument", `{"Version":"2012-10-17","Statement":[]}`: ""} {
		_, err := c.AssumeRole(context.Background(), &sdk.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::444455556666:role/R"), RoleSessionName: aws.String("s1"), Policy: &policy})
		if code(err) != want {
			t.Errorf("policy %s: %v", policy, err)
		}
	}
	many := make([]types.PolicyDescriptorType, 11)
	for i := range many {
		many[i].Arn = aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")
	}
	_, err := c.AssumeRole(context.Background(), &sdk.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::444455556666:role/R"), RoleSessionName: aws.String("s1"), PolicyArns: many})
	if code(err) != "ValidationError" {
		t.Errorf("eleven policies: %v", err)
	}
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
