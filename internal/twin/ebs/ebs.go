package ebs

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ebs/types"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// BlockSize is the size of a block in bytes ("EBS direct APIs", Amazon EBS User
// Guide: 512 KiB).
const BlockSize = 512 << 10

// Disks finds the disk image of a snapshot that the transaction's account may
// read. The file may be shorter than size; the rest is zeros. Its errors are AWS
// errors of EC2, or *wire.Again while the file is being written.
type Disks interface {
	SnapshotDisk(tx *world.Tx, id string) (path string, size int64, err error)
	// SnapshotLineage is equal for snapshots whose blocks can be compared.
	SnapshotLineage(tx *world.Tx, id string) string
	// BeginUpload makes a pending snapshot with an empty disk, Upload.File; fresh says
	// that it was made now.
	BeginUpload(tx *world.Tx, spec ec2.UploadSpec) (n ec2.Snapshot, fresh bool, err error)
	// UploadFile is the disk of a snapshot that is being written.
	UploadFile(tx *world.Tx, id string) (file string, size int64, err error)
	// EndUpload completes it.
	EndUpload(tx *world.Tx, id string) error
}

// Service is the EBS direct API.
type Service struct {
	disks Disks

	mu   sync.Mutex
	maps map[string]blockMap // by path
}

// New makes the service.
func New(d Disks) *Service { return &Service{disks: d, maps: map[string]blockMap{}} }

// Wire is the service with its operations. Its calls are logged with the snapshot
// and the block that they read.
func (s *Service) Wire() *wire.Service {
	w := wire.NewService("ebs")
	wire.Op(w, "ListSnapshotBlocks", s.ListSnapshotBlocks)
	wire.Op(w, "GetSnapshotBlock", s.GetSnapshotBlock)
	wire.Op(w, "ListChangedBlocks", s.ListChangedBlocks)
	wire.Op(w, "StartSnapshot", s.StartSnapshot)
	wire.Op(w, "PutSnapshotBlock", s.PutSnapshotBlock)
	wire.Op(w, "CompleteSnapshot", s.CompleteSnapshot)
	w.Notes = func(_ string, in any) map[string]any {
		switch in := in.(type) {
		case *ebs.ListSnapshotBlocksInput:
			return map[string]any{"snapshot": aws.ToString(in.SnapshotId)}
		case *ebs.GetSnapshotBlockInput:
			return map[string]any{"snapshot": aws.ToString(in.SnapshotId), "block": aws.ToInt32(in.BlockIndex)}
		}
		return nil
	}
	return w
}

// defaultPage is how many blocks a page has if the request does not say.
const defaultPage = 10000

// ListSnapshotBlocks names the blocks that hold anything but zeros: on EBS, blocks
// that were never written are not listed.
func (s *Service) ListSnapshotBlocks(tx *world.Tx, in *ebs.ListSnapshotBlocksInput) (*ebs.ListSnapshotBlocksOutput, error) {
	id := *in.SnapshotId
	path, size, err := s.find(tx, id)
	if err != nil {
		return nil, err
	}
	blocks, err := s.blocks(path)
	if err != nil {
		return nil, gone(err, id)
	}
	k := keyOf(tx)
	from := int64(aws.ToInt32(in.StartingBlockIndex))
	if in.NextToken != nil { // "If you specify NextToken, then StartingBlockIndex is ignored."
		if from, err = k.open(pageToken, id, *in.NextToken, tx.Now); err != nil {
			return nil, invalid("INVALID_PAGE_TOKEN", "The page token is not valid: %v.", err)
		}
	}
	if from*BlockSize >= size {
		return nil, invalid("INVALID_PARAMETER_VALUE", "The starting block index is beyond the volume's end.")
	}
	expires := tx.Now.Add(tokenLife)
	out := &ebs.ListSnapshotBlocksOutput{BlockSize: aws.Int32(BlockSize), VolumeSize: aws.Int64(size >> 30), ExpiryTime: &expires, Blocks: []types.Block{}}
	page := int(aws.ToInt32(in.MaxResults))
	if page == 0 {
		page = defaultPage
	}
	for _, b := range blocks {
		if b < from {
			continue
		}
		if len(out.Blocks) == page {
			out.NextToken = aws.String(k.seal(pageToken, id, b, expires))
			break
		}
		out.Blocks = append(out.Blocks, types.Block{BlockIndex: aws.Int32(int32(b)), BlockToken: aws.String(k.seal(blockToken, id, b, expires))}) //nolint:gosec // a volume has at most 2^27 blocks
	}
	return out, nil
}

