package ec2_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const elsewhere = "eu-central-1"

// there is the client in another region.
func there(o *sdk.Options) { o.Region = elsewhere }

// golden is an available image of the account's own.
func (b *bench) golden(name string) string {
	b.t.Helper()
	id := b.createImage(b.running(), name)
	b.pass(10 * time.Minute)
	return id
}

func copyInput(source string, edit func(*sdk.CopyImageInput)) *sdk.CopyImageInput {
	in := &sdk.CopyImageInput{Name: aws.String("golden-copy"), SourceImageId: &source, SourceRegion: aws.String(wiretest.Region), ClientToken: aws.String("run/copy")}
	if edit != nil {
		edit(in)
	}
	return in
}

func (b *bench) imageThere(id string) types.Image {
	b.t.Helper()
	return must[*sdk.DescribeImagesOutput](b.t)(b.api.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{id}}, there)).Images[0]
}

func TestACopyBecomesAvailableInItsRegionWithWhatWasAskedFor(t *testing.T) {
	b := newBench(t)
	source := b.golden("golden-1")
	in := copyInput(source, func(in *sdk.CopyImageInput) {
		in.CopyImageTags, in.Description = aws.Bool(true), aws.String("for Frankfurt")
		in.TagSpecifications = []types.TagSpecification{
			{ResourceType: types.ResourceTypeImage, Tags: []types.Tag{{Key: aws.String("ring"), Value: aws.String("1")}}},
			{ResourceType: types.ResourceTypeSnapshot, Tags: []types.Tag{{Key: aws.String("of"), Value: aws.String("copy")}}},
		}
	})
	id := *must[*sdk.CopyImageOutput](t)(b.api.CopyImage(ctx, in, there)).ImageId
	again := *must[*sdk.CopyImageOutput](t)(b.api.CopyImage(ctx, in, there)).ImageId
	if again != id {
		t.Errorf("the same token made %s and %s", id, again)
	}
	if i := b.imageThere(id); i.State != types.ImageStatePending {
		t.Errorf("the copy is %s at once", i.State)
	}
	_, err := b.api.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{id}})
	wantCode(t, err, "InvalidAMIID.NotFound") // it is not in the source's region
	b.pass(30 * time.Minute)
	i := b.imageThere(id)
	tags := map[string]string{}
	for _, t := range i.Tags {
		tags[*t.Key] = *t.Value
	}
	if i.State != types.ImageStateAvailable || *i.SourceImageId != source || *i.SourceImageRegion != wiretest.Region || *i.Description != "for Frankfurt" {
		t.Errorf("copy: %+v", i)
	}
	if len(tags) != 2 || tags["run"] != "r1" || tags["ring"] != "1" {
		t.Errorf("tags of the copy: %v", tags)
	}
	snap := *i.BlockDeviceMappings[0].Ebs.SnapshotId
	n := must[*sdk.DescribeSnapshotsOutput](t)(b.api.DescribeSnapshots(ctx, &sdk.DescribeSnapshotsInput{SnapshotIds: []string{snap}}, there)).Snapshots[0]
	if n.State != types.SnapshotStateCompleted || *n.Encrypted || *n.Tags[0].Value != "copy" || snap == *b.image(source).BlockDeviceMappings[0].Ebs.SnapshotId {
		t.Errorf("its snapshot: %+v", n)
	}
	must[*sdk.DeregisterImageOutput](t)(b.api.DeregisterImage(ctx, &sdk.DeregisterImageInput{ImageId: &source, DeleteAssociatedSnapshots: aws.Bool(true)}))
	b.settle()
	launched := must[*sdk.RunInstancesOutput](t)(b.api.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) { in.ImageId = &id }), there))
	if *launched.Instances[0].ImageId != id {
		t.Errorf("launched from %s", *launched.Instances[0].ImageId)
	}
	err = b.w.Do(wiretest.Account, elsewhere, func(tx *world.Tx) error { _, _, err := b.s.SnapshotDisk(tx, snap); return err })
	if err != nil {
		t.Errorf("without its source the copy has no disk: %v", err)
	}
}

