package node

import (
	"context"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// makeLock freezes what the baseline approves and what the package manager's solver
// adds to it. Nothing on the root is changed.
func (r *run) makeLock(ctx context.Context) (*baseline.Lock, error) {
	lock, sim, err := r.tryLock(ctx)
	for range maxAvoided {
		if err != nil {
			break
		}
		blocked := r.blocked(sim.Extra(lock.Packages))
		if len(blocked) == 0 {
			break
		}
		if a, ok := r.Manager.(Avoider); ok {
			a.Avoid(blocked)
			r.avoids = true
		} else if err = r.readNeeds(ctx, lock.Packages); err != nil {
			break
		}
		lock, sim, err = r.tryLock(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("make the lock: %w", err)
	}
	deps, err := r.offersOf(ctx, sim.Extra(lock.Packages))
	if err != nil {
		return nil, fmt.Errorf("make the lock: %w", err)
	}
	return r.relock(deps)
}

// Avoider is a Manager that can be told to do without given versions of packages,
// where its solver then finds another way or none.
type Avoider interface {
	Avoid(packages []baseline.Package)
}

// maxAvoided bounds how often the solver may come up with one more blocked package.
const maxAvoided = 20

// tryLock locks what is approved and asks what installing that would entail. If the
// package manager refuses that, each update is asked for by itself, and those that it
// refuses are left out with its reason (specification §3.1: they are Failed). What
// cannot be installed even so is an error.
func (r *run) tryLock(ctx context.Context) (*baseline.Lock, apply.Simulation, error) {
	lock, err := r.relock(nil)
	if err != nil {
		return nil, apply.Simulation{}, err
	}
	sim, refused := r.simulate(ctx, lock.Packages)
	if refused == nil || !askEach(refused) {
		return lock, sim, refused
	}
	left := 0
	for _, p := range lock.Packages {
		switch _, err := r.simulate(ctx, []baseline.LockedPackage{p}); {
		case err == nil:
			left++
		case !askEach(err):
			return nil, sim, err
		default:
			r.refuse[p.Name+"."+p.Arch] = err.Error()
		}
	}
	// That all need what is blocked is a result; that nothing can be installed is not.
	if left == 0 && !r.avoids || left == len(lock.Packages) {
		return nil, sim, refused
	}
	if lock, err = r.relock(nil); err != nil {
		return nil, sim, err
	}
	sim, err = r.simulate(ctx, lock.Packages)
	return lock, sim, err
}

// simulate asks the package manager; removals are refused.
func (r *run) simulate(ctx context.Context, packages []baseline.LockedPackage) (apply.Simulation, error) {
	sim, err := r.Manager.Simulate(ctx, packages)
	if err != nil {
		return sim, err
	}
	return sim, refuseRemovals(sim)
}

// askEach says that err is about the packages, not about the package manager.
func askEach(err error) bool { return fault.KindOf(err) == fault.Failed }

// blocked are those of the solver's additions that the baseline rejects and that must
// not come in as a dependency either (specification §3.1).
func (r *run) blocked(extra []record.Change) []baseline.Package {
	if r.base.RejectedPatchesAction != "BLOCK" {
		return nil
	}
	var list []baseline.Package
	for _, c := range extra {
		p := r.parsed(c)
		if slices.ContainsFunc(r.base.RejectedPatches, func(entry string) bool {
			return baseline.MatchPattern(r.node.Inventory.OS, entry, p)
		}) {
			list = append(list, p)
		}
	}
	return list
}

// parsed is the package that a change brings.
func (r *run) parsed(c record.Change) baseline.Package {
	return baseline.ParsePackage(r.node.Inventory.OS, c.Name, c.Arch, c.To)
}

// readNeeds asks, package by package, what each needs; the evaluation then leaves
// out those that need what is blocked.
func (r *run) readNeeds(ctx context.Context, packages []baseline.LockedPackage) error {
	for _, p := range packages {
		sim, err := r.Manager.Simulate(ctx, []baseline.LockedPackage{p})
		if err != nil {
			return err
		}
		var needs []baseline.Package
		for _, c := range sim.Extra([]baseline.LockedPackage{p}) {
			needs = append(needs, r.parsed(c))
		}
		for i := range r.node.Available.Packages {
			if o := &r.node.Available.Packages[i]; apply.Same(o.Package, p.Package) {
				o.Requires = needs
			}
		}
	}
	return nil
}

func (r *run) relock(deps []baseline.AvailablePackage) (*baseline.Lock, error) {
	// The same offer may have got a changelog since.
	for i, d := range deps {
		for _, p := range r.node.Available.Packages {
			if p.SHA256 == d.SHA256 && p.Name == d.Name {
				deps[i] = p
			}
		}
	}
	lock, err := baseline.MakeLock(r.base, r.node, r.now, r.req.Options, deps...)
	if err != nil {
		return nil, err
	}
	lock.Packages = slices.DeleteFunc(lock.Packages, func(p baseline.LockedPackage) bool {
		why := r.refuse[p.Name+"."+p.Arch]
		if why != "" {
			lock.Skipped = append(lock.Skipped, baseline.SkippedPackage{Package: p.Package, From: p.From, Reason: why})
		}
		return why != ""
	})
	return lock, nil
}

// offersOf finds what the sources offer for the solver's additions; names that were
// not read before are read now.
func (r *run) offersOf(ctx context.Context, extra []record.Change) ([]baseline.AvailablePackage, error) {
	if len(extra) == 0 {
		return nil, nil
	}
	var names []string
	for _, c := range extra {
		names = append(names, c.Name)
	}
	more, _, err := r.Inventory.Collect(ctx, names)
	if err != nil {
		return nil, err
	}
	var deps []baseline.AvailablePackage
	for _, c := range extra {
		i := slices.IndexFunc(more.Available.Packages, func(p baseline.AvailablePackage) bool {
			return p.Name == c.Name && p.Arch == c.Arch && apply.Version(p.Package) == c.To
		})
		if i < 0 {
			return nil, fmt.Errorf("the package manager would also install %s, which no configured source was seen to offer", apply.Say(c))
		}
		offer := more.Available.Packages[i]
		known := slices.ContainsFunc(r.node.Available.Packages, func(p baseline.AvailablePackage) bool {
			return apply.Same(p.Package, offer.Package)
		})
		if !known { // evidence of what the lock was made from
			r.node.Available.Packages = append(r.node.Available.Packages, offer)
		}
		deps = append(deps, offer)
		r.Say("comes in as a dependency: %s", apply.Say(c))
	}
	return deps, nil
}

// held reports whether p is on hold here.
func (r *run) held(p baseline.LockedPackage) bool {
	return slices.ContainsFunc(r.node.Inventory.Installed, func(i baseline.Installed) bool {
		return i.Held && i.Name == p.Name && i.Arch == p.Arch
	})
}

func refuseRemovals(sim apply.Simulation) error {
	if len(sim.Remove) == 0 {
		return nil
	}
	text := ""
	for i, c := range sim.Remove {
		if i > 0 {
			text += ", "
		}
		text += apply.Say(c)
	}
	return fault.New(fault.Failed, "reject the update that conflicts with it, or remove the package yourself", "refused: it would entail: %s", text)
}

// applicable says whether lock is meant for a root like this.
func applicable(lock *baseline.Lock, inv baseline.Inventory) error {
	if lock.OS == inv.OS && lock.Product == inv.Product && lock.Arch == inv.Arch {
		return nil
	}
	return fault.New(fault.Failed, "make a lock on a node of this kind",
		"apply lock: it is for %s %s, this node is %s %s", lock.Product, lock.Arch, inv.Product, inv.Arch)
}
