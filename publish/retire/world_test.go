package retire

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/usage"
)

const (
	line    = "web"
	channel = "/golden/web/latest"
)

var (
	home = usage.Cell{Account: "111122223333", Region: "eu-west-1"}
	now  = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
)

// id is the image number n.
func id(n int) string { return fmt.Sprintf("ami-%017x", n) }

// world is a modelled account: every port of this stage over maps.
type world struct {
	mu         sync.Mutex
	images     map[string]usage.Image
	snaps      map[string]Snapshot
	instances  []usage.Instance
	versions   []usage.TemplateVersion
	configs    []usage.LaunchConfiguration
	groups     []usage.Group
	parameters map[string][]usage.Parameter // by name: every version, oldest first
	shared     map[string][]string
	runs       []Run
	left       map[string][]string // by run
	calls      []string            // what changed something, in order
	// hook is called before every call; its error is the call's.
	hook func(call string) error
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

// clock stands still.
type clock struct{ at time.Time }

func (c *clock) Now() time.Time                                 { return c.at }
func (c *clock) Sleep(_ context.Context, until time.Time) error { c.at = until; return nil }

func (w *world) stage() (*Stage, *clock) {
	c := &clock{now}
	return &Stage{Clock: c, Events: event.Discard, Journal: w, Archive: archive{w}, Cells: func(_ context.Context, at usage.Cell) (Ports, error) {
		if err := w.do("open "+at.String(), false); err != nil {
			return Ports{}, err
		}
		if at != home {
			return Ports{}, fault.New(fault.Denied, "", "the role of %s cannot be assumed", at)
		}
		return Ports{Uses: usage.Ports{Compute: w, References: w, Parameters: w}, Images: w, Removal: w, Leftovers: w, Builds: builds{w}}, nil
	}}, c
}

func (w *world) Own(context.Context) ([]usage.Image, error) {
	return slices.Collect(maps.Values(w.images)), w.do("own", false)
}

func (w *world) Image(_ context.Context, id string) (usage.Image, error) {
	i, ok := w.images[id]
	if !ok {
		return i, fault.New(fault.NotFound, "", "there is no image %s", id)
	}
	return i, w.do("image", false)
}

func (w *world) SharedWith(_ context.Context, id string) ([]string, error) {
	return w.shared[id], w.do("shared", false)
}

func (w *world) Tag(_ context.Context, ids []string, tags map[string]string) error {
	if err := w.do("tag "+strings.Join(ids, ","), true); err != nil {
		return err
	}
	for _, id := range ids {
		if i, ok := w.images[id]; ok {
			i.Tags = maps.Clone(i.Tags)
			maps.Copy(i.Tags, tags)
			w.images[id] = i
		}
		if s, ok := w.snaps[id]; ok {
			s.Tags = maps.Clone(s.Tags)
			maps.Copy(s.Tags, tags)
			w.snaps[id] = s
		}
	}
	return nil
}

func (w *world) Deprecate(_ context.Context, id string, at time.Time) error {
	i := w.images[id]
	i.DeprecatedAt = at
	err := w.do("deprecate "+id, true)
	if err == nil {
		w.images[id] = i
	}
	return err
}

func (w *world) Disable(_ context.Context, id string) error {
	i := w.images[id]
	i.State = usage.StateDisabled
	err := w.do("disable "+id, true)
	if err == nil {
		w.images[id] = i
	}
	return err
}

func (w *world) Deregister(_ context.Context, id string) error {
	if w.images[id].Protected != "" {
		return fault.New(fault.Conflict, "", "%s is protected", id)
	}
	if err := w.do("deregister "+id, true); err != nil {
		return err
	}
	delete(w.images, id)
	return nil
}

func (w *world) Snapshots(_ context.Context, tag string) ([]Snapshot, error) {
	var out []Snapshot
	for _, s := range w.snaps {
		if s.Tags[tag] != "" {
			out = append(out, s)
		}
	}
	return out, w.do("snapshots", false)
}

func (w *world) DeleteSnapshot(_ context.Context, id string) error {
	for _, i := range w.images {
		if slices.Contains(i.Snapshots, id) {
			return fault.New(fault.Conflict, "", "%s is in use by %s", id, i.ID)
		}
	}
	if err := w.do("delete "+id, true); err != nil {
		return err
	}
	delete(w.snaps, id)
	return nil
}

func (w *world) DeleteVersion(_ context.Context, template string, n int64) error {
	if err := w.do(fmt.Sprintf("delete %s:%d", template, n), true); err != nil {
		return err
	}
	w.versions = slices.DeleteFunc(w.versions, func(v usage.TemplateVersion) bool { return v.Template == template && v.Number == n })
	return nil
}

type builds struct{ w *world }

func (b builds) Delete(_ context.Context, name string) error {
	if err := b.w.do("delete "+name, true); err != nil {
		return err
	}
	delete(b.w.parameters, name)
	return nil
}

type archive struct{ w *world }

func (a archive) Parts(_ context.Context, run string) ([]string, error) {
	return a.w.left[run], a.w.do("parts", false)
}

func (a archive) Remove(_ context.Context, run string) error {
	if err := a.w.do("remove "+run, true); err != nil {
		return err
	}
	delete(a.w.left, run)
	return nil
}

func (w *world) Runs(context.Context) ([]Run, error) { return w.runs, w.do("runs", false) }

func (w *world) Instances(context.Context) ([]usage.Instance, error) {
	return w.instances, w.do("instances", false)
}
func (w *world) TemplateVersions(context.Context) ([]usage.TemplateVersion, error) {
	return w.versions, w.do("templates", false)
}
func (w *world) LaunchConfigurations(context.Context) ([]usage.LaunchConfiguration, error) {
	return w.configs, w.do("configurations", false)
}
func (w *world) Groups(context.Context) ([]usage.Group, error) {
	return w.groups, w.do("groups", false)
}
func (w *world) Refreshing(context.Context, string) ([]usage.Template, []string, error) {
	return nil, nil, w.do("refreshes", false)
}

func (w *world) References(_ context.Context, images []string) ([]usage.Reference, error) {
	var out []usage.Reference
	for _, i := range w.instances {
		if slices.Contains(images, i.Image) {
			out = append(out, usage.Reference{Image: i.Image, Kind: "ec2:Instance", ARN: "arn:aws:ec2:eu-west-1:1:instance/" + i.ID})
		}
	}
	for _, v := range w.versions {
		if slices.Contains(images, v.Image) {
			out = append(out, usage.Reference{Image: v.Image, Kind: "ec2:LaunchTemplate", ARN: "arn:aws:ec2:eu-west-1:1:launch-template/" + v.Template})
		}
	}
	return out, w.do("references", false)
}

func (w *world) All(context.Context) ([]usage.Parameter, error) {
	var out []usage.Parameter
	for name, versions := range w.parameters {
		p := versions[len(versions)-1]
		p.Name = name
		out = append(out, p)
	}
	return out, w.do("parameters", false)
}

func (w *world) History(_ context.Context, name string) ([]usage.Parameter, error) {
	return w.parameters[name], w.do("history", false)
}

// add puts in an image of the line that is so many days old, with a snapshot and a
// builds entry of its own.
func (w *world) add(n, days int) usage.Image {
	i := usage.Image{ID: id(n), Name: fmt.Sprintf("web-%d", n), State: usage.StateAvailable, Owner: home.Account, Architecture: "x86_64",
		CreatedAt: now.AddDate(0, 0, -days), Snapshots: []string{fmt.Sprintf("snap-%d", n)},
		Tags: map[string]string{usage.TagLine: line, usage.TagRun: fmt.Sprintf("run-%d", n), complete: "true"}}
	w.images[i.ID] = i
	w.snaps[i.Snapshots[0]] = Snapshot{ID: i.Snapshots[0], Tags: map[string]string{usage.TagLine: line}}
	w.parameters[fmt.Sprintf("/golden/web/builds/run-%d", n)] = []usage.Parameter{{Value: i.ID, Version: 1}}
	return i
}

// set changes an image.
func (w *world) set(n int, change func(*usage.Image)) {
	i := w.images[id(n)]
	i.Tags = maps.Clone(i.Tags)
	change(&i)
	w.images[i.ID] = i
}

// hold makes the channel hold the images, the last one now.
func (w *world) hold(ns ...int) {
	var all []usage.Parameter
	for v, n := range ns {
		all = append(all, usage.Parameter{Name: channel, Value: id(n), Version: int64(v + 1)})
	}
	w.parameters[channel] = all
}

func empty() *world {
	return &world{images: map[string]usage.Image{}, snaps: map[string]Snapshot{}, parameters: map[string][]usage.Parameter{},
		shared: map[string][]string{}, left: map[string][]string{}}
}

const days = 24 * time.Hour

var policy = Policy{Keep: 2, DeprecateAfter: 30 * days, DisableAfter: 60 * days, DeregisterAfter: 90 * days, RollbackDepth: 1}

func input() Input {
	return Input{Line: line, Cells: []usage.Cell{home}, Channels: []string{channel}, Policy: policy}
}

// standard has five images: two new ones that are kept by number, one each for the
// three stages.
func standard() *world {
	w := empty()
	w.add(1, 120)
	w.set(1, func(i *usage.Image) {
		i.State, i.Tags[TagDisabled] = usage.StateDisabled, now.AddDate(0, 0, -40).Format(time.RFC3339)
	})
	w.add(2, 70)
	w.add(3, 40)
	w.add(4, 10)
	w.add(5, 1)
	w.hold(4, 5)
	w.runs = []Run{{ID: "run-1", Line: line, Cell: home, Image: id(1), Ended: true, EndedAt: now.AddDate(0, 0, -120)}}
	w.left["run-1"] = []string{"journal", "bundle"}
	return w
}

// tester is a test, or one of rapid's.
type tester interface {
	Helper()
	Context() context.Context
	Fatal(args ...any)
}

// plan plans, and fails the test if it cannot.
func (w *world) plan(t tester, in Input) *Plan {
	t.Helper()
	s, _ := w.stage()
	p, err := s.Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// apply runs a plan's units to their ends. An error ends its unit only.
func (w *world) apply(ctx context.Context, p *Plan) (results []Result, errs []error) {
	s, c := w.stage()
	for _, u := range s.Units(p) {
		var raw []byte
		for range 100 {
			next, n, err := u.Unit.Advance(ctx, raw)
			if err != nil {
				errs = append(errs, err)
				break
			}
			raw = next
			if n.Done {
				r, err := ReadResult(raw)
				if err != nil {
					errs = append(errs, err)
				}
				results = append(results, r)
				break
			}
			c.at = c.at.Add(n.After)
		}
	}
	return results, errs
}
