package ec2

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Upload is a snapshot while its blocks are written through EBS direct.
type Upload struct {
	File    string        `json:"file"`    // the disk image as far as it is
	Timeout time.Duration `json:"timeout"` // without a write it fails after that long
}

// UploadSpec says what snapshot to begin.
type UploadSpec struct {
	Size        int32  // GiB
	Parent      string // snapshot whose blocks it begins with, and whose key it has; or empty
	Description string
	Encrypted   bool
	Key         string // ARN; empty with Encrypted is the account's default
	Tags        map[string]string
	Timeout     time.Duration
	ClientToken string
}

// uploadDone is how long a completed upload stays pending; believed.
const uploadDone = 30 * time.Second

// BeginUpload makes a pending snapshot that is written block by block into the file
// that UploadFile names ("StartSnapshot", EBS direct API Reference). fresh is false
// for a token that has been used. Errors are those of EC2.
func (s *Service) BeginUpload(tx *world.Tx, spec UploadSpec) (n Snapshot, fresh bool, err error) {
	s.place(tx)
	bare := spec
	bare.ClientToken = ""
	id, remember, err := once(tx, "StartSnapshot", spec.ClientToken, bare)
	if err != nil {
		return n, false, err
	}
	if id != "" {
		n, ok := snapshot(tx, id)
		if !ok {
			return n, false, noSnapshot(id)
		}
		return n, false, nil
	}
	if err := tagLimit(spec.Tags); err != nil {
		return n, false, err
	}
	n = Snapshot{
		ID: tx.ID("snap-"), Owner: tx.Account, Size: spec.Size, State: snapPending, Started: tx.Now, Description: spec.Description,
		Tags: spec.Tags, Encrypted: spec.Encrypted || settings(tx).Encrypt,
	}
	if spec.Parent != "" {
		p, ok := snapshot(tx, spec.Parent)
		switch {
		case !ok || !p.visible(tx.Account):
			return n, false, noSnapshot(spec.Parent)
		case p.State != snapCompleted:
			return n, false, wire.Errorf("IncorrectState", "The snapshot '%s' is not completed", p.ID)
		case p.Size > n.Size:
			return n, false, badValue("The volume of %d GiB is smaller than the parent snapshot's %d GiB", n.Size, p.Size)
		case spec.Encrypted || spec.Key != "":
			return n, false, badCombination("Encrypted and KmsKeyArn cannot be specified with ParentSnapshotId")
		}
		n.Encrypted, n.Key, n.Lineage = p.Encrypted, p.Key, p.lineage()
	} else if n.Encrypted {
		var t Reason
		if n.Key, t = s.recrypt(tx, tx, "", spec.Key, caller(tx), true); t.Code != "" {
			return n, false, wire.Errorf("KMSAccessDenied", "The key %s cannot be used", spec.Key)
		}
	}
	n.Upload = &Upload{File: filepath.Join(s.dir, "disks", n.ID+".img"), Timeout: spec.Timeout}
	n.Fails = "The snapshot was not completed in time"
	s.renew(tx, &n)
	remember(n.ID)
	return n, true, makeDisk(n.Upload.File, int64(n.Size)<<30)
}

// renew lets the time to the next write begin again.
func (s *Service) renew(tx *world.Tx, n *Snapshot) {
	tx.Cancel(n.Pending.Timer)
	n.Pending = Pending{Due: tx.Now.Add(n.Upload.Timeout)}
	n.Pending.Timer = tx.At(n.Pending.Due, timerSnapshot, n.ID)
	putSnapshot(tx, *n)
}

// makeDisk makes an empty disk image. A file of that name is left of a request whose
// state could not be saved.
func makeDisk(name string, size int64) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// UploadFile is where the blocks of a snapshot of the account go that is not complete
// yet, and its size in bytes. The time to the next write begins again.
func (s *Service) UploadFile(tx *world.Tx, id string) (file string, size int64, err error) {
	n, ok := snapshot(tx, id)
	if !ok || n.Owner != tx.Account {
		return "", 0, noSnapshot(id)
	}
	if n.Upload == nil {
		return "", 0, wire.Errorf("IncorrectState", "The snapshot '%s' cannot be written to", id)
	}
	s.renew(tx, &n)
	return n.Upload.File, int64(n.Size) << 30, nil
}

// EndUpload seals a snapshot that has been written; it is completed a little later.
func (s *Service) EndUpload(tx *world.Tx, id string) error {
	file, _, err := s.UploadFile(tx, id)
	if err != nil {
		return err
	}
	n, _ := snapshot(tx, id)
	tx.Cancel(n.Pending.Timer)
	n.Content = addContent(tx, Content{Image: backing.Image{Disk: file}})
	n.Upload, n.Fails, n.Pending = nil, "", Pending{Due: tx.Now.Add(uploadDone)}
	n.Pending.Timer = tx.At(n.Pending.Due, timerSnapshot, n.ID)
	putSnapshot(tx, n)
	return nil
}

// dropUpload removes what was written to a snapshot that failed or is deleted.
func (s *Service) dropUpload(tx *world.Tx, n Snapshot) {
	if n.Upload == nil {
		return
	}
	tx.Cancel(n.Pending.Timer)
	file := n.Upload.File
	tx.Go("remove "+file, func(context.Context) {
		if err := os.RemoveAll(file); err != nil {
			s.w.Log(world.Event{Time: s.w.Clock().Now(), Kind: "ec2.content.left", Data: map[string]any{"path": file, "error": err.Error()}})
		}
	})
}

// SnapshotLineage says what a snapshot shares with the others of its volume, and of
// volumes made from them. It is empty for one that the account may not see.
func (s *Service) SnapshotLineage(tx *world.Tx, id string) string {
	n, ok := s.SnapshotByID(tx, id)
	if !ok {
		return ""
	}
	return n.lineage()
}
