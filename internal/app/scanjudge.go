package app

import (
	"fmt"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory"
	"github.com/goldenami/rehydrate/internal/record"
)

// judge says how the node stands. unread is why its sources are not known, if so.
func (s *scanner) judge(n baseline.Node, unread error) error {
	s.out.Inventory = n.Inventory
	if s.in.Offers != nil {
		if err := s.in.Offers.fit(n.Inventory, s.in.MaxAge, s.in.Now); err != nil {
			return fault.As(err, fault.Failed, s.about())
		}
		n.Available, s.out.UpdatesFrom = s.in.Offers.Available, s.in.Offers.Name
	}
	s.out.Sources = n.Available.Repositories
	if unread == nil {
		unread = s.unverified(n)
	}
	if s.in.Lock != nil {
		s.byLock()
	}
	switch {
	case unread != nil:
		s.out.UpdatesReason, s.out.Evaluation = unread.Error(), nil // an instance's own would say more than is known
		if s.in.Baseline != nil {
			s.unknown(unread)
			if s.out.Hint == "" {
				s.out.Hint = s.about()
			}
		}
		return nil
	case s.in.InventoryOnly:
		return nil
	}
	s.out.UpdatesKnown = true
	if err := s.evaluate(n); err != nil {
		return err
	}
	return s.pending(n)
}

// unverified is an error that names the first source whose index no pinned key has
// signed, or without pinned keys one that apt itself would not trust: anybody may have
// written it, so that it offers nothing proves nothing. Where nothing is judged that is
// a remark, on the updates too. The readers of RPM and SUSE refuse such sources.
func (s *scanner) unverified(n baseline.Node) error {
	if s.in.Offers == nil && len(s.in.Keyrings) > 0 {
		for _, r := range s.out.Sources {
			if !r.Verified {
				return fmt.Errorf("source %s: its index is not signed by a key of the given keyrings", r.ID)
			}
		}
		return nil
	}
	id := inventory.Untrusted(n)
	switch {
	case id == "":
		return nil
	case s.in.Baseline != nil:
		return fault.As(fmt.Errorf("source %s: its index is not verified, and the source is not marked as trusted", id), fault.Failed,
			"refresh the package lists there with the publisher's key in place (signed-by=), give the key with --keyring, or judge by a lock with --lock")
	}
	s.out.UpdatesReason = fmt.Sprintf("source %s is not verified: apt would install nothing of it", id)
	s.out.Remarks = append(s.out.Remarks, s.out.UpdatesReason+", and what it does not offer proves nothing")
	return nil
}

// about is what to do about sources that say nothing.
func (s *scanner) about() string {
	switch {
	case s.in.Offers != nil:
		return "store metadata anew, or judge by a lock with --lock"
	case s.out.Kind == record.KindRoot, s.out.Kind == record.KindInstance:
		return "refresh the package lists there (apt-get update, dnf makecache, zypper refresh), or judge by a lock with --lock"
	}
	return "take what was offered from a node report with --metadata, or judge by a lock with --lock"
}

// unknown ends a scan that could not be truthful.
func (s *scanner) unknown(err error) {
	s.out.Standing, s.out.Reason, s.out.Hint = record.StandsUnknown, err.Error(), fault.HintOf(err)
}

// byLock compares what is installed with the lock.
func (s *scanner) byLock() {
	s.out.Findings = s.in.Lock.Judge(s.out.Inventory)
	s.out.Standing = record.StandsCompliant
	if !baseline.Honoured(s.out.Findings) {
		s.out.Standing = record.StandsNonCompliant
	}
}

// evaluate judges by the baseline, unless an instance has done it itself.
func (s *scanner) evaluate(n baseline.Node) error {
	if s.in.Baseline == nil {
		return nil
	}
	if s.out.Evaluation == nil {
		r, err := baseline.Evaluate(s.in.Baseline, n, s.in.Now, s.in.Options)
		if err != nil {
			return fault.As(err, fault.KindOf(err), "give a baseline for "+string(n.Inventory.OS))
		}
		s.out.Evaluation = r
	}
	if s.out.Evaluation.Status != baseline.Compliant {
		s.out.Standing = record.StandsNonCompliant
	} else if s.out.Standing == record.StandsInventory {
		s.out.Standing = record.StandsCompliant
	}
	return nil
}
