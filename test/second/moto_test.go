package second

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

// A lie is what moto is known to answer otherwise than AWS.
type lie struct {
	Moto string `json:"moto"` // its answer
	Why  string `json:"why"`  // what AWS does, and where that is written
}

//go:embed testdata/lies.json
var liesText []byte

// both are the clients of one server.
type both struct {
	ssm *ssm.Client
	s3  *s3.Client
	sts *sts.Client
}

func clients(cfg aws.Config) both {
	return both{ssm.NewFromConfig(cfg), s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }), sts.NewFromConfig(cfg)}
}

// motoServer starts moto on loopback and ends it with the test.
func motoServer(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("moto takes seconds to start")
	}
	if out, err := exec.Command("moto_server", "--help").CombinedOutput(); err != nil {
		if os.Getenv("REQUIRE_MOTO") == "1" {
			t.Fatalf("REQUIRE_MOTO=1, but moto_server does not run: %v %s", err, out)
		}
		t.Skipf("skipped, because moto_server (optional) does not run here: %v %s", err, out)
	}
	// An address that no other test listens on: between our look for a free port and moto's
	// start nobody takes it.
	l, err := net.Listen("tcp", motoHost+":0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "moto_server", "-H", motoHost, "-p", port)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() }) // it was killed, or has been waited for
	at := net.JoinHostPort(motoHost, port)
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if c, err := net.Dial("tcp", at); err == nil {
			_ = c.Close()
			return "http://" + at
		}
	}
	stop()
	_ = cmd.Wait() // nobody writes to the log any more
	t.Fatalf("moto does not listen: %s", log.String())
	return ""
}

const motoHost = "127.84.0.1"

// answer is what is compared: values, or the error's code.
func answer(err error, values ...any) string {
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		return "error " + api.ErrorCode()
	case err != nil:
		return "error " + err.Error()
	}
	return strings.TrimSpace(fmt.Sprintln(values...))
}

type step struct {
	name string
	do   func(ctx context.Context, c both) string
}

func put(name, value string, edit func(*ssm.PutParameterInput)) func(context.Context, both) string {
	return func(ctx context.Context, c both) string {
		in := &ssm.PutParameterInput{Name: &name, Value: &value, Type: ssmtypes.ParameterTypeString}
		if edit != nil {
			edit(in)
		}
		out, err := c.ssm.PutParameter(ctx, in)
		if err != nil {
			return answer(err)
		}
		return answer(nil, out.Version)
	}
}

func get(name string) func(context.Context, both) string {
	return func(ctx context.Context, c both) string {
		out, err := c.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
		if err != nil {
			return answer(err)
		}
		return answer(nil, *out.Parameter.Value, out.Parameter.Version, aws.ToString(out.Parameter.Selector))
	}
}

func object(key, body string, edit func(*s3.PutObjectInput)) func(context.Context, both) string {
	return func(ctx context.Context, c both) string {
		in := &s3.PutObjectInput{Bucket: aws.String("box"), Key: &key, Body: strings.NewReader(body)}
		if edit != nil {
			edit(in)
		}
		out, err := c.s3.PutObject(ctx, in)
		if err != nil {
			return answer(err)
		}
		return answer(nil, *out.ETag)
	}
}

func over(in *ssm.PutParameterInput) { in.Overwrite = aws.Bool(true) }

