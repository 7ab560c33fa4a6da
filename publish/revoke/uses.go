package revoke

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/publish/usage"
)

// useShared is a use by an account that could not be asked.
const useShared usage.Kind = "shared"

// uses takes the census and decides which images may be disabled.
func (r *reader) uses(ctx context.Context) error {
	var err error
	r.census, err = usage.Read(ctx, func(_ context.Context, at usage.Cell) (usage.Ports, error) {
		return r.ports[at].Uses, nil
	}, usage.Question{Cells: usage.Opened(r.in.Cells, r.ports), Images: r.plan.ids(), Now: r.plan.At})
	if err != nil {
		return err
	}
	r.plan.Unknown = append(r.plan.Unknown, r.census.Unknown...)
	for n := range r.plan.Images {
		m := &r.plan.Images[n]
		m.Blocks = r.blocks(ctx, *m)
		if m.Ours && m.State == usage.StateAvailable {
			m.Disable = r.in.Force || len(m.Blocks) == 0 && len(r.plan.Unknown) == 0
		}
	}
	if len(r.plan.Unknown) > 0 && !r.in.Force { // it may have come with the last image
		for n := range r.plan.Images {
			r.plan.Images[n].Disable = false
		}
	}
	return nil
}

// blocks are the uses that break when the image is disabled, after the moves.
func (r *reader) blocks(ctx context.Context, m Member) []usage.Use {
	var out []usage.Use
	for _, u := range r.census.Of(m.Image) {
		if u.Launches && !r.moved(u) {
			out = append(out, u)
		}
	}
	if !m.Ours || m.State != usage.StateAvailable {
		return out
	}
	with, err := r.ports[m.Cell].Images.SharedWith(ctx, m.Image)
	if err != nil {
		r.unknown("ask who may launch %s in %s: %v", m.Image, m.Cell, err)
	}
	for _, who := range with {
		if _, read := r.ports[usage.Cell{Account: who, Region: m.Cell.Region}]; !read {
			out = append(out, usage.Use{Kind: useShared, Cell: m.Cell, ID: who, Image: m.Image, Text: "it is shared with " + who + ", where nobody could look"})
		}
	}
	return out
}

// moved says that the plan moves the channel through which a use names the image.
func (r *reader) moved(u usage.Use) bool {
	return u.Through != "" && slices.ContainsFunc(r.plan.Moves, func(m Move) bool { return m.Cell == u.Cell && m.Channel == u.Through })
}

// Drain is one thing to bring off a revoked image.
type Drain struct {
	Cell      usage.Cell `json:"cell"`
	Kind      usage.Kind `json:"kind"`
	ID        string     `json:"id"`
	Image     string     `json:"image"`
	To        string     `json:"to,omitempty"` // the good image; empty: there is none
	By        time.Time  `json:"by"`
	Instances int        `json:"instances,omitempty"` // of a group: how many run it
	// Launches says that the next instance here is launched from the image.
	Launches bool   `json:"launches,omitempty"`
	Do       string `json:"do"` // for people
}

// drain lists what is still on the images, by cell, what launches them first.
func (r *reader) drain() {
	lines := map[string]string{}
	for _, m := range r.plan.Images {
		lines[m.Image] = m.Line
	}
	for _, id := range r.plan.ids() {
		running := map[string]int{} // by cell and group
		for _, u := range r.census.Of(id, usage.Instances) {
			running[u.Cell.String()+" "+u.Group]++
		}
		for _, u := range r.census.Of(id) { // what launches comes first
			d := Drain{Cell: u.Cell, Kind: u.Kind, ID: u.ID, Image: id, To: r.target(u.Cell, lines[id]), By: r.in.By, Launches: u.Launches && !r.moved(u)}
			key := u.Cell.String() + " " + u.Group
			if u.Kind == usage.Groups {
				key = u.Cell.String() + " " + u.ID
			}
			switch {
			case u.Kind == usage.Groups:
				d.Do = "roll it: " + u.Text
				if d.Instances = running[key]; d.Instances > 0 {
					d.Do += fmt.Sprintf("; %d of its instances run it", d.Instances)
					running[key] = 0
				}
			case u.Kind == usage.Instances && u.Group != "":
				if running[key] == 0 {
					continue // counted with the group's first
				}
				d.Kind, d.ID, d.Instances = usage.Groups, u.Group, running[key]
				d.Do = fmt.Sprintf("roll group %s: %d of its instances run it", u.Group, d.Instances)
				running[key] = 0
			case u.Kind == usage.Params && (r.isChannel(u.ID) || strings.Contains(u.ID, "/builds/") || r.isChannel(strings.TrimSuffix(u.ID, "/envelope"))):
				continue
			default:
				d.Do = todo(u)
			}
			if d.To != "" {
				d.Do += ", to " + d.To
			}
			r.plan.Drain = append(r.plan.Drain, d)
		}
	}
	slices.SortStableFunc(r.plan.Drain, func(a, b Drain) int {
		if a.Launches != b.Launches {
			if a.Launches {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Cell.String()+string(a.Kind)+a.ID, b.Cell.String()+string(b.Kind)+b.ID)
	})
	if n := len(r.plan.Drain); n > 0 && !r.plan.At.Before(r.in.By) {
		r.plan.note("the deadline has passed; still on it: %d", n)
	}
}

func todo(u usage.Use) string {
	switch u.Kind {
	case usage.Instances:
		return fmt.Sprintf("replace instance %s, which is in no group", u.ID)
	case usage.Versions:
		if u.Through != "" {
			return fmt.Sprintf("nothing to do for %s once the parameter has moved", u.ID)
		}
		return fmt.Sprintf("launch nothing from version %d of launch template %s any more", u.Version.Number, u.Version.Template)
	case usage.Config:
		return fmt.Sprintf("replace launch configuration %s", u.ID)
	case usage.Params:
		return fmt.Sprintf("set parameter %s", u.ID)
	}
	return "look at it: " + u.Text
}

func (r *reader) isChannel(name string) bool {
	return slices.ContainsFunc(r.in.Channels, func(c Channel) bool { return c.Name == name })
}

// target is the good image of a line in a cell: what its first channel there holds
// after the moves.
func (r *reader) target(at usage.Cell, line string) string {
	for _, c := range r.in.Channels {
		if id := r.now[at.String()+c.Name]; c.Line == line && id != "" && !r.plan.holds(id) {
			return id
		}
	}
	return ""
}
