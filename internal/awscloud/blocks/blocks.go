// Package blocks reads EBS snapshots through the EBS direct API.
package blocks

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ebs"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	disk "github.com/goldenami/rehydrate/internal/osimage/ebs"
)

// API is what the adapter calls.
type API interface {
	ebs.ListSnapshotBlocksAPIClient
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

// maxBlock is more than any block that the API states today (512 KiB).
const maxBlock = 64 << 20

// List names the blocks that hold data.
func (b Blocks) List(ctx context.Context, snapshot string) (disk.Listing, error) {
	out := disk.Listing{Tokens: map[int64]string{}}
	p := ebs.NewListSnapshotBlocksPaginator(b.API, &ebs.ListSnapshotBlocksInput{SnapshotId: &snapshot, MaxResults: aws.Int32(10000)})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return disk.Listing{}, awscloud.Wrap(err, "list the blocks of snapshot %s", snapshot)
		}
		for _, x := range page.Blocks {
			out.Tokens[int64(aws.ToInt32(x.BlockIndex))] = aws.ToString(x.BlockToken)
		}
		out.BlockSize = int(aws.ToInt32(page.BlockSize))
		out.VolumeSize = aws.ToInt64(page.VolumeSize) << 30 // the API states GiB
		out.Expires = aws.ToTime(page.ExpiryTime)
	}
	return out, nil
}

// Get reads one block whole and verifies the checksum that came with it.
func (b Blocks) Get(ctx context.Context, snapshot string, index int64, token string) ([]byte, error) {
	const what = "get block %d of snapshot %s"
	i := int32(index) //nolint:gosec // volumes end at 64 TiB, far below
	out, err := b.API.GetSnapshotBlock(ctx, &ebs.GetSnapshotBlockInput{SnapshotId: &snapshot, BlockIndex: &i, BlockToken: &token})
	if err != nil {
		return nil, awscloud.Wrap(err, what, index, snapshot)
	}
	defer out.BlockData.Close()
	data, err := io.ReadAll(http.MaxBytesReader(nil, out.BlockData, maxBlock))
	if err != nil {
		return nil, awscloud.Wrap(err, what, index, snapshot)
	}
	if n := aws.ToInt32(out.DataLength); n != 0 && int(n) != len(data) {
		return nil, fault.New(fault.Failed, "try again", what+": %d bytes came, %d were announced", index, snapshot, len(data), n)
	}
	sum := sha256.Sum256(data)
	if got := base64.StdEncoding.EncodeToString(sum[:]); got != aws.ToString(out.Checksum) {
		return nil, fault.New(fault.Failed, "try again", what+": the checksum does not match the data", index, snapshot)
	}
	return data, nil
}
