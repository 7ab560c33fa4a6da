package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// install brings the root to the lock and proves what changed.
func (r *run) install(ctx context.Context) error {
	if r.node.Inventory.OS == baseline.Windows {
		return r.installUpdates(ctx)
	}
	lock, made := r.req.Lock, r.req.Lock == nil
	if made {
		var err error
		if lock, err = r.makeLock(ctx); err != nil {
			return err
		}
	} else if err := applicable(lock, r.node.Inventory); err != nil {
		return err
	}
	r.setLock(lock)
	if r.req.SkipIdentity != "" && lock.Identity() == r.req.SkipIdentity {
		r.report.Skipped = true
		r.Say("nothing would change: the lock is the same as before (%s)", lock.Identity())
		return nil
	}
	if made {
		var err error
		if lock, err = r.withCVEs(ctx, lock); err != nil {
			return err
		}
		r.setLock(lock)
		for _, p := range lock.Skipped {
			r.leave(p.Package, p.From, p.Reason)
		}
	}
	todo, standby := r.sort(lock)
	if len(todo) > 0 {
		if err := r.change(ctx, lock, todo, standby, made); err != nil {
			return r.after(err, lock, made)
		}
	} else {
		r.Say("nothing to install")
		inv := r.node.Inventory
		r.report.After = &inv
	}
	return r.judge(lock, made)
}

// after ends an installation that failed with err: where the root was read after it,
// the states come from that, too.
func (r *run) after(err error, lock *baseline.Lock, made bool) error {
	if r.base == nil || r.report.After == nil {
		return err
	}
	return fault.As(errors.Join(err, r.rescan(lock, made)), fault.KindOf(err), fault.HintOf(err))
}

func (r *run) setLock(lock *baseline.Lock) {
	r.report.Lock, r.report.LockDigest, r.report.Identity = lock, lock.Digest(), lock.Identity()
}

// withCVEs reads the changelogs of what lock holds, so that it can say what is fixed.
// Without the extension the evaluation takes nothing from changelogs.
func (r *run) withCVEs(ctx context.Context, lock *baseline.Lock) (*baseline.Lock, error) {
	if !r.datesFromChangelogs() {
		return lock, nil
	}
	var locked, deps []baseline.AvailablePackage
	for _, p := range lock.Packages {
		for _, o := range r.node.Available.Packages {
			if !apply.Same(o.Package, p.Package) {
				continue
			}
			locked = append(locked, o)
			if p.Rule == baseline.RuleDependency {
				deps = append(deps, o)
			}
		}
	}
	if err := r.changelogs(ctx, locked); err != nil {
		return nil, err
	}
	again, err := r.relock(deps)
	if err != nil {
		return nil, err
	}
	if again.Identity() != lock.Identity() {
		return nil, errors.New("make the lock: reading changelogs changed what would be installed")
	}
	return again, nil
}

// sort says which packages of lock are to be installed here, and which new ones
// stand by in case those need them. It remarks on the rest.
func (r *run) sort(lock *baseline.Lock) (todo, standby []baseline.LockedPackage) {
	for _, f := range lock.Judge(r.node.Inventory) {
		p := f.LockedPackage
		wasNew := p.From == ""
		p.From = f.Installed // as it is here
		switch {
		case f.Standing == baseline.StandingExact:
		case f.Standing == baseline.StandingNewer:
			r.find("package %s is at %s, newer than the lock's %s: left as it is", p.Name, f.Installed, apply.Version(p.Package))
		case r.held(p):
			r.fail(p, "held")
		case f.Standing == baseline.StandingOlder:
			todo = append(todo, p)
		case wasNew:
			standby = append(standby, p)
		default:
			r.find("package %s of the lock is not installed here", p.Name)
		}
	}
	return todo, standby
}

// change obtains and installs todo with what it needs of standby.
func (r *run) change(ctx context.Context, lock *baseline.Lock, todo, standby []baseline.LockedPackage, made bool) error {
	session, obtained, err := r.Manager.Obtain(ctx, apply.Order{
		Packages: slices.Concat(todo, standby), Repositories: lock.Repositories,
		Offers: r.node.Available, Bundle: r.req.Bundle, Keep: made,
	})
	if err != nil {
		return err
	}
	r.report.Obtained = obtained
	todo, sim, err := closure(ctx, session, todo, standby)
	if err != nil {
		return err
	}
	for _, p := range todo {
		r.Say("install %s", apply.Say(change(p)))
	}
	failed := session.Install(ctx, todo)
	// Whatever happened, say what is installed now. The run may have been interrupted
	// meanwhile; reading is still right.
	after, err := r.Inventory.Installed(context.WithoutCancel(ctx))
	if err != nil {
		return errors.Join(failed, fmt.Errorf("read the root after the installation: %w", err))
	}
	r.report.After = &after
	r.report.Changes = apply.Diff(r.node.Inventory.Installed, after.Installed)
	if need, err := r.Manager.RebootNeeded(); err != nil {
		failed = errors.Join(failed, err)
	} else {
		r.report.RebootNeed = need
	}
	return errors.Join(failed, r.exactly(todo, sim))
}

// change is what installing p changes.
func change(p baseline.LockedPackage) record.Change {
	return record.Change{Name: p.Name, Arch: p.Arch, From: p.From, To: apply.Version(p.Package)}
}

// closure is todo with those of standby that todo needs, and nothing else; and what
// installing that entails.
func closure(ctx context.Context, s apply.Session, todo, standby []baseline.LockedPackage) ([]baseline.LockedPackage, apply.Simulation, error) {
	for {
		sim, err := s.Simulate(ctx, todo)
		if err != nil {
			return nil, sim, err
		}
		if err := refuseRemovals(sim); err != nil {
			return nil, sim, err
		}
		extra := sim.Extra(todo)
		if len(extra) == 0 {
			return todo, sim, nil
		}
		for _, c := range extra {
			i := slices.IndexFunc(standby, func(p baseline.LockedPackage) bool {
				return p.Name == c.Name && p.Arch == c.Arch && apply.Version(p.Package) == c.To
			})
			if i < 0 {
				return nil, sim, fault.New(fault.Failed, "make a new lock on this node",
					"refused: installing the lock would also install %s, which the lock does not hold", apply.Say(c))
			}
			todo = append(todo, standby[i])
			standby = slices.Delete(slices.Clone(standby), i, i+1)
		}
	}
}

// exactly reports every difference between what was to change and what did.
func (r *run) exactly(todo []baseline.LockedPackage, sim apply.Simulation) error {
	before := r.node.Inventory.Installed
	want := map[record.Change]bool{}
	for _, c := range apply.Diff(before, sim.Outcome(before, todo)) {
		want[c] = true
	}
	var outside []string
	for _, c := range r.report.Changes {
		if !want[c] {
			outside = append(outside, apply.Say(c))
		}
	}
	missed := 0
	for _, p := range todo {
		if !slices.ContainsFunc(r.report.After.Installed, func(i baseline.Installed) bool { return apply.Same(i.Package, p.Package) }) {
			r.fail(p, "the package manager left it as it was")
			missed++
		}
	}
	var errs []error
	if len(outside) > 0 {
		errs = append(errs, fmt.Errorf("these changed outside the lock: %s", strings.Join(outside, ", ")))
	}
	if missed > 0 {
		errs = append(errs, fmt.Errorf("%d of %d packages were not installed: %s", missed, len(todo), strings.Join(r.unmet, ", ")))
	}
	return errors.Join(errs...)
}
