package ebs

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ebs/types"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Bounds of StartSnapshot, API Reference: the largest volume in GiB, and the minutes
// without a write after which a snapshot fails.
const (
	maxVolume      = 65536
	defaultTimeout = 60
)

// written are the checksums of the blocks written to a snapshot, by index.
func written(tx *world.Tx, id string) *world.Rows[string] {
	return world.Table[string](tx, "ebs/written/"+id)
}

// StartSnapshot begins a snapshot. Its parent's blocks are in it from the start.
func (s *Service) StartSnapshot(tx *world.Tx, in *ebs.StartSnapshotInput) (*ebs.StartSnapshotOutput, error) {
	if *in.VolumeSize > maxVolume {
		return nil, invalid("INVALID_VOLUME_SIZE", "The volume size of %d GiB is more than %d.", *in.VolumeSize, maxVolume)
	}
	if in.KmsKeyArn != nil && !aws.ToBool(in.Encrypted) {
		return nil, invalid("INVALID_PARAMETER_VALUE", "KmsKeyArn needs Encrypted.")
	}
	spec := ec2.UploadSpec{
		Size: int32(*in.VolumeSize), Parent: aws.ToString(in.ParentSnapshotId), Description: aws.ToString(in.Description),
		Encrypted: aws.ToBool(in.Encrypted), Key: aws.ToString(in.KmsKeyArn), ClientToken: aws.ToString(in.ClientToken), Timeout: defaultTimeout * time.Minute,
	}
	if in.Timeout != nil {
		spec.Timeout = time.Duration(*in.Timeout) * time.Minute
	}
	for _, t := range in.Tags {
		if spec.Tags == nil {
			spec.Tags = map[string]string{}
		}
		spec.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	base := ""
	if spec.Parent != "" {
		var err error
		if base, _, err = s.find(tx, spec.Parent); err != nil {
			return nil, err
		}
	}
	n, fresh, err := s.disks.BeginUpload(tx, spec)
	if err != nil {
		return nil, translate(err, spec.Parent)
	}
	if fresh && base != "" {
		if err := s.copyBlocks(base, n.Upload.File); err != nil {
			return nil, gone(err, spec.Parent)
		}
	}
	out := &ebs.StartSnapshotOutput{
		SnapshotId: &n.ID, OwnerId: &n.Owner, VolumeSize: aws.Int64(int64(n.Size)), BlockSize: aws.Int32(BlockSize), StartTime: &n.Started,
		Status: types.Status(n.State), Description: in.Description, ParentSnapshotId: in.ParentSnapshotId, Tags: in.Tags,
	}
	if n.Key != "" {
		out.KmsKeyArn = &n.Key
	}
	return out, nil
}

// copyBlocks copies what is not zeros.
func (s *Service) copyBlocks(from, to string) error {
	blocks, err := s.blocks(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		var data []byte
		if data, err = readBlock(from, b, (b+1)*BlockSize); err != nil {
			break
		}
		if _, err = f.WriteAt(data, b*BlockSize); err != nil {
			break
		}
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// PutSnapshotBlock writes one whole block whose SHA-256 must be the one that is sent.
func (s *Service) PutSnapshotBlock(tx *world.Tx, in *ebs.PutSnapshotBlockInput) (*ebs.PutSnapshotBlockOutput, error) {
	id, index := *in.SnapshotId, int64(*in.BlockIndex)
	data, err := io.ReadAll(io.LimitReader(in.BlockData, BlockSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the block: %w", err)
	}
	if len(data) != BlockSize || *in.DataLength != BlockSize {
		return nil, invalid("INVALID_BLOCK", "A block has %d bytes; %d of %d came.", BlockSize, len(data), *in.DataLength)
	}
	sum := sha256.Sum256(data)
	text := base64.StdEncoding.EncodeToString(sum[:])
	if *in.Checksum != text {
		return nil, invalid("INVALID_BLOCK", "The checksum does not match the block: %s was computed.", text)
	}
	file, size, err := s.disks.UploadFile(tx, id)
	if err != nil {
		return nil, translate(err, id)
	}
	if index*BlockSize >= size {
		return nil, invalid("INVALID_BLOCK", "The block index is beyond the volume's end.")
	}
	if err := putBlock(file, index, data); err != nil {
		return nil, gone(err, id)
	}
	written(tx, id).Put(fmt.Sprintf("%09d", index), text)
	return &ebs.PutSnapshotBlockOutput{Checksum: &text, ChecksumAlgorithm: types.ChecksumAlgorithmChecksumAlgorithmSha256}, nil
}

func putBlock(file string, index int64, data []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, index*BlockSize)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// CompleteSnapshot seals a snapshot. The count must be that of the blocks written
// and, with the method LINEAR, the checksum that of the blocks' checksums in order.
// AWS lets a snapshot end in error where these differ; here the call is refused.
func (s *Service) CompleteSnapshot(tx *world.Tx, in *ebs.CompleteSnapshotInput) (*ebs.CompleteSnapshotOutput, error) {
	id := *in.SnapshotId
	if _, _, err := s.disks.UploadFile(tx, id); err != nil {
		return nil, translate(err, id)
	}
	sums := map[int]string{}
	for key, sum := range written(tx, id).All() {
		n, err := strconv.Atoi(key)
		if err != nil {
			return nil, fmt.Errorf("read the blocks of snapshot %s: %w", id, err)
		}
		sums[n] = sum
	}
	if len(sums) != int(*in.ChangedBlocksCount) {
		return nil, invalid("INVALID_PARAMETER_VALUE", "%d blocks were written, not %d.", len(sums), *in.ChangedBlocksCount)
	}
	if in.Checksum != nil {
		if in.ChecksumAggregationMethod != types.ChecksumAggregationMethodChecksumAggregationLinear || in.ChecksumAlgorithm != types.ChecksumAlgorithmChecksumAlgorithmSha256 {
			return nil, invalid("INVALID_PARAMETER_VALUE", "A checksum needs ChecksumAlgorithm SHA256 and ChecksumAggregationMethod LINEAR.")
		}
		if got := linear(sums); got != *in.Checksum {
			return nil, invalid("INVALID_PARAMETER_VALUE", "The checksum does not match the blocks: %s was computed.", got)
		}
	}
	if err := s.disks.EndUpload(tx, id); err != nil {
		return nil, translate(err, id)
	}
	for n := range sums {
		written(tx, id).Delete(fmt.Sprintf("%09d", n))
	}
	return &ebs.CompleteSnapshotOutput{Status: types.StatusPending}, nil
}

// linear is the checksum over the blocks' checksums in the order of their indexes
// ("Use checksums with the EBS direct APIs to validate snapshot data", EBS User Guide).
func linear(sums map[int]string) string {
	var order []int
	for n := range sums {
		order = append(order, n)
	}
	slices.Sort(order)
	var all bytes.Buffer
	for _, n := range order {
		raw, _ := base64.StdEncoding.DecodeString(sums[n]) // we encoded it
		all.Write(raw)
	}
	sum := sha256.Sum256(all.Bytes())
	return base64.StdEncoding.EncodeToString(sum[:])
}

// gone says that a snapshot's file is missing: for a client the snapshot is not there.
func gone(err error, id string) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return notFound("The storage of the snapshot '%s' is gone.", id)
}

func notFound(format string, args ...any) error {
	return &wire.Error{Code: "ResourceNotFoundException", Status: 404, Message: fmt.Sprintf(format, args...), Fields: map[string]string{"Reason": "SNAPSHOT_NOT_FOUND"}}
}
