package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/awscloud/instances"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

// maxDrift is how many packages of a sample are kept.
const maxDrift = 100

// drift has one instance of each group that has rolled, in rings that ask for it, read
// its own packages through Run Command, and compares them with the lock of the image. A
// difference is a finding; where the ring says so it is an error of kind Partial, because
// the groups do run the image.
func (p *pipeline) drift(ctx context.Context, results []record.Roll) error {
	var lock *baseline.Lock
	failed := ""
	for i := range results {
		r := &results[i]
		ring := p.Image.Ring(r.Ring)
		if !ring.DriftSample || r.Outcome != rollout.Done {
			continue
		}
		if lock == nil {
			lock = p.lockOf()
		}
		d, err := p.sample(ctx, *r, lock)
		if err != nil {
			return err
		}
		r.Drift = &d
		kind := event.Warned
		if d.Outcome == record.DriftNone {
			kind = event.Found
		}
		p.Events.Emit(event.Event{Stage: "roll", Unit: "roll/" + r.Ring, Kind: kind, Text: fmt.Sprintf("drift of %s: %s", r.Group, d.Text)})
		if d.Outcome != record.DriftNone && ring.DriftFails && failed == "" {
			failed = fmt.Sprintf("drift of group %s: %s", r.Group, d.Text)
		}
	}
	if failed != "" {
		return fault.New(fault.Partial, "the groups run the image; look at what changes packages on them after boot", "%s", failed)
	}
	return nil
}

// lockOf is the lock of the run's image; nil if it cannot be read.
func (p *pipeline) lockOf() *baseline.Lock {
	r, err := p.baked()
	if err != nil {
		return nil
	}
	var lock baseline.Lock
	if err := p.readArtifact(r, r.Bake.Files.Lock, &lock); err != nil {
		return nil
	}
	return &lock
}

// sample is a unit of its own, so that a resume does not ask again.
func (p *pipeline) sample(ctx context.Context, r record.Roll, lock *baseline.Lock) (record.Drift, error) {
	name := fmt.Sprintf("drift/%s/%s-%s/%s", url.PathEscape(r.Ring), or(r.Account, "own"), or(r.Region, "own"), digestOf(r.Group)[len("sha256:"):][:16])
	raw, err := p.local.Run(ctx, name, unit.Func("roll.drift", func(ctx context.Context, d *record.Drift) (unit.Next, error) {
		*d = p.scanned(ctx, r, lock)
		return unit.Done(), ctx.Err()
	}))
	var d record.Drift
	if err == nil {
		err = json.Unmarshal(raw, &d)
	}
	return d, err
}

// scanned asks one instance. Whatever keeps it from answering makes the drift unknown.
func (p *pipeline) scanned(ctx context.Context, r record.Roll, lock *baseline.Lock) record.Drift {
	unknown := func(format string, args ...any) record.Drift {
		return record.Drift{Outcome: record.Unknown, Text: "unknown: " + fmt.Sprintf(format, args...), At: p.Cloud.Clock.Now()}
	}
	home := p.parts.cells.Home()
	switch {
	case lock == nil:
		return unknown("the lock of the image cannot be read")
	case p.Config.Artifacts.Bucket == "":
		return unknown("no artifacts bucket is configured, from which an instance could fetch its program")
	case r.Account != "" && r.Account != home.Account || r.Region != "" && r.Region != home.Region:
		return unknown("instances of other accounts and Regions are not asked")
	case len(r.Instances) == 0:
		return unknown("the group has no instance")
	}
	_, nodes, _ := instances.New(p.Cloud.Session)
	id := r.Instances[0]
	n, err := nodes.Node(ctx, id)
	switch {
	case err != nil:
		return unknown("%s", err)
	case !n.Managed:
		return unknown("Systems Manager does not see instance %s", id)
	}
	req := record.NodeRequest{Schema: record.NodeSchema, Operation: "Collect", Options: p.Image.Baseline.Options, Now: r.EndedAt, NoRefresh: true}
	patcher := &inplace.Patcher{Stage: nodeStage(p.Request), Clock: p.Cloud.Clock, Run: p.Run, Name: "drift/" + r.Group, Arch: n.Arch}
	report, err := patcher.Patch(ctx, id, req)
	switch {
	case err != nil:
		return unknown("instance %s: %s", id, err)
	case report.Error != "":
		return unknown("instance %s could not finish: %s", id, report.Error)
	case report.Before == nil || len(report.Before.Inventory.Installed) == 0:
		return unknown("instance %s reported no inventory", id)
	}
	d := compared(lock, report.Before.Inventory)
	d.Instance, d.At = id, p.Cloud.Clock.Now()
	return d
}

// compared judges an inventory by a lock. The image had all of the lock, so a package
// that the instance does not have is a difference too.
func compared(lock *baseline.Lock, inv baseline.Inventory) record.Drift {
	d := record.Drift{Outcome: record.DriftNone}
	n := 0
	for _, f := range lock.Judge(inv) {
		if f.Standing == baseline.StandingExact {
			continue
		}
		if n++; n <= maxDrift {
			d.Packages = append(d.Packages, record.Change{Name: f.Name, Arch: f.Arch, From: baseline.FullVersion(lock.OS, f.Package), To: f.Installed})
		}
	}
	d.Text = fmt.Sprintf("none: all %d locked packages are at their version", len(lock.Packages))
	if n > 0 {
		first := d.Packages[0]
		d.Outcome, d.Text = record.DriftFound, fmt.Sprintf("%d of %d locked packages differ, the first is %s: %s instead of %s", n, len(lock.Packages), first.Name, orNone(first.To), first.From)
	}
	return d
}
