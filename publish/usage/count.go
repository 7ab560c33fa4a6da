package usage

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// count adds the uses in a cell.
func (r *reader) count(ctx context.Context, c *cell) {
	for _, i := range c.instances {
		of := ""
		if i.Group != "" {
			of = " of group " + i.Group
		}
		r.use(c, Use{Kind: Instances, ID: i.ID, Image: i.Image, Group: i.Group, Text: fmt.Sprintf("instance %s%s runs it (%s)", i.ID, of, i.State)})
	}
	for name, image := range c.configs {
		r.use(c, Use{Kind: Config, ID: name, Image: image, Text: fmt.Sprintf("launch configuration %s names it", name)})
	}
	for _, g := range c.groups {
		r.group(ctx, c, g)
	}
	r.refreshing(ctx, c)
	r.versions(ctx, c)
	for _, p := range c.parameters {
		if amazons(p.Name) {
			continue
		}
		for _, image := range Named(p.Value) {
			r.use(c, Use{Kind: Params, ID: p.Name, Image: image, Text: fmt.Sprintf("parameter %s holds it (version %d)", p.Name, p.Version)})
		}
	}
	r.references(ctx, c)
}

// group adds what a group's next instance would be launched from.
func (r *reader) group(ctx context.Context, c *cell, g Group) {
	launches := func(image, through, from string, v *TemplateVersion) {
		r.use(c, Use{Kind: Groups, ID: g.Name, Image: image, Launches: true, Through: through, Version: v,
			Text: fmt.Sprintf("group %s launches it from %s", g.Name, from)})
	}
	for _, image := range g.Images {
		r.each(ctx, c, image, func(id, through string) { launches(id, through, "an override of its policy", nil) })
	}
	if g.LaunchConfiguration != "" {
		if image, ok := c.configs[g.LaunchConfiguration]; ok {
			launches(image, "", "launch configuration "+g.LaunchConfiguration, nil)
		}
		return
	}
	refs := append([]Template{g.Template}, g.Overrides...)
	for _, t := range refs {
		f, v, ok := c.version(t)
		if !ok {
			continue // it launches nothing at all
		}
		f.led[v.Number] = true
		r.each(ctx, c, v.Image, func(id, through string) {
			launches(id, through, fmt.Sprintf("version %d of launch template %s", v.Number, orID(f)), &v)
		})
		r.back(c, g, f, v)
	}
}

// back follows the versions that the group has come from: they are what a rollback
// would go to.
func (r *reader) back(c *cell, g Group, f *family, v TemplateVersion) {
	for range r.Rollback {
		n, ok := v.madeFrom()
		if !ok {
			return
		}
		if v, ok = f.versions[n]; !ok {
			return
		}
		f.led[v.Number] = true
		r.use(c, Use{Kind: Versions, ID: versionID(v), Image: v.Image, Version: &v,
			Text: fmt.Sprintf("group %s would be rolled back to version %d of launch template %s", g.Name, v.Number, orID(f))})
	}
}

// madeFrom is the number of the version that ours was made from.
func (v TemplateVersion) madeFrom() (int64, bool) {
	if !v.Made() {
		return 0, false
	}
	word, _, _ := strings.Cut(strings.TrimPrefix(v.Description, "rehydrate: version "), " ")
	n, err := strconv.ParseInt(word, 10, 64)
	return n, err == nil && n < v.Number
}

// atOnce is how many groups are asked for their refreshes at a time.
const atOnce = 8

// refreshing adds where running refreshes bring the groups. A refresh may go to a template,
// or name images, that its group has never had, so every group is asked.
func (r *reader) refreshing(ctx context.Context, c *cell) {
	if len(r.Images) == 0 {
		return
	}
	type answer struct {
		to     []Template
		images []string
		err    error
	}
	answers := make([]answer, len(c.groups))
	var work errgroup.Group
	work.SetLimit(atOnce)
	for n, g := range c.groups {
		work.Go(func() error {
			a := &answers[n]
			a.to, a.images, a.err = c.ports.Compute.Refreshing(ctx, g.Name)
			return nil // one group's refusal is not the others'
		})
	}
	_ = work.Wait()
	for n, g := range c.groups {
		if a := answers[n]; a.err != nil {
			r.unknown(c.Cell, "list the instance refreshes of group "+g.Name, a.err)
		} else {
			r.refresh(ctx, c, g, a.to, a.images)
		}
	}
}

