//go:build linux

package zypper_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/apply/zypper"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory"
	"github.com/goldenami/rehydrate/internal/inventory/rootfs"
	"github.com/goldenami/rehydrate/internal/node"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
	"github.com/goldenami/rehydrate/internal/wait"
)

// These tests run the node's whole flow (read, evaluate, lock, obtain, install, read
// again) with Debian's zypper on a root with synthetic packages whose os-release says
// SLES 15.6: what they show, they show of zypper, not of SLES.

// machine is such a root.
type machine struct {
	t     *testing.T
	root  *rpmworld.Root
	fs    *rootfs.FS
	state string
}

// rooted is the machine's zypper and rpm, working on another root.
type rooted string

func (r rooted) Run(ctx context.Context, c apply.Command) ([]byte, error) {
	c.Args = append([]string{"--root", string(r)}, c.Args...)
	return apply.Exec{}.Run(ctx, c)
}

var installed = []rpmworld.Package{
	{Name: "tool", Version: "1.0"}, {Name: "lib", Version: "1.0"}, {Name: "other", Version: "1.0", Arch: "noarch"}, {Name: "low", Version: "1.0"},
}

// repository offers advisories for all of them; tool needs a new package.
func repository() rpmworld.Repository {
	tool := rpmworld.Package{Name: "tool", Version: "1.1", Requires: []string{"extra"}}
	lib, extra := rpmworld.Package{Name: "lib", Version: "1.1"}, rpmworld.Package{Name: "extra", Version: "3"}
	other, low := rpmworld.Package{Name: "other", Version: "1.1", Arch: "noarch"}, rpmworld.Package{Name: "low", Version: "1.1"}
	patch := func(id, kind, severity string, p ...rpmworld.Package) rpmworld.Advisory {
		return rpmworld.Advisory{ID: id, Type: kind, Severity: severity, Status: "stable", Issued: "1748736000", CVEs: []string{"CVE-" + id}, Packages: p}
	}
	return rpmworld.Repository{
		ID: "updates", Packages: []rpmworld.Package{tool, lib, extra, other, low},
		Advisories: []rpmworld.Advisory{
			patch("SUSE-1", "security", "important", tool), patch("SUSE-2", "security", "critical", lib),
			patch("SUSE-3", "recommended", "important", other), patch("SUSE-4", "security", "low", low),
		},
	}
}

func newMachine(t *testing.T, repo rpmworld.Repository) *machine {
	t.Helper()
	if testing.Short() {
		t.Skip("works with real zypper and rpm: left out by -short")
	}
	if _, err := exec.LookPath("zypper"); err != nil {
		testkit.Missing(t, "%v: `make tools` installs it", err)
	}
	if os.Geteuid() != 0 {
		testkit.Missing(t, "zypper changes a root as root only")
	}
	m := &machine{t: t, state: filepath.Join(t.TempDir(), "state")}
	m.root = rpmworld.Build(t, rpmworld.World{ID: "sles", VersionID: "15.6", NoCache: true, Installed: installed, Repositories: []rpmworld.Repository{repo}})
	m.fs = m.root.FS(t)
	// Debian's rpm keeps its database in the home folder unless told where.
	home := t.TempDir()
	m.put(filepath.Join(home, ".rpmmacros"), "%_dbpath /var/lib/rpm\n")
	t.Setenv("HOME", home)
	m.put(filepath.Join(m.root.Dir, "etc/zypp/repos.d/updates.repo"), "[updates]\nautorefresh=1\ngpgcheck=0\nbaseurl=file:"+m.root.Repos[repo.ID]+"\n")
	return m
}

