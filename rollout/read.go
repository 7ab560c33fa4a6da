package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
)

// reader makes the plans of groups; what several groups share is read once.
type reader struct {
	*Stage
	in       Input
	versions map[versionKey]TemplateVersion
	images   map[Cell]map[string]string // what instances run, by instance id
}

// versionKey is a template's version as it was asked for.
type versionKey struct {
	cell              Cell
	template, version string
}

type foundGroup struct {
	fleet Fleet
	cell  Cell
	group Group
}

// find reads the groups of all fleets, in the order of the fleets, their cells and
// then by name, and what all their instances run.
func (r *reader) find(ctx context.Context, fleets []Fleet) ([]foundGroup, error) {
	var out []foundGroup
	type place struct {
		cell Cell
		name string
	}
	owner := map[place]string{}
	ids := map[Cell][]string{}
	for _, f := range fleets {
		var all []Group
		for _, c := range f.cells() {
			ports, err := r.ports(ctx, c)
			if err != nil {
				return nil, fmt.Errorf("find the groups of fleet %s: %w", f.Name, err)
			}
			groups, err := ports.Groups.Find(ctx, f.Groups, f.Tags)
			if err != nil {
				return nil, fmt.Errorf("find the groups of fleet %s%s: %w", f.Name, c.in(), err)
			}
			all = append(all, groups...)
			for _, g := range groups {
				if other, taken := owner[place{c, g.Name}]; taken {
					return nil, fault.New(fault.Usage, "give each group to one fleet",
						"group %s%s belongs to fleet %s and to fleet %s", g.Name, c.in(), other, f.Name)
				}
				owner[place{c, g.Name}] = f.Name
				out = append(out, foundGroup{f, c, g})
				for _, m := range g.Instances {
					ids[c] = append(ids[c], m.ID)
				}
			}
		}
		if err := f.complete(all); err != nil {
			return nil, err
		}
	}
	for c, list := range ids {
		if err := r.running(ctx, c, list); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// running reads what a cell's instances run.
func (r *reader) running(ctx context.Context, c Cell, ids []string) error {
	ports, err := r.ports(ctx, c)
	if err != nil {
		return err
	}
	list, err := ports.Instances.Describe(ctx, ids)
	if err != nil {
		return fmt.Errorf("describe %d instances%s: %w", len(ids), c.in(), err)
	}
	r.images[c] = map[string]string{}
	for _, i := range list {
		r.images[c][i.ID] = i.Image
	}
	return nil
}

// cells are where the fleet's groups are looked for.
func (f Fleet) cells() []Cell {
	if len(f.Cells) == 0 {
		return []Cell{{}}
	}
	return f.Cells
}

// complete says which of a fleet's groups were not found.
func (f Fleet) complete(groups []Group) error {
	for _, name := range f.Groups {
		if !slices.ContainsFunc(groups, func(g Group) bool { return g.Name == name }) {
			return fault.New(fault.NotFound, "check name, account and region",
				"fleet %s: there is no Auto Scaling group %s", f.Name, name)
		}
	}
	if len(groups) == 0 {
		var tags []string
		for _, k := range slices.Sorted(maps.Keys(f.Tags)) {
			tags = append(tags, k+"="+f.Tags[k])
		}
		return fault.New(fault.NotFound, "check tags, account and region",
			"fleet %s: no Auto Scaling group has the tags %s", f.Name, strings.Join(tags, ", "))
	}
	return nil
}

// group plans one group.
func (r *reader) group(ctx context.Context, f foundGroup) (GroupPlan, error) {
	g := f.group
	p := GroupPlan{Ring: f.fleet.Ring, Fleet: f.fleet.Name, Cell: f.cell, Group: g.Name, Template: g.Template,
		To: r.in.image(f.cell), Mixed: g.Mixed, Measured: r.measure(f.cell, g)}
	p.Preferences = f.fleet.Refresh.forGroup(g)
	p.Findings = preflight(g, p.Preferences)
	if p.refused() {
		return p, nil
	}
	if err := r.inUse(ctx, g, &p); err != nil || p.refused() {
		return p, err
	}
	if err := r.foreign(ctx, &p); err != nil {
		return p, err
	}
	p.Nothing = p.From == p.To && p.Measured.OnImage == len(g.Instances) && !p.Pin
	return p, nil
}

// inUse finds the version that the group runs, and its image.
func (r *reader) inUse(ctx context.Context, g Group, p *GroupPlan) error {
	asked := running(g)
	if len(asked) > 1 {
		p.refuse(fault.Conflict, "set the group to the version it shall keep, and let it settle",
			"it launches from %s, and its instances run versions %s", g.Template.Version, strings.Join(asked, " and "))
		return nil
	}
	v, err := r.version(ctx, p.Cell, g.Template.ID, asked[0])
	if err != nil {
		return fmt.Errorf("group %s: %w", g.Name, err)
	}
	p.InUse, p.From = v.Number, v.Image
	p.Pin = !numbered(g.Template.Version)
	switch {
	case v.Image == "":
		p.refuse(fault.Unsupported, "put an ImageId into the template version", "version %s of its launch template names no image", v.Number)
	case !strings.HasPrefix(v.Image, "ami-"):
		p.refuse(fault.Unsupported, "put a literal image id into the template version; an alias cannot be rolled back",
			"version %s of its launch template names the image by %s", v.Number, v.Image)
	case p.Pin:
		p.note("it launches from %s; it is pinned to version %s, which it runs, before anything else", g.Template.Version, v.Number)
	}
	return nil
}

// running is the version to start from: the saved one when it is a number, else what
// the instances run, else the saved alias itself.
func running(g Group) []string {
	if numbered(g.Template.Version) {
		return []string{g.Template.Version}
	}
	var seen []string
	for _, m := range g.Instances {
		if m.Template.ID == g.Template.ID && numbered(m.Template.Version) && !slices.Contains(seen, m.Template.Version) {
			seen = append(seen, m.Template.Version)
		}
	}
	slices.Sort(seen)
	if len(seen) == 0 {
		return []string{alias(g.Template.Version)}
	}
	return seen
}

// alias is the version as DescribeLaunchTemplateVersions wants it; a group without
// one launches from the default.
func alias(version string) string {
	if version == "" {
		return "$Default"
	}
	return version
}

func numbered(version string) bool {
	n, err := strconv.ParseInt(version, 10, 64)
	return err == nil && n > 0
}

func (r *reader) version(ctx context.Context, c Cell, template, version string) (TemplateVersion, error) {
	key := versionKey{c, template, version}
	if v, ok := r.versions[key]; ok {
		return v, nil
	}
	ports, err := r.ports(ctx, c)
	if err != nil {
		return TemplateVersion{}, err
	}
	list, err := ports.Templates.Versions(ctx, template, version)
	if err != nil {
		return TemplateVersion{}, fmt.Errorf("read version %s of launch template %s: %w", version, template, err)
	}
	if len(list) != 1 {
		return TemplateVersion{}, fault.New(fault.NotFound, "", "launch template %s has no version %s", template, version)
	}
	r.versions[key] = list[0]
	return list[0], nil
}

// foreign refuses a group in which somebody else's refresh runs. One that goes to
// our image on a version made by us may be that of a run which was interrupted; the
// unit compares it exactly.
func (r *reader) foreign(ctx context.Context, p *GroupPlan) error {
	ports, err := r.ports(ctx, p.Cell)
	if err != nil {
		return err
	}
	list, err := ports.Refreshes.List(ctx, p.Group)
	if err != nil {
		return fmt.Errorf("list the instance refreshes of group %s: %w", p.Group, err)
	}
	for _, x := range list {
		if terminal(x.Status) {
			continue
		}
		v, err := r.version(ctx, p.Cell, p.Template.ID, x.Desired.Template.Version)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
		if x.Desired.Template.ID == p.Template.ID && v.Image == p.To &&
			(v.Number == p.InUse || v.Description == describe(p.InUse, p.To)) {
			p.note("an instance refresh to the same version is under way (%s, %s); it is adopted", x.ID, x.Status)
			continue
		}
		p.refuse(fault.Conflict, "wait until it has ended, or end it yourself",
			"somebody else's instance refresh %s is under way (%s)", x.ID, x.Status)
	}
	return nil
}

func (r *reader) measure(c Cell, g Group) Measured {
	m := Measured{Min: g.Min, Max: g.Max, Desired: g.Desired}
	for _, i := range g.Instances {
		m.Instances = append(m.Instances, i.ID)
		if i.State == InService {
			m.InService++
		}
		if r.images[c][i.ID] == r.in.image(c) {
			m.OnImage++
		}
	}
	return m
}

// launchable checks the image to go to in every cell, and the images a rollback would
// go to.
func (r *reader) launchable(ctx context.Context, p *Plan) error {
	ids := map[Cell][]string{}
	for g := range p.Groups() {
		ids[g.Cell] = append(ids[g.Cell], g.To)
		if g.From != "" {
			ids[g.Cell] = append(ids[g.Cell], g.From)
		}
	}
	states := map[Cell]map[string]string{}
	for c, list := range ids {
		slices.Sort(list)
		list = slices.Compact(list)
		ports, err := r.ports(ctx, c)
		if err != nil {
			return err
		}
		if states[c], err = ports.Images.States(ctx, list); err != nil {
			return fmt.Errorf("look at the images %s%s: %w", strings.Join(list, ", "), c.in(), err)
		}
	}
	for i := range p.Rings {
		for j := range p.Rings[i].Groups {
			g := &p.Rings[i].Groups[j]
			switch state, ok := states[g.Cell][g.To]; {
			case !ok:
				return fault.New(fault.NotFound, "check id, account and region", "roll to %s: there is no such image%s", g.To, g.Cell.in())
			case state != "available":
				return fault.New(fault.Conflict, "", "roll to %s: the image is %s%s, not available", g.To, state, g.Cell.in())
			}
			if state := states[g.Cell][g.From]; g.From != "" && !g.Nothing && state != "available" {
				g.refuse(fault.Conflict, "without it nothing could be rolled back; make it available again",
					"the image %s that it runs now is %s", g.From, or(state, "gone"))
			}
		}
	}
	return nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
