package node

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

var day = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// fake is a root in memory: inventory, package manager and session at once.
type fake struct {
	installed []baseline.Installed
	offers    []baseline.AvailablePackage
	deps      map[string]string // installing the key also installs the value
	remove    []record.Change   // what any simulation would remove
	also      []baseline.Installed
	refused   map[string]error // names that no simulation allows
	refuse    map[string]bool  // names that Install silently leaves alone
	logs      map[string]*baseline.Changelog
	fail      map[string]error // by method
	calls     []string
	order     apply.Order
	prior     *baseline.Prior
	reboot    bool
}

func (f *fake) call(name string) error {
	f.calls = append(f.calls, name)
	return f.fail[name]
}

func (f *fake) Installed(context.Context) (baseline.Inventory, error) {
	return f.inventory(), f.call("Installed")
}

func (f *fake) inventory() baseline.Inventory {
	return baseline.Inventory{OS: baseline.Debian, Product: "Debian12", Arch: "amd64", Installed: slices.Clone(f.installed)}
}

func (f *fake) Collect(_ context.Context, names []string) (baseline.Node, []string, error) {
	var a baseline.Available
	a.Repositories = []baseline.Repository{{ID: "r", URL: "http://r/"}}
	for _, p := range f.offers {
		if f.has(p.Name) || slices.Contains(names, p.Name) {
			a.Packages = append(a.Packages, p)
		}
	}
	return baseline.Node{Inventory: f.inventory(), Available: a}, []string{"a remark"}, f.call("Collect")
}

func (f *fake) has(name string) bool {
	return slices.ContainsFunc(f.installed, func(i baseline.Installed) bool { return i.Name == name })
}

func (f *fake) Refresh(context.Context) error { return f.call("Refresh") }

func (f *fake) Simulate(_ context.Context, packages []baseline.LockedPackage) (apply.Simulation, error) {
	sim := apply.Simulation{Remove: f.remove}
	for _, p := range packages {
		if err := f.refused[p.Name]; err != nil {
			return sim, err
		}
		sim.Install = append(sim.Install, record.Change{Name: p.Name, Arch: p.Arch, To: p.Version})
		if d := f.deps[p.Name]; d != "" && !f.has(d) {
			sim.Install = append(sim.Install, record.Change{Name: d, Arch: "amd64", To: "2"})
		}
	}
	return sim, f.call("Simulate")
}

func (f *fake) Obtain(_ context.Context, o apply.Order) (apply.Session, []record.Obtained, error) {
	f.order = o
	if err := f.call("Obtain"); err != nil {
		return nil, nil, err
	}
	return f, []record.Obtained{{Name: o.Packages[0].Name, Version: o.Packages[0].Version, From: "bundle"}}, nil
}

func (f *fake) Install(_ context.Context, packages []baseline.LockedPackage) error {
	for _, p := range packages {
		if f.refuse[p.Name] {
			continue
		}
		f.installed = slices.DeleteFunc(f.installed, func(i baseline.Installed) bool { return i.Name == p.Name })
		f.installed = append(f.installed, baseline.Installed{Package: p.Package})
	}
	f.installed = append(f.installed, f.also...)
	return f.call("Install")
}

func (f *fake) Changelogs(_ context.Context, _ baseline.OperatingSystem, offers []baseline.AvailablePackage, _ map[string]string) (map[string]*baseline.Changelog, []string, error) {
	logs := map[string]*baseline.Changelog{}
	for _, o := range offers {
		f.calls = append(f.calls, "Changelog "+o.Name)
		if l := f.logs[o.Name]; l != nil {
			logs[o.SHA256] = l
		}
	}
	return logs, nil, f.fail["Changelogs"]
}

func (f *fake) RebootNeeded() (bool, error)            { return f.reboot, f.call("RebootNeeded") }
func (f *fake) Load() (*baseline.Prior, error)         { return f.prior, nil }
func (f *fake) Save(p *baseline.Prior) error           { f.prior = p; return f.call("Save") }
func (f *fake) Now() time.Time                         { return day }
func (f *fake) Sleep(context.Context, time.Time) error { return nil }

func have(name, version string) baseline.Installed {
	return baseline.Installed{Package: baseline.Package{Name: name, Arch: "amd64", Version: version}}
}

func offered(name, version, priority string) baseline.AvailablePackage {
	return baseline.AvailablePackage{
		Package:  baseline.Package{Name: name, Arch: "amd64", Version: version},
		Priority: priority, Section: "misc", Repository: "r", Filename: "pool/" + name, Size: 1,
		SHA256: (name + version + strings.Repeat("0", 64))[:64],
	}
}

