package app

import (
	"context"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/groups"
	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/rollout"
)

// rollTick brings the looks of a roll's groups together, so that they share calls.
const rollTick = 15 * time.Second

// execution is how this run rolls its groups.
func (p *pipeline) execution() *rollout.Execution {
	stage := *p.parts.roll
	stage.Cells = batchedCells(stage.Cells)
	stage.Events = p.Events
	return &rollout.Execution{
		Stage:  &stage,
		Pool:   &engine.Pool{Local: p.local, Tick: rollTick},
		Andon:  &rollout.Andon{Switch: andonOf(p.Config, p.Image, p.parts.params), Clock: p.Cloud.Clock, Events: p.Events},
		Gates:  newRingGates(p.Request, p.parts.cells),
		Limits: func(ring string) rollout.Limits { return ringLimits(p.Image, ring) },
		InCell: func(c rollout.Cell) int { return accountLimit(p.Config, p.Cloud, c) },
		Sample: p.drift,
		Home:   rollout.Cell{Account: p.Cloud.Account, Region: p.Cloud.Region},
	}
}

func ringLimits(i *config.Image, ring string) rollout.Limits {
	r := i.Ring(ring)
	return rollout.Limits{Concurrency: r.Concurrency, PerCell: r.PerRegion, MaxFailures: r.MaxFailures}
}

func accountLimit(c *config.Config, cloud *Cloud, cell rollout.Cell) int {
	if cell.Account == "" {
		cell.Account = cloud.Account
	}
	for _, a := range c.Accounts {
		if a.ID == cell.Account {
			return a.Concurrency
		}
	}
	return 0
}

// batchedCells gives ports that put the reads of one moment into few calls. The same
// cell always gets the same ports: that is how questions meet.
func batchedCells(open func(context.Context, rollout.Cell) (rollout.Ports, error)) func(context.Context, rollout.Cell) (rollout.Ports, error) {
	var mu sync.Mutex
	made := map[rollout.Cell]rollout.Ports{}
	return func(ctx context.Context, c rollout.Cell) (rollout.Ports, error) {
		mu.Lock()
		p, ok := made[c]
		mu.Unlock()
		if ok {
			return p, nil
		}
		p, err := open(ctx, c)
		if err != nil {
			return p, err
		}
		mu.Lock()
		defer mu.Unlock()
		if have, ok := made[c]; ok {
			return have, nil
		}
		made[c] = groups.Batched(p)
		return made[c], nil
	}
}

// andonOf is the andon of an image line.
func andonOf(c *config.Config, i *config.Image, p params.Parameters) rollout.Switch {
	name := c.Andon.Parameter
	if name == "" {
		name = path.Join(path.Dir(i.Channel), "andon")
	}
	return andonParameter{p, name}
}

// andonParameter is the andon in Parameter Store.
type andonParameter struct {
	params params.Parameters
	name   string
}

// Name implements rollout.Switch.
func (a andonParameter) Name() string { return a.name }

// Read implements rollout.Switch.
func (a andonParameter) Read(ctx context.Context) (string, error) {
	now, err := a.params.Get(ctx, a.name)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return "", nil
	}
	return now.Value, err
}

// Write implements rollout.Switch.
func (a andonParameter) Write(ctx context.Context, text string) error {
	_, err := a.params.Put(ctx, publish.NewVersion{Name: a.name, Value: text, Overwrite: true,
		Description: "the andon of rehydrate: run, pause, pause-now, cancel or rollback, then who and why"})
	return err
}

// oneRing is the kind of the units in which rings were rolled before each group had one.
const oneRing = "roll.ring"

// refuseOld refuses to go on with a roll that an older version began, whose groups are
// not units of their own.
func refuseOld(ctx context.Context, j *journal.Journal, p *rollout.Plan) error {
	units, err := j.Units(ctx)
	if err != nil {
		return err
	}
	for _, r := range p.Rings {
		name := "roll/" + r.Name
		if !slices.Contains(units, name) {
			continue
		}
		records, err := j.Records(ctx, name)
		if err != nil {
			return err
		}
		if len(records) > 0 && records[0].Kind == oneRing {
			return fault.New(fault.Conflict, "look at its groups, then start a new run; a refresh of it that is under way is adopted",
				"run %s was begun by a version that kept ring %s in one record; this one cannot go on with it", j.Run(), r.Name)
		}
	}
	return nil
}
