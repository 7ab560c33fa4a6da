package baseline

import (
	"fmt"
	"time"
)

// Operation is what a run of a patch document does.
type Operation string

// The operations of AWS-RunPatchBaseline.
const (
	OperationScan    Operation = "Scan"
	OperationInstall Operation = "Install"
)

// Run is a run of a patch document on a node whose outcome is judged (§7, §11).
type Run struct {
	Operation    Operation
	RebootOption RebootOption // default RebootIfNeeded
	// PostInstall is what is installed after the transaction of an Install; nil if
	// the transaction changed nothing or is still to come.
	PostInstall []Installed
	// InstalledByRun are the KB ids that an Install put on a Windows node.
	InstalledByRun []string
	Override       *InstallOverrideList // nil: none given; Scan ignores it
	Prior          *Prior               // the state file of earlier runs
}

// EvaluateRun judges a node after a run: a Scan, or an Install of which r holds
// the outcome.
func EvaluateRun(b *Baseline, n Node, r Run, now time.Time, o Options) (*Result, error) {
	c, err := Compile(b, o)
	if err != nil {
		return nil, err
	}
	cat := c.Catalog(n.Inventory.Product, &n.Available)
	return cat.EvaluateRun(n.Inventory, r, now)
}

// EvaluateRun is the function EvaluateRun for nodes that share repositories.
func (cat *Catalog) EvaluateRun(inv Inventory, r Run, now time.Time) (*Result, error) {
	switch r.Operation {
	case OperationScan, "":
		p, err := cat.pass(inv, now)
		if err != nil {
			return nil, err
		}
		out := p.scan()
		p.markPending(out, r, nil)
		return out, nil
	case OperationInstall:
		if cat.family == windows {
			return cat.installWindows(inv, r, now)
		}
		return cat.install(inv, r, now)
	}
	return nil, fmt.Errorf("evaluating run: operation %q is neither Scan nor Install", r.Operation)
}

// install is scan → install → scan again (§7): the states come from the second
// scan, and what is still behind has failed.
func (cat *Catalog) install(inv Inventory, r Run, now time.Time) (*Result, error) {
	before, err := cat.pass(inv, now)
	if err != nil {
		return nil, err
	}
	plan := before.scan()
	var targets map[packageKey]*target
	if r.Override != nil {
		targets = before.overrideTargets(r.Override)
		plan.ToInstall = targetList(targets)
	}
	after := inv
	if r.PostInstall != nil {
		after.Installed = r.PostInstall
	}
	p, err := cat.pass(after, now)
	if err != nil {
		return nil, err
	}
	out := p.scan()
	out.ToInstall = plan.ToInstall
	for i := range out.Items {
		it := &out.Items[i]
		t := targets[p.key(&Package{Name: it.Name, Arch: it.Arch})]
		switch {
		case r.Override == nil && it.State == StateMissing:
			it.State = StateFailed
		case t != nil && p.older(it, t):
			p.failTarget(it, t)
		}
	}
	changed := func(it *Item) bool {
		was := before.lookup(p.key(&Package{Name: it.Name, Arch: it.Arch}))
		return was == nil || FullVersion(cat.compiled.os, was.Package) != it.Installed
	}
	p.markPending(out, r, changed)
	out.recount(false)
	return out, nil
}

// older says whether the package of it is still older than the override's target.
func (p *pass) older(it *Item, t *target) bool {
	inst := p.lookup(p.key(&t.pkg.Package))
	return inst != nil && it.Installed != "" &&
		comparePackages(p.compiled.world, &inst.Package, &t.pkg.Package) < 0
}

func (p *pass) failTarget(it *Item, t *target) {
	it.State, it.InstalledTime = StateFailed, noTime
	it.Version, it.Title = FullVersion(p.compiled.os, t.pkg.Package), Title(p.compiled.os, t.pkg.Package)
	it.ComplianceLevel, it.Rule, it.CVEs = LevelUnspecified, "install_override_list", nil
	if t.level >= 0 {
		it.ComplianceLevel = level(t.level).String()
	}
	it.Classification, it.Severity = p.classify(t.candidate)
	it.Reason = t.refused
}

// recount concludes again after states have changed.
func (r *Result) recount(availableFails bool) {
	na, un := r.Counts.NotApplicableCount, r.Counts.UnreportedNotApplicableCount
	for i := range r.Items {
		if r.Items[i].State == StateNotApplicable {
			na-- // listed ones are counted again
		}
	}
	r.Counts = Counts{NotApplicableCount: na, UnreportedNotApplicableCount: un}
	r.OverallSeverity, r.ReportedSeverity = "", ""
	r.conclude(availableFails)
}
