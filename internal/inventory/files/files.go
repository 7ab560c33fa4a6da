// Package files reads what a root's files say beside its packages, without running
// anything on it: users, setuid files, enabled services, kernels, sizes (the metadata
// depth) and, when asked, the digest of every file (the digest depth).
//
// The root may be a live folder or a file system inside a disk image; it may be
// hostile. Links are never followed by the walk, everything has a bound, and a bound
// that is reached is an error: half of the facts must not look like all of them.
package files

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// Options are the choices of a reading; the zero value reads with the usual bounds.
type Options struct {
	// Meter says what has been read of the disk below so far; nil: there is none to
	// count, as on a live root. Only Blocks, Total and Bytes are looked at.
	Meter func() record.ReadCost
	// Plan is shown what the digest depth would read, before it does. An error of its
	// ends the reading and is returned; nil goes ahead.
	Plan func(Plan) error
	// Limits bound the walk; a zero field is the default's.
	Limits Limits
}

// Plan is what the digest depth would read.
type Plan struct {
	Files  int   `json:"files"`
	Bytes  int64 `json:"bytes"`  // of content, sparse parts included
	Blocks int   `json:"blocks"` // of 512 KiB, at least: Bytes without any waste
}

// Limits bound a walk over a root that may be hostile.
type Limits struct {
	Entries int // files and folders together
	Depth   int // folders within folders
	Path    int // bytes of one path
	Names   int // entries of each list in the facts
}

// usual are bounds far above any real root's.
func usual(l Limits) Limits {
	set := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	set(&l.Entries, 5_000_000)
	set(&l.Depth, 256)
	set(&l.Path, 4096) // PATH_MAX
	set(&l.Names, 100_000)
	return l
}

// Read reads root to a depth, record.DepthMetadata or record.DepthDigest, and says
// what each depth cost. What cannot be known without failing the whole (a shadow file
// that may not be read) is named in Facts.Unread.
func Read(ctx context.Context, root fs.FS, depth string, o Options) (*record.Facts, []record.DepthCost, error) {
	if depth != record.DepthMetadata && depth != record.DepthDigest {
		return nil, nil, fault.New(fault.Usage, "metadata or digest", "read files to depth %q: there is no such depth", depth)
	}
	r := &reader{ctx: ctx, root: root, limits: usual(o.Limits), facts: &record.Facts{Depth: depth}}
	var costs []record.DepthCost
	steps := []struct {
		depth string
		read  func() error
	}{{record.DepthMetadata, r.metadata}, {record.DepthDigest, func() error { return r.digests(o.Plan) }}}
	for _, s := range steps {
		m := begin(o.Meter)
		r.read = 0
		if err := s.read(); err != nil {
			return nil, nil, fmt.Errorf("read files (%s): %w", s.depth, err)
		}
		costs = append(costs, m.end(s.depth, r.read))
		if s.depth == depth {
			break
		}
	}
	return r.facts, costs, nil
}

// reader is one reading under way.
type reader struct {
	ctx    context.Context
	root   fs.FS
	limits Limits
	facts  *record.Facts
	read   int // files whose content was read, in this depth

	regular []regular // of the walk, for the digests
	present []string  // the other things that it met, folders left out
}

// measure is the cost of one depth while it is read.
type measure struct {
	meter  func() record.ReadCost
	before record.ReadCost
	begun  time.Time
}

func begin(meter func() record.ReadCost) measure {
	m := measure{meter: meter, begun: time.Now()}
	if meter != nil {
		m.before = meter()
	}
	return m
}

func (m measure) end(depth string, files int) record.DepthCost {
	c := record.DepthCost{Depth: depth, Files: files}
	if m.meter != nil {
		now := m.meter()
		c.Blocks, c.Bytes, c.Total = now.Blocks-m.before.Blocks, now.Bytes-m.before.Bytes, now.Total
	}
	c.MS = time.Since(m.begun).Milliseconds()
	return c
}
