package node_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/node"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

var (
	rpmOld = []rpmworld.Package{
		{Name: "tool", Version: "1.0"}, {Name: "libz", Version: "1.0", Epoch: 1}, {Name: "noise", Version: "1.0", Arch: "noarch"},
		{Name: "kernel", Version: "5.9"}, {Name: "agent", Version: "1.0"}, {Name: "wantsagent", Version: "1.0"},
		{Name: "broken", Version: "1.0"}, {Name: "held", Version: "1.0"},
	}
	rpmTool   = rpmworld.Package{Name: "tool", Version: "1.1", Requires: []string{"tool-lib"}}
	rpmToolLb = rpmworld.Package{Name: "tool-lib", Version: "1.1", Epoch: 2}
	rpmLibz   = rpmworld.Package{Name: "libz", Version: "1.2", Epoch: 1}
	rpmKernel = rpmworld.Package{Name: "kernel", Version: "5.14"}
	rpmNoise  = rpmworld.Package{Name: "noise", Version: "2.0", Arch: "noarch"} // no advisory
	rpmAgent  = rpmworld.Package{Name: "agent", Version: "1.1"}
	rpmWants  = rpmworld.Package{Name: "wantsagent", Version: "1.1", Requires: []string{"agent = 1.1"}}
	rpmBroken = rpmworld.Package{Name: "broken", Version: "1.1", Requires: []string{"what-nobody-has"}}
	rpmHeld   = rpmworld.Package{Name: "held", Version: "1.1"}
)

// rpmRepo offers the fresh packages and what is installed already.
func rpmRepo(fresh ...rpmworld.Package) rpmworld.Repository {
	var advised []rpmworld.Package
	for _, p := range fresh {
		if p.Name != "noise" && p.Name != "tool-lib" {
			advised = append(advised, p)
		}
	}
	return rpmworld.Repository{ID: "base", Packages: append(slices.Clone(rpmOld), fresh...), Advisories: advise(advised...)}
}

// lockedNames is what a lock holds, as rpm writes it.
func lockedNames(l *baseline.Lock) []string {
	list := l.InstallList()
	slices.Sort(list)
	return list
}

// gone and come compare two of rpm's lists.
func gone(before, after []string) []string {
	return slices.DeleteFunc(slices.Clone(before), func(s string) bool { return slices.Contains(after, s) })
}

func TestAnRPMRootIsPatchedExactlyAndAgainAfterTheRepositoryMovedOn(t *testing.T) {
	w := newRPM(t, rpmOld, rpmRepo(rpmTool, rpmToolLb, rpmLibz, rpmKernel, rpmNoise))
	before, configured := w.packages(), w.configuration()

	rep, err := w.run(record.NodeRequest{Operation: node.Install}, "")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"kernel-0:5.14-1.x86_64", "libz-1:1.2-1.x86_64", "tool-0:1.1-1.x86_64", "tool-lib-2:1.1-1.x86_64"}
	if d := cmp.Diff(want, lockedNames(rep.Lock)); d != "" {
		t.Errorf("lock:\n%s", d)
	}
	after := w.packages()
	if d := cmp.Diff(want, gone(after, before)); d != "" {
		t.Errorf("rpm before and after differs from the lock:\n%s", d)
	}
	if d := cmp.Diff([]string{"libz-1:1.0-1.x86_64", "tool-0:1.0-1.x86_64"}, gone(before, after)); d != "" {
		t.Errorf("what is gone (the old kernel stays):\n%s", d)
	}
	kernel := record.Change{Name: "kernel", Arch: "x86_64", From: "0:5.9-1", To: "0:5.9-1 0:5.14-1"}
	if len(rep.Changes) != 4 || rep.Changes[0] != kernel {
		t.Errorf("changes %v", rep.Changes)
	}
	if s := states(rep.Before0); s["tool.x86_64"] != baseline.StateMissing || s["noise.noarch"] != baseline.StateInstalledOther {
		t.Errorf("first scan %v", s)
	}
	if s := states(rep.Evaluation); s["tool.x86_64"] != baseline.StateInstalled || s["kernel.x86_64"] != baseline.StateInstalled || rep.Evaluation.Status != baseline.Compliant {
		t.Errorf("second scan %v: %v", rep.Evaluation.Status, s)
	}
	for _, p := range rep.Lock.Packages {
		if p.SHA256 == "" || p.Filename == "" || p.Size == 0 || p.Name == "tool" && (len(p.CVEs) != 1 || p.From != "0:1.0-1") {
			t.Errorf("locked %+v", p)
		}
	}
	if now := w.configuration(); now != configured {
		t.Errorf("the configuration changed:\n%s", cmp.Diff(configured, now))
	}

	// Again: nothing to do.
	if again, err := w.run(record.NodeRequest{Operation: node.Install, SkipIdentity: rep.Identity}, ""); err != nil || len(again.Changes) > 0 {
		t.Errorf("second run: %v, %v", again.Changes, err)
	}

	// The repository moves on: tool 1.1 is gone.
	later := newRPM(t, rpmOld, rpmRepo(rpmTool, rpmToolLb, rpmLibz, rpmKernel, rpmNoise))
	later.repo.Store(later.without("tool-1.1*"))
	if _, err := later.run(record.NodeRequest{Operation: node.Install, Lock: rep.Lock}, ""); err == nil || !strings.Contains(err.Error(), "tool 0:1.1-1") || !strings.Contains(err.Error(), "exit status 10") {
		t.Errorf("without a bundle: %v, want exit 10 naming tool", err)
	}
	if d := cmp.Diff(before, later.packages()); d != "" {
		t.Errorf("a refused installation changed something:\n%s", d)
	}
	w.must(output("cp", "-a", filepath.Join(w.shared, "bundle"), later.shared))
	late, err := later.run(record.NodeRequest{Operation: node.Install, Lock: rep.Lock}, "")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(after, later.packages()); d != "" {
		t.Errorf("the second node differs from the first:\n%s", d)
	}
	for _, o := range late.Obtained {
		if (o.From == "bundle") != (o.Name == "tool") {
			t.Errorf("%s came from %s", o.Name, o.From)
		}
	}

	// A repository that does not answer is an error, whatever dnf.conf says.
	later.down.Store(true)
	if _, err := later.run(record.NodeRequest{Operation: node.Scan}, ""); err == nil || !strings.Contains(err.Error(), "base") {
		t.Errorf("with a broken repository: %v, want an error naming it", err)
	}
}

