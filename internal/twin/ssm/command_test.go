package ssm

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
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
		{"a document that is not modelled", func(in *sdk.SendCommandInput) { in.DocumentName = aws.String("AWS-RunPatchBaseline") }, []string{"i-00000000"}, "UnsupportedOperation"},
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

func TestTagTarget(t *testing.T) {
	r := newRig(t)
	tag := func(v string) func(*sdk.SendCommandInput) {
		return func(in *sdk.SendCommandInput) {
			in.Targets = []types.Target{{Key: aws.String("tag:Patch Group"), Values: []string{v}}}
		}
	}
	none := r.command(r.mustSend(tag("web")))
	if none.Status != types.CommandStatusSuccess || *none.StatusDetails != "NoInstancesInTag" {
		t.Fatalf("%s %s", none.Status, *none.StatusDetails)
	}
	r.ec2.instances[1].State = "stopped"
	id := r.mustSend(tag("db"))
	r.step(time.Minute)
	if c := r.command(id); c.TargetCount != 2 || c.CompletedCount != 2 {
		t.Fatalf("%d targets, %d completed", c.TargetCount, c.CompletedCount)
	}
}

func TestMaxErrorsStopsAtTheNextOne(t *testing.T) {
	for _, c := range []struct {
		maxErrors string
		ran       int
		detail    string
	}{{"0", 1, "Failed"}, {"1", 2, "Failed"}, {"3", 3, "Incomplete"}, {"50%", 2, "Failed"}} {
		r := newRig(t)
		r.machines.run = func(context.Context, string, backing.Command) (int, error) { return 1, nil }
		id := r.mustSend(func(in *sdk.SendCommandInput) { in.MaxConcurrency, in.MaxErrors = aws.String("1"), &c.maxErrors }, "i-00000000", "i-00000001", "i-00000002")
		r.step(time.Minute)
		got := r.command(id)
		r.machines.mu.Lock()
		ran := len(r.machines.seen)
		r.machines.mu.Unlock()
		if got.Status != types.CommandStatusFailed || *got.StatusDetails != c.detail || ran != c.ran || got.CompletedCount != 3 {
			t.Fatalf("MaxErrors %s: ran on %d, %s %s, completed %d", c.maxErrors, ran, got.Status, *got.StatusDetails, got.CompletedCount)
		}
		if last, err := r.invocation(id, "i-00000002", ""); err != nil || c.ran < 3 && *last.StatusDetails != "Terminated" {
			t.Fatalf("MaxErrors %s: %v %+v", c.maxErrors, err, last)
		}
	}
}

func TestConcurrencyGrowsUpToItsLimit(t *testing.T) {
	c := command{Nodes: make([]string, 20), Concurrent: "5", MaxErrors: "10%"}
	for completed, want := range map[int]int{0: 1, 1: 2, 2: 4, 3: 4, 4: 5, 19: 5} {
		c.Completed = completed
		if got := c.window(); got != want {
			t.Errorf("after %d: %d, want %d", completed, got, want)
		}
	}
	for errs, want := range map[int]bool{2: false, 3: true} {
		if c.Errors = errs; c.stopped() != want {
			t.Errorf("%d errors of 10%% of 20: stopped %v", errs, !want)
		}
	}
	fifty := command{Nodes: make([]string, 50), MaxErrors: "10%", Errors: 5}
	if fifty.stopped() {
		t.Error("10% of 50 stops at the fifth error, not at the sixth")
	}
}

func TestCancelStopsWhatRuns(t *testing.T) {
	r := newRig(t)
	running := make(chan struct{})
	var once sync.Once
	r.machines.run = func(ctx context.Context, _ string, _ backing.Command) (int, error) {
		once.Do(func() { close(running) })
		<-ctx.Done()
		return -1, ctx.Err()
	}
	id := r.mustSend(func(in *sdk.SendCommandInput) { in.MaxConcurrency = aws.String("1") }, "i-00000000", "i-00000001")
	r.step(time.Minute)
	<-running
	if i, err := r.invocation(id, "i-00000000", ""); err != nil || i.Status != types.CommandInvocationStatusInProgress || i.ResponseCode != -1 {
		t.Fatalf("%+v %v", i, err)
	}
	if _, err := r.c.CancelCommand(t.Context(), &sdk.CancelCommandInput{CommandId: &id}); err != nil {
		t.Fatal(err)
	}
	if c := r.command(id); c.Status != types.CommandStatusCancelled {
		t.Fatal(c.Status)
	}
	for _, n := range []string{"i-00000000", "i-00000001"} {
		if i, err := r.invocation(id, n, ""); err != nil || i.Status != types.CommandInvocationStatusCancelled {
			t.Fatalf("%s: %+v %v", n, i, err)
		}
	}
	if _, err := r.c.CancelCommand(t.Context(), &sdk.CancelCommandInput{CommandId: aws.String("00000000-0000-4000-a000-000000000000")}); code(err) != "InvalidCommandId" {
		t.Fatal(err)
	}
}

