// Package discover finds what could follow an image line: every group of an account's
// Region, what it launches, who seems to own its template, what stands in the way of
// rolling it, and which line it fits. It reads only; what it says of owners and lines
// is a guess with its reason, for a person to confirm.
package discover

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// Line is an image line that a group may fit.
type Line struct {
	Name     string
	Channels []string // Parameter Store names
	Arch     string
	Rings    []string
	// Source is the id of the line's source image, SourceName its name with wildcards;
	// either may be empty.
	Source, SourceName string
}

// TagLine is the tag by which an image names its line.
const TagLine = "rehydrate:line"

// Group is one group as it was found.
type Group struct {
	Account string `json:"account,omitempty"` // empty: the session's own
	Region  string `json:"region,omitempty"`
	Name    string `json:"name"`
	Desired int    `json:"desired"`
	// Template is what the group launches from; or else Configuration.
	Template      *rollout.Template `json:"template,omitempty"`
	Configuration string            `json:"launchConfiguration,omitempty"`
	Version       string            `json:"version,omitempty"` // the number in use, where it is known
	Image         string            `json:"image,omitempty"`   // what that version names
	ImageName     string            `json:"imageName,omitempty"`
	Owner         Owner             `json:"owner"`
	Fleet         string            `json:"fleet,omitempty"` // that has it already
	Line          string            `json:"line,omitempty"`  // that it fits best
	Why           string            `json:"why,omitempty"`   // it fits
	Ring          string            `json:"ring,omitempty"`  // by its tags; a guess
	Blocks        []rollout.Finding `json:"blocks,omitempty"`
}

// Blocked says that the group cannot be rolled as it stands.
func (g Group) Blocked() bool {
	return slices.ContainsFunc(g.Blocks, func(f rollout.Finding) bool { return f.Refuse })
}

// Result is all that was found.
type Result struct {
	Groups []Group               `json:"groups"`
	Unread []rollout.PlanFinding `json:"unread,omitempty"` // cells that could not be read
}

// Finder looks for groups.
type Finder struct {
	Stage *rollout.Stage
	Lines []Line
	// Fleets are those that the configuration has; their groups are marked.
	Fleets []rollout.Fleet
}

// Find reads every group of the cells, by cell and name.
func (f Finder) Find(ctx context.Context, cells []rollout.Cell) (Result, error) {
	found, unread, err := f.Stage.All(ctx, cells)
	if err != nil {
		return Result{}, err
	}
	r := Result{Groups: []Group{}, Unread: unread}
	for _, some := range byCell(found) {
		groups, more, err := f.cell(ctx, some)
		if err != nil {
			return Result{}, err
		}
		r.Groups, r.Unread = append(r.Groups, groups...), append(r.Unread, more...)
	}
	slices.SortStableFunc(r.Groups, func(a, b Group) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region), strings.Compare(a.Name, b.Name))
	})
	return r, nil
}

func byCell(found []rollout.Found) [][]rollout.Found {
	var out [][]rollout.Found
	for _, x := range found {
		if n := len(out); n > 0 && out[n-1][0].Cell == x.Cell {
			out[n-1] = append(out[n-1], x)
		} else {
			out = append(out, []rollout.Found{x})
		}
	}
	return out
}

// cell describes the groups of one cell.
func (f Finder) cell(ctx context.Context, found []rollout.Found) ([]Group, []rollout.PlanFinding, error) {
	c, ports := found[0].Cell, found[0].Ports
	var unread []rollout.PlanFinding
	missing := func(what string, err error) {
		unread = append(unread, rollout.PlanFinding{Cell: c, Finding: rollout.Finding{Warn: true, Kind: fault.KindOf(err), Text: fmt.Sprintf("%s: %s", what, err), Hint: fault.HintOf(err)}})
	}
	versions, err := inUse(ctx, found)
	if err != nil {
		return nil, nil, err
	}
	templates := map[string]rollout.TaggedTemplate{}
	if t, ok := ports.Templates.(rollout.TemplateTags); ok {
		list, err := t.Tags(ctx)
		if err != nil {
			missing("the tags of launch templates are not known", err)
		}
		for _, x := range list {
			templates[x.ID] = x
		}
	}
	images := map[string]rollout.ImageDetail{}
	if d, ok := ports.Images.(rollout.ImageDetails); ok {
		var ids []string
		for _, v := range versions {
			if strings.HasPrefix(v.Image, "ami-") {
				ids = append(ids, v.Image)
			}
		}
		slices.Sort(ids)
		if images, err = d.Details(ctx, slices.Compact(ids)); err != nil {
			missing("the images are not known", err)
		}
	}
	var out []Group
	for _, x := range found {
		out = append(out, f.describe(x, versions[x.Group.Name], templates[x.Group.Template.ID], images))
	}
	return out, unread, nil
}

