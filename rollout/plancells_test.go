package rollout_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

// region is a cell whose ports can do all that is optional too, and count.
type region struct {
	*fleet
	owner  string
	alarms []string
	free   map[string]int
	acts   []rollout.ScheduledAction
	denied error // of the Look port
	// limits are of running vCPUs, by quota; others are large. runs counts as t3.small
	// but for what is in foreign.
	limits   map[string]int
	standard bool // the limits are AWS's defaults
	foreign  map[estimate.Kind]int
	unlisted error // of the Quotas port
	// metered is what CloudWatch says of quotas; it has no data of others.
	metered              map[string]int
	unmetered, uncounted error

	mu    sync.Mutex
	calls map[string]int
	most  int // calls under way at a time
	now   int
}

func newRegion() *region {
	r := &region{fleet: newFleet(), owner: "111122223333", calls: map[string]int{}, free: map[string]int{}}
	r.hook = func(call string, after bool) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if after {
			r.now--
			return nil
		}
		r.calls[call]++
		r.now++
		r.most = max(r.most, r.now)
		return nil
	}
	return r
}

func (r *region) Find(ctx context.Context, names []string, tags map[string]string) ([]rollout.Group, error) {
	if len(names) == 0 && len(tags) == 0 {
		for n := range r.groups {
			names = append(names, n)
		}
	}
	for name, g := range r.groups {
		if len(tags) > 0 && cmp.Equal(tags, g.Tags) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return r.fleet.Find(ctx, names, nil)
}

func (r *region) Using(_ context.Context, images []string) (map[string]string, error) {
	r.count("Using")
	out := map[string]string{}
	for id, image := range r.runs {
		if slices.Contains(images, image) {
			out[id] = image
		}
	}
	return out, nil
}

func (r *region) Ends(context.Context) ([]rollout.TemplateVersion, error) {
	r.count("Ends")
	var out []rollout.TemplateVersion
	for id, all := range r.versions {
		first, last := all[0], all[len(all)-1]
		first.Default, first.Template, last.Template = true, id, id
		out = append(out, first)
		if len(all) > 1 {
			out = append(out, last)
		}
	}
	return out, nil
}

func (r *region) Details(_ context.Context, ids []string) (map[string]rollout.ImageDetail, error) {
	out := map[string]rollout.ImageDetail{}
	for _, id := range ids {
		out[id] = rollout.ImageDetail{Owner: r.owner}
	}
	return out, nil
}

func (r *region) Subnets(context.Context, []string, []string) (map[string]rollout.Subnet, error) {
	out := map[string]rollout.Subnet{}
	for id, n := range r.free {
		out[id] = rollout.Subnet{Zone: "a", Free: n}
		if _, zone, ok := strings.Cut(id, "@"); ok {
			out[id] = rollout.Subnet{Zone: zone, Free: n, Default: strings.HasPrefix(id, "default")}
		}
	}
	return out, r.denied
}
func (r *region) Limits(_ context.Context, codes []string) (map[string]estimate.Limit, error) {
	r.count("Limits")
	out := map[string]estimate.Limit{}
	for _, c := range codes {
		limit := estimate.Limit{VCPUs: 100000, Default: r.standard}
		if n, ok := r.limits[c]; ok {
			limit.VCPUs = n
		}
		if r.metered != nil || r.unmetered != nil {
			limit.Metric = &estimate.Metric{Namespace: "AWS/Usage", Name: c}
		}
		out[c] = limit
	}
	return out, r.unlisted
}
func (r *region) Usage(_ context.Context, of map[string]estimate.Metric) (map[string]int, error) {
	r.count("Usage")
	out := map[string]int{}
	for key, m := range of {
		if n, ok := r.metered[m.Name]; ok {
			out[key] = n
		}
	}
	return out, r.unmetered
}
func (r *region) Running(context.Context) (map[estimate.Kind]int, error) {
	r.count("Running")
	out := map[estimate.Kind]int{{Type: "t3.small"}: len(r.runs)}
	maps.Copy(out, r.foreign)
	return out, r.uncounted
}
func (r *region) Alarms(context.Context, []string) ([]string, error) { return r.alarms, r.denied }
func (r *region) Scheduled(context.Context, time.Time, time.Time) ([]rollout.ScheduledAction, error) {
	return r.acts, r.denied
}
func (r *region) CPUs(context.Context, []string) (map[string]int, error) {
	return map[string]int{"t3.small": 2, "m5.large": 4, "c5.large": 2, "g5.xlarge": 4}, r.denied
}

func (r *region) count(call string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[call]++
}

func (r *region) ports() rollout.Ports {
	return rollout.Ports{Groups: r, Templates: r, Refreshes: r, Instances: r, Images: r, Look: r, Quotas: r}
}

// world is several cells.
type world map[rollout.Cell]*region

func (w world) stage() *rollout.Stage {
	return &rollout.Stage{Clock: clock{}, Events: event.Discard, Cells: func(_ context.Context, c rollout.Cell) (rollout.Ports, error) {
		if w[c] == nil {
			return rollout.Ports{}, fault.New(fault.Denied, "look at the role's trust policy", "take the role rehydrate on in account %s: access denied", c.Account)
		}
		return w[c].ports(), nil
	}}
}

func cellAt(n int) rollout.Cell {
	return rollout.Cell{Account: fmt.Sprintf("%012d", n/4+1), Region: fmt.Sprintf("region-%d", n%4)}
}

// large is cells with groups of ten instances each, every group on a template of its
// own, and one fleet over all of them.
func large(cells, groups int) (world, rollout.Input) {
	w := world{}
	f := rollout.Fleet{Name: "web", Ring: "prod", Tags: map[string]string{"app": "web"}, Refresh: rollout.Preferences{Rollback: true}}
	for c := range cells {
		r := newRegion()
		for g := range groups {
			lt, name := fmt.Sprintf("lt-%d", g), fmt.Sprintf("web-%02d", g)
			r.template(lt, "ami-old")
			r.group(name, lt, "1", "1", 10).Tags = map[string]string{"app": "web"}
		}
		w[cellAt(c)] = r
		f.Cells = append(f.Cells, cellAt(c))
	}
	return w, rollout.Input{Image: "ami-new", Rings: []rollout.Ring{{Name: "prod"}}, Fleets: []rollout.Fleet{f}}
}

func TestEveryCellIsReadWithAFewCalls(t *testing.T) {
	w, in := large(8, 20)
	in.Fleets = append(in.Fleets, rollout.Fleet{Name: "api", Ring: "prod", Templates: []string{"lt-api"}, Cells: in.Fleets[0].Cells})
	for _, r := range w {
		r.template("lt-api", "ami-old")
		r.group("api", "lt-api", "1", "1", 2)
	}
	p, err := w.stage().Plan(t.Context(), in)
	if err != nil || p.Err() != nil {
		t.Fatal(err, p.Err())
	}
	if n := len(p.Rings[0].Groups); n != 8*21 {
		t.Fatalf("%d groups", n)
	}
	for c, r := range w {
		// One refresh list a group cannot be helped: the API has no other.
		want := map[string]int{"Find": 1, "Using": 1, "Ends": 1, "List": 21}
		if d := cmp.Diff(want, r.calls); d != "" {
			t.Errorf("%s: %s", c, d)
		}
		if r.most > 4 {
			t.Errorf("%s: %d calls at a time", c, r.most)
		}
	}
}

func TestAPlanIsTheSameHoweverItsReadsInterleave(t *testing.T) {
	w, in := large(6, 5)
	first, err := w.stage().Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := w.stage().Plan(t.Context(), in)
		if err != nil || again.Hash != first.Hash {
			t.Fatalf("%v: %s and %s", err, first.Hash, again.Hash)
		}
	}
	at := 0
	for g := range first.Groups() {
		if g.Cell != cellAt(at/5) {
			t.Fatalf("group %d is in %s", at, g.Cell)
		}
		at++
	}
}

