package spread

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
)

// planner makes one plan.
type planner struct {
	*Stage
	in     Input
	source Image
	keys   map[string]Key // by cell and name
	needs  []need
	plan   *Plan
}

// shares plans one image in each Region, owned by home and shared with the rest.
func (p *planner) shares(ctx context.Context) error {
	byRegion := map[string][]Target{}
	for _, t := range p.in.Targets {
		byRegion[t.Region] = append(byRegion[t.Region], t)
	}
	for _, region := range slices.Sorted(maps.Keys(byRegion)) {
		at := Cell{p.in.Home.Account, region}
		pl, err := p.place(ctx, at, Origin{p.in.Image, p.in.Home.Region})
		if err != nil {
			return err
		}
		others := p.others(byRegion[region])
		pl.With = Audience{Accounts: others}
		if len(p.in.Organizations)+len(p.in.Units) > 0 {
			pl.With = Audience{Organizations: p.in.Organizations, Units: p.in.Units}
		}
		pl.Readers = others
		keys := p.keysOf(pl)
		if len(keys) == 0 && p.encrypted(pl) && len(others)+len(p.in.Organizations)+len(p.in.Units) > 0 {
			return p.unshareable(pl)
		}
		p.plan.Places = append(p.plan.Places, pl)
		for _, t := range byRegion[region] {
			var needs []need
			for _, k := range keys {
				if t.Account == at.Account {
					needs = append(needs, need{k, autoScaling(t.Account), sameKey})
					continue
				}
				needs = append(needs, need{k, t.principal(), fromKey}, need{k, autoScaling(t.Account), fromKey})
			}
			p.check(t, needs)
		}
	}
	return nil
}

// copies plans an image of its own for every account and Region.
func (p *planner) copies(ctx context.Context) error {
	others := p.others(p.in.Targets)
	if len(others) > 0 {
		// Whoever copies must see the image, and read its snapshots.
		first := Place{In: p.in.Home, Image: p.in.Image, Name: p.source.Name, Of: p.in.Image, Run: p.in.Run,
			With: Audience{Accounts: others}, Readers: others}
		if len(p.keysOf(first)) == 0 && p.encrypted(first) {
			return p.unshareable(first)
		}
		p.plan.Places = append(p.plan.Places, first)
	}
	for _, t := range p.in.Targets {
		pl, err := p.place(ctx, t.Cell, Origin{p.in.Image, p.in.Home.Region})
		if err != nil {
			return err
		}
		own := t.Account == p.in.Home.Account
		var needs []need
		for _, k := range p.keysOf(pl) {
			needs = append(needs, need{k, autoScaling(t.Account), sameKey})
			if own {
				continue
			}
			actions := freshKey
			switch {
			case p.in.Image == "": // in a preflight nobody knows yet
				actions = []string{"DescribeKey", "CreateGrant"}
			case p.encrypted(Place{Image: p.in.Image}):
				actions = toKey
			}
			needs = append(needs, need{k, t.principal(), actions})
		}
		if !own {
			for _, k := range p.keysOf(Place{Image: p.in.Image}) {
				p.needs = append(p.needs, need{k, t.principal(), fromKey})
			}
			pl.After = true
		}
		p.plan.Places = append(p.plan.Places, pl)
		p.check(t, needs)
	}
	return nil
}

// place is the image of a cell: the source itself where that will do, else a copy.
func (p *planner) place(ctx context.Context, at Cell, from Origin) (Place, error) {
	pl := Place{In: at, Name: p.source.Name, Of: p.in.Image, Run: p.in.Run, Try: p.in.Try}
	if p.in.Key != "" {
		k, err := p.key(ctx, at)
		if err != nil {
			return pl, err
		}
		pl.Key = k.ARN
	}
	if at == p.in.Home && (pl.Key == "" || p.sealedWith(pl.Key)) {
		pl.Image, pl.Key = p.in.Image, ""
		return pl, nil
	}
	pl.From, pl.Completion = from, p.in.Completion
	if pl.Key != "" {
		// The name follows from what is made, so that another key is another image.
		sum := sha256.Sum256([]byte(pl.Key))
		pl.Name = pl.Name[:min(len(pl.Name), nameLimit-9)] + "-" + hex.EncodeToString(sum[:4])
	}
	pl.Tags = map[string]string{TagOf: p.in.Image, TagRun: p.in.Run}
	for k, v := range p.source.Tags {
		if !strings.HasPrefix(k, "aws:") {
			pl.Tags[k] = v
		}
	}
	return pl, nil
}

