package s3_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const other = "444455556666"

// callers are clients of one S3: its bucket's account, another account's user, and a role
// there.
func callers(t *testing.T) (mine, theirs, role *sdk.Client) {
	t.Helper()
	w := wiretest.World(t)
	cfg := wiretest.Client(t, w, s3.New(t.TempDir()).Wire())
	path := func(o *sdk.Options) { o.UsePathStyle = true }
	mine = sdk.NewFromConfig(cfg, path)
	makeBox(t, mine)
	cfg.Credentials = wiretest.Key(other)
	theirs = sdk.NewFromConfig(cfg, path)
	key := ""
	if err := w.Do(other, wiretest.Region, func(tx *world.Tx) error {
		key = wire.SessionKey(tx, other)
		wire.PutSession(tx, key, wire.Session{ARN: "arn:aws:sts::" + other + ":assumed-role/web/i-1", Account: other, Expires: tx.Now.Add(time.Hour)})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider(key, "secret", "token")
	return mine, theirs, sdk.NewFromConfig(cfg, path)
}

func policy(statements ...string) *string {
	return aws.String(`{"Version": "2012-10-17", "Statement": [` + strings.Join(statements, ", ") + `]}`)
}

func allow(effect, principal, action, resource string) string {
	return fmt.Sprintf(`{"Effect": %q, "Principal": %s, "Action": %s, "Resource": %q}`, effect, principal, action, "arn:aws:s3:::box"+resource)
}

func TestABucketPolicyDecidesWhatOthersMay(t *testing.T) {
	t.Parallel()
	account := `{"AWS": "arn:aws:iam::` + other + `:root"}`
	byRole := `{"AWS": ["arn:aws:iam::` + other + `:role/team/web"]}`
	read, all := `"s3:GetObject"`, `"s3:*"`
	for name, c := range map[string]struct {
		policy             *string
		mine, theirs, role string // of get, put, list and delete, which may: g p l d
	}{
		"none":                    {nil, "gpld", "", ""},
		"the account, by number":  {policy(allow("Allow", `{"AWS": "`+other+`"}`, read, "/*")), "gpld", "g", "g"},
		"the account":             {policy(allow("Allow", account, `["s3:GetObject", "s3:PutObject"]`, "/*")), "gpld", "gp", "gp"},
		"a role, under its path":  {policy(allow("Allow", byRole, read, "/*")), "gpld", "", "g"},
		"a session":               {policy(allow("Allow", `{"AWS": "arn:aws:sts::`+other+`:assumed-role/web/i-1"}`, read, "/*")), "gpld", "", "g"},
		"somebody else":           {policy(allow("Allow", `{"AWS": "777788889999"}`, all, "/*")), "gpld", "", ""},
		"other keys":              {policy(allow("Allow", account, read, "/public/*")), "gpld", "", ""},
		"a key by wildcards":      {policy(allow("Allow", account, read, "/d?r/*a")), "gpld", "g", "g"},
		"actions by wildcards":    {policy(allow("Allow", account, `"S3:*object"`, "/*")), "gpld", "gpd", "gpd"},
		"the bucket only":         {policy(allow("Allow", account, `"s3:ListBucket"`, "")), "gpld", "l", "l"},
		"in small letters":        {policy(allow("Allow", account, `"s3:listbucket"`, "")), "gpld", "l", "l"},
		"all but one role":        {policy(allow("Allow", account, all, "/*"), allow("Deny", byRole, all, "/*")), "gpld", "gpd", ""},
		"nobody writes":           {policy(allow("Deny", `"*"`, `"s3:PutObject"`, "/*")), "gld", "", ""},
		"its own account may not": {policy(allow("Deny", `{"AWS": "`+wiretest.Account+`"}`, `"s3:List*"`, "")), "gpd", "", ""},
		"a service":               {policy(allow("Allow", `{"Service": "logs.amazonaws.com"}`, all, "/*")), "gpld", "", ""},
		"one statement, no list":  {aws.String(`{"Statement": ` + allow("Allow", account, read, "/*") + `}`), "gpld", "g", "g"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mine, theirs, role := callers(t)
			put(t, mine, "dir/a", "1")
			if c.policy != nil {
				if _, err := mine.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: aws.String("box"), Policy: c.policy}); err != nil {
					t.Fatal(err)
				}
			}
			for _, who := range []struct {
				name string
				c    *sdk.Client
				want string
			}{{"its account", mine, c.mine}, {"the other account", theirs, c.theirs}, {"the role", role, c.role}} {
				box, key, got := aws.String("box"), aws.String("dir/a"), ""
				for _, op := range []struct {
					mark string
					err  error
				}{
					{"g", second(who.c.GetObject(ctx, &sdk.GetObjectInput{Bucket: box, Key: key}))},
					{"p", second(who.c.PutObject(ctx, &sdk.PutObjectInput{Bucket: box, Key: key, Body: strings.NewReader("2")}))},
					{"l", second(who.c.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: box}))},
					{"d", second(who.c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: box, Key: aws.String("dir/bla")}))},
				} {
					switch code(op.err) {
					case "":
						got += op.mark
					case "AccessDenied":
					default:
						t.Errorf("%s, %s: %v", who.name, op.mark, op.err)
					}
				}
				if got != who.want {
					t.Errorf("%s may %q, want %q", who.name, got, who.want)
				}
			}
		})
	}
}

