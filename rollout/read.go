package rollout

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
)

// cellReader reads one cell; what several of its groups share is read once.
type cellReader struct {
	*reader
	Ports
	cell     Cell
	versions map[versionKey]TemplateVersion
	absent   map[versionKey]error // versions that are not there
	images   map[string]string    // what instances run, by instance id; To alone where that is enough
	look     looked
}

// versionKey is a template's version as it was asked for.
type versionKey struct{ template, version string }

// survey plans the groups of one cell.
func (r *reader) survey(ctx context.Context, c Cell, fleets []Fleet) (*surveyed, error) {
	ports, err := r.ports(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("find the groups of fleet %s: %w", fleetNames(fleets), err)
	}
	x := &cellReader{reader: r, Ports: ports, cell: c, versions: map[versionKey]TemplateVersion{}, absent: map[versionKey]error{},
		images: map[string]string{}}
	found, err := x.find(ctx, c, ports, fleets)
	if err != nil {
		return nil, err
	}
	out := &surveyed{groups: map[string][]GroupPlan{}, names: map[string][]string{}}
	mine := slices.IndexFunc(found, func(f claimed) bool { return len(f.fleets) == 0 })
	if mine < 0 {
		mine = len(found)
	}
	if err := x.running(ctx, found[:mine]); err != nil {
		return nil, err
	}
	if err := x.templates(ctx, found); err != nil {
		return nil, err
	}
	plans := make([]GroupPlan, mine)
	for i, f := range found[:mine] {
		plans[i] = x.group(f)
	}
	if err := x.refreshing(ctx, plans); err != nil {
		return nil, err
	}
	if err := x.launchable(ctx, out, plans); err != nil {
		return nil, err
	}
	x.see(ctx, found[:mine], plans)
	var short []PlanFinding
	out.quotas, short = x.headroom(ctx, found[:mine], plans)
	for i, f := range found[:mine] {
		for _, of := range f.fleets {
			out.names[of.Name] = append(out.names[of.Name], f.group.Name)
		}
		out.groups[f.fleets[0].Name] = append(out.groups[f.fleets[0].Name], plans[i])
	}
	out.findings = append(out.findings, x.crowded(found[:mine], plans)...)
	out.findings = append(out.findings, short...)
	out.findings = append(out.findings, x.followers(found[mine:], plans)...)
	return out, nil
}

// running reads what the groups' instances run.
func (x *cellReader) running(ctx context.Context, found []claimed) error {
	var ids []string
	for _, f := range found {
		for _, m := range f.group.Instances {
			ids = append(ids, m.ID)
		}
	}
	if len(ids) == 0 || x.in.image(x.cell) == NewImage {
		return nil
	}
	if use, ok := x.Instances.(ImageUse); ok {
		to := x.in.image(x.cell)
		got, err := use.Using(ctx, []string{to})
		if err != nil {
			return fmt.Errorf("find the instances of %s%s: %w", to, x.cell.in(), err)
		}
		x.images = got
		return nil
	}
	list, err := x.Instances.Describe(ctx, ids)
	if err != nil {
		return fmt.Errorf("describe %d instances%s: %w", len(ids), x.cell.in(), err)
	}
	for _, i := range list {
		x.images[i.ID] = i.Image
	}
	return nil
}

// group plans one group.
func (x *cellReader) group(f claimed) GroupPlan {
	g, fleet := f.group, f.fleets[0]
	p := GroupPlan{Ring: fleet.Ring, Fleet: fleet.Name, Cell: x.cell, Group: g.Name, Template: g.Template,
		To: x.in.image(x.cell), Mixed: g.Mixed, Measured: x.measured(g)}
	size := g.Desired
	if was, ok := x.basis[place{x.cell, g.Name}]; ok {
		size = was
	}
	p.Preferences = fleet.Refresh.forGroup(g, size)
	p.Findings = preflight(g, p.Preferences)
	p.contested(f.fleets)
	if !p.refused() {
		x.inUse(g, &p)
	}
	if !p.refused() {
		p.Nothing = p.From == p.To && p.Measured.OnImage == len(g.Instances) && !p.Pin
	}
	p.Measured.Bounds = boundsOf(g, p.Preferences)
	p.Measured.Estimate = x.estimate(g, p)
	if b := p.Measured.Bounds; !p.Nothing && !p.refused() && !b.Units && p.Measured.InService < b.Floor {
		p.warn("let it get well first", "%d of its instances are in service, and %d shall stay so: a refresh replaces nothing until they are, and fails after an hour", p.Measured.InService, b.Floor)
	}
	if !p.Nothing && !p.refused() {
		p.Measured.Alone = p.Preferences.alone()
	}
	return p
}