func (f Finder) describe(x rollout.Found, v rollout.TemplateVersion, t rollout.TaggedTemplate, images map[string]rollout.ImageDetail) Group {
	g := x.Group
	out := Group{Account: x.Cell.Account, Region: x.Cell.Region, Name: g.Name, Desired: g.Desired, Configuration: g.LaunchConfiguration,
		Version: v.Number, Image: v.Image, ImageName: images[v.Image].Name, Owner: ownerOf(g, t), Blocks: rollout.Preflight(g)}
	if g.Template.ID != "" {
		template := g.Template
		template.Name = cmp.Or(template.Name, t.Name)
		out.Template = &template
	}
	for _, fleet := range f.Fleets {
		if len(fleet.Cells) > 0 && !slices.Contains(fleet.Cells, x.Cell) {
			continue
		}
		if fleet.Has(g) {
			out.Fleet = fleet.Name
			break
		}
	}
	out.Blocks = append(out.Blocks, blocks(g, v, out.Owner)...)
	out.Line, out.Why = f.fit(v, images[v.Image])
	for _, l := range f.Lines {
		if l.Name == out.Line {
			if out.Ring = ringOf(g, l.Rings); len(l.Rings) == 1 {
				out.Ring = l.Rings[0]
			}
		}
	}
	return out
}

// blocks is what stands in the way beside what a plan's preflight says.
func blocks(g rollout.Group, v rollout.TemplateVersion, o Owner) []rollout.Finding {
	var out []rollout.Finding
	if name, ok := rollout.Parameter(v.Image); ok {
		out = append(out, rollout.Finding{Refuse: true, Kind: fault.Unsupported, Hint: "put a literal image id into the template version",
			Text: fmt.Sprintf("it launches from %s by resolve:ssm, which cannot be rolled back", name)})
	}
	if t := g.Template; t.ID != "" && strings.HasPrefix(t.Version, "$") {
		out = append(out, rollout.Finding{Text: fmt.Sprintf("it launches from %s; a roll pins it to a number first", t.Version)})
	}
	if o.Service != "" {
		out = append(out, rollout.Finding{Refuse: true, Kind: fault.Unsupported, Hint: "roll it through " + o.Service,
			Text: o.Service + " made the group and sets its template back"})
	}
	return out
}

// fit is the line that the group fits best, and why.
func (f Finder) fit(v rollout.TemplateVersion, image rollout.ImageDetail) (line, why string) {
	for _, l := range f.Lines {
		if name, ok := rollout.Parameter(v.Image); ok && slices.Contains(l.Channels, name) {
			return l.Name, "it launches from the line's channel"
		}
	}
	for _, l := range f.Lines {
		switch {
		case image.Tags[TagLine] == l.Name && l.Name != "":
			return l.Name, "it runs an image of the line"
		case l.Source != "" && v.Image == l.Source:
			return l.Name, "it runs the line's source image"
		}
	}
	for _, l := range f.Lines {
		ok, err := path.Match(l.SourceName, image.Name)
		if l.SourceName != "" && image.Name != "" && err == nil && ok && (l.Arch == "" || l.Arch == image.Arch) {
			return l.Name, "it runs an image of the line's source name"
		}
	}
	return "", ""
}

// ringOf is the ring that a tag of the group names.
func ringOf(g rollout.Group, rings []string) string {
	for _, key := range []string{"Ring", "ring", "Env", "env", "Environment", "environment", "Stage", "stage"} {
		for _, r := range rings {
			if strings.EqualFold(g.Tags[key], r) {
				return r
			}
		}
	}
	return ""
}
