package rehearse

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin/replica"
	"github.com/goldenami/rehydrate/rollout"
)

// mark is the tag by which the copy's groups are found: their fleet.
const mark = "rehearsal-of-fleet"

// standIn is an image id that stands for one that is not known or not made yet.
func standIn(what string) string {
	sum := sha256.Sum256([]byte("stand-in " + what))
	return "ami-" + hex.EncodeToString(sum[:])[:17]
}

// armRE finds instance types with AWS's own processors by their name: a "g" among the
// letters behind the generation, or the first generation's a1.
var armRE = regexp.MustCompile(`^([a-z]+[0-9]+[a-z]*g[a-z0-9-]*|a1)\.`)

func architecture(kind string) string {
	if armRE.MatchString(kind) {
		return "arm64"
	}
	return "x86_64"
}

// copied is the copy's world, and what to roll there.
type copied struct {
	groups []replica.Group
	images []replica.Image   // each once: an image is of one Region, and the copy's are public
	to     map[string]string // the image to go to, by Region
	input  rollout.Input
	fleets map[string]string // ring by fleet
	gates  map[string]Gates  // by ring
}

// copyOf makes the copy of a fleet that is rolled to an image; an empty one is a stand-in
// for the next image. It is the one of the first group's Region; the others have copies
// of it, which stand-ins are here too.
func copyOf(f *Fleet, in rollout.Input, to string) (*copied, error) {
	c := &copied{input: in, fleets: map[string]string{}, to: map[string]string{}}
	c.input.Images, c.input.Unknown, c.input.Owners, c.input.Channel, c.input.Channels = map[rollout.Cell]string{}, nil, nil, "", nil
	cells := map[string][]rollout.Cell{}
	for _, x := range in.Fleets {
		c.fleets[x.Name] = x.Ring
	}
	have := map[string]bool{}
	image := func(i replica.Image) {
		if !have[i.ID] {
			have[i.ID] = true
			c.images = append(c.images, i)
		}
	}
	templates := map[string]Group{} // by cell and template
	places := map[string]string{}   // Region of an image
	for _, g := range f.Groups {
		if g.Refused != "" {
			continue
		}
		if _, ok := c.fleets[g.Fleet]; !ok {
			return nil, fault.New(fault.Usage, "read the fleet again, or add a fleet block of that name", "rehearse group %s: the configuration has no fleet %q that rolls by refresh", g.Name, g.Fleet)
		}
		if c.to[g.Region] == "" {
			c.to[g.Region] = standIn("the next image in " + g.Region)
			if len(c.to) == 1 && to != "" {
				c.to[g.Region] = to
			}
		}
		from := g.Image
		if region, elsewhere := places[from]; from == "" || from == c.to[g.Region] || elsewhere && region != g.Region {
			from = standIn("the image of " + g.Template + " in " + g.Region)
		}
		places[from] = g.Region
		arch := architecture(g.Type)
		image(replica.Image{Account: g.Account, Region: g.Region, ID: from, Arch: arch})
		cell := rollout.Cell{Account: g.Account, Region: g.Region}
		if !slices.Contains(cells[g.Fleet], cell) {
			cells[g.Fleet] = append(cells[g.Fleet], cell)
		}
		tags := map[string]string{mark: g.Fleet}
		for k, v := range g.Tags {
			tags[k] = v
		}
		// Groups that share a template and run one version of it share the copy's too.
		name := fmt.Sprintf("%.100s-%s", g.Template, g.Version)
		key := cell.String() + " " + name
		if other, ok := templates[key]; ok && (other.Image != g.Image || other.Type != g.Type) {
			name += "-" + hex.EncodeToString([]byte(g.Name))[:min(16, 2*len(g.Name))]
		} else {
			templates[key] = g
		}
		c.groups = append(c.groups, replica.Group{Account: g.Account, Region: g.Region, Name: g.Name, Min: g.Min, Max: g.Max, Desired: g.Desired,
			Template: clean(name), Image: from, Type: g.Type, Tags: tags, Warmup: time.Duration(g.Warmup) * time.Second,
			PolicyMin: g.PolicyMin, PolicyMax: g.PolicyMax, Mixed: g.Mixed})
	}
	if len(c.groups) == 0 {
		return nil, fault.New(fault.NotFound, "", "rehearse: none of the %d groups can be rolled", len(f.Groups))
	}
	c.input.Image = c.to[c.groups[0].Region]
	for _, g := range c.groups {
		c.input.Images[rollout.Cell{Account: g.Account, Region: g.Region}] = c.to[g.Region]
		image(replica.Image{Account: g.Account, Region: g.Region, ID: c.to[g.Region], Arch: architecture(g.Type)})
	}
	c.input.Fleets = nil
	for _, x := range in.Fleets {
		if len(cells[x.Name]) == 0 {
			continue
		}
		x.Groups, x.Templates, x.Tags, x.Cells = nil, nil, map[string]string{mark: x.Name}, cells[x.Name]
		c.input.Fleets = append(c.input.Fleets, x)
	}
	c.input.Rings = slices.DeleteFunc(slices.Clone(in.Rings), func(r rollout.Ring) bool {
		return !slices.ContainsFunc(c.input.Fleets, func(f rollout.Fleet) bool { return f.Ring == r.Name })
	})
	return c, nil
}

// clean makes a launch template's name: 3 to 128 of some characters (CreateLaunchTemplate).
func clean(name string) string {
	out := []rune(name)
	for i, r := range out {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '(', r == ')', r == '.', r == '-', r == '/', r == '_':
		default:
			out[i] = '_'
		}
	}
	for len(out) < 3 {
		out = append(out, '_')
	}
	return string(out[:min(len(out), 128)])
}