const policy = `{"Name":"test","OperatingSystem":"DEBIAN","ApprovalRules":{"PatchRules":[
 {"PatchFilterGroup":{"PatchFilters":[{"Key":"PRIORITY","Values":["optional"]}]},"EnableNonSecurity":true},
 {"PatchFilterGroup":{"PatchFilters":[{"Key":"PRIORITY","Values":["extra"]}]},"ApproveAfterDays":7,"EnableNonSecurity":true}]},
 "RejectedPatches":["agent"]}`

// standard has one approved, one rejected and one delayed update.
func standard() *fake {
	return &fake{
		installed: []baseline.Installed{have("agent", "1"), have("extra", "1"), have("other", "1"), have("tool", "1")},
		offers:    []baseline.AvailablePackage{offered("agent", "2", "optional"), offered("extra", "2", "extra"), offered("lib", "2", "optional"), offered("tool", "2", "optional")},
		fail:      map[string]error{}, logs: map[string]*baseline.Changelog{"extra": {Date: day.Add(-48 * time.Hour)}, "tool": {Date: day.Add(-time.Hour), CVEs: []string{"CVE-2026-1"}}},
	}
}

func (f *fake) run(t *testing.T, change func(*record.NodeRequest)) (*record.NodeReport, error) {
	t.Helper()
	req := record.NodeRequest{Schema: 1, Operation: Install, Baseline: json.RawMessage(policy), Now: day,
		Options: baseline.Options{AptApprovalDelay: true}, Bundle: "/bundle", LockTimeout: 1}
	if change != nil {
		change(&req)
	}
	rep, err := Run(t.Context(), Root{Name: "n", Inventory: f, Manager: f, Memory: f, Clock: f}, req)
	if rep == nil || (rep.Error != "") != (err != nil) || rep.EndedAt.IsZero() || rep.Operation != req.Operation {
		t.Fatalf("the report does not tell of the run: %+v, %v", rep, err)
	}
	return rep, err
}

func (f *fake) changed() bool { return slices.Contains(f.calls, "Install") }

func TestInstallChangesExactlyTheLock(t *testing.T) {
	f := standard()
	f.deps, f.reboot = map[string]string{"tool": "lib"}, true
	rep, err := f.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []record.Change{{Name: "lib", Arch: "amd64", To: "2"}, {Name: "tool", Arch: "amd64", From: "1", To: "2"}}
	if !slices.Equal(rep.Changes, want) {
		t.Errorf("changes = %v, want %v", rep.Changes, want)
	}
	if l := rep.Lock; len(l.Packages) != 2 || l.Packages[0].Rule != baseline.RuleDependency || !slices.Equal(l.Packages[1].CVEs, []string{"CVE-2026-1"}) || rep.LockDigest != l.Digest() || rep.Identity != l.Identity() {
		t.Errorf("lock = %+v", l)
	}
	if rep.Before0.Counts.MissingCount != 1 || rep.Evaluation.Counts.MissingCount+rep.Evaluation.Counts.FailedCount != 0 || rep.Evaluation.Status != baseline.Compliant {
		t.Errorf("before %+v, after %+v", rep.Before0.Counts, rep.Evaluation)
	}
	if !f.order.Keep || f.order.Bundle != "/bundle" || !rep.RebootNeed || len(rep.Findings) == 0 || rep.Before == nil || rep.After == nil {
		t.Errorf("order %+v, report %+v", f.order, rep)
	}
}

func TestOnlyDatesThatDecideAreDownloadedBeforeTheLock(t *testing.T) {
	f := standard()
	rep, err := f.run(t, func(r *record.NodeRequest) { r.Operation = Scan })
	if err != nil || rep.Evaluation.Counts.MissingCount != 1 || f.changed() {
		t.Fatalf("scan = %+v, %v", rep.Evaluation, err)
	}
	if slices.Contains(f.calls, "Changelog tool") || !slices.Contains(f.calls, "Changelog extra") {
		t.Errorf("calls = %v, want the delayed package's changelog only", f.calls)
	}
	f = standard()
	if _, err := f.run(t, func(r *record.NodeRequest) { r.Operation, r.Options = Scan, baseline.Options{} }); err != nil || slices.ContainsFunc(f.calls, func(c string) bool { return strings.HasPrefix(c, "Changelog") }) {
		t.Errorf("without the extension: %v, %v; want no download", f.calls, err)
	}
}

func TestListsThatNobodyVerifiedAreNotJudgedAsTheyLie(t *testing.T) {
	f := standard()
	rep, err := f.run(t, func(r *record.NodeRequest) { r.Operation, r.NoRefresh = Scan, true })
	if err == nil || !strings.Contains(err.Error(), "source r: its index is not verified") || rep.Evaluation != nil || rep.Before == nil {
		t.Errorf("%+v, %v", rep.Evaluation, err)
	}
	if _, err := f.run(t, func(r *record.NodeRequest) { r.Operation, r.NoRefresh, r.Baseline = Collect, true, nil }); err != nil {
		t.Errorf("without a judgement: %v", err)
	}
}

