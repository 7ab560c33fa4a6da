package ebs

import (
	"bytes"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ebs/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// ListChangedBlocks names the blocks in which two snapshots of one lineage differ;
// without a first one, all of the second ("ListChangedBlocks", EBS direct API
// Reference). A block has a token for each snapshot that has it.
func (s *Service) ListChangedBlocks(tx *world.Tx, in *ebs.ListChangedBlocksInput) (*ebs.ListChangedBlocksOutput, error) {
	second, first := *in.SecondSnapshotId, aws.ToString(in.FirstSnapshotId)
	path, size, err := s.find(tx, second)
	if err != nil {
		return nil, err
	}
	new, err := s.blocks(path)
	if err != nil {
		return nil, gone(err, second)
	}
	var old []int64
	var oldPath string
	if first != "" {
		var oldSize int64
		if oldPath, oldSize, err = s.find(tx, first); err != nil {
			return nil, err
		}
		if oldSize > size || s.disks.SnapshotLineage(tx, first) != s.disks.SnapshotLineage(tx, second) {
			return nil, invalid("UNRELATED_SNAPSHOTS", "The snapshots %s and %s are not of the same volume or lineage.", first, second)
		}
		if old, err = s.blocks(oldPath); err != nil {
			return nil, gone(err, first)
		}
	}
	k := keyOf(tx)
	from := int64(aws.ToInt32(in.StartingBlockIndex))
	if in.NextToken != nil {
		if from, err = k.open(pageToken, first+second, *in.NextToken, tx.Now); err != nil {
			return nil, invalid("INVALID_PAGE_TOKEN", "The page token is not valid: %v.", err)
		}
	}
	if from*BlockSize >= size {
		return nil, invalid("INVALID_PARAMETER_VALUE", "The starting block index is beyond the volume's end.")
	}
	page := int(aws.ToInt32(in.MaxResults))
	if page == 0 {
		page = defaultPage
	}
	expires := tx.Now.Add(tokenLife)
	out := &ebs.ListChangedBlocksOutput{BlockSize: aws.Int32(BlockSize), VolumeSize: aws.Int64(size >> 30), ExpiryTime: &expires, ChangedBlocks: []types.ChangedBlock{}}
	for _, b := range union(old, new) {
		if b < from {
			continue
		}
		_, inOld := slices.BinarySearch(old, b)
		_, inNew := slices.BinarySearch(new, b)
		if inOld && inNew {
			same, err := equal(oldPath, path, b, size)
			if err != nil {
				return nil, gone(err, second)
			}
			if same {
				continue
			}
		}
		if len(out.ChangedBlocks) == page {
			out.NextToken = aws.String(k.seal(pageToken, first+second, b, expires))
			break
		}
		c := types.ChangedBlock{BlockIndex: aws.Int32(int32(b))} //nolint:gosec // a volume has at most 2^27 blocks
		if inOld {
			c.FirstBlockToken = aws.String(k.seal(blockToken, first, b, expires))
		}
		if inNew {
			c.SecondBlockToken = aws.String(k.seal(blockToken, second, b, expires))
		}
		out.ChangedBlocks = append(out.ChangedBlocks, c)
	}
	return out, nil
}

// union is all indexes of two sorted lists, sorted.
func union(a, b []int64) []int64 {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func equal(a, b string, index, size int64) (bool, error) {
	x, err := readBlock(a, index, size)
	if err != nil {
		return false, err
	}
	y, err := readBlock(b, index, size)
	return bytes.Equal(x, y), err
}