func TestACompletionTimeBoundsACopy(t *testing.T) {
	for minutes, code := range map[int64]string{15: "", 60: "", 7: "InvalidParameterValue", 2895: "InvalidParameterValue", -15: "InvalidParameterValue"} {
		b := newBench(t)
		out, err := b.api.CopyImage(ctx, copyInput(base, func(in *sdk.CopyImageInput) { in.SnapshotCopyCompletionDurationMinutes = &minutes }), there)
		if code != "" {
			wantCode(t, err, code)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b.pass(time.Duration(min(minutes, 30)) * time.Minute)
		if i := b.imageThere(*out.ImageId); i.State != types.ImageStateAvailable {
			t.Errorf("after %d minutes: %s", minutes, i.State)
		}
	}
}

func TestCopyImageRefuses(t *testing.T) {
	b := newBench(t)
	source := b.golden("golden-1")
	pending := b.createImage(b.running(), "golden-2")
	for name, c := range map[string]struct {
		edit func(*sdk.CopyImageInput)
		code string
	}{
		"an unknown image":            {func(in *sdk.CopyImageInput) { in.SourceImageId = aws.String("ami-0123456789abcdef0") }, "InvalidAMIID.NotFound"},
		"an image of another region":  {func(in *sdk.CopyImageInput) { in.SourceRegion = aws.String("us-east-1") }, "InvalidAMIID.NotFound"},
		"an image that is not shared": {func(in *sdk.CopyImageInput) { in.SourceImageId = aws.String(private) }, "InvalidAMIID.NotFound"},
		"a pending image":             {func(in *sdk.CopyImageInput) { in.SourceImageId = &pending }, "InvalidAMIID.Unavailable"},
		"a bad name":                  {func(in *sdk.CopyImageInput) { in.Name = aws.String("a*b") }, "InvalidAMIName.Malformed"},
		"a key without encryption":    {func(in *sdk.CopyImageInput) { in.KmsKeyId = aws.String("alias/k") }, "InvalidParameterDependency"},
		"tags of another kind": {func(in *sdk.CopyImageInput) {
			in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeInstance}}
		}, "InvalidParameterValue"},
		"an Outpost": {func(in *sdk.CopyImageInput) { in.DestinationOutpostArn = aws.String("arn:x") }, "UnsupportedOperation"},
		"a dry run":  {func(in *sdk.CopyImageInput) { in.DryRun = aws.Bool(true) }, "DryRunOperation"},
	} {
		_, err := b.api.CopyImage(ctx, copyInput(source, c.edit), there)
		t.Run(name, func(t *testing.T) { wantCode(t, err, c.code) })
	}
	must[*sdk.CopyImageOutput](t)(b.api.CopyImage(ctx, copyInput(source, nil), there))
	_, err := b.api.CopyImage(ctx, copyInput(source, func(in *sdk.CopyImageInput) { in.ClientToken = aws.String("other") }), there)
	wantCode(t, err, "InvalidAMIName.Duplicate")
	_, err = b.api.CopyImage(ctx, copyInput(source, func(in *sdk.CopyImageInput) { in.Name = aws.String("other") }), there)
	wantCode(t, err, "IdempotentParameterMismatch")
}

func TestAnImageSharedForLaunchIsCopiedOnlyWithItsSnapshot(t *testing.T) {
	b := newBench(t)
	source := b.golden("golden-1")
	must[*sdk.ModifyImageAttributeOutput](t)(b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{ImageId: &source, UserIds: []string{foreign}}))
	_, err := b.foreign.CopyImage(ctx, copyInput(source, nil), there)
	wantCode(t, err, "InvalidRequest")
	snap := b.image(source).BlockDeviceMappings[0].Ebs.SnapshotId
	must[*sdk.ModifySnapshotAttributeOutput](t)(b.api.ModifySnapshotAttribute(ctx, &sdk.ModifySnapshotAttributeInput{SnapshotId: snap, UserIds: []string{foreign}}))
	id := *must[*sdk.CopyImageOutput](t)(b.foreign.CopyImage(ctx, copyInput(source, func(in *sdk.CopyImageInput) { in.CopyImageTags = aws.Bool(true) }), there)).ImageId
	b.pass(time.Hour)
	i := must[*sdk.DescribeImagesOutput](t)(b.foreign.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{id}}, there)).Images[0]
	if i.State != types.ImageStateAvailable || *i.OwnerId != foreign || len(i.Tags) != 0 {
		t.Errorf("the other account's copy: %s of %s with tags %v", i.State, *i.OwnerId, i.Tags)
	}
}

func TestACopyFailsInTheRegionThatTheFaultNames(t *testing.T) {
	b := newBench(t)
	b.s.CopyFault = func(tx *world.Tx, name string) string {
		if tx.Region == elsewhere && strings.HasPrefix(name, "golden") {
			return "no capacity"
		}
		return ""
	}
	bad := *must[*sdk.CopyImageOutput](t)(b.api.CopyImage(ctx, copyInput(base, nil), there)).ImageId
	good := *must[*sdk.CopyImageOutput](t)(b.api.CopyImage(ctx, copyInput(base, nil))).ImageId
	b.pass(time.Hour)
	if i := b.imageThere(bad); i.State != types.ImageStateFailed || !strings.Contains(*i.StateReason.Message, "no capacity") {
		t.Errorf("in the region of the fault: %s, %+v", i.State, i.StateReason)
	}
	if i := b.image(good); i.State != types.ImageStateAvailable {
		t.Errorf("elsewhere: %s", i.State)
	}
	snap := b.imageThere(bad).BlockDeviceMappings[0].Ebs.SnapshotId
	n := must[*sdk.DescribeSnapshotsOutput](t)(b.api.DescribeSnapshots(ctx, &sdk.DescribeSnapshotsInput{SnapshotIds: []string{*snap}}, there)).Snapshots[0]
	if n.State != types.SnapshotStateError || *n.StateMessage != "no capacity" {
		t.Errorf("its snapshot: %s %v", n.State, n.StateMessage)
	}
}

