package ssm

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

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
