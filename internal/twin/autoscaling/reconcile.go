package autoscaling

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// launchRetry is how long after a failed launch the next is tried; AWS backs off in
// a way it does not document.
const launchRetry = time.Minute

// checkDelay is the least time between coming into service and a failing health
// check; EC2's status checks run every minute.
const checkDelay = time.Minute

// reconcile brings a group one step nearer to what is wanted of it.
func (s *Service) reconcile(tx *world.Tx, name string) error {
	g, ok := groups(tx).Get(name)
	if !ok {
		return nil
	}
	v := s.view(tx, g)
	defer v.done()
	v.settle()
	if g.Deleting {
		s.empty(v)
		return nil
	}
	v.health()
	v.refresh()
	v.maintain()
	v.capacity()
	if v.r != nil {
		refreshes(tx).Put(v.r.ID, *v.r)
	}
	groups(tx).Put(name, v.g)
	if v.changed {
		s.capacityEvent(tx, name, v.cause)
		wake(tx, name, tx.Now)
	}
	if !v.next.IsZero() {
		wake(tx, name, v.next)
	}
	return nil
}

// empty terminates what a deleted group has left, then forgets the group.
func (s *Service) empty(v *view) {
	left := false
	for i, m := range v.members {
		if m.State == types.LifecycleStateDetaching { // it is not the group's to end
			v.s.detached(v.tx, &m)
			continue
		}
		left = true
		if !m.Killed {
			v.terminate(i, "the group is being deleted")
		}
	}
	if left {
		if !v.next.IsZero() {
			wake(v.tx, v.g.name(), v.next)
		}
		return // the last terminated instance wakes us
	}
	groups(v.tx).Delete(v.g.name())
	for id := range scheduled(v.tx, v.g.name()).All() {
		unplan(v.tx, v.g.name(), id)
		scheduled(v.tx, v.g.name()).Delete(id)
	}
	for id := range policies(v.tx, v.g.name()).All() {
		policies(v.tx, v.g.name()).Delete(id)
	}
	for id, r := range refreshes(v.tx).All() {
		if r.Group == v.g.name() {
			refreshes(v.tx).Delete(id)
		}
	}
	v.tx.Event("group.deleted", map[string]any{"group": v.g.name()})
}
