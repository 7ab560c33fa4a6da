package ebs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ebs/types"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin/ebs"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// rig is EBS direct over EC2, for two accounts.
type rig struct {
	t           *testing.T
	w           *world.World
	dir         string
	c, foreign  *sdk.Client
	compute     *sdkec2.Client
	wallCompute *sdkec2.Client
}

var ctx = context.Background()

func start(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), w: wiretest.World(t)}
	s := ec2.New(r.w, nil, r.dir)
	h := wiretest.Handler(t, r.w, s.Wire(), ebs.New(s).Wire())
	cfg := wiretest.Config(h, "test")
	r.c, r.compute, r.wallCompute = sdk.NewFromConfig(cfg), sdkec2.NewFromConfig(cfg), sdkec2.NewFromConfig(wiretest.Config(h, ""))
	cfg.Credentials = wiretest.Key("222222222222")
	r.foreign = sdk.NewFromConfig(cfg)
	r.w.Start()
	return r
}

// block is a block that begins with text.
func block(text string) []byte { return append([]byte(text), make([]byte, ebs.BlockSize-len(text))...) }

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return base64.StdEncoding.EncodeToString(s[:])
}

func (r *rig) begin(edit func(*sdk.StartSnapshotInput)) string {
	r.t.Helper()
	in := &sdk.StartSnapshotInput{VolumeSize: aws.Int64(1)}
	if edit != nil {
		edit(in)
	}
	out, err := r.c.StartSnapshot(ctx, in)
	if err != nil {
		r.t.Fatal(err)
	}
	if out.Status != types.StatusPending || *out.BlockSize != ebs.BlockSize || *out.OwnerId != wiretest.Account {
		r.t.Errorf("started: %+v", out)
	}
	return *out.SnapshotId
}

func (r *rig) put(c *sdk.Client, id string, index int32, data []byte, edit func(*sdk.PutSnapshotBlockInput)) error {
	in := &sdk.PutSnapshotBlockInput{SnapshotId: &id, BlockIndex: &index, BlockData: bytes.NewReader(data), DataLength: aws.Int32(int32(len(data))),
		Checksum: aws.String(sum(data)), ChecksumAlgorithm: types.ChecksumAlgorithmChecksumAlgorithmSha256}
	if edit != nil {
		edit(in)
	}
	out, err := c.PutSnapshotBlock(ctx, in)
	if err == nil && *out.Checksum != *in.Checksum {
		r.t.Errorf("checksum %s answered", *out.Checksum)
	}
	return err
}

// write puts blocks and completes the snapshot.
func (r *rig) write(id string, blocks map[int32]string) {
	r.t.Helper()
	for index, text := range blocks {
		if err := r.put(r.c, id, index, block(text), nil); err != nil {
			r.t.Fatal(err)
		}
	}
	out, err := r.c.CompleteSnapshot(ctx, &sdk.CompleteSnapshotInput{SnapshotId: &id, ChangedBlocksCount: aws.Int32(int32(len(blocks)))})
	if err != nil || out.Status != types.StatusPending {
		r.t.Fatalf("complete: %+v, %v", out, err)
	}
	r.w.Clock().Step(time.Minute)
}

func (r *rig) read(id string) string {
	r.t.Helper()
	var out []string
	for _, b := range list(r.t, r.c, &sdk.ListSnapshotBlocksInput{SnapshotId: &id}).Blocks {
		got, err := r.c.GetSnapshotBlock(ctx, &sdk.GetSnapshotBlockInput{SnapshotId: &id, BlockIndex: b.BlockIndex, BlockToken: b.BlockToken})
		if err != nil {
			r.t.Fatal(err)
		}
		data, err := io.ReadAll(got.BlockData)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d=%s", *b.BlockIndex, bytes.TrimRight(data, "\x00")))
	}
	return strings.Join(out, " ")
}

func TestWhatIsWrittenIsReadAndRegistered(t *testing.T) {
	t.Parallel()
	r := start(t)
	edit := func(in *sdk.StartSnapshotInput) {
		in.ClientToken, in.Description = aws.String("run/upload"), aws.String("uploaded")
		in.Tags = []types.Tag{{Key: aws.String("run"), Value: aws.String("r1")}}
	}
	id := r.begin(edit)
	if again := r.begin(edit); again != id {
		t.Errorf("the same token made %s and %s", id, again)
	}
	if err := r.put(r.c, id, 3, block("first try"), nil); err != nil {
		t.Fatal(err)
	}
	r.write(id, map[int32]string{0: "boot", 3: "three", 2047: "last"})
	if got := r.read(id); got != "0=boot 3=three 2047=last" {
		t.Errorf("read back: %s", got)
	}
	find := &sdkec2.DescribeSnapshotsInput{SnapshotIds: []string{id}}
	if err := sdkec2.NewSnapshotCompletedWaiter(r.compute).Wait(ctx, find, time.Minute); err != nil {
		t.Error(err)
	}
	out, err := r.compute.DescribeSnapshots(ctx, find)
	if err != nil || *out.Snapshots[0].Tags[0].Value != "r1" || *out.Snapshots[0].Description != "uploaded" {
		t.Errorf("snapshot %+v, %v", out, err)
	}
	_, err = r.compute.RegisterImage(ctx, &sdkec2.RegisterImageInput{VirtualizationType: aws.String("hvm"), Name: aws.String("uploaded"), RootDeviceName: aws.String("/dev/xvda"), Architecture: "x86_64",
		BlockDeviceMappings: []ec2types.BlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &ec2types.EbsBlockDevice{SnapshotId: &id}}}})
	if err != nil {
		t.Error(err)
	}
}