// nameLimit is the longest name of an image (CopyImage, Name).
const nameLimit = 128

// key finds the key for a cell.
func (p *planner) key(ctx context.Context, at Cell) (Key, error) {
	id := at.String()
	if k, ok := p.keys[id]; ok {
		return k, nil
	}
	if r := regionOf(p.in.Key); r != "" && r != at.Region {
		return Key{}, fault.New(fault.Usage, "name an alias, which every Region resolves for itself", "encrypt the image in %s: key %s is one of %s", at, p.in.Key, r)
	}
	ports, err := p.open(ctx, at)
	if err != nil {
		return Key{}, err
	}
	k, err := ports.Keys.Key(ctx, p.in.Key)
	if err == nil {
		err = k.usable()
	}
	if err != nil {
		return Key{}, fmt.Errorf("find key %s in %s: %w", p.in.Key, at, err)
	}
	if !p.in.Copy && k.Managed {
		return Key{}, fault.New(fault.Usage, "name a key of your own", "encrypt the image in %s: %s is managed by AWS, and what it encrypts cannot be shared", at, p.in.Key)
	}
	p.keys[id] = k
	p.keys[k.ARN] = k
	return k, nil
}

// sealedWith says that all of the source is encrypted with a key already.
func (p *planner) sealedWith(key string) bool {
	return len(p.source.Disks) > 0 && !slices.ContainsFunc(p.source.Disks, func(d Disk) bool { return d.Key != key })
}

// encrypted says whether the image of a place will be.
func (p *planner) encrypted(pl Place) bool {
	return pl.Key != "" || slices.ContainsFunc(p.source.Disks, func(d Disk) bool { return d.Encrypted })
}

// sourceKeys finds the keys that encrypt the source.
func (p *planner) sourceKeys(ctx context.Context, home Ports) error {
	for _, d := range p.source.Disks {
		if _, ok := p.keys[d.Key]; ok || d.Key == "" {
			continue
		}
		k, err := home.Keys.Key(ctx, d.Key)
		if err == nil {
			err = k.usable()
		}
		if err != nil {
			return fmt.Errorf("look at the key of image %s: %w", p.in.Image, err)
		}
		p.keys[d.Key] = k
	}
	return nil
}

// keysOf are the customer's keys of a place's image; what AWS manages needs and gives
// no permissions.
func (p *planner) keysOf(pl Place) []string {
	var all []string
	if pl.Key != "" {
		all = append(all, pl.Key)
	}
	if pl.Image != "" {
		for _, d := range p.source.Disks {
			if d.Key != "" && !slices.Contains(all, d.Key) {
				all = append(all, d.Key)
			}
		}
	}
	return slices.DeleteFunc(all, func(arn string) bool { return p.keys[arn].Managed })
}

func (p *planner) unshareable(pl Place) error {
	return fault.New(fault.Usage, "name a key of your own with kms_key, or bake with one",
		"share image %s in %s: it would be encrypted with the key that AWS manages for EBS, and what that encrypts cannot be shared", p.in.Image, pl.In)
}

// others are the accounts of targets beside home's.
func (p *planner) others(targets []Target) []string {
	var out []string
	for _, t := range targets {
		if t.Account != p.in.Home.Account && !slices.Contains(out, t.Account) {
			out = append(out, t.Account)
		}
	}
	slices.Sort(out)
	return out
}

// check plans a look from inside a target at the place that was planned last.
func (p *planner) check(t Target, needs []need) {
	c := Check{Target: t, Place: len(p.plan.Places) - 1, Arch: p.source.Arch, Type: p.in.Type, Run: p.in.Run}
	if p.in.Canary != "" {
		c.Type, c.Canary = p.in.Canary, true
	}
	for _, n := range needs {
		c.Needs = append(c.Needs, Need{n.key, n.principal, n.operations})
	}
	p.needs = append(p.needs, needs...)
	p.plan.Checks = append(p.plan.Checks, c)
}
