package ec2_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func (b *bench) replaceRoot(edit func(*sdk.CreateReplaceRootVolumeTaskInput)) types.ReplaceRootVolumeTask {
	b.t.Helper()
	in := &sdk.CreateReplaceRootVolumeTaskInput{ClientToken: aws.String("run/root")}
	edit(in)
	return *must[*sdk.CreateReplaceRootVolumeTaskOutput](b.t)(b.api.CreateReplaceRootVolumeTask(ctx, in)).ReplaceRootVolumeTask
}

func (b *bench) task(id string) types.ReplaceRootVolumeTask {
	b.t.Helper()
	return must[*sdk.DescribeReplaceRootVolumeTasksOutput](b.t)(b.api.DescribeReplaceRootVolumeTasks(ctx, &sdk.DescribeReplaceRootVolumeTasksInput{
		ReplaceRootVolumeTaskIds: []string{id}})).ReplaceRootVolumeTasks[0]
}

func TestARootVolumeIsReplacedFromAnImageUnderTheSameInstance(t *testing.T) {
	b := newBench(t)
	golden, id := b.golden("golden-1"), b.running()
	before, old := b.instance(id), b.volumeOf(id)
	first := len(b.b.calls)
	made := func() types.ReplaceRootVolumeTask {
		return b.replaceRoot(func(in *sdk.CreateReplaceRootVolumeTaskInput) {
			in.InstanceId, in.ImageId, in.DeleteReplacedRootVolume = &id, &golden, aws.Bool(true)
			in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeReplaceRootVolumeTask, Tags: []types.Tag{{Key: aws.String("run"), Value: aws.String("r1")}}}}
		})
	}
	task := made()
	if again := made(); *again.ReplaceRootVolumeTaskId != *task.ReplaceRootVolumeTaskId {
		t.Errorf("the same token made %s and %s", *task.ReplaceRootVolumeTaskId, *again.ReplaceRootVolumeTaskId)
	}
	if task.TaskState != types.ReplaceRootVolumeTaskStatePending || *task.ImageId != golden || *task.Tags[0].Value != "r1" {
		t.Errorf("at once: %+v", task)
	}
	b.pass(10 * time.Second)
	if s := b.task(*task.ReplaceRootVolumeTaskId).TaskState; s != types.ReplaceRootVolumeTaskStateInProgress {
		t.Errorf("after 10 seconds: %s", s)
	}
	b.pass(2 * time.Minute)
	if done := b.task(*task.ReplaceRootVolumeTaskId); done.TaskState != types.ReplaceRootVolumeTaskStateSucceeded || done.CompleteTime == nil {
		t.Errorf("after 2 minutes: %+v", done)
	}
	if got := strings.Join(b.b.calls[first:], ", "); got != "stop "+id+", destroy "+id+", start "+id {
		t.Errorf("calls: %s", got)
	}
	after, fresh := b.instance(id), b.volumeOf(id)
	if after.State.Name != types.InstanceStateNameRunning || *after.ImageId != golden || *after.PrivateIpAddress != *before.PrivateIpAddress ||
		*after.NetworkInterfaces[0].NetworkInterfaceId != *before.NetworkInterfaces[0].NetworkInterfaceId || !after.LaunchTime.Equal(*before.LaunchTime) {
		t.Errorf("instance before %+v, after %+v", before, after)
	}
	if *fresh.VolumeId == *old.VolumeId || *fresh.SnapshotId != *b.image(golden).BlockDeviceMappings[0].Ebs.SnapshotId || *fresh.Size != *old.Size {
		t.Errorf("volume before %+v, after %+v", old, fresh)
	}
	_, err := b.api.DescribeVolumes(ctx, &sdk.DescribeVolumesInput{VolumeIds: []string{*old.VolumeId}})
	wantCode(t, err, "InvalidVolume.NotFound")
	var m ec2.Instance
	_ = b.do(wiretest.Account, func(tx *world.Tx) error { m, _ = b.s.InstanceByID(tx, id); return nil })
	var want ec2.Image
	_ = b.do(wiretest.Account, func(tx *world.Tx) (err error) { want, err = b.s.ImageByID(tx, golden); return err })
	if m.Content != want.Content {
		t.Errorf("the machine is made from %s, the image from %s", m.Content, want.Content)
	}
}

func TestARootVolumeGoesBackToItsLaunchStateAndTheOldOneStays(t *testing.T) {
	b := newBench(t)
	lazy := b.run(nil)
	b.pass(time.Minute)
	old := b.volumeOf(lazy)
	task := b.replaceRoot(func(in *sdk.CreateReplaceRootVolumeTaskInput) { in.InstanceId = &lazy })
	b.pass(10 * time.Second)
	b.pass(3 * time.Minute)
	if s := b.task(*task.ReplaceRootVolumeTaskId).TaskState; s != types.ReplaceRootVolumeTaskStateSucceeded {
		t.Errorf("task %s", s)
	}
	if fresh := b.volumeOf(lazy); *fresh.SnapshotId != *old.SnapshotId || *b.instance(lazy).ImageId != base {
		t.Errorf("volume before %+v, after %+v", old, fresh)
	}
	left := must[*sdk.DescribeVolumesOutput](t)(b.api.DescribeVolumes(ctx, &sdk.DescribeVolumesInput{VolumeIds: []string{*old.VolumeId}})).Volumes[0]
	if left.State != types.VolumeStateAvailable || b.b.count("start "+lazy) != 0 {
		t.Errorf("the old volume is %s, calls %v", left.State, b.b.calls)
	}
}