func TestWhatIsRejectedHeldOrRefusedStaysAndSaysWhy(t *testing.T) {
	w := newRPM(t, rpmOld, rpmRepo(rpmLibz, rpmAgent, rpmWants, rpmBroken, rpmHeld))
	w.must(w.in("sh", "-c", `mkdir -p /etc/dnf/plugins
printf '[main]\nenabled = 1\nlocklist = /etc/dnf/plugins/versionlock.list\n' >/etc/dnf/plugins/versionlock.conf
echo 'held-0:1.0-1.*' >/etc/dnf/plugins/versionlock.list`))
	before := w.packages()
	rep, err := w.run(record.NodeRequest{Operation: node.Install}, `,"RejectedPatches":["agent*"],"RejectedPatchesAction":"BLOCK"`)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"libz-1:1.2-1.x86_64"}, gone(w.packages(), before)); d != "" {
		t.Errorf("installed:\n%s", d)
	}
	s := states(rep.Evaluation)
	for id, want := range map[string]baseline.State{
		"libz.x86_64": baseline.StateInstalled, "agent.x86_64": baseline.StateInstalledRejected,
		"wantsagent.x86_64": baseline.StateFailed, "broken.x86_64": baseline.StateFailed, "held.x86_64": baseline.StateFailed,
	} {
		if s[id] != want {
			t.Errorf("%s is %s, want %s", id, s[id], want)
		}
	}
	said := strings.Join(rep.Findings, "\n")
	for _, want := range []string{"what-nobody-has", "not installed: wantsagent:x86_64", "not installed: held:x86_64"} {
		if !strings.Contains(said, want) {
			t.Errorf("the findings do not say %q:\n%s", want, said)
		}
	}
}

func TestWhatIsBlockedIsAvoidedWhereThereIsAnotherWay(t *testing.T) {
	choosy := rpmworld.Package{Name: "tool", Version: "1.1", Requires: []string{"engine"}}
	engine := rpmworld.Package{Name: "agent-engine", Version: "9.0", Provides: []string{"engine"}}
	other := rpmworld.Package{Name: "zz-engine", Version: "1.0", Provides: []string{"engine"}}
	repo := rpmRepo(choosy)
	repo.Packages = append(repo.Packages, engine, other)
	w := newRPM(t, rpmOld, repo)
	// The solver's own choice is the blocked one, or the test shows nothing.
	if out, _ := w.in("dnf", "--assumeno", "install", "tool-1.1"); !strings.Contains(out, "agent-engine") {
		t.Fatalf("dnf alone chooses otherwise: %s", out)
	}
	rep, err := w.run(record.NodeRequest{Operation: node.Install}, `,"RejectedPatches":["agent*"],"RejectedPatchesAction":"BLOCK"`)
	if err != nil || !slices.Equal(lockedNames(rep.Lock), []string{"tool-0:1.1-1.x86_64", "zz-engine-0:1.0-1.x86_64"}) {
		t.Errorf("lock %v, %v", rep.Lock, err)
	}
	// The only update needs what is blocked: nothing is installed, and that is a result.
	alone := newRPM(t, rpmOld, rpmRepo(rpmWants, rpmAgent))
	before := alone.packages()
	rep, err = alone.run(record.NodeRequest{Operation: node.Install}, `,"RejectedPatches":["agent*"],"RejectedPatchesAction":"BLOCK"`)
	if err != nil || states(rep.Evaluation)["wantsagent.x86_64"] != baseline.StateFailed {
		t.Errorf("all blocked: %v, %v", states(rep.Evaluation), err)
	}
	if d := cmp.Diff(before, alone.packages()); d != "" {
		t.Errorf("something changed:\n%s", d)
	}
}

