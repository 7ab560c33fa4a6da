package usage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Open gives the eyes of a cell, which may mean assuming a role.
type Open func(ctx context.Context, c Cell) (Ports, error)

// Question is what a census is taken for.
type Question struct {
	Cells []Cell
	// Images are those whose fate depends on the answer. For them the running
	// instance refreshes are read, and EC2 is asked for references.
	Images []string
	// Rollback is how many versions back from the one that a group has saved are still
	// rollback targets.
	Rollback int
	Now      time.Time
}

// Census is who uses which image.
type Census struct {
	At   time.Time        `json:"at"`
	Uses map[string][]Use `json:"uses"` // by image id, in Sort's order
	// Unknown is what could not be read, or could not be understood. While there is
	// any, no image is proved to be unused.
	Unknown []string `json:"unknown,omitempty"`
	Looked  Looked   `json:"looked"`
	// Groups are the names of each cell's groups.
	Groups map[Cell][]string `json:"-"`
}

// News are the references that the census did not find by itself, nor EC2 then.
func (c *Census) News(at Cell, list []Reference) []Reference {
	return slices.DeleteFunc(slices.Clone(list), func(x Reference) bool { return c.seen(at, x) })
}

// Looked counts what a census read, for the words of a proof.
type Looked struct {
	Cells, Instances, Templates, Versions, LaunchConfigurations, Groups, Parameters int
}

func (l Looked) String() string {
	return fmt.Sprintf("%s, %s, %s of %s, %s, %s and %s", some(l.Cells, "cell"), some(l.Instances, "instance"),
		some(l.Versions, "version"), some(l.Templates, "launch template"), some(l.LaunchConfigurations, "launch configuration"),
		some(l.Groups, "group"), some(l.Parameters, "parameter"))
}

func some(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Of are the uses of an image, of those kinds if any are given.
func (c *Census) Of(image string, kinds ...Kind) []Use {
	if len(kinds) == 0 {
		return c.Uses[image]
	}
	var out []Use
	for _, u := range c.Uses[image] {
		if slices.Contains(kinds, u.Kind) {
			out = append(out, u)
		}
	}
	return out
}

// Read takes a census. Its only error is that of an ended context: what cannot be
// read is in Unknown.
func Read(ctx context.Context, open Open, q Question) (*Census, error) {
	r := &reader{Question: q, census: &Census{At: q.Now, Uses: map[string][]Use{}, Groups: map[Cell][]string{}}, cells: map[Cell]*cell{}}
	for _, at := range q.Cells {
		if r.cells[at] != nil {
			continue
		}
		ports, err := open(ctx, at)
		if err != nil {
			r.unknown(at, "open", err)
			continue
		}
		r.cells[at] = r.read(ctx, at, ports)
		r.order = append(r.order, r.cells[at])
	}
	for _, c := range r.order {
		r.count(ctx, c)
	}
	slices.Sort(r.census.Unknown) // many things may hang on the same one
	r.census.Unknown = slices.Compact(r.census.Unknown)
	for image, uses := range r.census.Uses {
		Sort(uses)
		r.census.Uses[image] = slices.CompactFunc(uses, func(a, b Use) bool { return a.Key() == b.Key() && a.Text == b.Text })
	}
	return r.census, ctx.Err()
}

// Opened are the cells of which the caller has the ports; why it has not those of the
// others is the caller's to say.
func Opened[P any](cells []Cell, ports map[Cell]P) []Cell {
	return slices.DeleteFunc(slices.Clone(cells), func(at Cell) bool {
		_, ok := ports[at]
		return !ok
	})
}

type reader struct {
	Question
	census *Census
	cells  map[Cell]*cell
	order  []*cell
}

// cell is what was read of one.
type cell struct {
	Cell
	ports      Ports
	instances  []Instance
	templates  map[string]*family // by id and by name
	configs    map[string]string  // image by name
	groups     []Group
	parameters map[string]Parameter
	histories  map[string][]Parameter
}

// family is a launch template with its versions.
type family struct {
	id, name         string
	versions         map[int64]TemplateVersion
	latest, standard int64
	led              map[int64]bool // versions that something leads to
}

func (r *reader) unknown(at Cell, what string, err error) {
	r.census.Unknown = append(r.census.Unknown, fmt.Sprintf("%s: %s: %v", at, what, err))
}

func (r *reader) read(ctx context.Context, at Cell, ports Ports) *cell {
	c := &cell{Cell: at, ports: ports, templates: map[string]*family{}, configs: map[string]string{},
		parameters: map[string]Parameter{}, histories: map[string][]Parameter{}}
	var err error
	if c.instances, err = ports.Compute.Instances(ctx); err != nil {
		r.unknown(at, "list instances", err)
	}
	versions, err := ports.Compute.TemplateVersions(ctx)
	if err != nil {
		r.unknown(at, "list launch templates", err)
	}
	looked := &r.census.Looked
	looked.Templates += c.families(versions)
	configs, err := ports.Compute.LaunchConfigurations(ctx)
	if err != nil {
		r.unknown(at, "list launch configurations", err)
	}
	for _, x := range configs {
		c.configs[x.Name] = x.Image
	}
	if c.groups, err = ports.Compute.Groups(ctx); err != nil {
		r.unknown(at, "list groups", err)
	}
	for _, g := range c.groups {
		r.census.Groups[at] = append(r.census.Groups[at], g.Name)
	}
	parameters, err := ports.Parameters.All(ctx)
	if err != nil {
		r.unknown(at, "list parameters", err)
	}
	for _, p := range parameters {
		c.parameters[p.Name] = p
	}
	looked.Cells++
	looked.Instances += len(c.instances)
	looked.Versions += len(versions)
	looked.LaunchConfigurations += len(configs)
	looked.Groups += len(c.groups)
	looked.Parameters += len(parameters)
	return c
}

// families sorts versions by template and counts the templates.
func (c *cell) families(versions []TemplateVersion) int {
	n := 0
	for _, v := range versions {
		f := c.templates[v.Template]
		if f == nil {
			f = &family{id: v.Template, name: v.Name, versions: map[int64]TemplateVersion{}, led: map[int64]bool{}}
			c.templates[v.Template] = f
			n++
			if v.Name != "" {
				c.templates[v.Name] = f
			}
		}
		f.versions[v.Number] = v
		f.latest = max(f.latest, v.Number)
		if v.Default {
			f.standard = v.Number
		}
	}
	return n
}

// references adds what EC2 says and we did not see.
func (r *reader) references(ctx context.Context, c *cell) {
	if c.ports.References == nil || len(r.Images) == 0 {
		return
	}
	list, err := c.ports.References.References(ctx, r.Images)
	if fault.KindOf(err) == fault.Unsupported {
		return // a second witness that is not there; we looked ourselves
	}
	if err != nil {
		r.unknown(c.Cell, "ask EC2 for references", err)
		return
	}
	for _, x := range list {
		if !r.census.seen(c.Cell, x) {
			r.use(c, Use{Kind: Referred, ID: x.ARN, Image: x.Image, Text: fmt.Sprintf("EC2 says that %s %s names it", x.Kind, x.ARN)})
		}
	}
}

func (r *reader) use(c *cell, u Use) {
	u.Cell = c.Cell
	r.census.Uses[u.Image] = append(r.census.Uses[u.Image], u)
}
