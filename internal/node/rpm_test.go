package node

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/record"
)

func TestAnUpdateThatIsRefusedDoesNotHoldUpTheRest(t *testing.T) {
	f := standard()
	f.installed = append(f.installed, have("broken", "1"))
	f.offers = append(f.offers, offered("broken", "2", "optional"))
	f.refused = map[string]error{"broken": errors.New("nothing provides what it needs")}
	rep, err := f.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Changes) != 1 || rep.Changes[0].Name != "tool" || !slices.Equal(rep.FailedItems, []string{"broken.amd64"}) {
		t.Errorf("changed %v, failed %v", rep.Changes, rep.FailedItems)
	}
	if s := rep.Lock.Skipped; len(s) != 1 || s[0].Name != "broken" || !strings.Contains(s[0].Reason, "nothing provides") {
		t.Errorf("the lock leaves out %+v", s)
	}
	for _, i := range rep.Evaluation.Items {
		if i.Name == "broken" && (i.State != baseline.StateFailed || !strings.Contains(i.Reason, "nothing provides")) {
			t.Errorf("broken is %s: %q", i.State, i.Reason)
		}
	}
	// A package manager that is busy is asked once.
	f = standard()
	f.installed, f.offers = append(f.installed, have("b", "1")), append(f.offers, offered("b", "2", "optional"))
	f.refused = map[string]error{"tool": fault.New(fault.Conflict, "", "locked"), "b": errors.New("never asked")}
	if _, err := f.run(t, nil); f.changed() || err == nil {
		t.Errorf("busy: %v", err)
	}
	// Nothing left to install is an error.
	f = standard()
	f.refused = map[string]error{"tool": errors.New("no")}
	if _, err := f.run(t, nil); err == nil || f.changed() {
		t.Errorf("nothing left: %v", err)
	}
}

func TestTheStatesComeFromASecondScanAlsoAfterAFailure(t *testing.T) {
	f := standard()
	f.fail["Install"] = fault.New(fault.Partial, "look", "a script failed")
	rep, err := f.run(t, nil)
	if fault.KindOf(err) != fault.Partial || fault.HintOf(err) != "look" || rep.Evaluation == rep.Before0 || rep.Evaluation.Counts.MissingCount != 0 {
		t.Errorf("%v (kind %d): %+v", err, fault.KindOf(err), rep.Evaluation.Counts)
	}
}

func TestARestartIsAskedForByTheOptionAndWhatChanged(t *testing.T) {
	for option, want := range map[string]bool{"RebootIfNeeded": true, "NoReboot": false, "": false} {
		rep, err := standard().run(t, func(r *record.NodeRequest) { r.RebootOption = option })
		if err != nil || rep.RebootAsked != want {
			t.Errorf("%q: asked %v, %v; want %v", option, rep.RebootAsked, err, want)
		}
	}
	f := standard()
	f.installed = []baseline.Installed{have("tool", "2")}
	rep, err := f.run(t, func(r *record.NodeRequest) { r.RebootOption = "RebootIfNeeded" })
	if err != nil || rep.RebootAsked {
		t.Errorf("nothing changed: asked %v, %v", rep.RebootAsked, err)
	}
	f.prior = &baseline.Prior{LastNoRebootInstall: day}
	if rep, err = f.run(t, func(r *record.NodeRequest) { r.RebootOption = "RebootIfNeeded" }); err != nil || !rep.RebootAsked {
		t.Errorf("something waits: asked %v, %v", rep.RebootAsked, err)
	}
}

func rpmAt(name, version string) baseline.Package {
	return baseline.Package{Name: name, Arch: "x86_64", Epoch: "0", Version: version, Release: "1"}
}

