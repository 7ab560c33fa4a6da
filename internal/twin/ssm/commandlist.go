package ssm

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func describeCommand(c command) types.Command {
	out := types.Command{
		CommandId: &c.ID, DocumentName: &c.Document, DocumentVersion: &c.Version, Comment: &c.Comment, Parameters: c.Parameters,
		InstanceIds: append([]string{}, c.Instances...), Targets: append([]types.Target{}, c.Targets...), RequestedDateTime: aws.Time(c.Requested),
		ExpiresAfter: aws.Time(c.expires()), TimeoutSeconds: &c.Timeout, MaxConcurrency: &c.Concurrent, MaxErrors: &c.MaxErrors, Status: c.Status, StatusDetails: &c.Detail,
		TargetCount: int32(len(c.Nodes)), CompletedCount: int32(c.Completed), ErrorCount: int32(c.Errors), DeliveryTimedOutCount: int32(c.Undelivered),
	}
	out.OutputS3BucketName, out.OutputS3KeyPrefix, out.OutputS3Region = c.output()
	return out
}

// output is the command's place in S3, three times nil without one.
func (c command) output() (bucket, prefix, region *string) {
	if c.Bucket == "" {
		return nil, nil, nil
	}
	return &c.Bucket, &c.Prefix, &c.BucketIn
}

// url is where the whole output of a step lies, "" without a bucket.
func (c command) url(instance string, r stepResult, stream string) *string {
	if c.Bucket == "" {
		return aws.String("")
	}
	return aws.String("https://s3." + c.BucketIn + ".amazonaws.com/" + c.Bucket + "/" + c.outputKey(instance, r.Action, r.Name, stream))
}

// GetCommandInvocation tells how a command stands on a node: one step, or all of them
// together for a document of several steps and no PluginName, then without output. It
// knows nothing until the agent's side has the command.
func (s *Service) GetCommandInvocation(tx *world.Tx, in *ssm.GetCommandInvocationInput) (*ssm.GetCommandInvocationOutput, error) {
	c, ok := commands(tx).Get(aws.ToString(in.CommandId))
	if !ok {
		return nil, wire.Errorf("InvocationDoesNotExist", "")
	}
	i, ok := invocations(tx).Get(invocationKey(c.ID, aws.ToString(in.InstanceId)))
	if !ok {
		return nil, wire.Errorf("InvocationDoesNotExist", "")
	}
	out := &ssm.GetCommandInvocationOutput{
		CommandId: &c.ID, InstanceId: &i.Instance, DocumentName: &c.Document, DocumentVersion: &c.Version, Comment: &c.Comment,
		StandardOutputContent: aws.String(""), StandardErrorContent: aws.String(""), StandardOutputUrl: aws.String(""), StandardErrorUrl: aws.String(""),
		CloudWatchOutputConfig: &types.CloudWatchOutputConfig{},
	}
	r := stepResult{Status: i.Status, Detail: i.Detail, Code: -1, Began: i.Began, Ended: i.Ended}
	at := slices.IndexFunc(i.Steps, func(r stepResult) bool { return r.Name == aws.ToString(in.PluginName) })
	if len(i.Steps) == 1 && aws.ToString(in.PluginName) == "" {
		at = 0
	}
	switch {
	case at >= 0:
		r = i.Steps[at]
		out.PluginName = &r.Name
		out.StandardOutputContent, out.StandardErrorContent = &r.Stdout, &r.Stderr
		out.StandardOutputUrl, out.StandardErrorUrl = c.url(i.Instance, r, "stdout"), c.url(i.Instance, r, "stderr")
		if i.done() && r.Ended.IsZero() || i.Status == types.CommandInvocationStatusCancelling { // never run, or asked to stop
			r.Status, r.Detail = i.Status, i.Detail
		}
	case aws.ToString(in.PluginName) != "":
		return nil, wire.Errorf("InvalidPluginName", "")
	}
	out.Status, out.StatusDetails, out.ResponseCode = r.Status, &r.Detail, r.Code
	out.ExecutionStartDateTime, out.ExecutionEndDateTime, out.ExecutionElapsedTime = stamp(r.Began), stamp(r.Ended), elapsed(r)
	return out, nil
}

func stamp(t time.Time) *string {
	if t.IsZero() {
		return aws.String("")
	}
	return aws.String(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

func elapsed(r stepResult) *string {
	if r.Began.IsZero() || r.Ended.IsZero() {
		return aws.String("")
	}
	return aws.String("PT" + strconv.FormatFloat(r.Ended.Sub(r.Began).Seconds(), 'f', -1, 64) + "S")
}

// ListCommands lists commands, newest first, by id, instance and filters.
func (s *Service) ListCommands(tx *world.Tx, in *ssm.ListCommandsInput) (*ssm.ListCommandsOutput, error) {
	if in.CommandId != nil {
		if _, ok := commands(tx).Get(*in.CommandId); !ok {
			return nil, wire.Errorf("InvalidCommandId", "")
		}
	}
	if err := sound(in.Filters, func(f types.CommandFilter) (bool, error) {
		return sifted([]types.CommandFilter{f}, command{}, "")
	}); err != nil {
		return nil, err
	}
	var all []types.Command
	for id, c := range commands(tx).All() {
		if in.CommandId != nil && id != *in.CommandId || in.InstanceId != nil && !slices.Contains(c.Nodes, *in.InstanceId) {
			continue
		}
		ok, err := sifted(in.Filters, c, string(c.Status))
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, describeCommand(c))
		}
	}
	slices.Reverse(all)
	cut, next, err := page(all, in.NextToken, in.MaxResults, 50)
	return &ssm.ListCommandsOutput{Commands: cut, NextToken: next}, err
}

