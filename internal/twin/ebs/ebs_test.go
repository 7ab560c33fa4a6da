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
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ebs/types"

	"github.com/goldenami/rehydrate/internal/twin/ebs"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// disks is a port with snapshots snap-1 (a file), snap-2 (the same file), snap-3
// (ready at the third look), snap-4 (pending).
type disks struct {
	ebs.Disks // the rest is not asked for
	path      string
	looks     int
}

func (d *disks) SnapshotDisk(_ *world.Tx, id string) (string, int64, error) {
	switch id {
	case "snap-1", "snap-2":
		return d.path, 1 << 30, nil
	case "snap-3":
		if d.looks++; d.looks < 3 {
			return "", 0, &wire.Again{Err: errors.New("being written")}
		}
		return d.path, 1 << 30, nil
	case "snap-4":
		return "", 0, wire.Errorf("IncorrectState", "not completed")
	}
	return "", 0, wire.Errorf("InvalidSnapshot.NotFound", "no %s", id)
}

// open serves a sparse disk with data in blocks 0, 3, 150 and, in its last odd
// bytes, 200; block 5 was written with zeros.
func open(t *testing.T) (*sdk.Client, *world.World) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, at := range []struct {
		off  int64
		data []byte
	}{{0, []byte("boot")}, {3*ebs.BlockSize + 100, []byte("three")}, {5 * ebs.BlockSize, make([]byte, ebs.BlockSize)},
		{150 * ebs.BlockSize, bytes.Repeat([]byte("x"), ebs.BlockSize)}, {200 * ebs.BlockSize, []byte("tail")}} {
		if _, err := f.WriteAt(at.data, at.off); err != nil {
			t.Fatal(err)
		}
	}
	w := wiretest.World(t)
	return sdk.NewFromConfig(wiretest.Client(t, w, ebs.New(&disks{path: path}).Wire())), w
}

