// Package validate is the gate: it reads a candidate's snapshot without launching
// anything and answers pass, fail or unknown. Unknown is never a pass.
//
// What the bake judged by (inventory, offers, lock) is judged again here, against
// the disk itself rather than against what the build instance said of itself.
package validate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory"
	"github.com/goldenami/rehydrate/internal/inventory/ahead"
	"github.com/goldenami/rehydrate/internal/osimage"
	"github.com/goldenami/rehydrate/internal/osimage/ebs"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

// Images tells where an image's disk is.
type Images interface {
	// RootSnapshot is the snapshot of the image's root device; kind fault.NotFound
	// when there is no such image.
	RootSnapshot(ctx context.Context, image string) (string, error)
}

// Input is what the gate judges.
type Input struct {
	Image     string
	Baseline  *baseline.Baseline
	Options   baseline.Options
	Lock      *baseline.Lock
	Evidence  *baseline.Node // what the bake found before it changed anything
	Marker    string         // what the bake planted; empty: not planted
	Builder   string         // what baked it, as record.Bake says it; Packer always plants
	InUse     string         // the image to compare with; empty: none
	SkipCheck []string       // names of optional checks left out, said in the verdict
}

// Gate judges candidates.
type Gate struct {
	Images Images
	Blocks ebs.Blocks
	Events event.Sink
	Now    func() time.Time
}

// Plan is what an Apply would read. It changes nothing: neither does Apply.
type Plan struct {
	Image    string   `json:"image"`
	Snapshot string   `json:"snapshot"`
	InUse    string   `json:"inUse,omitempty"`
	Checks   []string `json:"checks"`
}

// Plan finds the candidate's snapshot.
func (g *Gate) Plan(ctx context.Context, in Input) (Plan, error) {
	snap, err := g.Images.RootSnapshot(ctx, in.Image)
	if err != nil {
		return Plan{}, fmt.Errorf("find the snapshot of %s: %w", in.Image, err)
	}
	p := Plan{Image: in.Image, Snapshot: snap, InUse: in.InUse}
	for _, c := range checks {
		p.Checks = append(p.Checks, c.name)
	}
	return p, nil
}

// Unit is the gate as a unit of one step; its state is the record.Verdict.
func (g *Gate) Unit(in Input) unit.Unit {
	return unit.Func("validate", func(ctx context.Context, v *record.Verdict) (unit.Next, error) {
		got, err := g.Judge(ctx, in)
		if err != nil {
			return unit.Next{}, err
		}
		*v = got
		return unit.Done(), nil
	})
}

// Judge reads and judges. What cannot be read is an unknown verdict, not an error;
// errors are for a candidate that is not there or a broken connection.
func (g *Gate) Judge(ctx context.Context, in Input) (record.Verdict, error) {
	p, err := g.Plan(ctx, in)
	if err != nil {
		return record.Verdict{}, err
	}
	v := record.Verdict{Image: in.Image, Snapshot: p.Snapshot, Against: in.InUse, JudgedAt: g.Now()}
	if in.Lock != nil {
		v.LockDigest = in.Lock.Digest()
	}
	g.emit(event.Started, "reading %s of %s through the EBS direct API", p.Snapshot, in.Image)
	d, err := g.read(ctx, p.Snapshot, &v.Read)
	if err != nil && !unreadable(err) {
		return record.Verdict{}, err
	}
	if err != nil {
		v.Checks = []record.Check{{Name: "read", Outcome: record.Unknown, Text: err.Error()}}
	} else {
		v.Packages = len(d.inventory.Installed)
		v.Marker = d.marker
		v.Checks = append(v.Checks, record.Check{Name: "read", Outcome: record.Pass,
			Text: fmt.Sprintf("%d packages of %s", v.Packages, d.inventory.Product)})
		g.check(in, d, &v)
		if err := g.compare(ctx, in, d, &v); err != nil {
			return record.Verdict{}, err
		}
	}
	conclude(&v)
	kind := event.Ended
	if v.Outcome != record.Pass {
		kind = event.Failed
	}
	g.emit(kind, "verdict: %s (%d blocks, %d packages)", v.Outcome, v.Read.Blocks, v.Packages)
	return v, nil
}

// disk is what the gate takes from an image.
type disk struct {
	root      fs.FS
	inventory baseline.Inventory
	marker    string
}

// MarkerPath is where the bake plants its marker, as a path in the image.
const MarkerPath = "var/lib/rehydrate/marker"

func (g *Gate) read(ctx context.Context, snapshot string, cost *record.ReadCost) (*disk, error) {
	begun := time.Now()
	dev, err := ebs.Open(ctx, g.Blocks, snapshot, ebs.Options{})
	if err != nil {
		return nil, err
	}
	defer func() {
		cost.Blocks, cost.Total, cost.Bytes = dev.Cost()
		cost.MS = time.Since(begun).Milliseconds()
	}()
	root, err := osimage.Open(dev, dev.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", snapshot, unreadableError{err})
	}
	defer ahead.Read(root)()
	inv, _, err := inventory.Installed(root, inventory.Options{Now: g.Now()})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", snapshot, unreadableError{err})
	}
	d := &disk{root: root, inventory: inv}
	switch b, err := fs.ReadFile(root, MarkerPath); {
	case err == nil:
		d.marker = markerValue(b)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", snapshot, unreadableError{err})
	}
	return d, nil
}

// markerValue is the marker in the file: its JSON field "marker", or the whole text.
func markerValue(b []byte) string {
	var v struct {
		Marker string `json:"marker"`
	}
	if json.Unmarshal(b, &v) == nil && v.Marker != "" {
		return v.Marker
	}
	if len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	return string(b)
}

// unreadableError marks what makes a verdict unknown.
type unreadableError struct{ error }

func (e unreadableError) Unwrap() error { return e.error }

func unreadable(err error) bool {
	return errors.As(err, &unreadableError{}) && !errors.Is(err, context.Canceled) && fault.KindOf(err) == fault.Failed
}

func (g *Gate) emit(k event.Kind, format string, args ...any) {
	g.Events.Emit(event.Event{Stage: "validate", Kind: k, Text: fmt.Sprintf(format, args...)})
}
