package ec2_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func (b *bench) createImage(instance, name string) string {
	b.t.Helper()
	out, err := b.api.CreateImage(ctx, &sdk.CreateImageInput{InstanceId: &instance, Name: &name, TagSpecifications: []types.TagSpecification{
		{ResourceType: types.ResourceTypeImage, Tags: []types.Tag{{Key: aws.String("run"), Value: aws.String("r1")}}},
		{ResourceType: types.ResourceTypeSnapshot, Tags: []types.Tag{{Key: aws.String("run"), Value: aws.String("r1")}}},
	}})
	if err != nil {
		b.t.Fatalf("create image: %v", err)
	}
	return *out.ImageId
}

func (b *bench) do(account string, f func(tx *world.Tx) error) error {
	return b.w.Do(account, wiretest.Region, f)
}

func TestAnImageBecomesAvailableWithItsSnapshotAndTags(t *testing.T) {
	b := newBench(t)
	id := b.createImage(b.running(), "golden-1")
	b.settle()
	i := b.image(id)
	snap := *i.BlockDeviceMappings[0].Ebs.SnapshotId
	if i.State != types.ImageStatePending || *i.OwnerId != wiretest.Account || *i.SourceImageId != base {
		t.Errorf("right after CreateImage: %s, owner %s, source %v", i.State, *i.OwnerId, i.SourceImageId)
	}
	if err := b.do(wiretest.Account, func(tx *world.Tx) error { _, err := b.s.ImageByID(tx, id); return err }); err == nil {
		t.Error("a pending image can be launched")
	}
	b.pass(8 * time.Minute)
	if i = b.image(id); i.State != types.ImageStateAvailable || *i.Tags[0].Value != "r1" || *i.BlockDeviceMappings[0].DeviceName != "/dev/xvda" {
		t.Errorf("after 8 minutes: %+v", i)
	}
	n := must[*sdk.DescribeSnapshotsOutput](t)(b.api.DescribeSnapshots(ctx, &sdk.DescribeSnapshotsInput{SnapshotIds: []string{snap}})).Snapshots[0]
	if n.State != types.SnapshotStateCompleted || *n.Progress != "100%" || *n.Tags[0].Key != "run" || *n.VolumeSize != 8 {
		t.Errorf("snapshot: %+v", n)
	}
	err := b.do(wiretest.Account, func(tx *world.Tx) error {
		path, size, err := b.s.SnapshotDisk(tx, snap)
		if data, _ := os.ReadFile(path); !strings.HasPrefix(string(data), "disk of i-") || size != 8<<30 {
			t.Errorf("disk %s of %d bytes holds %q", path, size, data)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if err := b.do(foreign, func(tx *world.Tx) error { _, _, err := b.s.SnapshotDisk(tx, snap); return err }); err == nil {
		t.Error("another account reads the snapshot")
	}
}

func TestACallerWithItsOwnClockWaitsForTheCaptureOnly(t *testing.T) {
	b := newBench(t)
	instance, written := b.running(), make(chan struct{})
	b.b.capture = func(context.Context, backing.Machine, string, int64) (backing.Image, error) {
		<-written
		return backing.Image{Layers: []string{"/l"}, Disk: "/d"}, nil
	}
	in := &sdk.DescribeImagesInput{ImageIds: []string{b.createImage(instance, "golden-1")}}
	for range 4 {
		if s := must[*sdk.DescribeImagesOutput](t)(b.wall.DescribeImages(ctx, in)).Images[0].State; s != types.ImageStatePending {
			t.Fatalf("shown as %s while it is written", s)
		}
	}
	close(written)
	fast := func(o *sdk.ImageAvailableWaiterOptions) { o.MinDelay, o.MaxDelay = time.Millisecond, time.Millisecond }
	if err := sdk.NewImageAvailableWaiter(b.wall).Wait(ctx, in, time.Minute, fast); err != nil {
		t.Errorf("the SDK's waiter: %v", err)
	}
}

func TestARunningMachineIsShutDownAroundItsCapture(t *testing.T) {
	b := newBench(t)
	id := b.running()
	b.createImage(id, "golden-1")
	b.settle()
	if got := strings.Join(b.b.calls, ", "); got != "start "+id+", stop "+id+", capture "+id+", start "+id {
		t.Errorf("calls: %s", got)
	}
	must[*sdk.CreateImageOutput](t)(b.api.CreateImage(ctx, &sdk.CreateImageInput{InstanceId: &id, Name: aws.String("golden-2"), NoReboot: aws.Bool(true)}))
	b.settle()
	if b.b.count("stop "+id) != 1 || b.b.count("capture "+id) != 2 {
		t.Errorf("calls with NoReboot: %v", b.b.calls)
	}
}

func TestAnImageOfAnUnusedMachineIsItsSource(t *testing.T) {
	b := newBench(t)
	id := b.run(nil)
	b.pass(time.Minute)
	ami := b.createImage(id, "golden-1")
	b.pass(10 * time.Minute)
	if b.image(ami).State != types.ImageStateAvailable || b.b.count("capture "+id) != 0 || b.b.count("disk") != 1 {
		t.Errorf("image is %s, calls %v", b.image(ami).State, b.b.calls)
	}
}

func TestAFailedCaptureFailsTheImageWithTheCause(t *testing.T) {
	b := newBench(t)
	b.b.capture = func(context.Context, backing.Machine, string, int64) (backing.Image, error) {
		return backing.Image{}, errors.New("no space left on device")
	}
	id := b.createImage(b.running(), "golden-1")
	b.pass(time.Hour)
	if i := b.image(id); i.State != types.ImageStateFailed || !strings.Contains(*i.StateReason.Message, "no space left") {
		t.Errorf("image is %s: %+v", i.State, i.StateReason)
	}
}

func TestCreateImageRefuses(t *testing.T) {
	b := newBench(t)
	id := b.running()
	b.createImage(id, "golden-1")
	_, err := b.api.CreateImage(ctx, &sdk.CreateImageInput{InstanceId: &id, Name: aws.String("golden-1")})
	wantCode(t, err, "InvalidAMIName.Duplicate")
	_, err = b.api.CreateImage(ctx, &sdk.CreateImageInput{InstanceId: &id, Name: aws.String("a*b")})
	wantCode(t, err, "InvalidAMIName.Malformed")
	_, err = b.foreign.CreateImage(ctx, &sdk.CreateImageInput{InstanceId: &id, Name: aws.String("golden-2")})
	wantCode(t, err, "InvalidInstanceID.NotFound")
	fresh := b.run(nil)
	_, err = b.api.CreateImage(ctx, &sdk.CreateImageInput{InstanceId: &fresh, Name: aws.String("golden-3")})
	wantCode(t, err, "InvalidParameterValue")
}

func TestASnapshotInUseStaysAndAnImageTakesItAlong(t *testing.T) {
	b := newBench(t)
	instance := b.running()
	id := b.createImage(instance, "golden-1")
	b.pass(10 * time.Minute)
	snap := b.image(id).BlockDeviceMappings[0].Ebs.SnapshotId
	_, err := b.api.DeleteSnapshot(ctx, &sdk.DeleteSnapshotInput{SnapshotId: snap})
	wantCode(t, err, "InvalidSnapshot.InUse")
	_, err = b.foreign.DeregisterImage(ctx, &sdk.DeregisterImageInput{ImageId: &id})
	wantCode(t, err, "InvalidAMIID.NotFound")
	_, err = b.api.DeregisterImage(ctx, &sdk.DeregisterImageInput{ImageId: aws.String(base)})
	wantCode(t, err, "AuthFailure")

	second := must[*sdk.RegisterImageOutput](t)(b.api.RegisterImage(ctx, &sdk.RegisterImageInput{VirtualizationType: aws.String("hvm"),
		Name: aws.String("again"), RootDeviceName: aws.String("/dev/xvda"), Architecture: "x86_64",
		BlockDeviceMappings: []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.EbsBlockDevice{SnapshotId: snap}}},
	}))
	out := must[*sdk.DeregisterImageOutput](t)(b.api.DeregisterImage(ctx, &sdk.DeregisterImageInput{ImageId: &id, DeleteAssociatedSnapshots: aws.Bool(true)}))
	if out.DeleteSnapshotResults[0].ReturnCode != types.SnapshotReturnCodesWarnSkipped {
		t.Errorf("the snapshot of another image: %s", out.DeleteSnapshotResults[0].ReturnCode)
	}
	_, err = b.api.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{id}})
	wantCode(t, err, "InvalidAMIID.NotFound")
	_, err = b.api.DeregisterImage(ctx, &sdk.DeregisterImageInput{ImageId: &id})
	wantCode(t, err, "InvalidAMIID.Unavailable")
	out = must[*sdk.DeregisterImageOutput](t)(b.api.DeregisterImage(ctx, &sdk.DeregisterImageInput{ImageId: second.ImageId, DeleteAssociatedSnapshots: aws.Bool(true)}))
	if out.DeleteSnapshotResults[0].ReturnCode != types.SnapshotReturnCodesSuccess {
		t.Errorf("the last image's snapshot: %s", out.DeleteSnapshotResults[0].ReturnCode)
	}
	_, err = b.api.DescribeSnapshots(ctx, &sdk.DescribeSnapshotsInput{SnapshotIds: []string{*snap}})
	wantCode(t, err, "InvalidSnapshot.NotFound")
}

