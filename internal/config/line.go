package config

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

var lineRE = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.-]*$`)

// Members are the images of an image's line, one for each architecture, in the order of
// the file; only itself where it belongs to no line.
func (c *Config) Members(i *Image) []*Image {
	if i.Line == "" {
		return []*Image{i}
	}
	var out []*Image
	for _, m := range c.Images {
		if m.Line == i.Line {
			out = append(out, m)
		}
	}
	return out
}

// member refuses an image that cannot move together with those of its line above it.
func (r *resolver) member(at hcl.Range, i *Image) {
	if i.Line == "" {
		return
	}
	if !lineRE.MatchString(i.Line) {
		r.fault(at, "Wrong line", "line is %q; write a name of letters, digits, dots, hyphens and underscores.", i.Line)
	}
	r.folderOf(at, i, "channel", i.Channel)
	for _, ring := range slices.Sorted(maps.Keys(i.Channels)) {
		r.folderOf(at, i, "The channel of ring \""+ring+"\"", i.Channels[ring])
	}
	for _, m := range r.cfg.Images {
		if m.Line != i.Line {
			continue
		}
		if m.Architecture == i.Architecture {
			r.fault(at, "Architecture twice in a line", "Images %q and %q of line %q are both for %s; a line has one image for each architecture.", m.Label, i.Label, i.Line, i.Architecture)
			continue
		}
		r.siblings(at, i, m)
	}
}

// folderOf refuses a channel that does not lie in the folder of its architecture.
func (r *resolver) folderOf(at hcl.Range, i *Image, what, name string) {
	if path.Base(path.Dir(name)) != i.Architecture || strings.Count(name, "/") < 3 {
		r.fault(at, "Channel outside its architecture's folder", "%s is %q; image %q is the member for %s of line %q, so write a name such as /golden/%s/%s/%s.",
			what, name, i.Label, i.Architecture, i.Line, i.Line, i.Architecture, path.Base(name))
	}
}

// siblings refuses two images of a line that could not be published in one go.
func (r *resolver) siblings(at hcl.Range, i, m *Image) {
	no := func(summary, format string, args ...any) {
		r.fault(at, summary, "Images %q and %q are of line %q, but "+format, append([]any{m.Label, i.Label, i.Line}, args...)...)
	}
	if !sibling(i.Channel, m.Channel) {
		no("Channels apart", "their channels %q and %q differ in more than the architecture.", m.Channel, i.Channel)
	}
	if !slices.Equal(i.Rings, m.Rings) {
		no("Different rings", "their rings differ: %s and %s.", words(m.Rings), words(i.Rings))
	}
	for _, ring := range slices.Sorted(maps.Keys(i.Channels)) {
		if other := m.Channels[ring]; other != "" && !sibling(i.Channels[ring], other) {
			no("Channels apart", "the channels of ring %q, %q and %q, differ in more than the architecture.", ring, other, i.Channels[ring])
		}
	}
	if a, b := slices.Sorted(maps.Keys(m.Channels)), slices.Sorted(maps.Keys(i.Channels)); !slices.Equal(a, b) {
		no("Different channels", "they have channels for different rings: %s and %s.", words(a), words(b))
	}
	if a, b := reach(m.Distribute), reach(i.Distribute); !slices.Equal(a, b) {
		no("Different places", "they are distributed to different places: %s and %s.", words(a), words(b))
	}
}

// sibling says that two names differ in their last folder only.
func sibling(a, b string) bool {
	return path.Base(a) == path.Base(b) && path.Dir(path.Dir(a)) == path.Dir(path.Dir(b))
}

// reach are the accounts and Regions of a distribution.
func reach(d *Distribute) []string {
	if d == nil {
		return nil
	}
	var out []string
	for _, a := range d.Accounts {
		for _, region := range d.RegionsOf(a) {
			out = append(out, a.Label+"/"+region)
		}
	}
	slices.Sort(out)
	return out
}

func words(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