func TestWhoMayNotListIsNotToldWhatThereIs(t *testing.T) {
	t.Parallel()
	mine, theirs, _ := callers(t)
	box, account := aws.String("box"), `{"AWS": "`+other+`"}`
	get := func() string {
		return code(second(theirs.GetObject(ctx, &sdk.GetObjectInput{Bucket: box, Key: aws.String("nope")})))
	}
	for _, c := range []struct{ policy, want string }{
		{allow("Allow", account, `"s3:GetObject"`, "/*"), "AccessDenied"},
		{allow("Allow", account, `"s3:GetObject"`, "/*") + "," + allow("Allow", account, `"s3:ListBucket"`, ""), "NoSuchKey"},
	} {
		if _, err := mine.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: box, Policy: policy(c.policy)}); err != nil {
			t.Fatal(err)
		}
		if got := get(); got != c.want {
			t.Errorf("%s with %s", got, c.policy)
		}
	}
	// A version is read by another action than the object.
	if got := code(second(theirs.GetObject(ctx, &sdk.GetObjectInput{Bucket: box, Key: aws.String("nope"), VersionId: aws.String("null")}))); got != "AccessDenied" {
		t.Errorf("a version: %s", got)
	}
	// Each key of DeleteObjects is decided by itself.
	if _, err := mine.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: box, Policy: policy(allow("Allow", account, `"s3:DeleteObject"`, "/theirs/*"))}); err != nil {
		t.Fatal(err)
	}
	out, err := theirs.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: box, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("theirs/a")}, {Key: aws.String("ours/a")}}}})
	if err != nil || len(out.Deleted) != 1 || len(out.Errors) != 1 || *out.Errors[0].Code != "AccessDenied" || *out.Errors[0].Key != "ours/a" {
		t.Errorf("%+v %v", out, err)
	}
}

func TestAPolicyComesBackAsItWasPutAndOnlyItsAccountSeesToIt(t *testing.T) {
	t.Parallel()
	mine, theirs, _ := callers(t)
	box := aws.String("box")
	get := func(c *sdk.Client) (string, error) {
		out, err := c.GetBucketPolicy(ctx, &sdk.GetBucketPolicyInput{Bucket: box})
		if err != nil {
			return "", err
		}
		return *out.Policy, nil
	}
	if _, err := get(mine); code(err) != "NoSuchBucketPolicy" {
		t.Errorf("without one: %v", err)
	}
	// It opens everything and denies its own account the policy: neither counts there.
	p := policy(allow("Allow", `{"AWS": "`+other+`"}`, `"s3:*"`, "*"), allow("Deny", `{"AWS": "`+wiretest.Account+`"}`, `"s3:*BucketPolicy"`, ""))
	if _, err := mine.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: box, Policy: p}); err != nil {
		t.Fatal(err)
	}
	if got, err := get(mine); err != nil || got != *p {
		t.Errorf("%s %v", got, err)
	}
	for name, err := range map[string]error{
		"get":    second(get(theirs)),
		"put":    second(theirs.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: box, Policy: p})),
		"delete": second(theirs.DeleteBucketPolicy(ctx, &sdk.DeleteBucketPolicyInput{Bucket: box})),
	} {
		if code(err) != "MethodNotAllowed" {
			t.Errorf("%s by another account: %v", name, err)
		}
	}
	for range 2 {
		if _, err := mine.DeleteBucketPolicy(ctx, &sdk.DeleteBucketPolicyInput{Bucket: box}); err != nil {
			t.Error(err)
		}
	}
	if _, err := get(mine); code(err) != "NoSuchBucketPolicy" {
		t.Errorf("after its end: %v", err)
	}
	if err := second(mine.DeleteBucketPolicy(ctx, &sdk.DeleteBucketPolicyInput{Bucket: aws.String("nope")})); code(err) != "NoSuchBucket" {
		t.Errorf("of no bucket: %v", err)
	}
}