// mute is a fault plan that fails everything and does not say why.
type mute struct{}

func (mute) Fault(string, string, time.Time, world.FaultKind, world.Subject) (string, bool) {
	return "", true
}

func TestACopyFailsEvenIfThePlanDoesNotSayWhy(t *testing.T) {
	b := newBench(t)
	b.w.SetFaults(mute{})
	id := *must[*sdk.CopyImageOutput](t)(b.api.CopyImage(ctx, copyInput(base, nil))).ImageId
	b.pass(time.Hour)
	if i := b.image(id); i.State != types.ImageStateFailed || i.StateReason == nil || *i.StateReason.Message == "" {
		t.Errorf("%s, %+v", i.State, i.StateReason)
	}
}

func TestASnapshotIsCopied(t *testing.T) {
	b := newBench(t)
	snap := b.image(b.golden("golden-1")).BlockDeviceMappings[0].Ebs.SnapshotId
	in := func() *sdk.CopySnapshotInput {
		return &sdk.CopySnapshotInput{SourceRegion: aws.String(wiretest.Region), SourceSnapshotId: snap, Description: aws.String("copy"),
			TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSnapshot, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}}}
	}
	out := must[*sdk.CopySnapshotOutput](t)(b.api.CopySnapshot(ctx, in(), there))
	find := &sdk.DescribeSnapshotsInput{SnapshotIds: []string{*out.SnapshotId}}
	if n := must[*sdk.DescribeSnapshotsOutput](t)(b.api.DescribeSnapshots(ctx, find, there)).Snapshots[0]; n.State != types.SnapshotStatePending || *out.Tags[0].Value != "v" {
		t.Errorf("at once: %+v, tags %v", n, out.Tags)
	}
	fast := func(o *sdk.SnapshotCompletedWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, time.Millisecond
		o.ClientOptions = append(o.ClientOptions, there)
	}
	if err := sdk.NewSnapshotCompletedWaiter(b.wall).Wait(ctx, find, time.Minute, fast); err != nil {
		t.Errorf("the SDK's waiter: %v", err)
	}
	if n := must[*sdk.DescribeSnapshotsOutput](t)(b.api.DescribeSnapshots(ctx, find, there)).Snapshots[0]; *n.VolumeSize != 8 || *n.Description != "copy" || n.CompletionTime == nil {
		t.Errorf("in the end: %+v", n)
	}
	_, err := b.foreign.CopySnapshot(ctx, in(), there)
	wantCode(t, err, "InvalidSnapshot.NotFound")
	for name, c := range map[string]struct {
		edit func(*sdk.CopySnapshotInput)
		code string
	}{
		"an unknown one":  {func(in *sdk.CopySnapshotInput) { in.SourceSnapshotId = aws.String("snap-0123456789abcdef0") }, "InvalidSnapshot.NotFound"},
		"no snapshot":     {func(in *sdk.CopySnapshotInput) { in.SourceSnapshotId = aws.String("ami-1") }, "InvalidSnapshotID.Malformed"},
		"a bad duration":  {func(in *sdk.CopySnapshotInput) { in.CompletionDurationMinutes = aws.Int32(20) }, "InvalidParameterValue"},
		"a pending one":   {func(in *sdk.CopySnapshotInput) { in.SourceSnapshotId = b.pendingSnapshot() }, "IncorrectState"},
		"to a Local Zone": {func(in *sdk.CopySnapshotInput) { in.DestinationAvailabilityZone = aws.String("x") }, "UnsupportedOperation"},
	} {
		in := in()
		c.edit(in)
		_, err := b.api.CopySnapshot(ctx, in, there)
		t.Run(name, func(t *testing.T) { wantCode(t, err, c.code) })
	}
}

func (b *bench) pendingSnapshot() *string {
	out := must[*sdk.CopyImageOutput](b.t)(b.api.CopyImage(ctx, copyInput(base, nil)))
	return b.image(*out.ImageId).BlockDeviceMappings[0].Ebs.SnapshotId
}
