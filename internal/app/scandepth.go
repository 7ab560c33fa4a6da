package app

import (
	"context"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/files"
	"github.com/goldenami/rehydrate/internal/record"
)

// deeper reads beyond the packages, if that was asked for, and tells what each depth
// cost.
func (s *scanner) deeper(ctx context.Context, t *target) error {
	s.out.Read.MS = time.Since(s.begun).Milliseconds()
	s.out.Costs = []record.DepthCost{{Depth: record.DepthPackages, ReadCost: s.out.Read}}
	switch s.in.Depth {
	case "", record.DepthPackages:
		return nil
	case record.DepthMetadata, record.DepthDigest:
	default:
		return fault.New(fault.Usage, "packages, metadata or digest", "there is no depth %q", s.in.Depth)
	}
	o := files.Options{Plan: s.plan, Meter: func() record.ReadCost {
		var c record.ReadCost
		t.cost(&c)
		return c
	}}
	facts, costs, err := files.Read(ctx, t.root, s.in.Depth, o)
	if err != nil {
		return err
	}
	s.out.Facts, s.out.Costs = facts, append(s.out.Costs, costs...)
	t.cost(&s.out.Read)
	return nil
}

// plan shows what reading every file will cost, before it is begun.
func (s *scanner) plan(p files.Plan) error {
	if s.in.Confirm == nil {
		return nil
	}
	what := fmt.Sprintf("read %d files, %.1f MB", p.Files, float64(p.Bytes)/1e6)
	if s.out.Snapshot != "" {
		what += fmt.Sprintf(", at least %d blocks of the snapshot (each GetSnapshotBlock call is paid for)", p.Blocks)
	}
	return s.in.Confirm(what)
}