// steps are asked of both, in order.
var steps = []step{
	{"put a parameter", put("/a/b", "1", nil)},
	{"put it again", put("/a/b", "2", nil)},
	{"overwrite it", put("/a/b", "2", over)},
	{"a bad name", put("a/b", "1", nil)},
	{"the prefix aws", put("/aws/b", "1", nil)},
	{"sixteen levels", put(strings.Repeat("/l", 16), "1", nil)},
	{"4097 characters", put("/long", strings.Repeat("x", 4097), nil)},
	{"a value off its pattern", put("/p", "x", func(in *ssm.PutParameterInput) { in.AllowedPattern = aws.String("^[0-9]+$") })},
	{"an image that is not there", func(ctx context.Context, c both) string {
		put("/image", "ami-00000000000000bad", func(in *ssm.PutParameterInput) { in.DataType = aws.String("aws:ec2:image") })(ctx, c)
		return get("/image")(ctx, c)
	}},
	{"get it", get("/a/b")},
	{"get a version", get("/a/b:1")},
	{"get a version that is not there", get("/a/b:9")},
	{"get what is not there", get("/nope")},
	{"label the first version", func(ctx context.Context, c both) string {
		out, err := c.ssm.LabelParameterVersion(ctx, &ssm.LabelParameterVersionInput{Name: aws.String("/a/b"), ParameterVersion: aws.Int64(1), Labels: []string{"current", "1st"}})
		if err != nil {
			return answer(err)
		}
		return answer(nil, out.InvalidLabels, out.ParameterVersion)
	}},
	{"get by label", get("/a/b:current")},
	{"history", func(ctx context.Context, c both) string {
		out, err := c.ssm.GetParameterHistory(ctx, &ssm.GetParameterHistoryInput{Name: aws.String("/a/b")})
		if err != nil {
			return answer(err)
		}
		var all []any
		for _, p := range out.Parameters {
			all = append(all, p.Version, *p.Value, len(p.Labels))
		}
		return answer(nil, all...)
	}},
	{"by path", func(ctx context.Context, c both) string {
		out, err := c.ssm.GetParametersByPath(ctx, &ssm.GetParametersByPathInput{Path: aws.String("/a")})
		if err != nil {
			return answer(err)
		}
		return answer(nil, len(out.Parameters), *out.Parameters[0].Name)
	}},
	{"some of several", func(ctx context.Context, c both) string {
		out, err := c.ssm.GetParameters(ctx, &ssm.GetParametersInput{Names: []string{"/a/b", "/nope"}})
		if err != nil {
			return answer(err)
		}
		return answer(nil, len(out.Parameters), out.InvalidParameters)
	}},
	{"delete and delete again", func(ctx context.Context, c both) string {
		_, first := c.ssm.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String("/a/b")})
		_, second := c.ssm.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String("/a/b")})
		return answer(first) + " " + answer(second)
	}},
	{"a baseline with a filter of another system", func(ctx context.Context, c both) string {
		_, err := c.ssm.CreatePatchBaseline(ctx, &ssm.CreatePatchBaselineInput{Name: aws.String("web"), OperatingSystem: ssmtypes.OperatingSystemSuse, ApprovalRules: &ssmtypes.PatchRuleGroup{PatchRules: []ssmtypes.PatchRule{
			{ApproveAfterDays: aws.Int32(7), PatchFilterGroup: &ssmtypes.PatchFilterGroup{PatchFilters: []ssmtypes.PatchFilter{{Key: ssmtypes.PatchFilterKeyPriority, Values: []string{"*"}}}}}}}})
		return answer(err)
	}},
	{"baselines of AWS", func(ctx context.Context, c both) string {
		out, err := c.ssm.DescribePatchBaselines(ctx, &ssm.DescribePatchBaselinesInput{Filters: []ssmtypes.PatchOrchestratorFilter{{Key: aws.String("OWNER"), Values: []string{"AWS"}}}})
		if err != nil {
			return answer(err)
		}
		return answer(nil, len(out.BaselineIdentities))
	}},
	{"the shipped default of Debian", func(ctx context.Context, c both) string {
		out, err := c.ssm.GetPatchBaselineForPatchGroup(ctx, &ssm.GetPatchBaselineForPatchGroupInput{PatchGroup: aws.String("nobody"), OperatingSystem: ssmtypes.OperatingSystemDebian})
		if err != nil {
			return answer(err)
		}
		return answer(nil, aws.ToString(out.BaselineId))
	}},
	{"a command with a document that is not there", func(ctx context.Context, c both) string {
		_, err := c.ssm.SendCommand(ctx, &ssm.SendCommandInput{DocumentName: aws.String("Nope"), InstanceIds: []string{"i-00000000000000bad"}})
		return answer(err)
	}},

	{"make a bucket", func(ctx context.Context, c both) string {
		_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("box"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: wiretest.Region}})
		return answer(err)
	}},
	{"put an object", object("k", "one", nil)},
	{"create only", object("k", "two", func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") })},
	{"another tag", object("k", "two", func(in *s3.PutObjectInput) { in.IfMatch = aws.String(`"0"`) })},
	{"a range that is not there", func(ctx context.Context, c both) string {
		_, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("box"), Key: aws.String("k"), Range: aws.String("bytes=9-")})
		return answer(err)
	}},
	{"no such key", func(ctx context.Context, c both) string {
		_, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("box"), Key: aws.String("nope")})
		return answer(err)
	}},
	{"versions and a delete marker", func(ctx context.Context, c both) string {
		if _, err := c.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: aws.String("box"), VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}}); err != nil {
			return answer(err)
		}
		object("k", "three", nil)(ctx, c)
		if _, err := c.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("box"), Key: aws.String("k")}); err != nil {
			return answer(err)
		}
		out, err := c.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("box")})
		if err != nil {
			return answer(err)
		}
		return answer(nil, len(out.Versions), *out.Versions[0].Size, len(out.DeleteMarkers), aws.ToString(out.Versions[1].VersionId))
	}},
	{"an object in parts", func(ctx context.Context, c both) string {
		in := &s3.CreateMultipartUploadInput{Bucket: aws.String("box"), Key: aws.String("big")}
		u, err := c.s3.CreateMultipartUpload(ctx, in)
		if err != nil {
			return answer(err)
		}
		var done []s3types.CompletedPart
		for n, body := range []string{strings.Repeat("a", 5<<20), "tail"} {
			p, err := c.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: in.Bucket, Key: in.Key, UploadId: u.UploadId, PartNumber: aws.Int32(int32(n + 1)), Body: strings.NewReader(body)})
			if err != nil {
				return answer(err)
			}
			done = append(done, s3types.CompletedPart{PartNumber: aws.Int32(int32(n + 1)), ETag: p.ETag})
		}
		out, err := c.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: in.Bucket, Key: in.Key, UploadId: u.UploadId, MultipartUpload: &s3types.CompletedMultipartUpload{Parts: done}})
		if err != nil {
			return answer(err)
		}
		return answer(nil, *out.ETag)
	}},
	{"delete a bucket that is not empty", func(ctx context.Context, c both) string {
		_, err := c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("box")})
		return answer(err)
	}},

	{"assume a role of another account", func(ctx context.Context, c both) string {
		out, err := c.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::444455556666:role/R"), RoleSessionName: aws.String("run-1")})
		if err != nil {
			return answer(err)
		}
		return answer(nil, *out.AssumedRoleUser.Arn)
	}},
	{"a session name of one character", func(ctx context.Context, c both) string {
		_, err := c.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::444455556666:role/R"), RoleSessionName: aws.String("r")})
		return answer(err)
	}},
}

