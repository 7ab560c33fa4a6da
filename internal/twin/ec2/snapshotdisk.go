package ec2

import (
	"context"
	"os"
	"path/filepath"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// SnapshotDisk is the raw disk image file of a snapshot that the transaction's
// account may read, and the volume's size in bytes; the file may be shorter, the
// rest is zeros. A base image that nobody has read before has no file yet: that
// begins its writing and answers *wire.Again. Other errors are AWS's own.
func (s *Service) SnapshotDisk(tx *world.Tx, id string) (path string, size int64, err error) {
	n, ok := snapshot(tx, id)
	if !ok || !n.visible(tx.Account) {
		return "", 0, noSnapshot(id)
	}
	if n.State != snapCompleted {
		return "", 0, wire.Errorf("IncorrectState", "The snapshot '%s' is not in the 'completed' state.", id)
	}
	c, ok := contents(tx).Get(n.Content)
	if !ok {
		return "", 0, wire.Errorf("InvalidSnapshot.NotFound", "The storage of the snapshot '%s' is gone", id)
	}
	switch {
	case c.Image.Disk != "":
		return c.Image.Disk, int64(n.Size) << 30, nil
	case c.Failed != "":
		return "", 0, wire.Errorf("IncorrectState", "The disk image of snapshot '%s' could not be written: %s", id, c.Failed)
	}
	s.diskLater(tx, c.Key, n.Size)
	return "", 0, &wire.Again{Err: wire.Errorf("IncorrectState", "The disk image of snapshot '%s' is being written", id)}
}

// diskLater writes the disk of a content that has none, once at a time.
func (s *Service) diskLater(tx *world.Tx, key string, size int32) {
	tx.Go("disk of "+key, func(ctx context.Context) {
		if _, busy := s.writing.LoadOrStore(key, true); busy {
			return
		}
		defer s.writing.Delete(key)
		c, ok := s.content(key)
		if !ok || c.Image.Disk != "" {
			return
		}
		file := filepath.Join(s.dir, "disks", key+".img")
		err := s.writeDisk(ctx, c.Image, file, int64(size)<<30)
		if ctx.Err() != nil {
			return // the twin is closing; whoever asks the next one begins again
		}
		_ = s.w.Do("-", "-", func(tx *world.Tx) error { // nothing in it fails
			c, ok := contents(tx).Get(key)
			if !ok {
				return nil
			}
			if err != nil {
				c.Failed = err.Error()
				tx.Event("ec2.disk.failed", map[string]any{"content": key, "error": c.Failed})
			} else {
				c.Image.Disk = file
			}
			contents(tx).Put(key, c)
			return nil
		})
	})
}

func (s *Service) content(key string) (c Content, ok bool) {
	_ = s.w.Do("-", "-", func(tx *world.Tx) error { c, ok = contents(tx).Get(key); return nil }) // only reads
	return c, ok
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
