// Package commands is Run Command and its documents.
package commands

import (
	"context"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

// API is what Commands calls.
type API interface {
	SendCommand(context.Context, *ssm.SendCommandInput, ...func(*ssm.Options)) (*ssm.SendCommandOutput, error)
	ssm.ListCommandsAPIClient
	ssm.GetCommandInvocationAPIClient
}

// DocumentsAPI is what Documents calls.
type DocumentsAPI interface {
	DescribeDocument(context.Context, *ssm.DescribeDocumentInput, ...func(*ssm.Options)) (*ssm.DescribeDocumentOutput, error)
	CreateDocument(context.Context, *ssm.CreateDocumentInput, ...func(*ssm.Options)) (*ssm.CreateDocumentOutput, error)
}

var (
	_ API               = (*ssm.Client)(nil)
	_ DocumentsAPI      = (*ssm.Client)(nil)
	_ inplace.Commands  = Commands{}
	_ inplace.Documents = Documents{}
)

// Commands sends commands and follows them.
type Commands struct{ API API }

// Documents keeps command documents.
type Documents struct{ API DocumentsAPI }

// New is the two adapters over a session.
func New(s *session.Session) (Commands, Documents) {
	client := ssm.NewFromConfig(s.Config())
	return Commands{client}, Documents{client}
}

// Send runs a document on one instance.
func (c Commands) Send(ctx context.Context, in inplace.Command) (string, error) {
	req := &ssm.SendCommandInput{InstanceIds: []string{in.Instance}, DocumentName: &in.Document, Comment: &in.Comment,
		Parameters: map[string][]string{}, MaxErrors: aws.String("0"), MaxConcurrency: aws.String("1")}
	for k, v := range in.Parameters {
		req.Parameters[k] = []string{v}
	}
	if in.DocumentHash != "" {
		req.DocumentHash, req.DocumentHashType = &in.DocumentHash, types.DocumentHashTypeSha256
	}
	if in.Bucket != "" {
		req.OutputS3BucketName, req.OutputS3KeyPrefix = &in.Bucket, &in.Prefix
	}
	if in.StartWithin > 0 {
		req.TimeoutSeconds = aws.Int32(int32(in.StartWithin)) //nolint:gosec // minutes
	}
	out, err := c.API.SendCommand(ctx, req)
	if err != nil {
		return "", awscloud.Wrap(err, "send %s to instance %s", in.Document, in.Instance)
	}
	if out.Command == nil || aws.ToString(out.Command.CommandId) == "" {
		return "", fault.New(fault.Failed, "", "send %s to instance %s: empty answer", in.Document, in.Instance)
	}
	return *out.Command.CommandId, nil
}

// Find is the newest command to the instance with this comment; "" when there is
// none. ListCommands answers newest first and keeps 30 days.
func (c Commands) Find(ctx context.Context, instance, comment string) (string, error) {
	p := ssm.NewListCommandsPaginator(c.API, &ssm.ListCommandsInput{InstanceId: &instance})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return "", awscloud.Wrap(err, "list the commands of instance %s", instance)
		}
		for _, x := range page.Commands {
			if aws.ToString(x.Comment) == comment {
				return aws.ToString(x.CommandId), nil
			}
		}
	}
	return "", nil
}

// Invocation is how one step of a command stands on an instance.
func (c Commands) Invocation(ctx context.Context, id, instance, step string) (inplace.Invocation, error) {
	out, err := c.API.GetCommandInvocation(ctx, &ssm.GetCommandInvocationInput{CommandId: &id, InstanceId: &instance, PluginName: &step})
	if err != nil {
		return inplace.Invocation{}, awscloud.Wrap(err, "get command %s on instance %s", id, instance)
	}
	return inplace.Invocation{Status: string(out.Status), Detail: aws.ToString(out.StatusDetails),
		Stdout: aws.ToString(out.StandardOutputContent), Stderr: aws.ToString(out.StandardErrorContent),
		StdoutKey: key(aws.ToString(out.StandardOutputUrl)), StderrKey: key(aws.ToString(out.StandardErrorUrl)),
		Code: int(out.ResponseCode)}, nil
}

// key is the object key in an S3 address, of either style:
// https://s3.region.amazonaws.com/bucket/key or https://bucket.s3.region.amazonaws.com/key.
func key(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	path := strings.TrimPrefix(u.Path, "/")
	if bucket, rest, ok := strings.Cut(u.Hostname(), ".s3"); ok && bucket != "" && strings.Contains(rest, ".amazonaws.com") {
		return path
	}
	_, path, _ = strings.Cut(path, "/")
	return path
}

// Hash is the SHA-256 of the document's content.
func (d Documents) Hash(ctx context.Context, name string) (string, error) {
	out, err := d.API.DescribeDocument(ctx, &ssm.DescribeDocumentInput{Name: &name})
	if err != nil {
		return "", awscloud.Wrap(err, "describe document %s", name)
	}
	if out.Document == nil {
		return "", fault.New(fault.Failed, "", "describe document %s: empty answer", name)
	}
	return strings.ToLower(aws.ToString(out.Document.Hash)), nil
}

// Create makes a command document.
func (d Documents) Create(ctx context.Context, name, content string) error {
	_, err := d.API.CreateDocument(ctx, &ssm.CreateDocumentInput{Name: &name, Content: &content,
		DocumentType: types.DocumentTypeCommand, DocumentFormat: types.DocumentFormatJson, TargetType: aws.String("/AWS::EC2::Instance")})
	return awscloud.Wrap(err, "create document %s", name)
}