// ListCommandInvocations lists commands by node, newest first; Details adds the steps.
func (s *Service) ListCommandInvocations(tx *world.Tx, in *ssm.ListCommandInvocationsInput) (*ssm.ListCommandInvocationsOutput, error) {
	if in.CommandId != nil {
		if _, ok := commands(tx).Get(*in.CommandId); !ok {
			return nil, wire.Errorf("InvalidCommandId", "")
		}
	}
	if err := sound(in.Filters, func(f types.CommandFilter) (bool, error) {
		if f.Key == types.CommandFilterKeyExecutionStage { // "valid only for ListCommands"
			return false, wire.Errorf("InvalidFilterKey", "The specified filter key %s isn't valid.", f.Key)
		}
		return sifted([]types.CommandFilter{f}, command{}, "")
	}); err != nil {
		return nil, err
	}
	var all []types.CommandInvocation
	for _, i := range invocations(tx).All() {
		if in.CommandId != nil && i.Command != *in.CommandId || in.InstanceId != nil && i.Instance != *in.InstanceId {
			continue
		}
		c, _ := commands(tx).Get(i.Command)
		ok, err := sifted(in.Filters, c, string(i.Status))
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, describeInvocation(c, i, in.Details))
		}
	}
	slices.Reverse(all)
	cut, next, err := page(all, in.NextToken, in.MaxResults, 50)
	return &ssm.ListCommandInvocationsOutput{CommandInvocations: cut, NextToken: next}, err
}

func describeInvocation(c command, i invocation, details bool) types.CommandInvocation {
	out := types.CommandInvocation{
		CommandId: &i.Command, InstanceId: &i.Instance, InstanceName: &i.Name, Comment: &c.Comment, DocumentName: &c.Document, DocumentVersion: &c.Version,
		RequestedDateTime: aws.Time(i.Asked), Status: i.Status, StatusDetails: &i.Detail, StandardOutputUrl: aws.String(""), StandardErrorUrl: aws.String(""),
	}
	if !details {
		return out
	}
	for _, r := range i.Steps {
		p := types.CommandPlugin{
			Name: &r.Name, Status: types.CommandPluginStatus(r.Status), StatusDetails: &r.Detail, ResponseCode: r.Code, Output: aws.String(outputOf(r)),
			StandardOutputUrl: c.url(i.Instance, r, "stdout"), StandardErrorUrl: c.url(i.Instance, r, "stderr"),
		}
		p.OutputS3BucketName, p.OutputS3KeyPrefix, p.OutputS3Region = c.output()
		if !r.Began.IsZero() {
			p.ResponseStartDateTime = aws.Time(r.Began)
		}
		if !r.Ended.IsZero() {
			p.ResponseFinishDateTime = aws.Time(r.Ended)
		}
		out.CommandPlugins = append(out.CommandPlugins, p)
	}
	return out
}

// outputOf is both outputs in one, at most 2,500 characters (CommandPlugin.Output, API
// reference).
func outputOf(r stepResult) string {
	text := r.Stdout
	if r.Stderr != "" {
		text += "\n----------ERROR-------\n" + r.Stderr
	}
	return cut([]byte(text), 2500)
}

func sifted(filters []types.CommandFilter, c command, status string) (bool, error) {
	for _, f := range filters {
		want := aws.ToString(f.Value)
		switch f.Key {
		case types.CommandFilterKeyStatus:
			if !strings.EqualFold(want, status) {
				return false, nil
			}
		case types.CommandFilterKeyDocumentName:
			if c.Document != want {
				return false, nil
			}
		case types.CommandFilterKeyInvokedAfter, types.CommandFilterKeyInvokedBefore:
			t, err := time.Parse(time.RFC3339, want)
			if err != nil {
				return false, wire.Errorf("InvalidFilterKey", "The value %s of the filter %s is not a time.", want, f.Key)
			}
			if (f.Key == types.CommandFilterKeyInvokedAfter) != c.Requested.After(t) {
				return false, nil
			}
		case types.CommandFilterKeyExecutionStage: // CommandFilter, API reference
			if want != "Executing" && want != "Complete" {
				return false, wire.Errorf("InvalidFilterKey", "The value %s of the filter %s is neither Executing nor Complete.", want, f.Key)
			}
			if (want == "Complete") != c.ended() {
				return false, nil
			}
		default:
			return false, wire.Errorf("InvalidFilterKey", "The specified filter key %s isn't valid.", f.Key)
		}
	}
	return true, nil
}