// refresh adds where a running refresh brings a group.
func (r *reader) refresh(ctx context.Context, c *cell, g Group, to []Template, images []string) {
	brings := func(image string, v *TemplateVersion) {
		r.each(ctx, c, image, func(id, through string) {
			r.use(c, Use{Kind: Groups, ID: g.Name + " (refresh)", Image: id, Launches: true, Through: through, Version: v,
				Text: fmt.Sprintf("an instance refresh brings group %s to it", g.Name)})
		})
	}
	for _, image := range images {
		brings(image, nil)
	}
	for _, t := range to {
		f, v, ok := c.version(t)
		if !ok {
			r.unknown(c.Cell, "read the instance refresh of group "+g.Name, fmt.Errorf("there is no version %s of launch template %s", t.Version, t.ID))
			continue
		}
		f.led[v.Number] = true
		brings(v.Image, &v)
	}
}

// versions adds every version that names an image.
func (r *reader) versions(ctx context.Context, c *cell) {
	for key, f := range c.templates {
		if key != f.id {
			continue
		}
		for _, v := range f.versions {
			ours := v.Made() && !f.led[v.Number] && v.Number != f.standard && v.Number != f.latest
			r.each(ctx, c, v.Image, func(id, through string) {
				r.use(c, Use{Kind: Versions, ID: versionID(v), Image: id, Through: through, Version: &v, Ours: ours,
					Text: fmt.Sprintf("version %d of launch template %s names it", v.Number, orID(f))})
			})
		}
	}
}

// each calls found with the image that a template's text means, now.
func (r *reader) each(ctx context.Context, c *cell, image string, found func(id, through string)) {
	name, version, alias := Alias(image)
	if !alias {
		if image != "" {
			found(image, "")
		}
		return
	}
	if amazons(name) {
		return
	}
	at, name, err := r.home(c, name)
	if err != nil {
		r.unknown(c.Cell, "read "+image, err)
		return
	}
	p, ok := at.parameters[name]
	if ok && version != "" {
		history, err := at.history(ctx, name)
		if err != nil {
			r.unknown(c.Cell, "read the history of parameter "+name, err)
			return
		}
		p, ok = Pick(history, version)
	}
	if !ok {
		return // it launches nothing
	}
	if version != "" {
		name = "" // moving the parameter does not change what this means
	}
	for _, id := range Named(p.Value) {
		found(id, name)
	}
}

// home is the cell and the name of a parameter that may be given by its ARN.
func (r *reader) home(c *cell, name string) (*cell, string, error) {
	part := strings.SplitN(name, ":", 6) // arn:aws:ssm:region:account:parameter/name
	if part[0] != "arn" {
		return c, name, nil
	}
	if len(part) == 6 && part[2] == "ssm" {
		if at := r.cells[Cell{Account: part[4], Region: part[3]}]; at != nil {
			name := strings.TrimPrefix(part[5], "parameter")
			if _, ok := at.parameters[name]; !ok {
				name = strings.TrimPrefix(name, "/")
			}
			return at, name, nil
		}
	}
	return nil, "", fmt.Errorf("the parameter is of an account or Region that was not read")
}

func (c *cell) history(ctx context.Context, name string) ([]Parameter, error) {
	if h, ok := c.histories[name]; ok {
		return h, nil
	}
	h, err := c.ports.Parameters.History(ctx, name)
	if err == nil {
		c.histories[name] = h
	}
	return h, err
}

func (c *cell) family(t Template) *family {
	if f := c.templates[t.ID]; f != nil && t.ID != "" {
		return f
	}
	if t.Name == "" {
		return nil
	}
	return c.templates[t.Name]
}

// version is the numbered version that a group's template means now.
func (c *cell) version(t Template) (*family, TemplateVersion, bool) {
	f := c.family(t)
	if f == nil {
		return nil, TemplateVersion{}, false
	}
	n := f.standard
	switch t.Version {
	case "", "$Default":
	case "$Latest":
		n = f.latest
	default:
		var err error
		if n, err = strconv.ParseInt(t.Version, 10, 64); err != nil {
			return nil, TemplateVersion{}, false
		}
	}
	v, ok := f.versions[n]
	return f, v, ok
}

// seen says whether a resource that EC2 names is among the uses that were found.
func (c *Census) seen(at Cell, x Reference) bool {
	for _, u := range c.Uses[x.Image] {
		id := u.ID
		if u.Version != nil {
			id = u.Version.Template
		}
		if u.Cell == at && (x.ARN == id || strings.HasSuffix(x.ARN, "/"+strings.TrimPrefix(id, "/")) || strings.HasSuffix(x.ARN, ":"+id)) {
			return true
		}
	}
	return false
}

func versionID(v TemplateVersion) string { return v.Template + ":" + strconv.FormatInt(v.Number, 10) }

func orID(f *family) string {
	if f.name != "" {
		return f.id + " (" + f.name + ")"
	}
	return f.id
}