func TestAPolicyThatS3RefusesOrTheTwinDoesNotModelIsNotKept(t *testing.T) {
	t.Parallel()
	mine, _, _ := callers(t)
	them := `{"AWS": "` + other + `"}`
	good := allow("Allow", them, `"s3:GetObject"`, "/*")
	for name, c := range map[string]struct{ policy, want, text string }{
		"nothing":                  {"", "MalformedPolicy", "JSON"},
		"no JSON":                  {"{", "MalformedPolicy", "JSON"},
		"not an object":            {"[]", "MalformedPolicy", "JSON"},
		"no statement":             {`{"Version": "2012-10-17"}`, "MalformedPolicy", "Statement"},
		"wrong version":            {`{"Version": "2026-01-01", "Statement": [` + good + `]}`, "MalformedPolicy", "version"},
		"unknown member":           {`{"Statement": [` + strings.Replace(good, "Effect", "Efect", 1) + `]}`, "MalformedPolicy", "Efect"},
		"effect":                   {*policy(strings.Replace(good, "Allow", "allow", 1)), "MalformedPolicy", "effect"},
		"no principal":             {*policy(`{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::box/*"}`), "MalformedPolicy", "Principal"},
		"principal by wildcard":    {*policy(allow("Allow", `{"AWS": "arn:aws:iam::`+other+`:role/*"}`, `"s3:GetObject"`, "/*")), "MalformedPolicy", "principal"},
		"principal of no kind":     {*policy(allow("Allow", `{"Aws": "`+other+`"}`, `"s3:GetObject"`, "/*")), "MalformedPolicy", "principal"},
		"another service's action": {*policy(allow("Allow", them, `"ec2:RunInstances"`, "/*")), "MalformedPolicy", "action"},
		"another bucket":           {*policy(allow("Allow", them, `"s3:GetObject"`, "es/*")), "MalformedPolicy", "resource"},
		"action on no object":      {*policy(allow("Allow", them, `"s3:GetObject"`, "")), "MalformedPolicy", "does not apply"},
		"action on no bucket":      {*policy(allow("Allow", them, `"s3:ListBucket"`, "/*")), "MalformedPolicy", "does not apply"},
		"too large":                {*policy(good) + strings.Repeat(" ", 20<<10), "MalformedPolicy", "maximum"},
		"public":                   {*policy(allow("Allow", `"*"`, `"s3:GetObject"`, "/*")), "AccessDenied", "BlockPublicPolicy"},
		"public in a list":         {*policy(allow("Allow", `{"AWS": ["`+other+`", "*"]}`, `"s3:GetObject"`, "/*")), "AccessDenied", "BlockPublicPolicy"},
		"condition":                {*policy(strings.Replace(good, `{"Effect"`, `{"Condition": {"Bool": {"aws:SecureTransport": "true"}}, "Effect"`, 1)), "UnsupportedOperation", "Condition"},
		"everything but":           {*policy(strings.Replace(good, `"Action"`, `"NotAction"`, 1)), "UnsupportedOperation", "NotAction"},
		"canonical user":           {*policy(allow("Allow", `{"CanonicalUser": "79a59d"}`, `"s3:GetObject"`, "/*")), "UnsupportedOperation", "CanonicalUser"},
	} {
		_, err := mine.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: aws.String("box"), Policy: &c.policy})
		if code(err) != c.want || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := mine.GetBucketPolicy(ctx, &sdk.GetBucketPolicyInput{Bucket: aws.String("box")}); code(err) != "NoSuchBucketPolicy" {
		t.Errorf("one was kept: %v", err)
	}
}

// Many wildcards take a naive matcher years.
func TestAPolicyOfManyWildcardsIsDecidedAtOnce(t *testing.T) {
	t.Parallel()
	mine, theirs, _ := callers(t)
	p := policy(allow("Allow", `{"AWS": "`+other+`"}`, `"s3:*"`, "/"+strings.Repeat("a*", 5000)+"b"))
	if _, err := mine.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: aws.String("box"), Policy: p}); err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("box"), Key: aws.String(strings.Repeat("a", 1000))}); code(err) != "AccessDenied" {
		t.Error(err)
	}
}
