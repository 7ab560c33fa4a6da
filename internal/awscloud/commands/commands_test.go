package commands

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

type stub struct {
	API
	DocumentsAPI
	sent *ssm.SendCommandInput
	err  error
}

func (s *stub) SendCommand(_ context.Context, in *ssm.SendCommandInput, _ ...func(*ssm.Options)) (*ssm.SendCommandOutput, error) {
	s.sent = in
	return &ssm.SendCommandOutput{Command: &types.Command{CommandId: aws.String("c-1")}}, s.err
}

func (s *stub) ListCommands(_ context.Context, in *ssm.ListCommandsInput, _ ...func(*ssm.Options)) (*ssm.ListCommandsOutput, error) {
	if in.NextToken == nil {
		return &ssm.ListCommandsOutput{NextToken: aws.String("n"), Commands: []types.Command{{CommandId: aws.String("c-9"), Comment: aws.String("another")}, {CommandId: aws.String("c-8")}}}, nil
	}
	return &ssm.ListCommandsOutput{Commands: []types.Command{{CommandId: aws.String("c-2"), Comment: aws.String("ours")}, {CommandId: aws.String("c-1"), Comment: aws.String("ours")}}}, nil
}

func (s *stub) GetCommandInvocation(_ context.Context, in *ssm.GetCommandInvocationInput, _ ...func(*ssm.Options)) (*ssm.GetCommandInvocationOutput, error) {
	return &ssm.GetCommandInvocationOutput{Status: types.CommandInvocationStatusFailed, StatusDetails: aws.String("Failed"), ResponseCode: 3,
		StandardOutputContent: aws.String("out " + *in.PluginName), StandardOutputUrl: aws.String("https://s3.eu-central-1.amazonaws.com/bucket/outputs/c/i/run/stdout")}, s.err
}

func (s *stub) DescribeDocument(context.Context, *ssm.DescribeDocumentInput, ...func(*ssm.Options)) (*ssm.DescribeDocumentOutput, error) {
	return &ssm.DescribeDocumentOutput{Document: &types.DocumentDescription{Hash: aws.String("ABC")}}, s.err
}

func TestACommandCarriesItsKeyAndItsPin(t *testing.T) {
	s := &stub{}
	id, err := Commands{s}.Send(t.Context(), inplace.Command{Instance: "i-1", Document: "d", DocumentHash: "h", Parameters: map[string]string{"a": "b"},
		Comment: "ours", Bucket: "bucket", Prefix: "outputs", StartWithin: 600})
	if err != nil || id != "c-1" {
		t.Fatalf("%s, %v", id, err)
	}
	in := s.sent
	if *in.Comment != "ours" || *in.DocumentHash != "h" || in.DocumentHashType != types.DocumentHashTypeSha256 || *in.OutputS3BucketName != "bucket" ||
		*in.OutputS3KeyPrefix != "outputs" || *in.TimeoutSeconds != 600 || *in.MaxErrors != "0" {
		t.Errorf("%+v", in)
	}
	if d := cmp.Diff(map[string][]string{"a": {"b"}}, in.Parameters); d != "" {
		t.Error(d)
	}
}

func TestTheNewestCommandOfOursIsFound(t *testing.T) {
	for comment, want := range map[string]string{"ours": "c-2", "nobody's": ""} {
		if id, err := (Commands{&stub{}}).Find(t.Context(), "i-1", comment); err != nil || id != want {
			t.Errorf("%s: %q, %v", comment, id, err)
		}
	}
}

func TestAnInvocationTellsWhereItsOutputIs(t *testing.T) {
	got, err := Commands{&stub{}}.Invocation(t.Context(), "c", "i", "run")
	want := inplace.Invocation{Status: "Failed", Detail: "Failed", Stdout: "out run", StdoutKey: "outputs/c/i/run/stdout", Code: 3}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	_, err = Commands{&stub{err: &types.InvocationDoesNotExist{}}}.Invocation(t.Context(), "c", "i", "run")
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestADocumentsHash(t *testing.T) {
	if h, err := (Documents{&stub{}}).Hash(t.Context(), "d"); err != nil || h != "abc" {
		t.Errorf("%s, %v", h, err)
	}
	if _, err := (Documents{&stub{err: &types.InvalidDocument{}}}).Hash(t.Context(), "d"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestKeysOfEitherStyle(t *testing.T) {
	for address, want := range map[string]string{
		"https://s3.eu-central-1.amazonaws.com/bucket/a/b":     "a/b",
		"https://s3.amazonaws.com/bucket/a/b":                  "a/b",
		"https://bucket.s3.eu-central-1.amazonaws.com/a/b":     "a/b",
		"https://my.bucket.s3.cn-north-1.amazonaws.com.cn/a/b": "a/b",
		"http://127.0.0.1:4566/bucket/a%20b":                   "a b",
		"":                                                     "", "not an address": "", "https://s3.amazonaws.com/bucket": "", ":": "",
	} {
		if got := key(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add("https://s3.amazonaws.com/bucket/a/b")
	f.Add("https://b.s3.amazonaws.com/%zz")
	f.Fuzz(func(t *testing.T, s string) {
		if k := key(s); k != "" && !strings.Contains(s, "/") {
			t.Errorf("%q gives %q", s, k)
		}
	})
}