func TestCommandWaitsForAnAgentAndExpires(t *testing.T) {
	for _, comesBack := range []bool{true, false} {
		r := newRig(t)
		id := r.mustSend(func(in *sdk.SendCommandInput) { in.TimeoutSeconds = aws.Int32(600) }, "i-00000000")
		if err := r.w.Do(r.account(), "eu-west-1", func(*world.Tx) error { r.ec2.instances[0].State = "stopping"; return nil }); err != nil {
			t.Fatal(err)
		}
		r.step(time.Minute)
		if i, err := r.invocation(id, "i-00000000", ""); err != nil || i.Status != types.CommandInvocationStatusPending {
			t.Fatalf("%+v %v", i, err)
		}
		want := types.CommandStatusTimedOut
		if comesBack {
			want = types.CommandStatusSuccess
			if err := r.w.Do(r.account(), "eu-west-1", func(tx *world.Tx) error {
				r.ec2.instances[0].State = "running"
				r.ec2.on(tx, "i-00000000", "running")
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if !comesBack {
			r.step(10 * time.Minute)
		}
		if c := r.command(id); c.Status != want {
			t.Fatalf("comes back %v: %s", comesBack, c.Status)
		}
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

// patchDocument has the shape of the one that rollout/inplace sends.
func patchDocument(node, request string) string {
	doc, err := json.Marshal(map[string]any{
		"schemaVersion": "2.2",
		"mainSteps": []map[string]any{
			{"action": "aws:downloadContent", "name": "fetch", "inputs": map[string]any{"sourceType": "S3", "sourceInfo": map[string]string{"path": "https://s3.eu-west-1.amazonaws.com/kit/k/"}, "destinationPath": "/var/lib/rehydrate/x"}},
			{"action": "aws:runShellScript", "name": "patch", "inputs": map[string]any{"runCommand": []string{
				"{ echo '" + node + "  rehydrate-node'; echo '" + request + "  request.json'; } | sha256sum -c - || exit 97",
				"./rehydrate-node run --request request.json --report report.json", "echo '-----BEGIN REHYDRATE REPORT-----'", "gzip -c report.json | base64", "echo '-----END REHYDRATE REPORT-----'"}}},
			{"action": "aws:runShellScript", "name": "clean", "inputs": map[string]any{"finallyStep": true, "runCommand": []string{"rm -rf '/var/lib/rehydrate/x'"}}},
		},
	})
	if err != nil {
		panic(err)
	}
	return string(doc)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestModelledInstanceAnswersThePatchDocument(t *testing.T) {
	const request = `{"schema":1,"operation":"Scan"}`
	for _, c := range []struct {
		name, request string
		report        record.NodeReport
		patchErr      error
		status        types.CommandStatus
		code          int32
	}{
		{"patched", request, record.NodeReport{Schema: 1, Operation: "Scan"}, nil, types.CommandStatusSuccess, 0},
		{"patched in part", request, record.NodeReport{Schema: 1, Operation: "Scan", Error: "gone"}, nil, types.CommandStatusFailed, 1},
		{"tampered", "other", record.NodeReport{}, nil, types.CommandStatusFailed, 97},
		{"infrastructure", request, record.NodeReport{}, errors.New("no such repository"), types.CommandStatusFailed, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.machines.modelled = true
			r.machines.patch = func(id string, q record.NodeRequest) (record.NodeReport, error) {
				if id != "i-00000000" || q.Operation != "Scan" {
					t.Errorf("asked %s for %+v", id, q)
				}
				return c.report, c.patchErr
			}
			r.object("k/rehydrate-node", "program")
			r.object("k/request.json", request)
			r.document("rehydrate-Patch", patchDocument(digest("program"), digest(c.request)))
			id := r.mustSend(func(in *sdk.SendCommandInput) {
				in.DocumentName, in.Parameters = aws.String("rehydrate-Patch"), nil
			}, "i-00000000")
			r.step(time.Minute)
			if got := r.command(id); got.Status != c.status {
				t.Fatal(got.Status)
			}
			i, err := r.invocation(id, "i-00000000", "patch")
			if err != nil || i.ResponseCode != c.code {
				t.Fatalf("%v %+v", err, i)
			}
			if clean, err := r.invocation(id, "i-00000000", "clean"); err != nil || clean.Status != types.CommandInvocationStatusSuccess {
				t.Fatalf("clean: %+v %v", clean, err)
			}
			if c.report.Schema == 0 {
				return
			}
			got := unpack(t, *i.StandardOutputContent)
			if !got.Modelled || got.Error != c.report.Error {
				t.Fatalf("%+v", got)
			}
			if len(r.machines.seen) != 0 {
				t.Fatal("a shell ran on a modelled instance")
			}
		})
	}
}

func unpack(t *testing.T, out string) record.NodeReport {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) < 3 || lines[0] != "-----BEGIN REHYDRATE REPORT-----" || lines[len(lines)-1] != "-----END REHYDRATE REPORT-----" {
		t.Fatalf("%q", out)
	}
	packed, err := base64.StdEncoding.DecodeString(strings.Join(lines[1:len(lines)-1], ""))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var rep record.NodeReport
	if err := json.NewDecoder(z).Decode(&rep); err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestModelledInstanceHasNoShell(t *testing.T) {
	r := newRig(t)
	r.machines.modelled = true
	id := r.mustSend(nil, "i-00000000")
	r.step(time.Minute)
	if c := r.command(id); c.Status != types.CommandStatusFailed {
		t.Fatal(c.Status)
	}
	if i, err := r.invocation(id, "i-00000000", ""); err != nil || i.ResponseCode != 127 {
		t.Fatalf("%+v %v", i, err)
	}
}

func TestCommandsAreFoundByInstanceNewestFirst(t *testing.T) {
	r := newRig(t)
	var sent []string
	for k := range 60 {
		sent = append(sent, r.mustSend(func(in *sdk.SendCommandInput) { in.Comment = aws.String(fmt.Sprint(k)) }, "i-00000000"))
	}
	r.mustSend(nil, "i-00000001")
	var got []string
	p := sdk.NewListCommandsPaginator(r.c, &sdk.ListCommandsInput{InstanceId: aws.String("i-00000000")})
	for p.HasMorePages() {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range out.Commands {
			got = append(got, *c.CommandId)
		}
	}
	slices.Reverse(sent)
	if !slices.Equal(got, sent) {
		t.Fatalf("%d commands in another order", len(got))
	}
}