func wantReason(t *testing.T, name string, err error, reason types.ValidationExceptionReason) {
	t.Helper()
	var e *types.ValidationException
	if !errors.As(err, &e) || e.Reason != reason {
		t.Errorf("%s: %v, want reason %s", name, err, reason)
	}
}

func TestABadBlockIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t)
	id := r.begin(nil)
	good := block("x")
	for name, c := range map[string]struct {
		index int32
		data  []byte
		edit  func(*sdk.PutSnapshotBlockInput)
	}{
		"too short":        {0, []byte("short"), nil},
		"too long":         {0, append(block("x"), 1), nil},
		"another length":   {0, good, func(in *sdk.PutSnapshotBlockInput) { in.DataLength = aws.Int32(7) }},
		"another checksum": {0, good, func(in *sdk.PutSnapshotBlockInput) { in.Checksum = aws.String(sum([]byte("y"))) }},
		"beyond the end":   {2048, good, nil},
	} {
		wantReason(t, name, r.put(r.c, id, c.index, c.data, c.edit), types.ValidationExceptionReasonInvalidBlock)
	}
	var none *types.ResourceNotFoundException
	if err := r.put(r.foreign, id, 0, good, nil); !errors.As(err, &none) {
		t.Errorf("another account writes: %v", err)
	}
	if err := r.put(r.c, "snap-0123456789abcdef0", 0, good, nil); !errors.As(err, &none) {
		t.Errorf("an unknown snapshot: %v", err)
	}
}

func TestCompletingChecksCountAndChecksum(t *testing.T) {
	t.Parallel()
	r := start(t)
	id := r.begin(nil)
	a, b := block("a"), block("b")
	for index, data := range map[int32][]byte{9: a, 2: b} {
		if err := r.put(r.c, id, index, data, nil); err != nil {
			t.Fatal(err)
		}
	}
	x, y := sha256.Sum256(b), sha256.Sum256(a)
	whole := sum(append(x[:], y[:]...))
	complete := func(c *sdk.Client, count int32, checksum string) error {
		_, err := c.CompleteSnapshot(ctx, &sdk.CompleteSnapshotInput{SnapshotId: &id, ChangedBlocksCount: &count, Checksum: &checksum,
			ChecksumAlgorithm: types.ChecksumAlgorithmChecksumAlgorithmSha256, ChecksumAggregationMethod: types.ChecksumAggregationMethodChecksumAggregationLinear})
		return err
	}
	wantReason(t, "a wrong count", complete(r.c, 3, whole), types.ValidationExceptionReasonInvalidParameterValue)
	wantReason(t, "a wrong checksum", complete(r.c, 2, sum(a)), types.ValidationExceptionReasonInvalidParameterValue)
	var none *types.ResourceNotFoundException
	if err := complete(r.foreign, 2, whole); !errors.As(err, &none) {
		t.Errorf("another account: %v", err)
	}
	_, err := r.c.ListSnapshotBlocks(ctx, &sdk.ListSnapshotBlocksInput{SnapshotId: &id})
	wantReason(t, "reading what is not complete", err, types.ValidationExceptionReasonInvalidSnapshotId)
	if err := complete(r.c, 2, whole); err != nil {
		t.Fatal(err)
	}
	wantReason(t, "completing twice", complete(r.c, 2, whole), types.ValidationExceptionReasonInvalidSnapshotId)
	wantReason(t, "writing after the end", r.put(r.c, id, 0, a, nil), types.ValidationExceptionReasonInvalidSnapshotId)
}