// GetSnapshotBlock reads one block, with its SHA-256.
func (s *Service) GetSnapshotBlock(tx *world.Tx, in *ebs.GetSnapshotBlockInput) (*ebs.GetSnapshotBlockOutput, error) {
	id, index := *in.SnapshotId, int64(*in.BlockIndex)
	path, size, err := s.find(tx, id)
	if err != nil {
		return nil, err
	}
	of, err := keyOf(tx).open(blockToken, id, *in.BlockToken, tx.Now)
	if err == nil && of != index {
		err = errors.New("it belongs to another block")
	}
	if err != nil {
		return nil, invalid("INVALID_BLOCK_TOKEN", "The block token is not valid: %v.", err)
	}
	data, err := readBlock(path, index, size)
	if err != nil {
		return nil, gone(err, id)
	}
	sum := sha256.Sum256(data)
	return &ebs.GetSnapshotBlockOutput{
		BlockData: io.NopCloser(strings.NewReader(string(data))), DataLength: aws.Int32(int32(len(data))), //nolint:gosec // BlockSize
		Checksum: aws.String(base64.StdEncoding.EncodeToString(sum[:])), ChecksumAlgorithm: types.ChecksumAlgorithmChecksumAlgorithmSha256,
	}, nil
}

func readBlock(path string, index, size int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the snapshot's disk: %w", err)
	}
	defer f.Close()
	data := make([]byte, min(BlockSize, size-index*BlockSize))
	if _, err := f.ReadAt(data, index*BlockSize); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read block %d of the snapshot's disk: %w", index, err)
	}
	return data, nil
}

// find is a snapshot's disk.
func (s *Service) find(tx *world.Tx, id string) (string, int64, error) {
	path, size, err := s.disks.SnapshotDisk(tx, id)
	return path, size, translate(err, id)
}

// translate turns EC2's errors into those of this API.
func translate(err error, id string) error {
	var again *wire.Again
	var e *wire.Error
	switch {
	case errors.As(err, &again):
		return &wire.Again{Err: &wire.Error{Code: "RequestThrottledException", Message: "The snapshot is still being written.",
			Fields: map[string]string{"Reason": "ACCOUNT_THROTTLED"}}}
	case errors.As(err, &e) && strings.HasPrefix(e.Code, "InvalidSnapshot"):
		return notFound("The snapshot '%s' does not exist.", id)
	case !errors.As(err, &e):
		return err
	case e.Code == "IdempotentParameterMismatch":
		return &wire.Error{Code: "ConflictException", Message: e.Message, Status: 409}
	case e.Code == "KMSAccessDenied":
		return &wire.Error{Code: "AccessDeniedException", Message: e.Message, Status: 403, Fields: map[string]string{"Reason": "DEPENDENCY_ACCESS_DENIED"}}
	case e.Code == "IncorrectState":
		return invalid("INVALID_SNAPSHOT_ID", "%s", e.Message)
	}
	return invalid("INVALID_PARAMETER_VALUE", "%s", e.Message)
}

func invalid(reason, format string, args ...any) error {
	return &wire.Error{Code: "ValidationException", Message: fmt.Sprintf(format, args...), Fields: map[string]string{"Reason": reason}}
}