func TestTheDelayCountsFromTheLaterOfChangelogAndFirstSight(t *testing.T) {
	for name, c := range map[string]struct {
		log, seen time.Time
		missing   int
	}{
		"both old":         {day.Add(-30 * 24 * time.Hour), day.Add(-20 * 24 * time.Hour), 2},
		"changelog recent": {day.Add(-2 * 24 * time.Hour), day.Add(-20 * 24 * time.Hour), 1},
		"seen recently":    {day.Add(-30 * 24 * time.Hour), day.Add(-2 * 24 * time.Hour), 1},
	} {
		f := standard()
		f.logs["extra"] = &baseline.Changelog{Date: c.log}
		rep, err := f.run(t, func(r *record.NodeRequest) {
			r.Operation, r.FirstSeen = Scan, map[string]time.Time{"extra=2": c.seen}
		})
		if err != nil || rep.Evaluation.Counts.MissingCount != c.missing {
			t.Errorf("%s: %+v, %v; want %d missing", name, rep.Evaluation, err, c.missing)
		}
	}
}

func TestTheSameLockIsSkippedBeforeAnythingIsChanged(t *testing.T) {
	first, err := standard().run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := standard()
	rep, err := f.run(t, func(r *record.NodeRequest) { r.SkipIdentity = first.Identity })
	if err != nil || !rep.Skipped || rep.Identity != first.Identity || f.changed() || slices.Contains(f.calls, "Obtain") {
		t.Errorf("skipped = %v, %v, calls %v", rep.Skipped, err, f.calls)
	}
	f = standard()
	if rep, err := f.run(t, func(r *record.NodeRequest) { r.SkipIdentity = "sha256:else" }); err != nil || rep.Skipped || !f.changed() {
		t.Errorf("another identity: skipped = %v, %v", rep.Skipped, err)
	}
}

func TestNothingIsChangedWhenItCannotBeExact(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*fake, *record.NodeRequest)
		want  string
		kind  fault.Kind
	}{
		"a source fails":       {func(f *fake, _ *record.NodeRequest) { f.fail["Refresh"] = errors.New("404 of http://b") }, "http://b", fault.Failed},
		"unreadable inventory": {func(f *fake, _ *record.NodeRequest) { f.fail["Collect"] = errors.New("no lists") }, "no lists", fault.Failed},
		"a removal":            {func(f *fake, _ *record.NodeRequest) { f.remove = []record.Change{{Name: "other", From: "1"}} }, "other 1 removed", fault.Failed},
		"dependency nowhere":   {func(f *fake, _ *record.NodeRequest) { f.deps = map[string]string{"tool": "ghost"} }, "ghost:amd64 2 new", fault.Failed},
		"file nowhere": {func(f *fake, _ *record.NodeRequest) {
			f.fail["Obtain"] = fault.New(fault.GateSaysNo, "", "obtain package tool 2: nowhere")
		}, "tool 2", fault.GateSaysNo},
		"lock of another product": {func(_ *fake, r *record.NodeRequest) {
			r.Lock = &baseline.Lock{OS: baseline.Ubuntu, Product: "Ubuntu22.04", Arch: "amd64"}
		}, "Ubuntu22.04", fault.Failed},
		"no baseline":           {func(_ *fake, r *record.NodeRequest) { r.Baseline = nil }, "baseline", fault.Usage},
		"bad baseline":          {func(_ *fake, r *record.NodeRequest) { r.Baseline = json.RawMessage(`{"Name":"x"`) }, "request", fault.Usage},
		"unknown operation":     {func(_ *fake, r *record.NodeRequest) { r.Operation = "Remove" }, "Remove", fault.Usage},
		"newer schema":          {func(_ *fake, r *record.NodeRequest) { r.Schema = 99 }, "99", fault.Usage},
		"unknown reboot option": {func(_ *fake, r *record.NodeRequest) { r.RebootOption = "Always" }, "Always", fault.Usage},
	} {
		f := standard()
		var req record.NodeRequest
		_, err := f.run(t, func(r *record.NodeRequest) { c.spoil(f, r); req = *r })
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.KindOf(err) != c.kind || f.changed() {
			t.Errorf("%s (%s): %v (kind %d), changed %v; want %q, kind %d, nothing changed", name, req.Operation, err, fault.KindOf(err), f.changed(), c.want, c.kind)
		}
	}
}
