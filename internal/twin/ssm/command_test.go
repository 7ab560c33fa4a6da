package ssm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// send runs commands by AWS-RunShellScript on the instances, or on the tag.
func (r *rig) send(edit func(*sdk.SendCommandInput), ids ...string) (string, error) {
	in := &sdk.SendCommandInput{DocumentName: aws.String("AWS-RunShellScript"), InstanceIds: ids, Parameters: map[string][]string{"commands": {"uptime", "id"}}}
	if edit != nil {
		edit(in)
	}
	out, err := r.c.SendCommand(r.t.Context(), in)
	if err != nil {
		return "", err
	}
	return *out.Command.CommandId, nil
}

func (r *rig) mustSend(edit func(*sdk.SendCommandInput), ids ...string) string {
	r.t.Helper()
	id, err := r.send(edit, ids...)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func (r *rig) invocation(id, instance, step string) (*sdk.GetCommandInvocationOutput, error) {
	in := &sdk.GetCommandInvocationInput{CommandId: &id, InstanceId: &instance}
	if step != "" {
		in.PluginName = &step
	}
	return r.c.GetCommandInvocation(r.t.Context(), in)
}

// command waits for a command's end.
func (r *rig) command(id string) types.Command {
	r.t.Helper()
	var c types.Command
	r.wait("end of the command", func() bool {
		out, err := r.c.ListCommands(r.t.Context(), &sdk.ListCommandsInput{CommandId: &id})
		if err != nil || len(out.Commands) != 1 {
			r.t.Fatalf("%v %+v", err, out)
		}
		c = out.Commands[0]
		return c.Status != types.CommandStatusPending && c.Status != types.CommandStatusInProgress && c.Status != types.CommandStatusCancelling
	})
	return c
}

func TestCommandRunsAndTellsWhatItDid(t *testing.T) {
	r := newRig(t)
	r.object("x", "")
	id := r.mustSend(func(in *sdk.SendCommandInput) {
		in.Comment, in.OutputS3BucketName, in.OutputS3KeyPrefix = aws.String("run-1"), aws.String("kit"), aws.String("out")
	}, "i-00000000")
	if _, err := r.invocation(id, "i-00000000", ""); code(err) != "InvocationDoesNotExist" {
		t.Fatalf("right after SendCommand: %v", err)
	}
	r.step(dispatchDelay)
	c := r.command(id)
	if c.Status != types.CommandStatusSuccess || c.TargetCount != 1 || c.CompletedCount != 1 || c.ErrorCount != 0 || *c.Comment != "run-1" {
		t.Fatalf("%+v", c)
	}
	i, err := r.invocation(id, "i-00000000", "")
	if err != nil || i.Status != types.CommandInvocationStatusSuccess || i.ResponseCode != 0 || !strings.Contains(*i.StandardOutputContent, `"uptime\nid"`) {
		t.Fatalf("%+v %v", i, err)
	}
	key := "out/" + id + "/i-00000000/awsrunShellScript/aws:runShellScript/stdout"
	if want := "https://s3.eu-west-1.amazonaws.com/kit/" + key; *i.StandardOutputUrl != want {
		t.Fatalf("%s, want %s", *i.StandardOutputUrl, want)
	}
	if got := r.read(key); got != *i.StandardOutputContent {
		t.Fatalf("in the bucket: %q", got)
	}
	l, err := r.c.ListCommandInvocations(t.Context(), &sdk.ListCommandInvocationsInput{CommandId: &id, Details: true})
	if err != nil || len(l.CommandInvocations) != 1 || *l.CommandInvocations[0].InstanceName != "db-0" || len(l.CommandInvocations[0].CommandPlugins) != 1 {
		t.Fatalf("%+v %v", l, err)
	}
	if _, err := r.invocation(id, "i-00000000", "nosuchstep"); code(err) != "InvalidPluginName" {
		t.Fatal(err)
	}
}

func TestExitCodeDecidesAndOutputIsCut(t *testing.T) {
	r := newRig(t)
	r.object("x", "")
	r.machines.run = func(_ context.Context, _ string, c backing.Command) (int, error) {
		_, _ = io.WriteString(c.Stdout, strings.Repeat("o", 30000))
		_, _ = io.WriteString(c.Stderr, strings.Repeat("e", 9000))
		return 3, nil
	}
	id := r.mustSend(func(in *sdk.SendCommandInput) { in.OutputS3BucketName = aws.String("kit") }, "i-00000001")
	r.step(time.Minute)
	if c := r.command(id); c.Status != types.CommandStatusFailed || *c.StatusDetails != "Failed" || c.ErrorCount != 1 {
		t.Fatalf("%s %s", c.Status, *c.StatusDetails)
	}
	i, err := r.invocation(id, "i-00000001", "")
	if err != nil || i.Status != types.CommandInvocationStatusFailed || i.ResponseCode != 3 || len(*i.StandardOutputContent) != 24000 || len(*i.StandardErrorContent) != 8000 {
		t.Fatalf("%v %d %d", err, len(*i.StandardOutputContent), len(*i.StandardErrorContent))
	}
	if got := r.read(id + "/i-00000001/awsrunShellScript/aws:runShellScript/stdout"); len(got) != 30000 {
		t.Fatalf("%d bytes in the bucket", len(got))
	}
}

func TestSendRefuses(t *testing.T) {
	r := newRig(t)
	r.ec2.instances[1].State = "stopped"
	r.ec2.instances[2].Tags = map[string]string{NoAgentTag: "true"}
	r.document("Patch", twoSteps)
	for _, c := range []struct {
		name string
		edit func(*sdk.SendCommandInput)
		ids  []string
		code string
	}{
		{"a stopped instance", nil, []string{"i-00000001"}, "InvalidInstanceId"},
		{"an instance without an agent", nil, []string{"i-00000002"}, "InvalidInstanceId"},
		{"an unknown instance", nil, []string{"i-0000dead"}, "InvalidInstanceId"},
		{"one of them stopped", nil, []string{"i-00000000", "i-00000001"}, "InvalidInstanceId"},
		{"no target", nil, nil, "ValidationException"},
		{"an unknown document", func(in *sdk.SendCommandInput) { in.DocumentName = aws.String("Nope") }, []string{"i-00000000"}, "InvalidDocument"},
		{"a document that is not modelled", func(in *sdk.SendCommandInput) { in.DocumentName = aws.String("AWS-RunPatchBaselineWithHooks") }, []string{"i-00000000"}, "UnsupportedOperation"},
		{"another hash", func(in *sdk.SendCommandInput) {
			in.DocumentName, in.DocumentHash, in.Parameters = aws.String("Patch"), aws.String(strings.Repeat("0", 64)), map[string][]string{"source": {"https://x"}}
		}, []string{"i-00000000"}, "InvalidDocument"},
		{"a missing parameter", func(in *sdk.SendCommandInput) { in.Parameters = nil }, []string{"i-00000000"}, "InvalidParameters"},
		{"an unknown parameter", func(in *sdk.SendCommandInput) { in.Parameters["x"] = []string{"y"} }, []string{"i-00000000"}, "InvalidParameters"},
		{"instances and targets", func(in *sdk.SendCommandInput) {
			in.Targets = []types.Target{{Key: aws.String("tag:x"), Values: []string{"y"}}}
		}, []string{"i-00000000"}, "ValidationException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := r.send(c.edit, c.ids...); code(err) != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
		})
	}
	if out, err := r.c.ListCommands(t.Context(), &sdk.ListCommandsInput{}); err != nil || len(out.Commands) != 0 {
		t.Fatal("a refused command was kept")
	}
}

