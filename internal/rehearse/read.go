package rehearse

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// Reader reads fleets through the ports of the rollout; of these it calls what reads.
type Reader struct {
	Cells func(context.Context, rollout.Cell) (rollout.Ports, error)
	Home  rollout.Cell // the full name of the zero Cell
	Now   func() time.Time
	To    string // the image to roll to, which must be there; empty: none is named
}

// manyCells is how many cells are read at a time.
const manyCells = 16

// Read reads the groups of all fleets in the input.
func (r Reader) Read(ctx context.Context, in rollout.Input) (*Fleet, error) {
	type find struct {
		fleet rollout.Fleet
		cell  rollout.Cell
		out   []Group
	}
	var all []*find
	for _, f := range in.Fleets {
		cells := f.Cells
		if len(cells) == 0 {
			cells = []rollout.Cell{{}}
		}
		for _, c := range cells {
			all = append(all, &find{fleet: f, cell: c})
		}
	}
	var work errgroup.Group
	work.SetLimit(manyCells)
	for _, x := range all {
		work.Go(func() (err error) {
			x.out, err = r.cell(ctx, x.fleet, x.cell)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	out := &Fleet{Schema: FleetSchema, At: r.Now().UTC()}
	owner, first := map[string]string{}, (*find)(nil)
	for _, x := range all {
		for _, g := range x.out {
			if other, taken := owner[g.where()]; taken {
				return nil, fault.New(fault.Usage, "give each group to one fleet", "group %s belongs to fleet %s and to fleet %s", g.where(), other, g.Fleet)
			}
			owner[g.where()] = g.Fleet
			out.Groups = append(out.Groups, g)
			if first == nil && g.Refused == "" {
				first = x
			}
		}
	}
	if len(out.Groups) == 0 {
		return nil, fault.New(fault.NotFound, "check tags, accounts and regions", "rehearse: no Auto Scaling group belongs to the fleets")
	}
	if r.To != "" && first != nil {
		note, err := r.image(ctx, first.cell)
		if err != nil {
			return nil, err
		}
		if note != "" {
			out.notes = append(out.notes, note)
		}
	}
	return out, out.check()
}

func (r Reader) cell(ctx context.Context, f rollout.Fleet, c rollout.Cell) ([]Group, error) {
	p, err := r.Cells(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c, err)
	}
	found, err := p.Groups.Find(ctx, f.Groups, f.Tags)
	if err != nil {
		return nil, fmt.Errorf("find the groups of fleet %s in %s: %w", f.Name, c, err)
	}
	v := &versions{Templates: p.Templates, known: map[string]rollout.TemplateVersion{}}
	full := r.full(c)
	var out []Group
	for _, g := range found {
		if len(f.Groups)+len(f.Tags) == 0 && !slices.Contains(f.Templates, g.Template.ID) && !slices.Contains(f.Templates, g.Template.Name) {
			continue
		}
		x, err := v.group(ctx, g)
		if err != nil {
			return nil, err
		}
		x.Account, x.Region, x.Fleet = full.Account, full.Region, f.Name
		out = append(out, x)
	}
	return out, nil
}

func (r Reader) full(c rollout.Cell) rollout.Cell {
	if c.Account == "" {
		c.Account = r.Home.Account
	}
	if c.Region == "" {
		c.Region = r.Home.Region
	}
	return c
}

// versions reads each template version once.
type versions struct {
	rollout.Templates
	mu    sync.Mutex
	known map[string]rollout.TemplateVersion
}

func (v *versions) group(ctx context.Context, g rollout.Group) (Group, error) {
	x := Group{Name: g.Name, Min: g.Min, Max: g.Max, Desired: g.Desired, Template: g.Template.Name, Tags: g.Tags, PolicyMin: g.PolicyMin, PolicyMax: g.PolicyMax,
		Mixed: g.Mixed, Suspended: g.Suspended, Instances: len(g.Instances)}
	if x.Template == "" {
		x.Template = g.Template.ID
	}
	if g.Warmup != nil {
		x.Warmup = Seconds(*g.Warmup / time.Second)
	}
	for _, m := range g.Instances {
		if m.Protected {
			x.Protected++
		}
		if strings.Contains(m.State, "Standby") {
			x.Standby++
		}
	}
	switch {
	case g.Template.ID == "":
		x.Refused = "it has no launch template"
		return x, nil
	case g.OwnOverrides:
		x.Refused = "overrides of its mixed-instances policy name templates or images of their own"
		return x, nil
	case g.Deleting:
		x.Refused = "it is being deleted"
		return x, nil
	}
	t, err := v.read(ctx, g)
	if err != nil {
		return x, err
	}
	x.Version = t.Number
	if imageRE.MatchString(t.Image) {
		x.Image = t.Image
	}
	var data struct{ InstanceType string }
	if err := json.Unmarshal(t.Data, &data); err == nil {
		x.Type = data.InstanceType
	}
	return x, nil
}

// read finds the version that the group runs: the saved one when it is a number, else
// that of its first instance, else what the alias stands for.
func (v *versions) read(ctx context.Context, g rollout.Group) (rollout.TemplateVersion, error) {
	want := g.Template.Version
	if _, err := strconv.Atoi(want); err != nil {
		for _, m := range g.Instances {
			if _, err := strconv.Atoi(m.Template.Version); err == nil && m.Template.ID == g.Template.ID {
				want = m.Template.Version
				break
			}
		}
	}
	if want == "" {
		want = "$Default"
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	key := g.Template.ID + " " + want
	if t, ok := v.known[key]; ok {
		return t, nil
	}
	list, err := v.Versions(ctx, g.Template.ID, want)
	if err != nil {
		return rollout.TemplateVersion{}, fmt.Errorf("group %s: read version %s of launch template %s: %w", g.Name, want, g.Template.ID, err)
	}
	if len(list) != 1 {
		return rollout.TemplateVersion{}, fault.New(fault.NotFound, "", "group %s: launch template %s has no version %s", g.Name, g.Template.ID, want)
	}
	v.known[key] = list[0]
	return list[0], nil
}
