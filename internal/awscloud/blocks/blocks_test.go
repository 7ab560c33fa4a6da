package blocks_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ebs/types"

	"github.com/goldenami/rehydrate/internal/awscloud/blocks"
)

type stub struct {
	blocks.API
	data     []byte
	checksum string
	length   int32
}

func (s stub) ListSnapshotBlocks(_ context.Context, in *ebs.ListSnapshotBlocksInput, _ ...func(*ebs.Options)) (*ebs.ListSnapshotBlocksOutput, error) {
	out := &ebs.ListSnapshotBlocksOutput{BlockSize: aws.Int32(524288), VolumeSize: aws.Int64(8), NextToken: aws.String("more"),
		Blocks: []types.Block{{BlockIndex: aws.Int32(0), BlockToken: aws.String("a")}}}
	if in.NextToken != nil {
		out.NextToken, out.Blocks = nil, []types.Block{{BlockIndex: aws.Int32(9), BlockToken: aws.String("b")}}
	}
	return out, nil
}

func (s stub) GetSnapshotBlock(context.Context, *ebs.GetSnapshotBlockInput, ...func(*ebs.Options)) (*ebs.GetSnapshotBlockOutput, error) {
	return &ebs.GetSnapshotBlockOutput{BlockData: io.NopCloser(bytes.NewReader(s.data)), Checksum: &s.checksum, DataLength: &s.length}, nil
}

func TestAllPagesAreListed(t *testing.T) {
	l, err := blocks.Blocks{API: stub{}}.List(t.Context(), "snap-1")
	if err != nil || len(l.Tokens) != 2 || l.Tokens[9] != "b" || l.BlockSize != 524288 || l.VolumeSize != 8<<30 {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestABlockIsCheckedAgainstItsChecksum(t *testing.T) {
	data := []byte("block")
	sum := sha256.Sum256(data)
	right := base64.StdEncoding.EncodeToString(sum[:])
	for _, c := range []struct {
		name string
		api  stub
		says string
	}{
		{"whole", stub{data: data, checksum: right, length: 5}, ""},
		{"changed", stub{data: []byte("blick"), checksum: right, length: 5}, "checksum"},
		{"cut off", stub{data: data[:3], checksum: right, length: 5}, "3 bytes came, 5 were announced"},
		{"without a checksum", stub{data: data, length: 5}, "checksum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := blocks.Blocks{API: c.api}.Get(t.Context(), "snap-1", 3, "tok")
			if c.says == "" && (err != nil || !bytes.Equal(got, data)) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