func TestARootVolumeGoesBackToASnapshotOfItself(t *testing.T) {
	b := newBench(t)
	id := b.running()
	snap := *b.image(b.createImage(id, "backup")).BlockDeviceMappings[0].Ebs.SnapshotId
	alien := *b.image(b.createImage(b.running(), "other")).BlockDeviceMappings[0].Ebs.SnapshotId
	b.pass(10 * time.Minute)
	task := b.replaceRoot(func(in *sdk.CreateReplaceRootVolumeTaskInput) { in.InstanceId, in.SnapshotId = &id, &snap })
	fast := &sdk.DescribeReplaceRootVolumeTasksInput{ReplaceRootVolumeTaskIds: []string{*task.ReplaceRootVolumeTaskId}}
	for range 8 { // a client with its own clock looks until it is done
		b.settle()
		must[*sdk.DescribeReplaceRootVolumeTasksOutput](t)(b.wall.DescribeReplaceRootVolumeTasks(ctx, fast))
	}
	if done := b.task(*task.ReplaceRootVolumeTaskId); done.TaskState != types.ReplaceRootVolumeTaskStateSucceeded || *done.SnapshotId != snap {
		t.Errorf("task: %+v", done)
	}
	_, err := b.api.CreateReplaceRootVolumeTask(ctx, &sdk.CreateReplaceRootVolumeTaskInput{InstanceId: &id, SnapshotId: &alien})
	wantCode(t, err, "InvalidParameterValue")
}

func TestReplacingARootVolumeRefuses(t *testing.T) {
	b := newBench(t)
	golden, id, fresh := b.golden("golden-1"), b.running(), b.run(nil)
	for name, c := range map[string]struct {
		edit func(*sdk.CreateReplaceRootVolumeTaskInput)
		code string
	}{
		"an unknown instance": {func(in *sdk.CreateReplaceRootVolumeTaskInput) { in.InstanceId = aws.String("i-0123456789abcdef0") }, "InvalidInstanceID.NotFound"},
		"a pending instance":  {func(in *sdk.CreateReplaceRootVolumeTaskInput) { in.InstanceId = &fresh }, "IncorrectInstanceState"},
		"an unknown image":    {func(in *sdk.CreateReplaceRootVolumeTaskInput) { in.ImageId = aws.String("ami-0123456789abcdef0") }, "InvalidAMIID.NotFound"},
		"an image not shared": {func(in *sdk.CreateReplaceRootVolumeTaskInput) { in.ImageId = aws.String(private) }, "InvalidAMIID.NotFound"},
		"an unknown snapshot": {func(in *sdk.CreateReplaceRootVolumeTaskInput) { in.SnapshotId = aws.String("snap-0123456789abcdef0") }, "InvalidSnapshot.NotFound"},
		"image and snapshot": {func(in *sdk.CreateReplaceRootVolumeTaskInput) {
			in.ImageId, in.SnapshotId = &golden, aws.String("snap-1")
		}, "InvalidParameterCombination"},
		"a volume":             {func(in *sdk.CreateReplaceRootVolumeTaskInput) { in.VolumeId = aws.String("vol-1") }, "UnsupportedOperation"},
		"another architecture": {func(in *sdk.CreateReplaceRootVolumeTaskInput) { in.ImageId = b.arm() }, "InvalidParameterValue"},
		"tags of another thing": {func(in *sdk.CreateReplaceRootVolumeTaskInput) {
			in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeVolume}}
		}, "InvalidParameterValue"},
	} {
		in := &sdk.CreateReplaceRootVolumeTaskInput{InstanceId: &id}
		c.edit(in)
		_, err := b.api.CreateReplaceRootVolumeTask(ctx, in)
		t.Run(name, func(t *testing.T) { wantCode(t, err, c.code) })
	}
	_, err := b.foreign.CreateReplaceRootVolumeTask(ctx, &sdk.CreateReplaceRootVolumeTaskInput{InstanceId: &id})
	wantCode(t, err, "InvalidInstanceID.NotFound")
	task := b.replaceRoot(func(in *sdk.CreateReplaceRootVolumeTaskInput) { in.InstanceId = &id })
	_, err = b.api.CreateReplaceRootVolumeTask(ctx, &sdk.CreateReplaceRootVolumeTaskInput{InstanceId: &id})
	wantCode(t, err, "IncorrectInstanceState")
	_, err = b.foreign.DescribeReplaceRootVolumeTasks(ctx, &sdk.DescribeReplaceRootVolumeTasksInput{ReplaceRootVolumeTaskIds: []string{*task.ReplaceRootVolumeTaskId}})
	wantCode(t, err, "InvalidReplaceRootVolumeTaskId.NotFound")
	must[*sdk.TerminateInstancesOutput](t)(b.api.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{id}}))
	b.pass(time.Minute)
	if s := b.task(*task.ReplaceRootVolumeTaskId).TaskState; s != types.ReplaceRootVolumeTaskStateFailed {
		t.Errorf("the task of an instance that ended is %s", s)
	}
}

