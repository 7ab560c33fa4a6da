package node

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// locked is the lock that the standard root makes, with lib as tool's dependency.
func locked(t *testing.T) *baseline.Lock {
	t.Helper()
	f := standard()
	f.deps = map[string]string{"tool": "lib"}
	rep, err := f.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rep.Lock
}

func item(r *baseline.Result, name string) baseline.Item {
	for _, i := range r.Items {
		if i.Name == name {
			return i
		}
	}
	return baseline.Item{}
}

func TestAGivenLockIsInstalledThoughTheArchiveMovedOn(t *testing.T) {
	f := standard()
	f.offers = []baseline.AvailablePackage{offered("tool", "3", "optional")} // 2 is gone
	lock := locked(t)
	rep, err := f.run(t, func(r *record.NodeRequest) { r.Lock = lock })
	if err != nil {
		t.Fatal(err)
	}
	// lib is in the lock as a dependency; here nothing needs it.
	if want := []record.Change{{Name: "tool", Arch: "amd64", From: "1", To: "2"}}; !slices.Equal(rep.Changes, want) {
		t.Errorf("changes = %v, want %v", rep.Changes, want)
	}
	if got := item(rep.Evaluation, "tool"); got.State != baseline.StateMissing || got.Version != "3" {
		t.Errorf("tool = %+v, want Missing at 3: the baseline of today wants more than the lock", got)
	}
	if f.order.Keep || rep.LockDigest != lock.Digest() {
		t.Errorf("the bundle was written again, or the lock is another: %s", rep.LockDigest)
	}
}

func TestADependencyOfTheLockComesInOnlyWhereItIsNeeded(t *testing.T) {
	f := standard()
	f.deps = map[string]string{"tool": "lib"}
	rep, err := f.run(t, func(r *record.NodeRequest) { r.Lock = locked(t) })
	if err != nil || len(rep.Changes) != 2 {
		t.Errorf("changes = %v, %v; want tool and lib", rep.Changes, err)
	}
	f = standard()
	f.deps = map[string]string{"tool": "stranger"}
	if _, err := f.run(t, func(r *record.NodeRequest) { r.Lock = locked(t) }); err == nil || !strings.Contains(err.Error(), "stranger") || f.changed() {
		t.Errorf("error = %v, want the package outside the lock named and nothing changed", err)
	}
}

func TestANodeAheadOfTheLockOrWithoutThePackageIsLeftAlone(t *testing.T) {
	f := standard()
	f.installed = []baseline.Installed{have("tool", "9")}
	rep, err := f.run(t, func(r *record.NodeRequest) { r.Lock = locked(t) })
	if err != nil || len(rep.Changes) != 0 || f.changed() || !strings.Contains(strings.Join(rep.Findings, "\n"), "newer than the lock's") {
		t.Errorf("ahead: %v, %v, findings %q", rep.Changes, err, rep.Findings)
	}
	f = standard()
	f.installed = []baseline.Installed{have("other", "1")}
	rep, err = f.run(t, func(r *record.NodeRequest) { r.Lock = locked(t) })
	if err != nil || f.changed() || !strings.Contains(strings.Join(rep.Findings, "\n"), "tool of the lock is not installed here") {
		t.Errorf("absent: %v, findings %q", err, rep.Findings)
	}
}

func TestAHeldPackageIsFailedAndTheRestIsDone(t *testing.T) {
	for name, lock := range map[string]*baseline.Lock{"lock made here": nil, "lock given": locked(t)} {
		f := standard()
		f.installed[3].Held = true // tool
		if lock == nil {
			f.installed = append(f.installed, have("more", "1"))
			f.offers = append(f.offers, offered("more", "2", "optional"))
		}
		rep, err := f.run(t, func(r *record.NodeRequest) { r.Lock = lock })
		// Left out of the lock it is a result; in the lock it is a lock not honoured.
		if want := map[bool]fault.Kind{true: fault.Partial}[lock != nil]; fault.KindOf(err) != want || (err != nil) != (lock != nil) {
			t.Errorf("%s: error = %v", name, err)
		}
		if !slices.Equal(rep.FailedItems, []string{"tool.amd64"}) || slices.ContainsFunc(rep.Changes, func(c record.Change) bool { return c.Name == "tool" }) {
			t.Errorf("%s: failed %v, changes %v", name, rep.FailedItems, rep.Changes)
		}
		if lock == nil && len(rep.Changes) != 1 {
			t.Errorf("%s: changes = %v, want more alone", name, rep.Changes)
		}
		if got := item(rep.Evaluation, "tool"); got.State != baseline.StateFailed || got.Reason != "held" {
			t.Errorf("%s: tool = %+v, want Failed because it is held", name, got)
		}
	}
}

