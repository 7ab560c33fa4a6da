package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/schedule"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/rollout"
)

// rollInput is what the configuration says about rolling an image line to an image.
func rollInput(c *config.Config, i *config.Image, image string) rollout.Input {
	in := rollout.Input{Image: image}
	for _, name := range i.Rings {
		in.Rings = append(in.Rings, ringOf(c, i, name))
	}
	for _, f := range c.FleetsOf(i) {
		if f.Refresh == nil {
			continue
		}
		if at := slices.IndexFunc(in.Rings, func(r rollout.Ring) bool { return r.Name == f.Ring }); at >= 0 {
			in.Rings[at].Soak = max(in.Rings[at].Soak, f.Refresh.Soak)
		}
		in.Fleets = append(in.Fleets, fleetOf(f))
	}
	in.Rings = slices.DeleteFunc(in.Rings, func(r rollout.Ring) bool {
		return !slices.ContainsFunc(in.Fleets, func(f rollout.Fleet) bool { return f.Ring == r.Name })
	})
	return in
}

func ringOf(c *config.Config, i *config.Image, name string) rollout.Ring {
	have := i.Ring(name)
	r := rollout.Ring{Name: name, Soak: have.Soak, Concurrency: have.Concurrency, PerCell: have.PerRegion}
	r.Policy = ringPolicy(c, have)
	if calendar := (schedule.Calendar{Windows: have.Windows, Freezes: c.Freezes}); len(have.Windows)+len(c.Freezes) > 0 {
		r.Opens = calendar.Opening
	}
	return r
}

// ringPolicy is the digest of what the configuration says about when a ring may move and
// what must hold; empty where it says nothing.
func ringPolicy(c *config.Config, r config.Ring) string {
	type policy struct {
		Ring    config.Ring
		Freezes []schedule.Freeze
	}
	r.Name, r.Soak, r.Concurrency, r.PerRegion = "", 0, 0, 0 // the plan has these
	p := policy{r, c.Freezes}
	if reflect.DeepEqual(p, policy{}) {
		return ""
	}
	text, err := json.Marshal(p)
	if err != nil { // nothing in it can fail, and no digest is like another
		return err.Error()
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func fleetOf(f *config.Fleet) rollout.Fleet {
	r := f.Refresh
	out := rollout.Fleet{Name: f.Label, Ring: f.Ring, Groups: f.ASGNames, Tags: maps.Clone(f.ASGTags), Refresh: rollout.Preferences{
		MinHealthy: &r.MinHealthy, MaxHealthy: &r.MaxHealthy, Checkpoints: r.Checkpoints, CheckpointDelay: r.CheckpointDelay,
		Rollback: r.Rollback, Alarms: r.Alarms, Protected: r.Protected, Standby: r.Standby, AllowOutage: r.AllowOutage}}
	if r.Warmup > 0 {
		out.Refresh.Warmup = &r.Warmup
	}
	if f.ASGTemplate != "" {
		out.Templates = []string{f.ASGTemplate}
	}
	for _, p := range f.Places() {
		out.Cells = append(out.Cells, rollout.Cell{Account: p.Account, Region: p.Region})
	}
	return out
}

// everywhere completes the input of a roll that may go to several cells: the cells'
// full names, whose images are ours, and which image each cell is to run. That is the
// one that the run published there or, without such a run, the one that the cell's own
// channel holds.
func (p *pipeline) everywhere(ctx context.Context, in rollout.Input, published *record.Publish) rollout.Input {
	in.Owners = owners(p.Config, p.Cloud)
	in.Channels = []string{p.Image.Channel}
	in.Images, in.Unknown = map[rollout.Cell]string{}, map[rollout.Cell]error{}
	home := p.parts.cells.Home()
	if published != nil {
		for _, x := range published.Pointers {
			if c := (rollout.Cell{Account: or(x.Account, home.Account), Region: or(x.Region, home.Region)}); x.Arch == "" || x.Arch == p.Image.Architecture {
				in.Images[c] = x.Image
			}
		}
	}
	var ask []rollout.Cell
	for i := range in.Fleets {
		for j, c := range in.Fleets[i].Cells {
			c = rollout.Cell{Account: or(c.Account, home.Account), Region: or(c.Region, home.Region)}
			in.Fleets[i].Cells[j] = c
			if c != home && in.Images[c] == "" && !slices.Contains(ask, c) {
				ask = append(ask, c)
			}
		}
	}
	var guard sync.Mutex
	var work errgroup.Group
	work.SetLimit(manyCells)
	for _, c := range ask {
		work.Go(func() error {
			image, err := p.held(ctx, c)
			guard.Lock()
			defer guard.Unlock()
			if err != nil {
				in.Unknown[c] = err
			} else {
				in.Images[c] = image
			}
			return nil
		})
	}
	_ = work.Wait() // every error is in Unknown
	return in
}

// manyCells is how many cells are read at a time.
const manyCells = 16

// held is the image that a cell's own channel holds.
func (p *pipeline) held(ctx context.Context, c rollout.Cell) (string, error) {
	s, err := p.parts.cells.Session(ctx, c.Account, c.Region)
	if err != nil {
		return "", err
	}
	now, err := params.New(s).Get(ctx, p.Image.Channel)
	if fault.KindOf(err) == fault.NotFound && err != nil || err == nil && now.Value == "" {
		hint := "publish the image to this account and Region first"
		if !slices.Contains(channelCells(p.Image, p.Cloud), publish.Cell(c)) {
			hint = fmt.Sprintf("image %s does not go there: add the account and Region to its distribute block, or take them from the fleet's", p.Image.Label)
		}
		return "", fault.New(fault.NotFound, hint, "channel %s holds nothing in %s", p.Image.Channel, c)
	}
	if err != nil {
		return "", fmt.Errorf("read channel %s in %s: %w", p.Image.Channel, c, err)
	}
	return now.Value, nil
}

// owners are the accounts whose images are ours.
func owners(c *config.Config, cloud *Cloud) []string {
	out := []string{cloud.Account}
	for _, a := range c.Accounts {
		if a.ID != cloud.Account {
			out = append(out, a.ID)
		}
	}
	return out
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
