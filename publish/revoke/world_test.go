package revoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish/usage"
)

const (
	channel = "/golden/web/latest"
	ring    = "/golden/web/dev"
)

var (
	home  = usage.Cell{Account: "111122223333", Region: "eu-west-1"}
	other = usage.Cell{Account: "444455556666", Region: "eu-west-1"}
	now   = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
)

// id is the image number n.
func id(n int) string { return fmt.Sprintf("ami-%017x", n) }

// cell is a modelled account's Region: every port over maps.
type cell struct {
	w          *world
	at         usage.Cell
	images     map[string]usage.Image
	instances  []usage.Instance
	versions   []usage.TemplateVersion
	configs    []usage.LaunchConfiguration
	groups     []usage.Group
	parameters map[string][]usage.Parameter
	shared     map[string][]string
	ancestry   map[string][]string
}

// world is some cells.
type world struct {
	mu    sync.Mutex
	cells map[usage.Cell]*cell
	calls []string // what changed something, in order
	hook  func(call string) error
	at    time.Time
}

func (w *world) do(call string, changes bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hook != nil {
		if err := w.hook(call); err != nil {
			return err
		}
	}
	if changes {
		w.calls = append(w.calls, call)
	}
	return nil
}

func (w *world) Now() time.Time                                 { return w.at }
func (w *world) Sleep(_ context.Context, until time.Time) error { w.at = until; return nil }

func (w *world) stage() *Stage {
	return &Stage{Clock: w, Events: event.Discard, Pointers: pointers{w}, Cells: func(_ context.Context, at usage.Cell) (Ports, error) {
		c := w.cells[at]
		if c == nil {
			return Ports{}, fault.New(fault.Denied, "", "the role of %s cannot be assumed", at)
		}
		return Ports{Uses: usage.Ports{Compute: c, Parameters: c}, Images: c, Marks: c, Labels: c}, w.do("open "+at.String(), false)
	}}
}

func (c *cell) Own(context.Context) ([]usage.Image, error) {
	var out []usage.Image
	for _, i := range c.images {
		if i.Owner == c.at.Account {
			out = append(out, i)
		}
	}
	return out, c.w.do("own", false)
}

func (c *cell) Image(_ context.Context, id string) (usage.Image, error) {
	i, ok := c.images[id]
	if !ok {
		return i, fault.New(fault.NotFound, "", "there is no image %s", id)
	}
	return i, c.w.do("image", false)
}

func (c *cell) Ancestry(_ context.Context, id string) ([]string, error) {
	return c.ancestry[id], c.w.do("ancestry", false)
}

func (c *cell) SharedWith(_ context.Context, id string) ([]string, error) {
	return c.shared[id], c.w.do("shared", false)
}

func (c *cell) Tag(_ context.Context, ids []string, tags map[string]string) error {
	err := c.w.do("tag "+strings.Join(ids, ","), true)
	for _, id := range ids {
		if i := c.images[id]; err == nil {
			i.Tags = maps.Clone(i.Tags)
			maps.Copy(i.Tags, tags)
			c.images[id] = i
		}
	}
	return err
}

func (c *cell) Disable(_ context.Context, id string) error {
	err := c.w.do("disable "+id, true)
	if i := c.images[id]; err == nil {
		i.State = usage.StateDisabled
		c.images[id] = i
	}
	return err
}

func (c *cell) Label(_ context.Context, name string, version int64, labels ...string) error {
	if err := c.w.do(fmt.Sprintf("label %s:%d %s", name, version, strings.Join(labels, ",")), true); err != nil {
		return err
	}
	for n, v := range c.parameters[name] {
		if v.Version == version {
			c.parameters[name][n].Labels = append(slices.Clone(v.Labels), labels...)
		}
	}
	return nil
}

