package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory"
	"github.com/goldenami/rehydrate/internal/inventory/fetch"
	"github.com/goldenami/rehydrate/internal/record"
)

// ScanRequest asks what is installed on a target and how it stands.
type ScanRequest struct {
	Target string // a root folder, a disk image, snap-..., ami-..., i-...
	// Cloud opens AWS; it is called for snapshots, images and instances only.
	Cloud func(context.Context) (*Cloud, error)
	// Instance is what only an instance needs.
	Instance InstanceScan
	Tool     string // of the report, such as "rehydrate 0.1.0"

	Baseline *baseline.Baseline // nil: no evaluation
	Options  baseline.Options
	Lock     *baseline.Lock // nil: not compared
	// Offers stand in for what the target's own sources offer; nil: its own count.
	Offers *StoredOffers
	Now    time.Time
	// InventoryOnly reads the package database and nothing else.
	InventoryOnly bool
	// Depth is one of record's depths; empty is packages.
	Depth string
	// MaxAge and Keyrings are for the sources' indices; see inventory.Options.
	MaxAge time.Duration
	// Fetch reads repositories, which the target has no metadata of, from their own
	// addresses (RPM and SUSE).
	Fetch    bool
	Keyrings [][]byte
	Cache    string
	// Confirm is asked before a depth that costs is begun.
	Confirm func(what string) error
}

// scanner is one scan at work.
type scanner struct {
	in    ScanRequest
	out   *record.Scan
	begun time.Time // on the wall
}

// RunScan reads the target and changes nothing on it. What cannot be read truthfully
// is an unknown standing with the reason; errors are for a target that is not there,
// and for what is wrong with the request.
func RunScan(ctx context.Context, in ScanRequest) (*record.Scan, error) {
	s := &scanner{in: in, begun: time.Now(), out: &record.Scan{
		Schema: record.ScanSchema, Tool: in.Tool, Target: in.Target, Standing: record.StandsInventory, ScannedAt: in.Now.UTC().Truncate(time.Second),
	}}
	if in.Baseline != nil {
		s.out.Baseline = &record.Judge{Name: in.Baseline.Name, Digest: in.Baseline.Digest()}
	}
	if in.Lock != nil {
		s.out.Lock = &record.Judge{Name: in.Lock.Baseline, Digest: in.Lock.Digest()}
	}
	err := s.scan(ctx)
	s.out.Read.MS = time.Since(s.begun).Milliseconds()
	switch {
	case err == nil:
		return s.out, nil
	case errors.Is(err, errNoTarget):
		return nil, fault.New(fault.NotFound, "name a root folder, a disk image, snap-..., ami-... or i-...", "scan %s: there is no such file or folder", in.Target)
	case fault.KindOf(err) != fault.Failed:
		return nil, fmt.Errorf("scan %s: %w", in.Target, err)
	}
	s.unknown(err)
	return s.out, nil
}

// scan reads the target, however it is reached.
func (s *scanner) scan(ctx context.Context) error {
	if isID(s.in.Target, "i-") {
		return s.instance(ctx)
	}
	t, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	err = s.read(ctx, t.root)
	t.cost(&s.out.Read) // also of what could not be read
	if err != nil {
		return err
	}
	return s.deeper(ctx, t)
}

// read reads the packages of a root and judges them.
func (s *scanner) read(ctx context.Context, root fs.FS) error {
	o := inventory.Options{Now: s.in.Now, MaxAge: s.in.MaxAge, Keyrings: s.in.Keyrings, Cache: s.in.Cache}
	if s.in.Fetch {
		o.Fetch = fetch.HTTP(ctx, nil)
	}
	if s.in.Lock != nil {
		for _, p := range s.in.Lock.Packages {
			o.Names = append(o.Names, p.Name)
		}
	}
	if s.in.InventoryOnly || s.in.Offers != nil {
		return s.readInstalled(root, o, nil)
	}
	n, remarks, err := inventory.Collect(root, o)
	if err != nil { // the sources may be what cannot be read: then what is installed still can
		return s.readInstalled(root, o, err)
	}
	s.out.Remarks = append(s.out.Remarks, remarks...)
	return s.judge(n, nil)
}

// readInstalled reads what is installed; unread is why the sources are not known.
func (s *scanner) readInstalled(root fs.FS, o inventory.Options, unread error) error {
	inv, remarks, err := inventory.Installed(root, o)
	if err != nil {
		return err
	}
	s.out.Remarks = append(s.out.Remarks, remarks...)
	if s.in.InventoryOnly {
		s.out.UpdatesReason = "not looked for"
	}
	return s.judge(baseline.Node{Inventory: inv}, unread)
}