func TestAFailingScriptIsToldAndTheStatesComeFromTheSecondScan(t *testing.T) {
	bad := rpmworld.Package{Name: "tool", Version: "1.1", Scripts: map[string]string{"post": `error("no post")`}}
	worse := rpmworld.Package{Name: "agent", Version: "1.1", Scripts: map[string]string{"pre": `error("no pre")`}}
	w := newRPM(t, rpmOld, rpmRepo(bad, worse, rpmLibz))
	rep, err := w.run(record.NodeRequest{Operation: node.Install}, "")
	if err == nil || !strings.Contains(rep.Error, "postin script of tool") || !strings.Contains(rep.Error, "prein script of agent") {
		t.Errorf("error %v", err)
	}
	s := states(rep.Evaluation)
	if s["tool.x86_64"] != baseline.StateInstalled || s["libz.x86_64"] != baseline.StateInstalled || s["agent.x86_64"] != baseline.StateFailed {
		t.Errorf("states %v", s)
	}
	if !slices.Contains(rep.FailedItems, "agent.x86_64") || len(rep.Changes) != 2 {
		t.Errorf("failed %v, changed %v", rep.FailedItems, rep.Changes)
	}
}

func TestAlternativeSourcesStandInForTheRunOnly(t *testing.T) {
	w := newRPM(t, rpmOld, rpmRepo(rpmLibz))
	other := rpmworld.Repo(t, rpmRepo(rpmTool, rpmToolLb))
	w.must(output("cp", "-a", other, filepath.Join(w.shared, "other")))
	configured := w.configuration()
	source := func(product string) string {
		return `,"Sources":[{"Name":"mine","Products":["` + product + `"],"Configuration":"[mine]\nname=mine\nbaseurl=file:///srv/world/other\ngpgcheck=0\n"}]`
	}
	w.request(record.NodeRequest{Operation: node.Install}, source("AlmaLinux8.1"))
	if _, err := w.in(nodeCommand...); err == nil || !strings.Contains(err.Error(), "none is for AlmaLinux9.4") {
		t.Errorf("a source for another product: %v", err)
	}
	rep, err := w.run(record.NodeRequest{Operation: node.Install, NoRefresh: true}, source("AlmaLinux9.4"))
	if err != nil {
		t.Fatal(err)
	}
	if got := lockedNames(rep.Lock); !slices.Equal(got, []string{"tool-0:1.1-1.x86_64", "tool-lib-2:1.1-1.x86_64"}) {
		t.Errorf("lock %v, want what the alternative source offers and nothing else", got)
	}
	if now := w.configuration(); now != configured {
		t.Errorf("the configuration changed:\n%s", cmp.Diff(configured, now))
	}
	if _, err := os.Stat(filepath.Join(w.layers, "upper/var/cache/dnf")); err == nil {
		if left, _ := filepath.Glob(filepath.Join(w.layers, "upper/var/cache/dnf/mine-*")); len(left) > 0 {
			t.Errorf("the alternative source's cache is left behind: %v", left)
		}
	}
	// The node's own repositories are as they were.
	if rep, err = w.run(record.NodeRequest{Operation: node.Install}, ""); err != nil || !slices.Equal(lockedNames(rep.Lock), []string{"libz-1:1.2-1.x86_64"}) {
		t.Errorf("the next run: %v, %v", rep.Lock, err)
	}
}

