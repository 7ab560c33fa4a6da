package rollout_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/rollout"
)

var errInjected = fault.New(fault.Throttled, "", "injected")

// fleet is a small account: groups whose refreshes replace one instance at each look.
type fleet struct {
	calling, telling sync.Mutex // of hook and events

	groups    map[string]*rollout.Group
	versions  map[string][]rollout.TemplateVersion
	tokens    map[string]string // client token → version number
	refreshes map[string][]rollout.Refresh
	images    map[string]string // state by image
	runs      map[string]string // image by instance
	next      int
	writes    []string
	events    []event.Event
	// hook runs before and after every call.
	hook func(call string, after bool) error
	// fate is how a refresh to an image ends; "" is Successful. prefs are what the
	// last refresh was started with.
	fate  map[string]string
	stuck map[string]bool // instances that a refresh leaves alone
	prefs rollout.Preferences
	hide  int // looks until a new template version shows
	// weight is that of what is launched.
	weight int
	clock  *ticking
	andon  string     // what it says
	guard  sync.Mutex // of all else: groups move beside each other
}

func newFleet() *fleet {
	return &fleet{groups: map[string]*rollout.Group{}, versions: map[string][]rollout.TemplateVersion{}, tokens: map[string]string{},
		refreshes: map[string][]rollout.Refresh{}, runs: map[string]string{}, fate: map[string]string{}, stuck: map[string]bool{},
		images: map[string]string{"ami-old": "available", "ami-new": "available"}, clock: &ticking{now: clock{}.Now()}}
}

func (f *fleet) template(id, image string) {
	n := strconv.Itoa(len(f.versions[id]) + 1)
	data := fmt.Sprintf(`{"ImageId":%q,"InstanceType":"t3.small","UserData":"v%s"}`, image, n)
	f.versions[id] = append(f.versions[id], rollout.TemplateVersion{Template: id, Number: n, Image: image, Data: json.RawMessage(data)})
}

func (f *fleet) group(name, template, saved, running string, n int) *rollout.Group {
	g := &rollout.Group{Name: name, Template: rollout.Template{ID: template, Version: saved}, Min: 0, Max: 2 * n, Desired: n}
	for range n {
		g.Instances = append(g.Instances, f.launch(template, running))
	}
	f.groups[name] = g
	return g
}

func (f *fleet) launch(template, version string) rollout.Member {
	f.next++
	id := fmt.Sprintf("i-%03d", f.next)
	f.runs[id] = f.version(template, version).Image
	return rollout.Member{ID: id, State: rollout.InService, Healthy: true, Template: rollout.Template{ID: template, Version: version}, Weight: f.weight}
}

func (f *fleet) version(template, version string) rollout.TemplateVersion {
	all := f.versions[template]
	switch version {
	case "$Latest":
		return all[len(all)-1]
	case "$Default":
		return all[0]
	}
	for _, v := range all {
		if v.Number == version {
			return v
		}
	}
	return rollout.TemplateVersion{}
}

// alone keeps all other calls out until what it returns is called.
func (f *fleet) alone() func() {
	f.guard.Lock()
	return f.guard.Unlock
}

func (f *fleet) at(call string, after bool) error {
	if f.hook == nil {
		return nil
	}
	f.calling.Lock() // the andon is read beside what groups do
	defer f.calling.Unlock()
	return f.hook(call, after)
}

// tick moves every refresh of the group one step on.
func (f *fleet) tick(name string) {
	g := f.groups[name]
	for i := range f.refreshes[name] {
		r := &f.refreshes[name][i]
		if slices.Contains([]string{"Successful", "Failed", "Cancelled", "RollbackSuccessful", "RollbackFailed"}, r.Status) {
			continue
		}
		if fate := f.fate[f.version(r.Desired.Template.ID, r.Desired.Template.Version).Image]; fate != "" {
			f.end(g, r, fate)
			return
		}
		for j, m := range g.Instances {
			if m.Template.Version != r.Desired.Template.Version && !f.stuck[m.ID] {
				delete(f.runs, m.ID)
				g.Instances[j] = f.launch(r.Desired.Template.ID, r.Desired.Template.Version)
				r.Status, r.Percent = "InProgress", r.Percent+1
				return
			}
		}
		r.Status, r.Percent = "Successful", 100
		g.Template.Version = r.Desired.Template.Version
	}
}