func TestDownloadBringsAFolder(t *testing.T) {
	r := newRig(t)
	r.object("kits/1/rehydrate-node", "program")
	r.object("kits/1/bundle/aa", "package")
	r.object("kits/2/other", "not this")
	r.document("Patch", twoSteps)
	var script string
	r.machines.run = func(_ context.Context, _ string, c backing.Command) (int, error) { script = c.Script; return 0, nil }
	id := r.mustSend(func(in *sdk.SendCommandInput) {
		in.DocumentName, in.Parameters = aws.String("Patch"), map[string][]string{"source": {"https://s3.eu-west-1.amazonaws.com/kit/kits/1/"}}
	}, "i-00000000")
	r.step(time.Minute)
	if c := r.command(id); c.Status != types.CommandStatusSuccess {
		i, _ := r.invocation(id, "i-00000000", "fetch")
		t.Fatalf("%s: %s", c.Status, *i.StandardErrorContent)
	}
	want := map[string]string{"i-00000000:/opt/kit/rehydrate-node": "program", "i-00000000:/opt/kit/bundle/aa": "package"}
	if fmt.Sprint(r.machines.files) != fmt.Sprint(want) || r.machines.modes["i-00000000:/opt/kit/bundle/aa"] != 0o600 {
		t.Fatalf("%v %v", r.machines.files, r.machines.modes)
	}
	if !strings.HasPrefix(script, "echo begin\na\nb\n") {
		t.Fatalf("%q", script)
	}
	all, err := r.invocation(id, "i-00000000", "")
	if err != nil || all.Status != types.CommandInvocationStatusSuccess || *all.StandardOutputContent != "" {
		t.Fatalf("%+v %v", all, err)
	}
}