func TestADeregisteredImageOfARunningInstanceIsLeftOutNotUnknown(t *testing.T) {
	b := newBench(t)
	id := b.createImage(b.running(), "golden-1")
	b.pass(10 * time.Minute)
	b.run(func(in *sdk.RunInstancesInput) { in.ImageId = &id })
	must[*sdk.DeregisterImageOutput](t)(b.api.DeregisterImage(ctx, &sdk.DeregisterImageInput{ImageId: &id}))
	out := must[*sdk.DescribeImagesOutput](t)(b.api.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{id}}))
	if len(out.Images) != 0 {
		t.Errorf("%d images", len(out.Images))
	}
	_, err := b.api.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) { in.ImageId = &id }))
	wantCode(t, err, "InvalidAMIID.NotFound")
}

func TestFilesOfAnImageStayUntilNothingNeedsThem(t *testing.T) {
	b := newBench(t)
	first := b.createImage(b.running(), "golden-1")
	b.pass(10 * time.Minute)
	child := b.run(func(in *sdk.RunInstancesInput) { in.ImageId, in.KeyName = &first, aws.String("k") })
	b.pass(time.Minute)
	second := b.createImage(child, "golden-2") // a layer over the first one's
	b.pass(10 * time.Minute)
	disk := func(id string) string {
		var path string
		snap := *b.image(id).BlockDeviceMappings[0].Ebs.SnapshotId
		if err := b.do(wiretest.Account, func(tx *world.Tx) (err error) { path, _, err = b.s.SnapshotDisk(tx, snap); return err }); err != nil {
			t.Fatal(err)
		}
		return path
	}
	files := []string{disk(first), disk(second)}
	gone := func(id string) {
		must[*sdk.DeregisterImageOutput](t)(b.api.DeregisterImage(ctx, &sdk.DeregisterImageInput{ImageId: &id, DeleteAssociatedSnapshots: aws.Bool(true)}))
		b.settle()
	}
	gone(first)
	must[*sdk.TerminateInstancesOutput](t)(b.api.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{child}}))
	b.pass(time.Minute)
	for _, f := range files {
		if _, err := os.Stat(f); err != nil {
			t.Errorf("gone while the second image needs it: %v", err)
		}
	}
	gone(second)
	for _, f := range files {
		if _, err := os.Stat(f); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("left behind: %s (%v)", f, err)
		}
	}
}

func TestABaseImageGetsItsDiskWhenItIsFirstRead(t *testing.T) {
	b := newBench(t)
	snap := *b.image(base).BlockDeviceMappings[0].Ebs.SnapshotId
	read := func() (path string) {
		err := b.do(wiretest.Account, func(tx *world.Tx) error {
			var asked error
			path, _, asked = b.s.SnapshotDisk(tx, snap)
			var again *wire.Again
			if errors.As(asked, &again) {
				return nil // as the wire layer does: what has been begun goes on
			}
			return asked
		})
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	for range 3 {
		if path := read(); path != "" && b.b.count("disk") == 0 {
			t.Errorf("there is a disk that nobody wrote: %s", path)
		}
	}
	b.settle()
	if data, err := os.ReadFile(read()); err != nil || string(data) != "base disk" || b.b.count("disk") != 1 {
		t.Errorf("disk holds %q (%v), calls %v", data, err, b.b.calls)
	}
}