// end gives a refresh an end other than success: one instance is replaced before it.
func (f *fleet) end(g *rollout.Group, r *rollout.Refresh, fate string) {
	fate, reason, _ := strings.Cut(fate, ":")
	if fate != "RollbackSuccessful" {
		g.Instances[0] = f.launch(r.Desired.Template.ID, r.Desired.Template.Version)
	}
	r.Status, r.Reason = fate, reason
}

func (f *fleet) Find(_ context.Context, names []string, tags map[string]string) ([]rollout.Group, error) {
	defer f.alone()()
	if err := f.at("Find", false); err != nil {
		return nil, err
	}
	for _, n := range names {
		f.tick(n)
	}
	var out []rollout.Group
	for _, n := range names {
		if g, ok := f.groups[n]; ok {
			c := *g
			c.Instances = slices.Clone(g.Instances)
			out = append(out, c)
		}
	}
	return out, f.at("Find", true)
}

func (f *fleet) Pin(_ context.Context, name string, d rollout.Desired) error {
	defer f.alone()()
	if err := f.at("Pin", false); err != nil {
		return err
	}
	f.groups[name].Template.Version = d.Template.Version
	f.writes = append(f.writes, "pin "+name+" "+d.Template.Version)
	return f.at("Pin", true)
}

func (f *fleet) Versions(_ context.Context, id string, versions ...string) ([]rollout.TemplateVersion, error) {
	defer f.alone()()
	if err := f.at("Versions", false); err != nil {
		return nil, err
	}
	if len(versions) == 0 {
		return slices.Clone(f.versions[id]), f.at("Versions", true)
	}
	var out []rollout.TemplateVersion
	for _, n := range versions {
		v := f.version(id, n)
		if v.Number == "" || f.hide > 0 && v.Description != "" {
			f.hide--
			return nil, fault.New(fault.NotFound, "", "no version %s", n)
		}
		out = append(out, v)
	}
	return out, f.at("Versions", true)
}

func (f *fleet) Create(_ context.Context, in rollout.NewTemplateVersion) (rollout.TemplateVersion, error) {
	defer f.alone()()
	if err := f.at("Create", false); err != nil {
		return rollout.TemplateVersion{}, err
	}
	if n, ok := f.tokens[in.Token]; ok {
		return f.version(in.Template, n), f.at("Create", true)
	}
	src := f.version(in.Template, in.Source)
	v := src
	v.Number, v.Image, v.Description = strconv.Itoa(len(f.versions[in.Template])+1), in.Image, in.Description
	v.Data = json.RawMessage(strings.Replace(string(src.Data), src.Image, in.Image, 1))
	f.versions[in.Template] = append(f.versions[in.Template], v)
	f.tokens[in.Token] = v.Number
	f.writes = append(f.writes, "version "+in.Template+" "+v.Number)
	return v, f.at("Create", true)
}

func (f *fleet) List(_ context.Context, name string) ([]rollout.Refresh, error) {
	defer f.alone()()
	if err := f.at("List", false); err != nil {
		return nil, err
	}
	f.tick(name)
	return slices.Clone(f.refreshes[name]), f.at("List", true)
}

func (f *fleet) Start(_ context.Context, in rollout.NewRefresh) (string, error) {
	defer f.alone()()
	if err := f.at("Start", false); err != nil {
		return "", err
	}
	for _, r := range f.refreshes[in.Group] {
		if r.Status == "Pending" || r.Status == "InProgress" {
			return "", rollout.ErrRefreshing
		}
	}
	id := fmt.Sprintf("r-%d", len(f.refreshes[in.Group])+1)
	f.prefs = in.Preferences
	f.refreshes[in.Group] = slices.Insert(f.refreshes[in.Group], 0, rollout.Refresh{ID: id, Status: "Pending", Desired: in.Desired})
	f.writes = append(f.writes, "refresh "+in.Group+" "+in.Desired.Template.Version)
	return id, f.at("Start", true)
}

