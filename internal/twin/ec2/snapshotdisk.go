package ec2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// ErrDiskPending says that the snapshot's disk image is being written; ask again.
var ErrDiskPending = errors.New("the snapshot's disk image is being written")

// SnapshotDisk is the raw disk image file of a snapshot that the transaction's
// account may read, and the volume's size in bytes; the file may be shorter, the
// rest is zeros. ErrDiskPending means that the file of a base image, which nobody
// has read before, is being written now. Other errors are AWS's own.
func (s *Service) SnapshotDisk(tx *world.Tx, id string) (path string, size int64, err error) {
	n, ok := snapshot(tx, id)
	if !ok || !n.visible(tx.Account) {
		return "", 0, noSnapshot(id)
	}
	if n.State != snapCompleted {
		return "", 0, badValue("The snapshot '%s' is not in the 'completed' state.", id)
	}
	c, ok := contents(tx).Get(n.Content)
	if !ok {
		return "", 0, fmt.Errorf("snapshot %s has no content", id)
	}
	if c.Image.Disk == "" {
		s.diskLater(tx, c.Key, n.Size)
		return "", 0, fmt.Errorf("snapshot %s: %w", id, ErrDiskPending)
	}
	return c.Image.Disk, int64(n.Size) << 30, nil
}

// SnapshotByID is a snapshot that the transaction's account may see.
func (s *Service) SnapshotByID(tx *world.Tx, id string) (Snapshot, bool) {
	n, ok := snapshot(tx, id)
	return n, ok && n.visible(tx.Account)
}

// writeDisk writes beside the final name and renames, so that a file with that name
// is always whole.
func (s *Service) writeDisk(ctx context.Context, i backing.Image, file string, size int64) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := s.b.Disk(ctx, i, file+".part", size); err != nil {
		_ = os.Remove(file + ".part") // may not exist
		return err
	}
	return os.Rename(file+".part", file)
}