func TestWhatStandsBesideAnOldVersionIsNoUpgrade(t *testing.T) {
	before := []baseline.Installed{{Package: rpmAt("kernel", "5.9")}, {Package: rpmAt("kernel", "5.14")}, {Package: rpmAt("lib", "1")}}
	todo := []baseline.LockedPackage{{Package: rpmAt("kernel", "6.1"), From: "0:5.14-1"}, {Package: rpmAt("lib", "2"), From: "0:1-1"}}
	kernel := record.Change{Name: "kernel", Arch: "x86_64", To: "0:6.1-1"}
	sim := apply.Simulation{Beside: []record.Change{kernel}, Retire: []record.Change{{Name: "kernel", Arch: "x86_64", From: "0:5.9-1"}}}
	for name, c := range map[string]struct {
		after []baseline.Package
		want  string
	}{
		"as simulated":        {[]baseline.Package{rpmAt("kernel", "5.14"), rpmAt("kernel", "6.1"), rpmAt("lib", "2")}, ""},
		"the old one stayed":  {[]baseline.Package{rpmAt("kernel", "5.9"), rpmAt("kernel", "5.14"), rpmAt("kernel", "6.1"), rpmAt("lib", "2")}, "kernel"},
		"all old ones went":   {[]baseline.Package{rpmAt("kernel", "6.1"), rpmAt("lib", "2")}, "kernel"},
		"lib stands twice":    {[]baseline.Package{rpmAt("kernel", "5.14"), rpmAt("kernel", "6.1"), rpmAt("lib", "1"), rpmAt("lib", "2")}, "lib"},
		"lib is left":         {[]baseline.Package{rpmAt("kernel", "5.14"), rpmAt("kernel", "6.1"), rpmAt("lib", "1")}, "1 of 2 packages were not installed: lib.x86_64"},
		"something else came": {[]baseline.Package{rpmAt("kernel", "5.14"), rpmAt("kernel", "6.1"), rpmAt("lib", "2"), rpmAt("x", "1")}, "outside the lock: x:x86_64"},
	} {
		r := &run{Root: Root{Say: func(string, ...any) {}}, why: map[string]string{}, report: &record.NodeReport{After: &baseline.Inventory{}}}
		r.node.Inventory.Installed = before
		for _, p := range c.after {
			r.report.After.Installed = append(r.report.After.Installed, baseline.Installed{Package: p})
		}
		r.report.Changes = apply.Diff(before, r.report.After.Installed)
		if err := r.exactly(todo, sim); (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestInstalledVersionsAreWholeAndTheHighest(t *testing.T) {
	inv := baseline.Inventory{OS: baseline.Alma, Installed: []baseline.Installed{{Package: rpmAt("kernel", "5.14")}, {Package: rpmAt("kernel", "5.9")}}}
	if got := installed(inv)["kernel.x86_64"]; got != "0:5.14-1" {
		t.Errorf("got %s", got)
	}
}

func TestTheManagerFollowsTheProduct(t *testing.T) {
	at := func(id, version string) product.Product {
		t.Helper()
		p, err := product.Identify([]byte("ID=" + id + "\nVERSION_ID=" + version + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct{ id, version, want string }{
		{"amzn", "2", "yum"}, {"amzn", "2023", "dnf"}, {"rhel", "7.9", "yum"}, {"rhel", "8.10", "dnf"}, {"centos", "7", "yum"},
		{"centos", "9", "dnf"}, {"ol", "7.9", "yum"}, {"ol", "10", "dnf"}, {"rocky", "9.4", "dnf"}, {"almalinux", "8.9", "dnf"},
	} {
		if got := program(at(c.id, c.version)).Name; got != c.want {
			t.Errorf("%s %s: %s, want %s", c.id, c.version, got, c.want)
		}
	}
	for _, id := range []string{"amzn", "debian", "sles"} {
		version := map[string]string{"amzn": "2023", "debian": "12", "sles": "15.6"}[id]
		if m, err := managerOf(at(id, version), fstest.MapFS{}, nil, 0, nil); err != nil || m == nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	if _, err := managerOf(product.Product{Name: "Plan9", Family: "other"}, fstest.MapFS{}, nil, 0, nil); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("an unknown family: %v", err)
	}
}

func TestOnlySourcesForTheProductStandIn(t *testing.T) {
	alma := product.Product{Name: "AlmaLinux9.4", Family: product.RPM}
	req := func(sources string) record.NodeRequest {
		return record.NodeRequest{Baseline: json.RawMessage(`{"Name":"mine","OperatingSystem":"ALMA_LINUX"` + sources + `}`)}
	}
	if got, err := alternatives(req(""), alma); got != nil || err != nil {
		t.Errorf("no sources: %v, %v", got, err)
	}
	if got, err := alternatives(req(`,"Sources":[{"Name":"one","Products":["*"],"Configuration":"x"},{"Name":"two","Products":["AlmaLinux8.9"],"Configuration":"x"}]`), alma); len(got) != 1 || err != nil {
		t.Errorf("one of two: %v, %v", got, err)
	}
	if _, err := alternatives(req(`,"Sources":[{"Name":"two","Products":["AlmaLinux8.9"],"Configuration":"x"}]`), alma); err == nil || !strings.Contains(err.Error(), "none is for AlmaLinux9.4") {
		t.Errorf("none for the product: %v", err)
	}
}

func TestSourcesStandInWithoutTouchingTheRoot(t *testing.T) {
	root := fstest.MapFS{
		"etc/yum.repos.d/own.repo": {Data: []byte("own")}, "etc/distro.repos.d/d.repo": {}, "etc/apt/sources.list": {Data: []byte("own")},
		"etc/apt/sources.list.d/own.list": {}, "var/lib/apt/lists/x": {}, "etc/os-release": {Data: []byte("ID=x")},
	}
	state := t.TempDir()
	files := apply.NewFiles(state)
	in, err := prepare(files, []baseline.PatchSource{{Name: "../mine", Configuration: "[mine]\npassword=secret"}}, product.Product{Family: product.RPM})
	if err != nil {
		t.Fatal(err)
	}
	seen := covered{root, in.over}
	if list, err := fs.Glob(seen, "etc/yum.repos.d/*.repo"); err != nil || !slices.Equal(list, []string{"etc/yum.repos.d/00-___mine.repo"}) {
		t.Errorf("repositories: %v, %v", list, err)
	}
	if _, err := seen.Open("etc/distro.repos.d/d.repo"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is to be hidden: %v", err)
	}
	if text, err := fs.ReadFile(seen, "etc/os-release"); err != nil || string(text) != "ID=x" {
		t.Errorf("the rest of the root: %q, %v", text, err)
	}
	info, err := os.Stat(filepath.Join(in.dnf.Dir, "00-___mine.repo"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a configuration with a password: %v, %v", info.Mode(), err)
	}
	in, err = prepare(files, []baseline.PatchSource{{Name: "a", Configuration: "deb http://a x main"}, {Name: "b", Configuration: "Types: deb"}}, product.Product{Family: product.Dpkg})
	if err != nil {
		t.Fatal(err)
	}
	seen = covered{root, in.over}
	if list, err := fs.ReadDir(seen, "etc/apt/sources.list.d"); err != nil || len(list) != 2 || list[0].Name() != "00-a.list" || list[1].Name() != "01-b.sources" {
		t.Errorf("sources: %v, %v", list, err)
	}
	for _, hidden := range []string{"etc/apt/sources.list", "var/lib/apt/lists/x"} {
		if _, err := seen.Stat(hidden); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is seen: %v", hidden, err)
		}
	}
	if in, err = prepare(files, []baseline.PatchSource{{Name: "zypp", Configuration: "[z]"}}, product.Product{Family: product.Zypp}); err != nil {
		t.Fatal(err)
	}
	seen = covered{fstest.MapFS{"etc/zypp/services.d/x.service": {}, "etc/zypp/repos.d/own.repo": {}}, in.over}
	if _, err := seen.Stat("etc/zypp/services.d/x.service"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a service is seen: %v", err)
	}
	if list, err := fs.Glob(seen, "etc/zypp/repos.d/*.repo"); err != nil || !slices.Contains(list, "etc/zypp/repos.d/00-zypp.repo") || slices.Contains(list, "etc/zypp/repos.d/own.repo") {
		t.Errorf("repositories: %v, %v", list, err)
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(state); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