func (f *fleet) active(name string) (*rollout.Refresh, error) {
	for i := range f.refreshes[name] {
		if r := &f.refreshes[name][i]; r.Status == "Pending" || r.Status == "InProgress" {
			return r, nil
		}
	}
	return nil, fault.New(fault.NotFound, "", "no refresh of %s", name)
}

func (f *fleet) Cancel(_ context.Context, name string) error {
	defer f.alone()()
	if err := f.at("Cancel", false); err != nil {
		return err
	}
	r, err := f.active(name)
	if err != nil {
		return err
	}
	r.Status = "Cancelled"
	f.writes = append(f.writes, "cancel "+name)
	return f.at("Cancel", true)
}

func (f *fleet) Rollback(_ context.Context, name string) error {
	defer f.alone()()
	if err := f.at("Rollback", false); err != nil {
		return err
	}
	r, err := f.active(name)
	if err != nil {
		return err
	}
	g := f.groups[name]
	for i, m := range g.Instances {
		if m.Template.Version != g.Template.Version {
			g.Instances[i] = f.launch(g.Template.ID, g.Template.Version)
		}
	}
	r.Status, r.Reason = "RollbackSuccessful", "asked for"
	f.writes = append(f.writes, "turn "+name)
	return f.at("Rollback", true)
}

func (f *fleet) Describe(_ context.Context, ids []string) ([]rollout.Instance, error) {
	defer f.alone()()
	if err := f.at("Describe", false); err != nil {
		return nil, err
	}
	var out []rollout.Instance
	for _, id := range ids {
		if image, ok := f.runs[id]; ok {
			out = append(out, rollout.Instance{ID: id, Image: image, State: "running"})
		}
	}
	return out, f.at("Describe", true)
}

func (f *fleet) States(_ context.Context, ids []string) (map[string]string, error) {
	defer f.alone()()
	out := map[string]string{}
	for _, id := range ids {
		if s, ok := f.images[id]; ok {
			out[id] = s
		}
	}
	return out, nil
}

// running counts what a group's instances run, by image.
func (f *fleet) running(name string) map[string]int {
	out := map[string]int{}
	for _, m := range f.groups[name].Instances {
		out[f.runs[m.ID]]++
	}
	return out
}

type clock struct{}

func (clock) Now() time.Time                               { return time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC) }
func (clock) Sleep(ctx context.Context, _ time.Time) error { return ctx.Err() }

func (f *fleet) stage() *rollout.Stage {
	return &rollout.Stage{Cells: rollout.Everywhere(rollout.Ports{Groups: f, Templates: f, Refreshes: f, Instances: f, Images: f}), Clock: clock{},
		Events: event.Func(func(e event.Event) {
			f.telling.Lock()
			defer f.telling.Unlock()
			f.events = append(f.events, e)
		})}
}

func (f *fleet) said(what string) bool {
	f.telling.Lock()
	defer f.telling.Unlock()
	return slices.ContainsFunc(f.events, func(e event.Event) bool { return strings.Contains(e.Text, what) })
}

// ticking is a clock that jumps to where it is slept to.
type ticking struct {
	mu  sync.Mutex
	now time.Time
}

func (c *ticking) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *ticking) Sleep(ctx context.Context, until time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until.After(c.now) {
		c.now = until
	}
	return ctx.Err()
}

// andon is the fleet's switch.
type andon struct{ f *fleet }

func (a andon) Name() string { return "/golden/andon" }
func (a andon) Read(context.Context) (string, error) {
	a.f.calling.Lock()
	text := a.f.andon
	a.f.calling.Unlock()
	return text, a.f.at("Read", true)
}

func (a andon) Write(_ context.Context, text string) error {
	a.f.andon = text
	a.f.writes = append(a.f.writes, "andon "+text)
	return nil
}

// execution rolls over a journal of its own, through the engine.
func (f *fleet) execution(t *testing.T) *rollout.Execution {
	t.Helper()
	s := f.stage()
	s.Clock = f.clock
	return &rollout.Execution{Stage: s,
		Pool:  &engine.Pool{Local: &engine.Local{Journal: journal.Open(journal.NewFolder(t.TempDir()), "r1"), Clock: f.clock}},
		Andon: &rollout.Andon{Switch: andon{f}, Clock: f.clock, Events: s.Events}}
}