func TestStartSnapshotRefuses(t *testing.T) {
	t.Parallel()
	r := start(t)
	parent := r.begin(func(in *sdk.StartSnapshotInput) { in.VolumeSize = aws.Int64(2) })
	pending := r.begin(nil)
	r.write(parent, map[int32]string{0: "x"})
	for name, c := range map[string]struct {
		edit   func(*sdk.StartSnapshotInput)
		reason types.ValidationExceptionReason
	}{
		"too large":            {func(in *sdk.StartSnapshotInput) { in.VolumeSize = aws.Int64(1 << 20) }, types.ValidationExceptionReasonInvalidVolumeSize},
		"less than its parent": {func(in *sdk.StartSnapshotInput) { in.ParentSnapshotId = &parent }, types.ValidationExceptionReasonInvalidParameterValue},
		"of a pending parent":  {func(in *sdk.StartSnapshotInput) { in.ParentSnapshotId = &pending }, types.ValidationExceptionReasonInvalidSnapshotId},
		"another key": {func(in *sdk.StartSnapshotInput) {
			in.VolumeSize, in.ParentSnapshotId, in.Encrypted = aws.Int64(2), &parent, aws.Bool(true)
		}, types.ValidationExceptionReasonInvalidParameterValue},
		"a key, not encrypted": {func(in *sdk.StartSnapshotInput) {
			in.KmsKeyArn = aws.String("arn:aws:kms:eu-west-1:111111111111:key/x")
		}, types.ValidationExceptionReasonInvalidParameterValue},
		"a timeout of 1 minute": {func(in *sdk.StartSnapshotInput) { in.Timeout = aws.Int32(1) }, ""},
	} {
		in := &sdk.StartSnapshotInput{VolumeSize: aws.Int64(1)}
		c.edit(in)
		_, err := r.c.StartSnapshot(ctx, in)
		wantReason(t, name, err, c.reason)
	}
	token := aws.String("t")
	r.begin(func(in *sdk.StartSnapshotInput) { in.ClientToken = token })
	var conflict *types.ConflictException
	if _, err := r.c.StartSnapshot(ctx, &sdk.StartSnapshotInput{VolumeSize: aws.Int64(3), ClientToken: token}); !errors.As(err, &conflict) {
		t.Errorf("a token with other parameters: %v", err)
	}
	var denied *types.AccessDeniedException
	_, err := r.c.StartSnapshot(ctx, &sdk.StartSnapshotInput{VolumeSize: aws.Int64(1), Encrypted: aws.Bool(true), KmsKeyArn: aws.String("arn:aws:kms:eu-west-1:222222222222:key/x")})
	if !errors.As(err, &denied) {
		t.Errorf("a key that is not there: %v", err)
	}
	var none *types.ResourceNotFoundException
	if _, err := r.foreign.StartSnapshot(ctx, &sdk.StartSnapshotInput{VolumeSize: aws.Int64(2), ParentSnapshotId: &parent}); !errors.As(err, &none) {
		t.Errorf("another account's parent: %v", err)
	}
	sealed := r.begin(func(in *sdk.StartSnapshotInput) { in.Encrypted = aws.Bool(true) })
	out, err := r.compute.DescribeSnapshots(ctx, &sdkec2.DescribeSnapshotsInput{SnapshotIds: []string{sealed}})
	if err != nil || !*out.Snapshots[0].Encrypted || out.Snapshots[0].KmsKeyId == nil {
		t.Errorf("encrypted: %+v, %v", out, err)
	}
}

func TestASnapshotThatIsNotCompletedInTimeFails(t *testing.T) {
	t.Parallel()
	r := start(t)
	id := r.begin(func(in *sdk.StartSnapshotInput) { in.Timeout = aws.Int32(10) })
	state := func() ec2types.Snapshot {
		out, err := r.wallCompute.DescribeSnapshots(ctx, &sdkec2.DescribeSnapshotsInput{SnapshotIds: []string{id}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Snapshots[0]
	}
	r.w.Clock().Step(9 * time.Minute)
	if err := r.put(r.c, id, 0, block("x"), nil); err != nil {
		t.Fatal(err)
	}
	r.w.Clock().Step(9 * time.Minute) // the write has begun the time anew
	if s := state(); s.State != ec2types.SnapshotStatePending {
		t.Errorf("in time: %s", s.State)
	}
	r.w.Clock().Step(2 * time.Minute)
	if s := state(); s.State != ec2types.SnapshotStateError || s.StateMessage == nil {
		t.Errorf("too late: %+v", s)
	}
	wantReason(t, "a late write", r.put(r.c, id, 0, block("x"), nil), types.ValidationExceptionReasonInvalidSnapshotId)
}

func TestAMissingDiskIsAnAWSError(t *testing.T) {
	t.Parallel()
	r := start(t)
	id, open := r.begin(nil), r.begin(nil)
	r.write(id, map[int32]string{0: "x"})
	b := list(t, r.c, &sdk.ListSnapshotBlocksInput{SnapshotId: &id}).Blocks[0]
	if err := os.RemoveAll(filepath.Join(r.dir, "disks")); err != nil {
		t.Fatal(err)
	}
	_, listed := r.c.ListSnapshotBlocks(ctx, &sdk.ListSnapshotBlocksInput{SnapshotId: &id})
	_, got := r.c.GetSnapshotBlock(ctx, &sdk.GetSnapshotBlockInput{SnapshotId: &id, BlockIndex: b.BlockIndex, BlockToken: b.BlockToken})
	_, changed := r.c.ListChangedBlocks(ctx, &sdk.ListChangedBlocksInput{SecondSnapshotId: &id})
	_, child := r.c.StartSnapshot(ctx, &sdk.StartSnapshotInput{VolumeSize: aws.Int64(1), ParentSnapshotId: &id})
	for name, err := range map[string]error{"list": listed, "get": got, "changed": changed, "child": child, "put": r.put(r.c, open, 0, block("x"), nil)} {
		var e smithy.APIError
		if !errors.As(err, &e) || e.ErrorCode() != "ResourceNotFoundException" || e.ErrorFault() == smithy.FaultServer {
			t.Errorf("%s: %v", name, err)
		}
	}
}