func list(t *testing.T, c *sdk.Client, in *sdk.ListSnapshotBlocksInput) *sdk.ListSnapshotBlocksOutput {
	t.Helper()
	out, err := c.ListSnapshotBlocks(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOnlyBlocksWithDataAreListed(t *testing.T) {
	t.Parallel()
	c, _ := open(t)
	out := list(t, c, &sdk.ListSnapshotBlocksInput{SnapshotId: aws.String("snap-1")})
	var got []int32
	for _, b := range out.Blocks {
		got = append(got, *b.BlockIndex)
	}
	if fmt.Sprint(got) != "[0 3 150 200]" {
		t.Errorf("blocks = %v", got)
	}
	if *out.BlockSize != ebs.BlockSize || *out.VolumeSize != 1 || !out.ExpiryTime.Equal(wiretest.Start.Add(7*24*time.Hour)) || out.NextToken != nil {
		t.Errorf("out = %+v", out)
	}
	out = list(t, c, &sdk.ListSnapshotBlocksInput{SnapshotId: aws.String("snap-1"), StartingBlockIndex: aws.Int32(4)})
	if len(out.Blocks) != 2 {
		t.Errorf("from 4: %d blocks", len(out.Blocks))
	}
}

func TestABlockComesWholeWithItsChecksum(t *testing.T) {
	t.Parallel()
	c, w := open(t)
	listed := list(t, c, &sdk.ListSnapshotBlocksInput{SnapshotId: aws.String("snap-1")})
	for i, want := range map[int]string{0: "boot", 3: "tail"} {
		b := listed.Blocks[i]
		out, err := c.GetSnapshotBlock(context.Background(), &sdk.GetSnapshotBlockInput{SnapshotId: aws.String("snap-1"), BlockIndex: b.BlockIndex, BlockToken: b.BlockToken})
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(out.BlockData)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		if len(data) != ebs.BlockSize || !bytes.HasPrefix(data, []byte(want+"\x00")) || *out.DataLength != ebs.BlockSize ||
			*out.Checksum != base64.StdEncoding.EncodeToString(sum[:]) || out.ChecksumAlgorithm != types.ChecksumAlgorithmChecksumAlgorithmSha256 {
			t.Errorf("block %d: %d bytes, %q, %+v", i, len(data), data[:8], out)
		}
	}
	var reads []string
	events, _ := w.Events()
	for _, e := range events {
		if e.Data["op"] == "GetSnapshotBlock" {
			reads = append(reads, fmt.Sprint(e.Data["snapshot"], " ", e.Data["block"]))
		}
	}
	if len(reads) != 2 {
		t.Errorf("logged reads: %v", reads)
	}
}

func TestPagesGoOnWhereTheLastEnded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, bytes.Repeat([]byte{1}, 250*ebs.BlockSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	c := sdk.NewFromConfig(wiretest.Client(t, wiretest.World(t), ebs.New(&disks{path: path}).Wire()))
	p := sdk.NewListSnapshotBlocksPaginator(c, &sdk.ListSnapshotBlocksInput{SnapshotId: aws.String("snap-1"), MaxResults: aws.Int32(100)})
	next, pages := int32(0), 0
	for p.HasMorePages() {
		page, err := p.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, b := range page.Blocks {
			if *b.BlockIndex != next {
				t.Fatalf("block %d after %d", *b.BlockIndex, next)
			}
			next++
		}
	}
	if next != 251 || pages != 3 {
		t.Errorf("%d blocks in %d pages", next, pages)
	}
}

func TestASnapshotBeingWrittenIsWaitedFor(t *testing.T) {
	t.Parallel()
	c, _ := open(t)
	if out := list(t, c, &sdk.ListSnapshotBlocksInput{SnapshotId: aws.String("snap-3")}); len(out.Blocks) != 4 {
		t.Errorf("%d blocks", len(out.Blocks))
	}
}

func TestBadRequestsAreAWSErrors(t *testing.T) {
	t.Parallel()
	c, w := open(t)
	ctx := context.Background()
	good := list(t, c, &sdk.ListSnapshotBlocksInput{SnapshotId: aws.String("snap-1")}).Blocks
	get := func(snapshot string, block int32, token string) error {
		_, err := c.GetSnapshotBlock(ctx, &sdk.GetSnapshotBlockInput{SnapshotId: &snapshot, BlockIndex: &block, BlockToken: &token})
		return err
	}
	listErr := func(in *sdk.ListSnapshotBlocksInput) error {
		_, err := c.ListSnapshotBlocks(ctx, in)
		return err
	}
	reasons := map[string]struct {
		err    error
		reason types.ValidationExceptionReason
	}{
		"another block's token":    {get("snap-1", 3, *good[0].BlockToken), types.ValidationExceptionReasonInvalidBlockToken},
		"another snapshot's token": {get("snap-2", 0, *good[0].BlockToken), types.ValidationExceptionReasonInvalidBlockToken},
		"a made-up token":          {get("snap-1", 0, "AAAA"), types.ValidationExceptionReasonInvalidBlockToken},
		"a block token as a page":  {listErr(&sdk.ListSnapshotBlocksInput{SnapshotId: aws.String("snap-1"), NextToken: good[0].BlockToken}), types.ValidationExceptionReasonInvalidPageToken},
		"beyond the end":           {listErr(&sdk.ListSnapshotBlocksInput{SnapshotId: aws.String("snap-1"), StartingBlockIndex: aws.Int32(1 << 20)}), "INVALID_PARAMETER_VALUE"},
		"a pending snapshot":       {listErr(&sdk.ListSnapshotBlocksInput{SnapshotId: aws.String("snap-4")}), types.ValidationExceptionReasonInvalidSnapshotId},
		"a page of 1":              {listErr(&sdk.ListSnapshotBlocksInput{SnapshotId: aws.String("snap-1"), MaxResults: aws.Int32(1)}), ""},
		"no snapshot id":           {get("ami-1", 0, "AAAA"), ""},
		"a token with a space":     {get("snap-1", 0, "A A"), ""},
	}
	w.Clock().Step(8 * 24 * time.Hour)
	reasons["an expired token"] = struct {
		err    error
		reason types.ValidationExceptionReason
	}{get("snap-1", 0, *good[0].BlockToken), types.ValidationExceptionReasonInvalidBlockToken}
	for name, test := range reasons {
		var e *types.ValidationException
		if !errors.As(test.err, &e) || e.Reason != test.reason {
			t.Errorf("%s: %v", name, test.err)
		}
	}
	var gone *types.ResourceNotFoundException
	if err := listErr(&sdk.ListSnapshotBlocksInput{SnapshotId: aws.String("snap-9")}); !errors.As(err, &gone) || gone.Reason != types.ResourceNotFoundExceptionReasonSnapshotNotFound {
		t.Errorf("unknown snapshot: %v", err)
	}
}
