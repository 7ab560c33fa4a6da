package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/awscloud/commands"
	"github.com/goldenami/rehydrate/internal/awscloud/instances"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

const (
	// maxDrift is how many packages of a sample are kept.
	maxDrift = 100
	// manySamples is how many instances are asked at a time.
	manySamples = 8
	// driftLimit is how long an instance may take to answer: Run Command lets a command
	// wait ten minutes before it begins.
	driftLimit = 20 * time.Minute
)

// drift has one instance of each group of a ring that has rolled, in rings that ask for it, read
// its own packages through Run Command, and compares them with the lock of the image. A
// difference is a finding; where the ring says so it is an error of kind Partial, because
// the groups do run the image.
func (p *pipeline) drift(ctx context.Context, results []record.Roll) error {
	var asked []*record.Roll
	for i := range results {
		if r := &results[i]; p.Image.Ring(r.Ring).DriftSample && r.Outcome == rollout.Done {
			asked = append(asked, r)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	lock := p.lockOf()
	work, within := errgroup.WithContext(ctx)
	work.SetLimit(manySamples)
	for _, r := range asked {
		work.Go(func() error {
			d, err := p.sample(within, *r, lock)
			if err == nil {
				r.Drift = &d
			}
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	failed := ""
	for _, r := range asked {
		kind := event.Warned
		if r.Drift.Outcome == record.DriftNone {
			kind = event.Found
		}
		text := fmt.Sprintf("drift of %s: %s", groupName(*r), r.Drift.Text)
		p.Events.Emit(event.Event{Stage: "roll", Unit: "roll/" + r.Ring, Kind: kind, Text: text})
		if r.Drift.Outcome != record.DriftNone && p.Image.Ring(r.Ring).DriftFails && failed == "" {
			failed = text
		}
	}
	if failed != "" {
		return fault.New(fault.Partial, "the groups run the image; look at what changes packages on them after boot", "%s", failed)
	}
	return nil
}

// groupName is a group, and where it is if that is said.
func groupName(r record.Roll) string {
	if r.Account == "" && r.Region == "" {
		return r.Group
	}
	return fmt.Sprintf("%s in %s", r.Group, rollout.Cell{Account: r.Account, Region: r.Region})
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
	switch {
	case lock == nil:
		return unknown("the lock of the image cannot be read")
	case p.Config.Artifacts.Bucket == "":
		return unknown("no artifacts bucket is configured, from which an instance could fetch its program")
	case len(r.Instances) == 0:
		return unknown("the group has no instance")
	}
	s, err := p.parts.cells.Session(ctx, r.Account, r.Region)
	if err != nil {
		return unknown("%s", err)
	}
	_, nodes, _ := instances.New(s)
	id := r.Instances[0]
	n, err := nodes.Node(ctx, id)
	switch {
	case err != nil:
		return unknown("%s", err)
	case !n.Managed:
		return unknown("Systems Manager does not see instance %s", id)
	}
	req := record.NodeRequest{Schema: record.NodeSchema, Operation: "Collect", Options: p.Image.Baseline.Options, Now: r.EndedAt, NoRefresh: true}
	stage := nodeStage(p.Request) // the bucket is the session's own; everything else, the cell's
	stage.Events = event.Discard  // which speak of patching
	stage.Nodes = nodes
	stage.Commands, stage.Documents = commands.New(s)
	patcher := &inplace.Patcher{Stage: stage, Clock: p.Cloud.Clock, Run: p.Run, Name: "drift/" + r.Group, Arch: n.Arch, Patience: driftLimit}
	report, err := patcher.Patch(ctx, id, req)
	switch {
	case err != nil && r.Account != "" && r.Account != p.Cloud.Account:
		return unknown("instance %s: %s; does the policy of bucket %s let account %s read and write?", id, err, p.Config.Artifacts.Bucket, r.Account)
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
