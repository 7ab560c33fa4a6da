package app

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/goldenami/rehydrate/internal/awscloud/blocks"
	"github.com/goldenami/rehydrate/internal/awscloud/images"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/ahead"
	"github.com/goldenami/rehydrate/internal/inventory/rootfs"
	"github.com/goldenami/rehydrate/internal/osimage"
	"github.com/goldenami/rehydrate/internal/osimage/ebs"
	"github.com/goldenami/rehydrate/internal/record"
)

// errNoTarget says that the target is no file and no folder.
var errNoTarget = errors.New("there is no such file or folder")

// target is an open root file system and what reading it has cost until now.
type target struct {
	root  fs.FS
	cost  func(*record.ReadCost)
	close func()
}

// isID says whether a target is an AWS id of that prefix. A file of such a name is
// reached as ./snap-...
func isID(target, prefix string) bool {
	rest, ok := strings.CutPrefix(target, prefix)
	return ok && rest != "" && strings.Trim(rest, "0123456789abcdef") == ""
}

// open reaches the target's root file system.
func (s *scanner) open(ctx context.Context) (*target, error) {
	if isID(s.in.Target, "snap-") || isID(s.in.Target, "ami-") {
		return s.openCloud(ctx)
	}
	info, err := os.Stat(s.in.Target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errNoTarget
	case err != nil:
		return nil, fault.As(err, fault.Denied, "")
	case info.IsDir():
		return s.openFolder()
	case !info.Mode().IsRegular() && info.Mode()&fs.ModeDevice == 0:
		return nil, fault.New(fault.Unsupported, "name a root folder, or a disk image", "it is neither a folder nor a disk image")
	}
	return s.openDisk()
}

func (s *scanner) openFolder() (*target, error) {
	s.out.Kind = record.KindRoot
	r, err := rootfs.Open(s.in.Target)
	if err != nil {
		return nil, err
	}
	c := &countedRoot{FS: r}
	return &target{c, c.cost, func() { _ = r.Close() }}, nil // read only
}

func (s *scanner) openDisk() (*target, error) {
	s.out.Kind = record.KindDisk
	f, err := os.Open(s.in.Target)
	if err != nil {
		return nil, fault.As(err, fault.Denied, "")
	}
	size, err := f.Seek(0, io.SeekEnd) // a device's too
	if err == nil && size == 0 {
		err = fault.New(fault.Unsupported, "was it written to the end?", "the file is empty, which is no disk image")
	}
	if err != nil {
		_ = f.Close() // read only
		return nil, err
	}
	c := &countedDisk{disk: f, blocks: map[int64]bool{}, size: size}
	root, err := osimage.OpenFile(c, size)
	return s.image(root, err, c.cost, func() { _ = f.Close() }) // read only
}

// image is an image's root file system or, with err, why there is none. What looking
// for it cost is told either way.
func (s *scanner) image(root *osimage.Root, err error, cost func(*record.ReadCost), done func()) (*target, error) {
	if err != nil {
		cost(&s.out.Read)
		done()
		return nil, imageFault(err)
	}
	s.out.Format = root.Format
	s.out.Remarks = append(s.out.Remarks, root.Remarks...)
	return &target{root, cost, done}, nil
}

// imageFault gives an image that cannot be read the next thing to do. Its kind stays
// Failed: the standing is unknown.
func imageFault(err error) error {
	var unsupported *osimage.UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		return fault.As(err, fault.Failed, "scan an instance of it through Run Command: rehydrate scan i-...")
	case errors.Is(err, osimage.ErrDirty):
		return fault.As(err, fault.Failed, "stop the machine, or unmount the file system, and take the image again")
	case errors.Is(err, osimage.ErrDamaged):
		return fault.As(err, fault.Failed, "check the file system (e2fsck, xfs_repair) and take the image again")
	}
	return fault.As(err, fault.Failed, "is it a whole disk image of a Linux system, and was it written to the end?")
}

func (s *scanner) openCloud(ctx context.Context) (*target, error) {
	c, err := s.cloud(ctx)
	if err != nil {
		return nil, err
	}
	s.out.Kind, s.out.Snapshot = record.KindSnapshot, s.in.Target
	if isID(s.in.Target, "ami-") {
		s.out.Kind = record.KindImage
		if s.out.Snapshot, err = (snapshots{images.New(c.Session), c}).RootSnapshot(ctx, s.in.Target); err != nil {
			return nil, err
		}
	}
	d, err := ebs.Open(ctx, blocks.New(c.Session), s.out.Snapshot, ebs.Options{})
	if err != nil {
		return nil, err
	}
	root, err := osimage.Open(d, d.Size())
	wait := func() {}
	if err == nil {
		wait = ahead.Read(root)
	}
	cost := func(r *record.ReadCost) {
		wait() // what is under way counts too
		r.Blocks, r.Total, r.Bytes = d.Cost()
	}
	return s.image(root, err, cost, func() {
		wait()
		_ = d.Close() // it cannot fail
	})
}

// cloud opens AWS. Time is the cloud's: on the twin it is not the wall's.
func (s *scanner) cloud(ctx context.Context) (*Cloud, error) {
	c, err := s.in.Cloud(ctx)
	if err != nil {
		return nil, err
	}
	if c.Twin != "" {
		s.in.Now = c.Clock.Now().UTC()
		s.out.ScannedAt = s.in.Now
		s.out.Modelled = append(s.out.Modelled, "AWS, by the twin")
	}
	return c, nil
}
