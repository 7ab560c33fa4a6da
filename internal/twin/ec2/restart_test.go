package ec2_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// reopen is what comes after a kill: what was in flight has been cut off, because
// the world of before closes its context.
func reopen(t *testing.T, dir string, old *world.World) *bench {
	t.Helper()
	if old != nil {
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
	}
	w, err := world.Open(world.Options{Dir: dir, Seed: 1, Start: wiretest.Start, Mode: world.Manual})
	if err != nil {
		t.Fatal(err)
	}
	b := openBench(t, w, dir)
	if err := b.s.Resume(); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestARestartTakesUpWhatWasCutOff(t *testing.T) {
	dir := t.TempDir()
	b := reopen(t, dir, nil)
	logged, lazy := b.running(), b.run(nil)
	b.pass(time.Minute)
	if err := b.s.EnsureStarted(ctx, lazy); err != nil {
		t.Fatal(err)
	}
	cut := func(ctx context.Context, _ backing.Machine, _ string, _ int64) (backing.Image, error) {
		<-ctx.Done()
		return backing.Image{}, ctx.Err()
	}
	b.b.capture = cut
	ami := b.createImage(logged, "golden-1")
	b.b.mu.Lock()
	b.b.start = func(ctx context.Context, _ backing.Machine) error { <-ctx.Done(); return ctx.Err() }
	b.b.mu.Unlock()
	booting := b.run(func(in *sdk.RunInstancesInput) { in.KeyName = aws.String("k") })

	b = reopen(t, dir, b.w)
	b.pass(10 * time.Minute)
	if i := b.image(ami); i.State != types.ImageStateAvailable {
		t.Errorf("the image is %s: %+v", i.State, i.StateReason)
	}
	if i := b.instance(booting); i.State.Name != types.InstanceStateNameRunning {
		t.Errorf("the instance that was booting is %s", i.State.Name)
	}
	for id, want := range map[string]int{logged: 2, booting: 1, lazy: 0} { // logged: resumed, and once more after its capture
		if n := b.b.count("start " + id); n != want {
			t.Errorf("machine %s was started %d times, want %d", id, n, want)
		}
	}
	if err := b.s.EnsureStarted(ctx, lazy); err != nil || b.b.count("start "+lazy) != 1 {
		t.Errorf("a lazy machine after a restart: %v, started %d times", err, b.b.count("start "+lazy))
	}
	if err := b.w.Close(); err != nil {
		t.Error(err)
	}
}

func TestAfterARestartTheSameTokenStillMakesNothingNew(t *testing.T) {
	dir := t.TempDir()
	b := reopen(t, dir, nil)
	in := func() *sdk.RunInstancesInput {
		return runInput(func(in *sdk.RunInstancesInput) { in.ClientToken = aws.String("run-1/launch") })
	}
	first := must[*sdk.RunInstancesOutput](t)(b.api.RunInstances(ctx, in()))
	b = reopen(t, dir, b.w)
	again := must[*sdk.RunInstancesOutput](t)(b.api.RunInstances(ctx, in()))
	if *first.Instances[0].InstanceId != *again.Instances[0].InstanceId || *first.Instances[0].PrivateIpAddress != *again.Instances[0].PrivateIpAddress {
		t.Errorf("%s, then %s", *first.Instances[0].InstanceId, *again.Instances[0].InstanceId)
	}
	if err := b.w.Close(); err != nil {
		t.Error(err)
	}
}

func TestARebootReachesAMachineThatTheNewProcessHasNotMet(t *testing.T) {
	b := newBench(t)
	id := b.run(nil)
	b.pass(time.Minute)
	if err := b.s.EnsureStarted(ctx, id); err != nil {
		t.Fatal(err)
	}
	calls := 0
	b.b.reboot = func() error {
		if calls++; calls == 1 {
			return backing.ErrNotRunning
		}
		return nil
	}
	must[*sdk.RebootInstancesOutput](t)(b.api.RebootInstances(ctx, &sdk.RebootInstancesInput{InstanceIds: []string{id}}))
	b.settle()
	if b.b.count("start "+id) != 2 || b.b.count("reboot "+id) != 2 {
		t.Errorf("calls: %v", b.b.calls)
	}
}