func TestARoleThatCannotBeTakenOnIsOneFindingAmongAll(t *testing.T) {
	w, in := large(3, 2)
	delete(w, cellAt(1))
	w[cellAt(2)].groups["web-00"].Suspended = []string{"Launch"}
	p, err := w.stage().Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Rings[0].Groups) != 4 || len(p.Findings) != 1 || p.Findings[0].Cell != cellAt(1) {
		t.Fatalf("%d groups, %+v", len(p.Rings[0].Groups), p.Findings)
	}
	err = p.Err()
	if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "take the role rehydrate on") || !strings.Contains(err.Error(), "1 more refusal") ||
		!strings.Contains(fault.HintOf(err), "trust policy") {
		t.Errorf("%v, %s", err, fault.HintOf(err))
	}
}

func TestAFaultOfAWSIsNoFinding(t *testing.T) {
	w, in := large(3, 2)
	w[cellAt(1)].hook = func(call string, _ bool) error {
		if call == "Find" {
			return fault.New(fault.Throttled, "", "rate exceeded")
		}
		return nil
	}
	if _, err := w.stage().Plan(t.Context(), in); fault.KindOf(err) != fault.Throttled {
		t.Errorf("got %v", err)
	}
}

func TestACellWithoutAnImageIsRefused(t *testing.T) {
	w, in := large(2, 1)
	in.Unknown = map[rollout.Cell]error{cellAt(1): fault.New(fault.NotFound, "publish there first", "channel /golden/web/latest holds nothing")}
	in.Images = map[rollout.Cell]string{cellAt(0): "ami-copy"}
	w[cellAt(0)].images["ami-copy"] = "available"
	p, err := w.stage().Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "holds nothing") {
		t.Errorf("got %v", err)
	}
	if g := p.Rings[0].Groups; len(g) != 1 || g[0].To != "ami-copy" || len(w[cellAt(1)].calls) > 0 {
		t.Errorf("%+v", g)
	}
}