func TestTheTwinAndMotoAgreeButForWhatMotoIsKnownToGetWrong(t *testing.T) {
	t.Parallel()
	var lies map[string]lie
	if err := json.Unmarshal(liesText, &lies); err != nil {
		t.Fatal(err)
	}
	cfg := wiretest.Config(nil, "")
	cfg.HTTPClient, cfg.BaseEndpoint = nil, aws.String(motoServer(t))
	cfg.Credentials = wiretest.Key(wiretest.Account) // moto takes twelve digits for the account, too
	r := newRig(t)
	r.cfg.Credentials = wiretest.Key(wiretest.Account)
	twin, moto := clients(r.cfg), clients(cfg)
	for _, s := range steps {
		ours, theirs := s.do(t.Context(), twin), s.do(t.Context(), moto)
		known, isLie := lies[s.name]
		delete(lies, s.name)
		switch {
		case isLie && theirs == ours:
			t.Errorf("%s: moto no longer lies, it answers %q as the twin does: strike it from testdata/lies.json", s.name, theirs)
		case isLie && theirs != known.Moto:
			t.Errorf("%s: moto lies in another way: %q instead of %q (the twin: %q)", s.name, theirs, known.Moto, ours)
		case !isLie && theirs != ours:
			t.Errorf("%s: the twin answers %q, moto %q", s.name, ours, theirs)
		}
	}
	for name := range lies {
		t.Errorf("testdata/lies.json has %q, which is no step", name)
	}
}
