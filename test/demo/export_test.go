package demo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ebs/types"
	"golang.org/x/sync/errgroup"
)

// export writes the root of a snapshot into a folder: every block by EBS direct, the
// files by e2fsprogs. Nothing of our own reads the disk here, nothing is launched,
// nothing is mounted.
func (j *job) export(t *testing.T, snapshot string) (root string) {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk")
	j.download(t, snapshot, disk)
	part := fmt.Sprintf("%s?offset=%d", disk, partitionStart(t, disk))
	command(t, "e2fsck", "-fn", part)
	root = filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	command(t, "debugfs", "-R", "rdump / "+root, part)
	return root
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// partitionStart is where the only partition begins, in bytes: the first entry of a
// GUID partition table (UEFI specification 2.10, §5.3.3).
func partitionStart(t *testing.T, disk string) uint64 {
	t.Helper()
	f, err := os.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [3 * 512]byte
	if _, err := io.ReadFull(f, b[:]); err != nil {
		t.Fatal(err)
	}
	if string(b[512:520]) != "EFI PART" {
		t.Fatal("the disk has no GUID partition table")
	}
	return 512 * binary.LittleEndian.Uint64(b[1024+32:])
}

// download fetches all blocks of a snapshot into a sparse file.
func (j *job) download(t *testing.T, snapshot, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	c := ebs.NewFromConfig(j.AWS())
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(4)
	var size, blocks int64
	pages := ebs.NewListSnapshotBlocksPaginator(c, &ebs.ListSnapshotBlocksInput{SnapshotId: &snapshot})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatalf("list the blocks of %s: %v", snapshot, errors.Join(err, g.Wait()))
		}
		size = aws.ToInt64(page.VolumeSize) << 30
		for _, b := range page.Blocks {
			blocks++
			g.Go(func() error { return fetch(ctx, c, f, snapshot, int64(aws.ToInt32(page.BlockSize)), b) })
		}
	}
	if err := errors.Join(g.Wait(), f.Truncate(size), f.Close()); err != nil {
		t.Fatalf("download %s: %v", snapshot, err)
	}
	t.Logf("%s: %d blocks, volume of %d GiB", snapshot, blocks, size>>30)
}

func fetch(ctx context.Context, c *ebs.Client, f *os.File, snapshot string, size int64, b types.Block) error {
	got, err := c.GetSnapshotBlock(ctx, &ebs.GetSnapshotBlockInput{SnapshotId: &snapshot, BlockIndex: b.BlockIndex, BlockToken: b.BlockToken})
	if err != nil {
		return err
	}
	defer got.BlockData.Close()
	data, err := io.ReadAll(got.BlockData)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, int64(aws.ToInt32(b.BlockIndex))*size)
	return err
}