func TestLocations(t *testing.T) {
	for in, want := range map[string]string{
		"https://s3.eu-west-1.amazonaws.com/b/k/": "b k/", "https://b.s3.eu-west-1.amazonaws.com/k": "b k", "https://s3.amazonaws.com/b/k/x": "b k/x", "https://b.s3.amazonaws.com/": "b ",
		"http://s3.amazonaws.com/b/k": "", "https://example.org/b/k": "", "https://s3.amazonaws.com/": "", "::": "",
	} {
		b, k, err := location(in)
		if got := b + " " + k; err == nil && got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q %v", in, got, err)
		}
	}
}

func TestRebootCodeRunsTheScriptAgain(t *testing.T) {
	r := newRig(t)
	runs := 0
	r.machines.run = func(context.Context, string, backing.Command) (int, error) {
		if runs++; runs < 3 {
			return 194, nil
		}
		return 0, nil
	}
	id := r.mustSend(nil, "i-00000000")
	r.step(time.Minute)
	if c := r.command(id); c.Status != types.CommandStatusSuccess || r.machines.reboots != 2 {
		t.Fatalf("%s after %d reboots", c.Status, r.machines.reboots)
	}
}

func TestMachineThatDoesNotStartFailsTheCommand(t *testing.T) {
	r := newRig(t)
	r.ec2.started = func(string) error { return errors.New("no root") }
	id := r.mustSend(nil, "i-00000000")
	r.step(time.Minute)
	if c := r.command(id); c.Status != types.CommandStatusFailed {
		t.Fatal(c.Status)
	}
	if i, err := r.invocation(id, "i-00000000", ""); err != nil || !strings.Contains(*i.StandardErrorContent, "no root") {
		t.Fatalf("%+v %v", i, err)
	}
}

func TestWhatANodeStoresItStoresAsItsRole(t *testing.T) {
	r := newRig(t)
	r.object("x", "")
	r.ec2.instances[0].Profile = "arn:aws:iam::" + r.account() + ":instance-profile/team/Patcher"
	role := func(name string) string { return `"arn:aws:iam::` + r.account() + ":role/" + name + `"` }
	policy := `{"Statement": {"Effect": "Deny", "Principal": {"AWS": ` + role("Patcher") + `}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::kit/*"}}`
	stored := func() (keys int) {
		t.Helper()
		if _, err := r.s3.PutBucketPolicy(t.Context(), &s3sdk.PutBucketPolicyInput{Bucket: aws.String("kit"), Policy: &policy}); err != nil {
			t.Fatal(err)
		}
		id := r.mustSend(func(in *sdk.SendCommandInput) { in.OutputS3BucketName = aws.String("kit") }, "i-00000000", "i-00000001")
		r.step(time.Minute)
		r.command(id)
		for k, name := range []string{"i-00000000", "i-00000001"} {
			if _, err := r.s3.HeadObject(t.Context(), &s3sdk.HeadObjectInput{Bucket: aws.String("kit"), Key: aws.String(id + "/" + name + "/awsrunShellScript/aws:runShellScript/stdout")}); err == nil {
				keys |= 1 << k
			}
		}
		return keys
	}
	if got := stored(); got != 2 {
		t.Errorf("its profile's role may not: %b", got)
	}
	policy = strings.Replace(policy, "Patcher", hostRole, 1)
	if got := stored(); got != 1 {
		t.Errorf("the role of nodes without a profile may not: %b", got)
	}
}