func (c *cell) Instances(context.Context) ([]usage.Instance, error) {
	return c.instances, c.w.do("instances", false)
}
func (c *cell) TemplateVersions(context.Context) ([]usage.TemplateVersion, error) {
	return c.versions, c.w.do("templates", false)
}
func (c *cell) LaunchConfigurations(context.Context) ([]usage.LaunchConfiguration, error) {
	return c.configs, c.w.do("configurations", false)
}
func (c *cell) Groups(context.Context) ([]usage.Group, error) {
	return c.groups, c.w.do("groups", false)
}
func (c *cell) Refreshing(context.Context, string) ([]usage.Template, []string, error) {
	return nil, nil, c.w.do("refreshes", false)
}

func (c *cell) All(context.Context) ([]usage.Parameter, error) {
	var out []usage.Parameter
	for name, versions := range c.parameters {
		p := versions[len(versions)-1]
		p.Name = name
		out = append(out, p)
	}
	return out, c.w.do("parameters", false)
}

func (c *cell) History(_ context.Context, name string) ([]usage.Parameter, error) {
	return slices.Clone(c.parameters[name]), c.w.do("history", false)
}

// pointers moves channels at once.
type pointers struct{ w *world }

func (p pointers) Back(_ context.Context, moves []Move) (unit.Unit, error) {
	return unit.Func("test.back", func(context.Context, *state) (unit.Next, error) {
		for _, m := range moves {
			history := p.w.cells[m.Cell].parameters[m.Channel]
			last := history[len(history)-1]
			if last.Value == m.To {
				continue
			}
			if last.Version != m.Version {
				return unit.Next{}, fault.New(fault.Conflict, "", "%s moved", m.Channel)
			}
			if err := p.w.do("move "+m.Channel+" "+m.To, true); err != nil {
				return unit.Next{}, err
			}
			p.w.cells[m.Cell].parameters[m.Channel] = append(history, usage.Parameter{Name: m.Channel, Value: m.To, Version: m.Version + 1})
		}
		return unit.Done(), nil
	}), nil
}

func (pointers) Err(json.RawMessage) error { return nil }

func (w *world) add(at usage.Cell, n int, change func(*usage.Image)) {
	i := usage.Image{ID: id(n), Name: fmt.Sprintf("web-%d", n), State: usage.StateAvailable, Owner: at.Account, Architecture: "x86_64",
		Tags: map[string]string{usage.TagLine: "web", usage.TagRun: fmt.Sprintf("run-%d", n)}}
	if change != nil {
		change(&i)
	}
	w.cells[at].images[i.ID] = i
}

// hold makes a channel hold the images, the last one now.
func (c *cell) hold(name string, ns ...int) {
	c.parameters[name] = nil
	for v, n := range ns {
		c.parameters[name] = append(c.parameters[name], usage.Parameter{Name: name, Value: id(n), Version: int64(v + 1), Description: fmt.Sprintf("rehydrate/1 run=run-%d", v+1)})
	}
}

func (w *world) cell(at usage.Cell) *cell {
	c := &cell{w: w, at: at, images: map[string]usage.Image{}, parameters: map[string][]usage.Parameter{}, shared: map[string][]string{}, ancestry: map[string][]string{}}
	w.cells[at] = c
	return c
}

// standard has images 1 to 3 of line web; the channel holds 3, the bad one, and went
// through 1 and 2. The ring channel is still on 2.
func standard() (*world, *cell) {
	w := &world{cells: map[usage.Cell]*cell{}, at: now}
	c := w.cell(home)
	for n := 1; n <= 3; n++ {
		w.add(home, n, nil)
	}
	c.hold(channel, 1, 2, 3)
	c.hold(ring, 1, 2)
	return w, c
}

func input() Input {
	return Input{Image: id(3), Reason: "CVE-2026-1", Cells: []usage.Cell{home}, By: now.Add(72 * time.Hour),
		Channels: []Channel{{Line: "web", Name: channel}, {Line: "web", Name: ring}, {Line: "db", Name: "/golden/db/latest"}}}
}

// run is a Runner without a journal.
func run(ctx context.Context, name string, u unit.Unit) (json.RawMessage, error) {
	var raw json.RawMessage
	for range 50 {
		next, n, err := u.Advance(ctx, raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if raw = next; n.Done {
			return raw, nil
		}
	}
	return nil, errors.New(name + " does not end")
}