func TestWhatChangedOutsideTheLockIsAnError(t *testing.T) {
	f := standard()
	f.also = []baseline.Installed{have("stowaway", "1")}
	rep, err := f.run(t, nil)
	if err == nil || !strings.Contains(err.Error(), "stowaway:amd64 1 new") || len(rep.Changes) != 2 || rep.After == nil {
		t.Errorf("error = %v, changes %v", err, rep.Changes)
	}
	f = standard()
	f.refuse = map[string]bool{"tool": true}
	rep, err = f.run(t, nil)
	if err == nil || !slices.Equal(rep.FailedItems, []string{"tool.amd64"}) {
		t.Errorf("a package that stayed as it was: %v, failed %v", err, rep.FailedItems)
	}
}

func TestAFailedInstallationStillTellsWhatChanged(t *testing.T) {
	f := standard()
	f.fail["Install"] = errors.New("dpkg: error processing tool")
	rep, err := f.run(t, nil)
	if err == nil || !strings.Contains(err.Error(), "dpkg: error") || len(rep.Changes) != 1 || rep.After == nil {
		t.Errorf("error = %v, report %+v", err, rep)
	}
}

func TestNoRebootLeavesWhatChangedPending(t *testing.T) {
	f := standard()
	rep, err := f.run(t, func(r *record.NodeRequest) { r.RebootOption = "NoReboot" })
	if err != nil || item(rep.Evaluation, "tool").State != baseline.StateInstalledPendingReboot || rep.Evaluation.Status != baseline.NonCompliant {
		t.Errorf("tool = %+v, %v; want it pending", item(rep.Evaluation, "tool"), err)
	}
	if f.prior == nil || !slices.Contains(f.prior.Pending, "tool.amd64") {
		t.Fatalf("kept = %+v", f.prior)
	}
	later, err := f.run(t, func(r *record.NodeRequest) { r.Operation = Scan })
	if err != nil || item(later.Evaluation, "tool").State != baseline.StateInstalledPendingReboot {
		t.Errorf("a later scan: %+v, %v; want it still pending", item(later.Evaluation, "tool"), err)
	}
}

func TestCollectNeedsNoBaselineAndNoManager(t *testing.T) {
	f := standard()
	rep, err := Run(t.Context(), Root{Inventory: f}, record.NodeRequest{Operation: Collect, NoRefresh: true})
	if err != nil || rep.Before == nil || rep.Evaluation != nil || slices.Contains(f.calls, "Refresh") {
		t.Errorf("report = %+v, %v", rep, err)
	}
	if _, err := Run(t.Context(), Root{Inventory: f}, record.NodeRequest{Operation: Collect}); err == nil {
		t.Error("lists were to be updated without a package manager, and nobody complained")
	}
}

func TestALockWorksWithoutABaseline(t *testing.T) {
	f := standard()
	rep, err := f.run(t, func(r *record.NodeRequest) { r.Baseline, r.Lock = nil, locked(t) })
	if err != nil || rep.Evaluation != nil || len(rep.Changes) != 1 {
		t.Errorf("report = %+v, %v", rep, err)
	}
}

func TestAnUpdateThatNeedsABlockedPackageIsLeftOut(t *testing.T) {
	for action, want := range map[string]int{"BLOCK": 1, "ALLOW_AS_DEPENDENCY": 3} {
		f := standard()
		f.installed = append(f.installed, have("more", "1"))
		f.offers = append(f.offers, offered("more", "2", "optional"))
		f.deps = map[string]string{"tool": "lib"}
		rep, err := f.run(t, func(r *record.NodeRequest) {
			r.Baseline = []byte(strings.Replace(policy, `["agent"]`, `["agent","lib"],"RejectedPatchesAction":"`+action+`"`, 1))
		})
		if err != nil || len(rep.Changes) != want {
			t.Errorf("%s: changes = %v, %v; want %d", action, rep.Changes, err, want)
		}
		if got := item(rep.Evaluation, "tool"); action == "BLOCK" && (got.State != baseline.StateFailed || !strings.Contains(got.Reason, "lib")) {
			t.Errorf("%s: tool = %+v, want Failed because of lib", action, got)
		}
	}
}
