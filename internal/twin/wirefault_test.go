package twin_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// once is a configuration that does not try again.
func once(w *twin.Twin) aws.Config {
	c := w.Config(region, "test")
	c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return c
}

// code is the code of an AWS error, "" without one.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestThrottledCallsAreRefusedInTheServicesOwnWordsUntilTokensCome(t *testing.T) {
	t.Parallel()
	o := full(t.TempDir())
	o.Mode = world.Manual
	o.Faults = []twin.Rule{{Throttle: &twin.Throttle{Size: 1, Refill: 0.1}}}
	w := open(t, o)
	calls := map[string]func() error{
		"ThrottlingException": func() error {
			_, err := awsssm.NewFromConfig(once(w)).DescribeParameters(ctx, nil)
			return err
		},
		"Throttling": func() error {
			_, err := awssts.NewFromConfig(once(w)).GetCallerIdentity(ctx, nil)
			return err
		},
		"RequestLimitExceeded": func() error {
			_, err := awsec2.NewFromConfig(once(w)).DescribeInstances(ctx, nil)
			return err
		},
	}
	for want, call := range calls {
		if err := call(); err != nil {
			t.Errorf("the first call: %v", err)
		}
		if err := call(); code(err) != want {
			t.Errorf("the second call: %v, want %s", err, want)
		}
	}
	w.World().Clock().Step(10 * time.Second)
	for want, call := range calls {
		if err := call(); err != nil {
			t.Errorf("after ten seconds: %v", err)
		}
		if err := call(); code(err) != want {
			t.Errorf("and again: %v, want %s", err, want)
		}
	}
}

func TestStaleReadsMissWhatIsNewAndShowWhatWas(t *testing.T) {
	t.Parallel()
	o := full(t.TempDir())
	o.Mode = world.Manual
	o.Faults = []twin.Rule{{Service: "ssm", Operation: "GetParameter", Stale: twin.Duration(time.Minute)}}
	w := open(t, o)
	params := awsssm.NewFromConfig(once(w))
	put := func(value string) {
		t.Helper()
		_, err := params.PutParameter(ctx, &awsssm.PutParameterInput{Name: aws.String("/a"), Value: &value, Type: types.ParameterTypeString, Overwrite: aws.Bool(true)})
		if err != nil {
			t.Fatal(err)
		}
	}
	get := func() string {
		out, err := params.GetParameter(ctx, &awsssm.GetParameterInput{Name: aws.String("/a")})
		if err != nil {
			return code(err)
		}
		return aws.ToString(out.Parameter.Value)
	}
	step := w.World().Clock().Step
	put("one")
	if got := get(); got != "ParameterNotFound" {
		t.Errorf("a new parameter: %s", got)
	}
	step(30 * time.Second)
	put("two")
	step(31 * time.Second)
	if got := get(); got != "one" {
		t.Errorf("a minute after the first write: %s", got)
	}
	if got, err := params.GetParameters(ctx, &awsssm.GetParametersInput{Names: []string{"/a"}}); err != nil || aws.ToString(got.Parameters[0].Value) != "two" {
		t.Errorf("another read: %+v %v", got, err)
	}
	step(30 * time.Second)
	if got := get(); got != "two" {
		t.Errorf("a minute after the second write: %s", got)
	}
	put("three")
	admin(t, w.Client(""), http.MethodDelete, "http://127.0.0.1/_twin/faults", "", nil)
	if got := get(); got != "three" {
		t.Errorf("without the fault: %s", got)
	}
}

func TestASessionThatIsYoungerThanAStaleReadMayMakeIt(t *testing.T) {
	t.Parallel()
	o := full(t.TempDir())
	o.Mode = world.Manual
	o.Faults = []twin.Rule{{Service: "ssm", Stale: twin.Duration(time.Hour)}}
	w := open(t, o)
	session, err := awssts.NewFromConfig(once(w)).AssumeRole(ctx, &awssts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::444455556666:role/R"), RoleSessionName: aws.String("me")})
	if err != nil {
		t.Fatal(err)
	}
	c := once(w)
	c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: *session.Credentials.AccessKeyId, SecretAccessKey: "x", SessionToken: "y"}, nil
	})
	if _, err := awsssm.NewFromConfig(c).DescribeParameters(ctx, nil); err != nil {
		t.Error(err)
	}
}

func TestRulesInAWindowHitOnlyThen(t *testing.T) {
	t.Parallel()
	o := small("")
	o.Mode = world.Manual
	o.Faults = []twin.Rule{{Operation: "GetCallerIdentity", From: start.Add(time.Minute), Until: start.Add(2 * time.Minute), Error: &twin.RuleError{Code: "InternalFailure", Status: 500}}}
	w := open(t, o)
	got := ""
	for range 4 {
		if _, err := awssts.NewFromConfig(once(w)).GetCallerIdentity(ctx, nil); err != nil {
			got += code(err)
		}
		got += "."
		w.World().Clock().Step(30 * time.Second)
	}
	if got != "..InternalFailure.InternalFailure." {
		t.Error(got)
	}
}