// inUse finds the version that the group runs, and its image.
func (x *cellReader) inUse(g Group, p *GroupPlan) {
	asked := running(g)
	if len(asked) > 1 {
		p.refuse(fault.Conflict, "set the group to the version it shall keep, and let it settle",
			"it launches from %s, and its instances run versions %s", g.Template.Version, strings.Join(asked, " and "))
		return
	}
	key := versionKey{g.Template.ID, asked[0]}
	if err := x.absent[key]; err != nil {
		p.refuse(fault.KindOf(err), fault.HintOf(err), "%s", err)
		return
	}
	v := x.versions[key]
	p.InUse, p.From = v.Number, v.Image
	p.Pin = !numbered(g.Template.Version)
	switch {
	case v.Image == "":
		p.refuse(fault.Unsupported, "put an ImageId into the template version", "version %s of its launch template names no image", v.Number)
		return
	case !strings.HasPrefix(v.Image, "ami-"):
		p.refuse(fault.Unsupported, "put a literal image id into the template version; an alias cannot be rolled back",
			"version %s of its launch template names the image by %s", v.Number, v.Image)
		return
	case p.Pin:
		p.note("it launches from %s; it is pinned to version %s, which it runs, before anything else", g.Template.Version, v.Number)
	}
	x.elsewhere(g, p)
	var err error
	if p.Diff, err = withImage(v, p.To); err != nil {
		p.refuse(fault.Failed, "", "read version %s of its launch template: %s", v.Number, err)
	}
}

// elsewhere warns of instances of another version than the group launches from: the
// roll brings them more than an image, and a way back does not lead back to them.
func (x *cellReader) elsewhere(g Group, p *GroupPlan) {
	n, seen := 0, []string{}
	for _, m := range g.Instances {
		other := m.Template.ID != "" && (m.Template.ID != g.Template.ID || m.Template.Version != p.InUse)
		if !other || x.images[m.ID] == p.To {
			continue
		}
		n++
		if v := m.Template.Version; !slices.Contains(seen, v) {
			seen = append(seen, v)
		}
	}
	if n == 0 {
		return
	}
	slices.Sort(seen)
	p.warn("look at what else is in that version, or set the group to the version that its instances run",
		"%d of its instances run version %s, and it launches from %s: they get all that version %s changes, and a way back leads to %s",
		n, strings.Join(seen, ", "), p.InUse, p.InUse, p.InUse)
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

// followers tells of groups outside all fleets that launch from a channel by
// resolve:ssm, or from the latest version of a template that gets a new one: they follow
// without a roll, instance by instance.
func (x *cellReader) followers(nobodys []claimed, plans []GroupPlan) []PlanFinding {
	var out []PlanFinding
	renewed := map[string]bool{}
	for _, p := range plans {
		renewed[p.Template.ID] = renewed[p.Template.ID] || !p.Nothing && !p.refused() && p.From != p.To
	}
	for _, f := range nobodys {
		if t := f.group.Template; t.Version == latest && renewed[t.ID] {
			out = append(out, PlanFinding{Cell: x.cell, Finding: Finding{Warn: true,
				Text: fmt.Sprintf("group %s belongs to no fleet and launches from the latest version of %s, of which the roll makes one with the new image: its next instances run that, without a roll", f.group.Name, or(t.Name, t.ID)),
				Hint: "set it to a numbered version, or put it into a fleet"}})
			continue
		}
		for _, version := range running(f.group) {
			name, ok := Parameter(x.versions[versionKey{f.group.Template.ID, version}].Image)
			if ok && slices.Contains(x.in.Channels, name) {
				out = append(out, PlanFinding{Cell: x.cell, Finding: Finding{Warn: true,
					Text: fmt.Sprintf("group %s launches from %s by resolve:ssm and belongs to no fleet: new instances follow the channel at once, without a roll", f.group.Name, name),
					Hint: "put a literal image id into its template version and the group into a fleet"}})
				break
			}
		}
	}
	return out
}

// Parameter is the Parameter Store name in an image that is given as
// resolve:ssm:NAME, NAME:VERSION or NAME:LABEL.
func Parameter(image string) (name string, ok bool) {
	name, ok = strings.CutPrefix(image, "resolve:ssm:")
	name, _, _ = strings.Cut(name, ":")
	return name, ok && name != ""
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