func (m *machine) put(name, text string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// Installed and Collect are the inventory of the root.
func (m *machine) Installed(context.Context) (baseline.Inventory, error) {
	inv, _, err := inventory.Installed(m.fs, inventory.Options{Now: time.Now()})
	return inv, err
}

func (m *machine) Collect(_ context.Context, names []string) (baseline.Node, []string, error) {
	return inventory.Collect(m.fs, inventory.Options{Now: time.Now(), Names: names})
}

// run does req on the root with a baseline that approves important security patches.
func (m *machine) run(req record.NodeRequest, change func(*baseline.Baseline)) (*record.NodeReport, error) {
	m.t.Helper()
	zero := 0
	b := &baseline.Baseline{
		Name: "suse-test", OperatingSystem: baseline.Suse,
		ApprovalRules: &baseline.PatchRuleGroup{PatchRules: []baseline.PatchRule{{
			ApproveAfterDays: &zero, ComplianceLevel: "HIGH",
			PatchFilterGroup: &baseline.PatchFilterGroup{PatchFilters: []baseline.PatchFilter{
				{Key: "CLASSIFICATION", Values: []string{"Security"}}, {Key: "SEVERITY", Values: []string{"Critical", "Important"}},
			}},
		}}},
	}
	if change != nil {
		change(b)
	}
	text, err := json.Marshal(b)
	if err != nil {
		m.t.Fatal(err)
	}
	req.Schema, req.Baseline = record.NodeSchema, text
	z := zypper.New(zypper.Config{Runner: rooted(m.root.Dir), State: m.state, Root: m.fs, Clock: wait.Wall{}, LockTimeout: 2 * time.Second, Say: m.t.Logf})
	rep, err := node.Run(m.t.Context(), node.Root{Inventory: m, Manager: z, Clock: wait.Wall{}, Say: m.t.Logf}, req)
	if closed := z.Close(); closed != nil {
		m.t.Error(closed)
	}
	return rep, err
}

// list is rpm's own list.
func (m *machine) list() []string {
	list := m.root.Query(m.t, "%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}")
	slices.Sort(list)
	return list
}

// says is an inventory as rpm lists it.
func says(inv *baseline.Inventory) []string {
	var list []string
	for _, p := range inv.Installed {
		list = append(list, p.Name+" "+apply.Version(p.Package)+" "+p.Arch)
	}
	slices.Sort(list)
	return list
}

func states(r *baseline.Result) map[string]string {
	out := map[string]string{}
	for _, i := range r.Items {
		out[i.ID] = fmt.Sprint(i.State)
	}
	return out
}

func TestANodeIsPatchedByABaselineAndAnotherByItsLockFromTheBundle(t *testing.T) {
	m := newMachine(t, repository())
	bundle := t.TempDir()
	rep, err := m.run(record.NodeRequest{Operation: node.Install, Bundle: bundle}, nil)
	if err != nil {
		t.Fatalf("%v, findings %q", err, rep.Findings)
	}
	want := []string{"extra 0:3-1 x86_64", "lib 0:1.1-1 x86_64", "low 0:1.0-1 x86_64", "other 0:1.0-1 noarch", "tool 0:1.1-1 x86_64"}
	if d := cmp.Diff(want, m.list()); d != "" {
		t.Error("rpm says: ", d)
	}
	if d := cmp.Diff(m.list(), says(rep.After)); d != "" {
		t.Error("rpm (-) and the second scan (+): ", d)
	}
	if d := cmp.Diff(map[string]string{
		"tool.x86_64": "Installed", "lib.x86_64": "Installed", "low.x86_64": "InstalledOther", "other.noarch": "InstalledOther", "extra.x86_64": "InstalledOther",
	}, states(rep.Evaluation)); d != "" {
		t.Error("states: ", d)
	}
	marks, err := os.ReadFile(filepath.Join(m.root.Dir, "var/lib/zypp/AutoInstalled"))
	if err != nil || !strings.Contains(string(marks), "\nextra\n") {
		t.Errorf("what came in as a dependency counts as wanted by a person: %s, %v", marks, err)
	}
	again, err := m.run(record.NodeRequest{Operation: node.Install, Bundle: bundle}, nil)
	if err != nil || len(again.Changes) != 0 {
		t.Errorf("a second run: %+v, %v", again.Changes, err)
	}

	// Another node, whose repository has nothing of it any more.
	other := newMachine(t, rpmworld.Repository{ID: "updates", Packages: []rpmworld.Package{{Name: "unrelated", Version: "1"}}})
	rep2, err := other.run(record.NodeRequest{Operation: node.Install, Bundle: bundle, Lock: rep.Lock}, nil)
	if err != nil {
		t.Fatalf("%v, findings %q", err, rep2.Findings)
	}
	for _, o := range rep2.Obtained {
		if o.From != apply.FromBundle {
			t.Errorf("obtained %+v", o)
		}
	}
	if d := cmp.Diff(want, other.list()); d != "" || len(rep2.Obtained) != 3 {
		t.Errorf("obtained %+v, rpm says: %s", rep2.Obtained, d)
	}

	// A third one without the bundle: the gate's no, and nothing changes.
	third := newMachine(t, rpmworld.Repository{ID: "updates", Packages: []rpmworld.Package{{Name: "unrelated", Version: "1"}}})
	before := third.list()
	_, err = third.run(record.NodeRequest{Operation: node.Install, Lock: rep.Lock}, nil)
	if fault.KindOf(err) != fault.GateSaysNo || !strings.Contains(err.Error(), "obtain package lib 0:1.1-1 (x86_64): no source offers it any more") {
		t.Errorf("error = %v", err)
	}
	if d := cmp.Diff(before, third.list()); d != "" {
		t.Error(d)
	}
}

func TestWhatABaselineRejectsIsBlocked(t *testing.T) {
	for action, want := range map[string][]string{
		// tool cannot be had without extra, so it stays as it is.
		"BLOCK": {"lib 0:1.1-1 x86_64", "low 0:1.0-1 x86_64", "other 0:1.0-1 noarch", "tool 0:1.0-1 x86_64"},
		// extra may come in because tool needs it.
		"ALLOW_AS_DEPENDENCY": {"extra 0:3-1 x86_64", "lib 0:1.1-1 x86_64", "low 0:1.0-1 x86_64", "other 0:1.0-1 noarch", "tool 0:1.1-1 x86_64"},
	} {
		m := newMachine(t, repository())
		rep, err := m.run(record.NodeRequest{Operation: node.Install}, func(b *baseline.Baseline) {
			b.RejectedPatches, b.RejectedPatchesAction = []string{"extra*"}, action
		})
		if d := cmp.Diff(want, m.list()); d != "" {
			t.Errorf("%s: %s (%v)", action, d, err)
		}
		if state := states(rep.Evaluation)["tool.x86_64"]; (state == "Installed") != (action != "BLOCK") {
			t.Errorf("%s: tool is %s, %v", action, state, err)
		}
	}
}

func TestWhatIsLockedStaysAndIsFailed(t *testing.T) {
	m := newMachine(t, repository())
	m.put(filepath.Join(m.root.Dir, "etc/zypp/locks"), "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: lib\n\n")
	rep, err := m.run(record.NodeRequest{Operation: node.Install}, nil)
	if !slices.Equal(rep.FailedItems, []string{"lib.x86_64"}) || states(rep.Evaluation)["lib.x86_64"] != "Failed" {
		t.Errorf("failed items %q, state %s, %v", rep.FailedItems, states(rep.Evaluation)["lib.x86_64"], err)
	}
	want := []string{"extra 0:3-1 x86_64", "lib 0:1.0-1 x86_64", "low 0:1.0-1 x86_64", "other 0:1.0-1 noarch", "tool 0:1.1-1 x86_64"}
	if d := cmp.Diff(want, m.list()); d != "" {
		t.Error(d)
	}
}