// arm is an image of another architecture.
func (b *bench) arm() *string {
	var id string
	err := b.do(wiretest.Account, func(tx *world.Tx) error {
		i, err := b.s.AddImage(tx, ec2.Image{Name: "golden-arm", Architecture: "arm64"}, backing.Image{Layers: []string{"/nowhere/arm"}})
		id = i.ID
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return &id
}

func TestAReplacementThatCannotStartIsDetached(t *testing.T) {
	b := newBench(t)
	id := b.running()
	b.b.mu.Lock()
	b.b.start = func(context.Context, backing.Machine) error { return errors.New("no init") }
	b.b.mu.Unlock()
	task := b.replaceRoot(func(in *sdk.CreateReplaceRootVolumeTaskInput) { in.InstanceId = &id })
	b.pass(10 * time.Second)
	b.pass(3 * time.Minute)
	if s := b.task(*task.ReplaceRootVolumeTaskId).TaskState; s != types.ReplaceRootVolumeTaskStateFailedDetached {
		t.Errorf("task %s", s)
	}
	status := must[*sdk.DescribeInstanceStatusOutput](t)(b.api.DescribeInstanceStatus(ctx, &sdk.DescribeInstanceStatusInput{InstanceIds: []string{id}})).InstanceStatuses[0]
	if status.InstanceStatus.Status != types.SummaryStatusImpaired {
		t.Errorf("the instance is %s", status.InstanceStatus.Status)
	}
}

func TestAReplacementWithoutTheKeyFailsAndLeavesTheInstance(t *testing.T) {
	b := newBench(t)
	key := b.key(wiretest.Region, "arn:aws:iam::"+foreign+":root")
	sealed := b.sealed(key)
	must[*sdk.ModifyImageAttributeOutput](t)(b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{ImageId: &sealed, UserIds: []string{"333333333333"}}))
	cfg := wiretest.Config(wiretest.Handler(t, b.w, b.s.Wire()), "test")
	cfg.Credentials = wiretest.Key("333333333333")
	third := sdk.NewFromConfig(cfg)
	run := must[*sdk.RunInstancesOutput](t)(third.RunInstances(ctx, runInput(nil)))
	other := *run.Instances[0].InstanceId
	b.pass(time.Minute)
	out := must[*sdk.CreateReplaceRootVolumeTaskOutput](t)(third.CreateReplaceRootVolumeTask(ctx, &sdk.CreateReplaceRootVolumeTaskInput{InstanceId: &other, ImageId: &sealed}))
	b.pass(time.Minute)
	done := must[*sdk.DescribeReplaceRootVolumeTasksOutput](t)(third.DescribeReplaceRootVolumeTasks(ctx, &sdk.DescribeReplaceRootVolumeTasksInput{
		ReplaceRootVolumeTaskIds: []string{*out.ReplaceRootVolumeTask.ReplaceRootVolumeTaskId}})).ReplaceRootVolumeTasks[0]
	if done.TaskState != types.ReplaceRootVolumeTaskStateFailed {
		t.Errorf("task %s", done.TaskState)
	}
	i := must[*sdk.DescribeInstancesOutput](t)(third.DescribeInstances(ctx, &sdk.DescribeInstancesInput{InstanceIds: []string{other}})).Reservations[0].Instances[0]
	if i.State.Name != types.InstanceStateNameRunning || *i.ImageId != base {
		t.Errorf("instance %s of %s", i.State.Name, *i.ImageId)
	}
}

func TestAReplacementGoesOnAfterAKill(t *testing.T) {
	dir := t.TempDir()
	b := reopen(t, dir, nil)
	id := b.running()
	task := b.replaceRoot(func(in *sdk.CreateReplaceRootVolumeTaskInput) { in.InstanceId = &id })
	b.b.mu.Lock()
	b.b.start = func(ctx context.Context, _ backing.Machine) error { <-ctx.Done(); return ctx.Err() }
	b.b.mu.Unlock()
	b.w.Clock().Step(10 * time.Second)
	b = reopen(t, dir, b.w)
	b.pass(3 * time.Minute)
	if s := b.task(*task.ReplaceRootVolumeTaskId).TaskState; s != types.ReplaceRootVolumeTaskStateSucceeded {
		t.Errorf("task %s", s)
	}
	if err := b.w.Close(); err != nil {
		t.Error(err)
	}
}