// TestAKilledRunLeavesNothingToRestore kills rehydrate-node while dnf is at work: dnf
// ends its transaction by itself, and the next run finds it done.
func TestAKilledRunLeavesNothingToRestore(t *testing.T) {
	deadly := rpmworld.Package{Name: "tool", Version: "1.1", Scripts: map[string]string{
		"pre": `os.execute("kill -9 $(cat /srv/world/pid); touch /srv/world/killed; echo after the kill")`}}
	w := newRPM(t, rpmOld, rpmRepo(deadly, rpmLibz, rpmKernel))
	other := rpmworld.Repo(t, rpmRepo(deadly, rpmLibz, rpmKernel))
	w.must(output("cp", "-a", other, filepath.Join(w.shared, "other")))
	configured := w.configuration()
	w.request(record.NodeRequest{Operation: node.Install},
		`,"Sources":[{"Name":"mine","Products":["*"],"Configuration":"[mine]\nname=mine\nbaseurl=file:///srv/world/other\ngpgcheck=0\n"}]`)
	w.must(w.in("sh", "-c", `"$@" & echo $! >/srv/world/pid; wait $!
while grep -qs '^dnf$' /proc/[0-9]*/comm; do sleep 0.1; done`, "sh", nodeCommand[0], nodeCommand[1], nodeCommand[2], nodeCommand[3]))
	if _, err := os.Stat(filepath.Join(w.shared, "killed")); err != nil {
		t.Fatal("the run was not killed")
	}
	if left, _ := filepath.Glob(filepath.Join(w.layers, "upper/var/lib/rehydrate/run-*")); len(left) == 0 {
		t.Error("a killed run left no working files: was it killed?")
	}
	if list := w.packages(); !slices.Contains(list, "tool-0:1.1-1.x86_64") || slices.Contains(list, "tool-0:1.0-1.x86_64") || !slices.Contains(list, "libz-1:1.2-1.x86_64") {
		t.Errorf("dnf did not end what it had begun: %v", list)
	}
	rep, err := w.run(record.NodeRequest{Operation: node.Install}, "")
	if err != nil || rep.Evaluation.Status != baseline.Compliant || len(rep.Changes) > 0 {
		t.Errorf("the next run: %v, %v, %v", rep.Evaluation.Status, rep.Changes, err)
	}
	if now := w.configuration(); now != configured {
		t.Errorf("the configuration changed, or working files are left:\n%s", cmp.Diff(configured, now))
	}
}

// TestARunKilledWithDnfIsFinishedByTheNext kills dnf too, in the middle of its
// transaction, as a loss of power would.
func TestARunKilledWithDnfIsFinishedByTheNext(t *testing.T) {
	deadly := rpmworld.Package{Name: "tool", Version: "1.1", Requires: []string{"libz >= 1:1.2"}, Scripts: map[string]string{
		"pre": `if not posix.stat("/srv/world/killed") then os.execute("touch /srv/world/killed; kill -9 $(cat /srv/world/pid); kill -9 $PPID") end`}}
	w := newRPM(t, rpmOld, rpmRepo(deadly, rpmLibz, rpmKernel))
	w.request(record.NodeRequest{Operation: node.Install}, "")
	_, _ = w.in("sh", "-c", `"$@" & echo $! >/srv/world/pid; wait $!
while grep -qs '^dnf$' /proc/[0-9]*/comm; do sleep 0.1; done`, "sh", nodeCommand[0], nodeCommand[1], nodeCommand[2], nodeCommand[3]) // it dies
	if _, err := os.Stat(filepath.Join(w.shared, "killed")); err != nil {
		t.Fatal("the run was not killed")
	}
	rep, err := w.run(record.NodeRequest{Operation: node.Install}, "")
	if err != nil || rep.Evaluation.Status != baseline.Compliant {
		t.Errorf("the next run: %v, %v", rep.Evaluation, err)
	}
	want := []string{"kernel-0:5.14-1.x86_64", "libz-1:1.2-1.x86_64", "tool-0:1.1-1.x86_64"}
	if list := w.packages(); len(gone(want, list)) > 0 || slices.Contains(list, "tool-0:1.0-1.x86_64") {
		t.Errorf("installed %v", list)
	}
	if said := strings.Join(rep.Findings, "\n"); !strings.Contains(said, "libz.x86_64 is installed twice") {
		t.Errorf("what the kill left behind is not told: %s", said)
	}
}

func TestAnotherDnfIsWaitedForUntilTheLimit(t *testing.T) {
	w := newRPM(t, rpmOld, rpmRepo(rpmLibz))
	before := w.packages()
	w.request(record.NodeRequest{Operation: node.Install, LockTimeout: 3}, "")
	_, err := w.in("sh", "-c", `sleep 100 & mkdir -p /var/lib/dnf; printf %s $! >/var/lib/dnf/rpmdb_lock.pid; "$@"`, "sh",
		nodeCommand[0], nodeCommand[1], nodeCommand[2], nodeCommand[3])
	if err == nil || !strings.Contains(err.Error(), "exit status 11") || !strings.Contains(err.Error(), "dnf's lock") {
		t.Errorf("with dnf's lock held: %v, want exit 11 naming it", err)
	}
	if d := cmp.Diff(before, w.packages()); d != "" {
		t.Errorf("something changed:\n%s", d)
	}
}
