package autoscaling

import (
	"fmt"
	"slices"
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
	if g.Deleting {
		s.empty(v)
		return nil
	}
	v.health()
	v.refresh()
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
		left = true
		if !m.gone() {
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
	for id, r := range refreshes(v.tx).All() {
		if r.Group == v.g.name() {
			refreshes(v.tx).Delete(id)
		}
	}
	v.tx.Event("group.deleted", map[string]any{"group": v.g.name()})
}

// health marks instances whose checks fail and ends the unhealthy ones, first
// terminating and then launching ("Health checks for instances in an Auto Scaling
// group", user guide). Suspending HealthCheck or ReplaceUnhealthy stops either step.
func (v *view) health() {
	for i := range v.members {
		m := &v.members[i]
		if m.State != types.LifecycleStateInService {
			continue
		}
		if m.Failing && !m.Unhealthy && !v.g.suspended("HealthCheck") {
			if v.tx.Now.Before(m.FailAt) {
				v.at(m.FailAt)
			} else {
				m.Unhealthy, v.changed = true, true
				v.put(i)
			}
		}
		if m.Unhealthy && !v.g.suspended("ReplaceUnhealthy") && !v.g.suspended("Terminate") {
			v.terminate(i, "an instance was taken out of service in response to a failed health check")
		}
		v.at(m.Warm)
	}
}

// capacity launches what is missing and terminates what is too much.
func (v *view) capacity() {
	want, have := v.g.desired()+v.surge, v.count(member.counts)
	if have < want && !v.g.suspended("Launch") {
		if v.tx.Now.Before(v.g.Retry) {
			v.at(v.g.Retry)
			return
		}
		for range want - have {
			if !v.start() {
				v.g.Retry = v.tx.Now.Add(launchRetry)
				v.at(v.g.Retry)
				return
			}
		}
	}
	if have > want && !v.g.suspended("Terminate") {
		for _, i := range v.surplus()[:min(have-want, len(v.surplus()))] {
			v.terminate(i, "an instance was taken out of service in response to a difference between desired and actual capacity")
		}
	}
}

// surplus is the members that may be scaled in, those to go first first: what does
// not serve, then the oldest launch template version, then the oldest (Default
// termination policy, without its balancing of zones). Protected instances stay.
func (v *view) surplus() []int {
	var out []int
	for i, m := range v.members {
		if m.counts() && !m.Protected {
			out = append(out, i)
		}
	}
	current := func(m member) bool { return v.s.matches(v.tx, v.g.config(), m) }
	if v.r != nil && v.r.moving() {
		current = func(m member) bool { return m.Gen == v.r.gen() }
	}
	slices.SortStableFunc(out, func(a, b int) int {
		x, y := v.members[a], v.members[b]
		for _, f := range []func(member) bool{
			func(m member) bool { return m.serves(v.tx.Now) },
			current,
		} {
			switch fx, fy := f(x), f(y); {
			case fx && !fy:
				return 1
			case fy && !fx:
				return -1
			}
		}
		return x.Launched.Compare(y.Launched)
	})
	return out
}

// start launches one instance; false says that EC2 refused.
func (v *view) start() bool {
	c := v.g.config()
	if v.r != nil && v.r.launchesDesired() {
		c = configOf(v.r.Desired)
	}
	before := v.count(member.counts)
	act := v.s.begin(v.tx, v.g, "Launching a new EC2 instance", fmt.Sprintf(
		"an instance was started in response to a difference between desired and actual capacity, increasing the capacity from %d to %d", before, before+1))
	l, err := v.s.launch(v.tx, c)
	var got Instance
	if err == nil {
		l.Subnet, l.Zone = v.place()
		l.Tags = launchTags(v.g)
		got, err = v.s.ec2.Launch(v.tx, l)
	}
	if err != nil {
		v.s.end(v.tx, act, err)
		v.tx.Event("group.launch.failed", map[string]any{"group": v.g.name(), "error": err.Error()})
		return false
	}
	m := member{
		ID: got.ID, Group: v.g.name(), Zone: got.Zone, Type: got.Type, Image: got.Image, State: types.LifecycleStatePending,
		Template: types.LaunchTemplateSpecification{LaunchTemplateId: &l.Template.ID, LaunchTemplateName: &l.Template.Name, Version: &l.Template.Version},
		Launched: v.tx.Now, Activity: act,
	}
	if p := v.g.Spec.NewInstancesProtectedFromScaleIn; p != nil {
		m.Protected = *p
	}
	if v.r != nil && v.r.moving() {
		m.Gen = v.r.gen()
	}
	v.s.describe(v.tx, act, "Launching a new EC2 instance: "+m.ID)
	v.members = append(v.members, m)
	v.put(len(v.members) - 1)
	owners(v.tx).Put(m.ID, m.Group)
	v.changed = true
	v.because("launch")
	return true
}
