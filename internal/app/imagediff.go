package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/changes"
	"github.com/goldenami/rehydrate/internal/record"
)

// ImageDiffRequest asks what changed from one target to another.
type ImageDiffRequest struct {
	// From and To are what a scan takes for a target, or files of JSON: a scan's report,
	// a node's report, an inventory.
	From, To string
	// Scan is how targets are read: its Cloud, Tool, Now, Depth and Confirm count.
	Scan ScanRequest
}

// RunImageDiff reads both targets side by side, changes nothing on them, and compares.
// A target that cannot be read truthfully is an error: nothing is then known of what
// changed.
func RunImageDiff(ctx context.Context, in ImageDiffRequest) (*record.ImageDiff, error) {
	var scans [2]*record.Scan
	g, side := errgroup.WithContext(ctx)
	if in.Scan.Confirm != nil && in.Scan.Depth == record.DepthDigest {
		g.SetLimit(1) // one question at a time
	}
	for i, target := range []string{in.From, in.To} {
		g.Go(func() (err error) {
			scans[i], err = in.read(side, target)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	d, err := changes.Images(scans[0], scans[1])
	if err != nil {
		return nil, err
	}
	d.Tool, d.At = in.Scan.Tool, in.Scan.Now.UTC().Truncate(time.Second)
	return d, nil
}

// read scans a target, or takes a saved report.
func (in ImageDiffRequest) read(ctx context.Context, target string) (*record.Scan, error) {
	saved, err := savedReport(target)
	if saved != nil || err != nil {
		return saved, err
	}
	q := in.Scan
	q.Target, q.InventoryOnly = target, true
	return RunScan(ctx, q)
}

// maxSaved bounds a saved report, in bytes: with the digests of a million files it
// has some 200 MB.
const maxSaved = 1 << 30

// savedReport reads a file that begins like JSON; nil is no such file.
func savedReport(name string) (*record.Scan, error) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil // the scan says what is wrong with it
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.As(err, fault.Denied, "")
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if head = bytes.TrimLeft(head[:n], " \t\r\n\ufeff"); len(head) == 0 || head[0] != '{' {
		return nil, nil
	}
	if info.Size() > maxSaved {
		return nil, fault.New(fault.Usage, "", "read report %s: it has %d bytes, more than %d", name, info.Size(), maxSaved)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	s, err := reportOf(data)
	if err != nil {
		return nil, fmt.Errorf("read report %s: %w", name, err)
	}
	if s.Target == "" {
		s.Target = name
	}
	return s, nil
}

// reportOf reads a scan's report, a node's report or an inventory.
func reportOf(data []byte) (*record.Scan, error) {
	var kind struct {
		Standing  *string            `json:"standing"`
		Operation *string            `json:"operation"`
		Installed *[]json.RawMessage `json:"installed"`
	}
	unfit := func(err error) error {
		return fault.As(err, fault.Usage, "name what `rehydrate scan --output json` or rehydrate-node wrote")
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		return nil, unfit(err)
	}
	switch {
	case kind.Standing != nil:
		return LoadScan(data)
	case kind.Operation != nil:
		var r record.NodeReport
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, unfit(err)
		}
		s := &record.Scan{Kind: record.KindInstance, Target: r.Node, ScannedAt: r.EndedAt}
		if r.Modelled {
			s.Modelled = []string{"the node's inventory"}
		}
		switch {
		case r.After != nil:
			s.Inventory = *r.After
		case r.Before != nil:
			s.Inventory = r.Before.Inventory
		}
		return s, nil
	case kind.Installed != nil:
		var i baseline.Inventory
		if err := json.Unmarshal(data, &i); err != nil {
			return nil, unfit(err)
		}
		return &record.Scan{Inventory: i}, nil
	}
	return nil, unfit(errors.New("it is neither a scan's nor a node's report nor an inventory"))
}
