// Package blocks reads EBS snapshots through the EBS direct API.
package blocks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ebs/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	disk "github.com/goldenami/rehydrate/internal/osimage/ebs"
)

// API is what the adapter calls.
type API interface {
	ListSnapshotBlocks(context.Context, *ebs.ListSnapshotBlocksInput, ...func(*ebs.Options)) (*ebs.ListSnapshotBlocksOutput, error)
	GetSnapshotBlock(context.Context, *ebs.GetSnapshotBlockInput, ...func(*ebs.Options)) (*ebs.GetSnapshotBlockOutput, error)
}

var (
	_ API         = (*ebs.Client)(nil)
	_ disk.Blocks = Blocks{}
)

// Blocks lists and gets a snapshot's blocks.
type Blocks struct{ API API }

// New is the adapter over a session.
func New(s *session.Session) Blocks { return Blocks{ebs.NewFromConfig(s.Config())} }

const (
	// maxBlock is more than any block that the API states today (512 KiB).
	maxBlock = 64 << 20
	// maxGiB is the largest volume that there is.
	maxGiB = 64 << 10
	// pageSize is the most blocks of a page.
	pageSize = 10000
	// tries is how often a block is asked for whose bytes came broken; the SDK itself
	// tries again only until the body begins.
	tries = 3
)

// Page lists blocks that hold data.
func (b Blocks) Page(ctx context.Context, snapshot string, from int64, next string) (disk.Page, error) {
	in := &ebs.ListSnapshotBlocksInput{SnapshotId: &snapshot, MaxResults: aws.Int32(pageSize)}
	if next != "" {
		in.NextToken = &next
	} else if from > 0 {
		in.StartingBlockIndex = aws.Int32(int32(min(from, math.MaxInt32))) //nolint:gosec // volumes end at 64 TiB, far below
	}
	page, err := b.API.ListSnapshotBlocks(ctx, in)
	if err != nil {
		return disk.Page{}, wrap(err, "list the blocks of snapshot %s", snapshot)
	}
	if n := aws.ToInt64(page.VolumeSize); n <= 0 || n > maxGiB {
		return disk.Page{}, fault.New(fault.Failed, "", "list the blocks of snapshot %s: a volume of %d GiB there is not", snapshot, n)
	}
	out := disk.Page{BlockSize: int(aws.ToInt32(page.BlockSize)), VolumeSize: aws.ToInt64(page.VolumeSize) << 30, // the API states GiB
		Expires: aws.ToTime(page.ExpiryTime), Next: aws.ToString(page.NextToken), Blocks: make([]disk.Block, len(page.Blocks))}
	for i, x := range page.Blocks {
		if x.BlockIndex == nil {
			return disk.Page{}, fault.New(fault.Failed, "", "list the blocks of snapshot %s: a block has no index", snapshot)
		}
		out.Blocks[i] = disk.Block{Index: int64(*x.BlockIndex), Token: aws.ToString(x.BlockToken)}
	}
	return out, nil
}

// Get reads one block whole and verifies the checksum that came with it. Broken bytes
// are asked for again.
func (b Blocks) Get(ctx context.Context, snapshot string, index int64, token string) (data []byte, err error) {
	for range tries {
		var again bool
		if data, again, err = b.get(ctx, snapshot, index, token); err == nil || !again || ctx.Err() != nil {
			break
		}
	}
	return data, err
}

func (b Blocks) get(ctx context.Context, snapshot string, index int64, token string) (data []byte, again bool, err error) {
	const what = "get block %d of snapshot %s"
	i := int32(index) //nolint:gosec // volumes end at 64 TiB, far below
	out, err := b.API.GetSnapshotBlock(ctx, &ebs.GetSnapshotBlockInput{SnapshotId: &snapshot, BlockIndex: &i, BlockToken: &token})
	if err != nil {
		return nil, false, wrap(err, what, index, snapshot)
	}
	defer out.BlockData.Close()
	if data, err = read(out); err != nil {
		return nil, true, wrap(err, what, index, snapshot)
	}
	if n := aws.ToInt32(out.DataLength); n != 0 && int(n) != len(data) {
		return nil, true, fault.New(fault.Failed, "try again", what+": %d bytes came, %d were announced", index, snapshot, len(data), n)
	}
	sum := sha256.Sum256(data)
	if got := base64.StdEncoding.EncodeToString(sum[:]); got != aws.ToString(out.Checksum) {
		return nil, true, fault.New(fault.Failed, "try again", what+": the checksum does not match the data", index, snapshot)
	}
	return data, false, nil
}

// read takes the body into a buffer of the announced size, which need not grow.
func read(out *ebs.GetSnapshotBlockOutput) ([]byte, error) {
	var b bytes.Buffer
	if n := aws.ToInt32(out.DataLength); n > 0 && n <= maxBlock {
		b.Grow(int(n) + bytes.MinRead)
	}
	_, err := b.ReadFrom(http.MaxBytesReader(nil, out.BlockData, maxBlock))
	return b.Bytes(), err
}

// wrap is awscloud.Wrap; a token that is refused can be told from other errors.
func wrap(err error, format string, args ...any) error {
	var v *types.ValidationException
	if errors.As(err, &v) && (v.Reason == types.ValidationExceptionReasonInvalidBlockToken || v.Reason == types.ValidationExceptionReasonInvalidPageToken) {
		return tokenError{awscloud.Wrap(err, format, args...)}
	}
	return awscloud.Wrap(err, format, args...)
}

// tokenError is an error that is a disk.ErrToken too.
type tokenError struct{ error }

func (e tokenError) Unwrap() []error { return []error{e.error, disk.ErrToken} }