func TestAnImageOfAStrangerIsRefused(t *testing.T) {
	w, in := large(1, 1)
	in.Owners = []string{"111122223333"}
	if p, err := w.stage().Plan(t.Context(), in); err != nil || p.Err() != nil {
		t.Fatal(err, p.Err())
	}
	w[cellAt(0)].owner = "666666666666"
	p, err := w.stage().Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "666666666666") {
		t.Errorf("got %v", err)
	}
}

func TestGroupsAreFoundByTagsNamesAndTemplates(t *testing.T) {
	r := newRegion()
	r.template("lt-1", "ami-old")
	r.template("lt-2", "ami-old")
	r.group("tagged", "lt-1", "1", "1", 2).Tags = map[string]string{"app": "web", "more": "x"}
	r.group("named", "lt-1", "1", "1", 2)
	r.group("templated", "lt-2", "1", "1", 2).Template.Name = "web"
	r.group("other", "lt-1", "1", "1", 2)
	in := rollout.Input{Image: "ami-new", Rings: []rollout.Ring{{Name: "a"}}, Fleets: []rollout.Fleet{
		{Name: "t", Ring: "a", Tags: map[string]string{"app": "web"}}, {Name: "n", Ring: "a", Groups: []string{"named"}}, {Name: "l", Ring: "a", Templates: []string{"web"}}}}
	p, err := world{{}: r}.stage().Plan(t.Context(), in)
	if err != nil || p.Err() != nil {
		t.Fatal(err, p.Err())
	}
	got := map[string]string{}
	for g := range p.Groups() {
		got[g.Group] = g.Fleet
	}
	if d := cmp.Diff(map[string]string{"tagged": "t", "named": "n", "templated": "l"}, got); d != "" {
		t.Error(d)
	}
}

func TestAGroupThatFollowsTheChannelByItselfIsToldOf(t *testing.T) {
	r := newRegion()
	r.template("lt-1", "ami-old")
	r.template("lt-2", "resolve:ssm:/golden/web/latest")
	r.template("lt-3", "resolve:ssm:/somebody/elses")
	r.group("mine", "lt-1", "1", "1", 2)
	r.group("alone", "lt-2", "1", "1", 2)
	r.group("other", "lt-3", "1", "1", 2)
	in := rollout.Input{Image: "ami-new", Channels: []string{"/golden/web/latest"}, Rings: []rollout.Ring{{Name: "a"}},
		Fleets: []rollout.Fleet{{Name: "n", Ring: "a", Groups: []string{"mine"}}}}
	p, err := world{{}: r}.stage().Plan(t.Context(), in)
	if err != nil || p.Err() != nil {
		t.Fatal(err, p.Err())
	}
	if len(p.Findings) != 1 || !p.Findings[0].Warn || !strings.Contains(p.Findings[0].Text, "group alone launches from /golden/web/latest") {
		t.Errorf("%+v", p.Findings)
	}
}
