package inplace

import (
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// The outcomes of a node, in record.Patched.
const (
	Done        = "done"
	NothingToDo = "nothing-to-do"
	Failed      = "failed"
)

// Exact is the verdict by the lock when every package of it that the node has is at
// exactly the locked version.
const Exact = "exact"

// judge fills in both verdicts and the outcome. What is unknown is never done.
func judge(p *record.Patched, r *record.NodeReport, lock *baseline.Lock) {
	// The evidence (what was installed and offered before) is large; it stays in the
	// bucket.
	kept := *r
	kept.Before = nil
	p.Report, p.Obtained = &kept, r.Obtained
	p.Today = record.Unknown
	if r.Evaluation != nil {
		p.Today = r.Evaluation.Status
	}
	exact, verdict := byLock(r, lock)
	p.Lock = verdict
	switch {
	case r.Error != "":
		p.Outcome, p.Text = Failed, r.Error
	case len(r.FailedItems) > 0:
		p.Outcome, p.Text = Failed, "not installed: "+strings.Join(r.FailedItems, ", ")
	case r.Skipped && lock == nil:
		// Asked, without a lock, to change nothing if its own would be a known one.
		p.Outcome, p.Text = NothingToDo, "the lock would be identical"
	case !exact:
		p.Outcome, p.Text = Failed, "the lock is not honoured: "+verdict
	case len(r.Changes) == 0:
		p.Outcome, p.Text = NothingToDo, "the node had every version of the lock already"
	default:
		p.Outcome, p.Text = Done, fmt.Sprintf("%d packages changed", len(r.Changes))
	}
	if r.RebootNeed {
		p.Text += "; a reboot is needed"
	}
}

// byLock judges the node's inventory by the lock. A package that the node does not
// have at all needs no patch; one that is newer or older is not exact.
func byLock(r *record.NodeReport, lock *baseline.Lock) (exact bool, verdict string) {
	inv := r.After
	if inv == nil && r.Before != nil {
		inv = &r.Before.Inventory
	}
	if lock == nil {
		lock = r.Lock
	}
	if inv == nil || len(inv.Installed) == 0 || lock == nil {
		return false, record.Unknown
	}
	n := map[string]int{}
	for _, f := range lock.Judge(*inv) {
		n[f.Standing]++
	}
	if wrong := n["newer"] + n["older"]; wrong > 0 {
		return false, fmt.Sprintf("not exact: %d older, %d newer of %d", n["older"], n["newer"], len(lock.Packages))
	}
	if n["exact"]+n["absent"] != len(lock.Packages) {
		return false, record.Unknown // a standing that we do not know
	}
	return true, Exact
}
