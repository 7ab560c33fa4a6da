package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/awscloud/blocks"
	"github.com/goldenami/rehydrate/internal/awscloud/images"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/dpkg"
	"github.com/goldenami/rehydrate/internal/inventory/rootfs"
	"github.com/goldenami/rehydrate/internal/osimage"
	"github.com/goldenami/rehydrate/internal/osimage/ebs"
	"github.com/goldenami/rehydrate/internal/record"
)

// ScanRequest asks what is installed on a target and how it stands.
type ScanRequest struct {
	Target string // a root folder, a disk image, snap-..., ami-...
	// Cloud opens AWS; it is called for snapshots and images only.
	Cloud    func(context.Context) (*Cloud, error)
	Baseline *baseline.Baseline // nil: no evaluation
	Options  baseline.Options
	Lock     *baseline.Lock // nil: not compared
	Now      time.Time
	// InventoryOnly reads the package database and nothing else.
	InventoryOnly bool
}

// Scan is what was found.
type Scan struct {
	Target     string                 `json:"target"`
	Kind       string                 `json:"kind"`     // root, disk, snapshot, image
	Standing   string                 `json:"standing"` // compliant, non-compliant, unknown or inventory
	Reason     string                 `json:"reason,omitempty"`
	Inventory  baseline.Inventory     `json:"inventory"`
	Evaluation *baseline.Result       `json:"evaluation,omitempty"`
	Findings   []baseline.LockFinding `json:"findings,omitempty"`
	Remarks    []string               `json:"remarks,omitempty"`
	Read       record.ReadCost        `json:"read,omitzero"`
}

// The standings of a Scan. Unknown is never compliant.
const (
	StandsCompliant    = "compliant"
	StandsNonCompliant = "non-compliant"
	StandsUnknown      = "unknown"
	StandsInventory    = "inventory" // nothing was asked but the inventory
)

// RunScan reads the target. What cannot be read truthfully is an unknown standing
// with the reason; errors are for a target that is not there.
func RunScan(ctx context.Context, in ScanRequest) (*Scan, error) {
	s := &Scan{Target: in.Target}
	begun := time.Now()
	root, done, err := s.open(ctx, in)
	if err == nil {
		err = s.read(root, in)
	}
	if done != nil {
		done()
	}
	s.Read.MS = time.Since(begun).Milliseconds()
	switch {
	case err == nil:
		return s, nil
	case missingTarget(err):
		return nil, fault.New(fault.NotFound, "name a root folder, a disk image, snap-... or ami-...", "scan %s: there is no such file or folder", in.Target)
	case fault.KindOf(err) != fault.Failed:
		return nil, fmt.Errorf("scan %s: %w", in.Target, err)
	}
	s.Standing, s.Reason = StandsUnknown, err.Error()
	return s, nil
}

func missingTarget(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p) && errors.Is(err, fs.ErrNotExist) && p.Op == "scan"
}

// open gives the target's root file system.
func (s *Scan) open(ctx context.Context, in ScanRequest) (fs.FS, func(), error) {
	if strings.HasPrefix(in.Target, "snap-") || strings.HasPrefix(in.Target, "ami-") {
		return s.openCloud(ctx, in)
	}
	info, err := os.Stat(in.Target)
	if err != nil {
		return nil, nil, &fs.PathError{Op: "scan", Path: in.Target, Err: errors.Unwrap(err)}
	}
	if info.IsDir() {
		s.Kind = "root"
		r, err := rootfs.Open(in.Target)
		if err != nil {
			return nil, nil, err
		}
		return r, func() { _ = r.Close() }, nil // read only
	}
	s.Kind = "disk"
	f, err := os.Open(in.Target)
	if err != nil {
		return nil, nil, err
	}
	c := &counted{file: f, blocks: map[int64]bool{}, size: info.Size()}
	r, err := osimage.Open(c, info.Size())
	return r, func() {
		c.cost(&s.Read)
		_ = f.Close() // read only
	}, err
}

func (s *Scan) openCloud(ctx context.Context, in ScanRequest) (fs.FS, func(), error) {
	c, err := in.Cloud(ctx)
	if err != nil {
		return nil, nil, err
	}
	snap := in.Target
	s.Kind = "snapshot"
	if strings.HasPrefix(snap, "ami-") {
		s.Kind = "image"
		if snap, err = (snapshots{images.New(c.Session), c}).RootSnapshot(ctx, in.Target); err != nil {
			return nil, nil, err
		}
	}
	d, err := ebs.Open(ctx, blocks.New(c.Session), snap, ebs.Options{Ahead: 1})
	if err != nil {
		return nil, nil, err
	}
	r, err := osimage.Open(d, d.Size())
	return r, func() { s.Read.Blocks, s.Read.Total, s.Read.Bytes = d.Cost() }, err
}

func (s *Scan) read(root fs.FS, in ScanRequest) error {
	o := dpkg.Options{Now: in.Now}
	s.Standing = StandsInventory
	var err error
	if in.InventoryOnly || in.Baseline == nil {
		s.Inventory, s.Remarks, err = dpkg.Installed(root, o)
	} else {
		var n baseline.Node
		if n, s.Remarks, err = dpkg.Collect(root, o); err == nil {
			s.Inventory = n.Inventory
			s.Evaluation, err = baseline.Evaluate(in.Baseline, n, in.Now, in.Options)
		}
	}
	if err != nil {
		return err
	}
	if s.Evaluation != nil {
		s.Standing = StandsCompliant
		if s.Evaluation.Status != baseline.Compliant {
			s.Standing = StandsNonCompliant
		}
	}
	if in.Lock != nil {
		s.Findings = in.Lock.Judge(s.Inventory)
		if s.Standing == StandsInventory {
			s.Standing = StandsCompliant
		}
		for _, f := range s.Findings {
			if f.Standing != "exact" {
				s.Standing = StandsNonCompliant
			}
		}
	}
	return nil
}

// counted counts the 512 KiB blocks that reading a disk image touches.
type counted struct {
	file   *os.File
	blocks map[int64]bool
	bytes  int64
	size   int64
}

const countedBlock = 512 << 10

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.file.ReadAt(p, off)
	c.bytes += int64(n)
	for b := off / countedBlock; n > 0 && b <= (off+int64(n)-1)/countedBlock; b++ {
		c.blocks[b] = true
	}
	return n, err
}

func (c *counted) cost(r *record.ReadCost) {
	r.Bytes, r.Blocks, r.Total = c.bytes, len(c.blocks), int((c.size+countedBlock-1)/countedBlock)
}
