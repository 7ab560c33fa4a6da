package autoscaling

import (
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// capacity launches what is missing and terminates what is too much. With weights the
// group is filled up to the desired capacity or beyond, never less ("Configuring
// instance weighting", user guide).
func (v *view) capacity() {
	want, have := v.g.desired()+v.surge+v.rebalance(), v.units(member.counts)
	if have < want && !v.g.suspended("Launch") {
		if !v.due(v.g.Retry) {
			return
		}
		for have < want {
			n, ok := v.start(have)
			if !ok {
				v.g.Retry = v.tx.Now.Add(launchRetry)
				v.at(v.g.Retry)
				return
			}
			have += n
		}
	}
	if have > want && !v.g.suspended("Terminate") {
		for _, i := range v.surplus() {
			if n := v.members[i].units(); have-n >= want {
				v.terminate(i, "an instance was taken out of service in response to a difference between desired and actual capacity")
				have -= n
			}
			if have == want {
				return
			}
		}
	}
}

// rebalance is the capacity to have beside what is announced to be interrupted, with
// Capacity Rebalancing switched on: as much is launched, and when it serves, what was
// announced is ended before EC2 does ("Use Capacity Rebalancing", user guide).
func (v *view) rebalance() int {
	if p := v.g.Spec.CapacityRebalance; p == nil || !*p {
		return 0
	}
	going := v.units(func(m member) bool { return !m.Reclaim.IsZero() && m.State == types.LifecycleStateInService })
	if going == 0 {
		return 0
	}
	stay := v.units(func(m member) bool { return m.Reclaim.IsZero() && m.serves(v.tx.Now) })
	return min(going, max(0, v.g.desired()-stay))
}

// surplus is the members that may be scaled in, those to go first first: what does
// not serve, then the oldest launch template version, then the oldest (Default
// termination policy, without its balancing of zones). Protected instances stay.
func (v *view) surplus() []int {
	current := v.s.matcher(v.tx, v.g.config())
	if v.r != nil && v.r.moving() {
		current = func(m member) bool { return m.Gen == v.r.gen() }
	}
	var out []int
	rank := make([]int, len(v.members))
	for i, m := range v.members {
		if !m.counts() || m.Protected {
			continue
		}
		out = append(out, i)
		if m.serves(v.tx.Now) && m.Reclaim.IsZero() {
			rank[i] += 2
		}
		if current(m) {
			rank[i]++
		}
	}
	slices.SortStableFunc(out, func(a, b int) int {
		if rank[a] != rank[b] {
			return rank[a] - rank[b]
		}
		return v.members[a].Launched.Compare(v.members[b].Launched)
	})
	return out
}

// start launches one instance beside the capacity that there is before, and says how
// much capacity that is; false says that EC2 refused. Where a zone has no capacity, the policy's other instance types are tried,
// then the other zones ("Auto Scaling benefits: distributing instances across
// Availability Zones", user guide).
func (v *view) start(before int) (units int, ok bool) {
	c := v.g.config()
	if v.r != nil && v.r.launchesDesired() {
		c = configOf(v.r.Desired)
	}
	act := v.s.begin(v.tx, v.g, "Launching a new EC2 instance", causeOfLaunch(before))
	got, o, err := v.launch(c)
	if err != nil {
		v.s.end(v.tx, act, invalid("%s. Launching EC2 instance failed.", strings.TrimSuffix(message(err), ".")))
		v.tx.Event("group.launch.failed", map[string]any{"group": v.g.name(), "error": err.Error()})
		return 0, false
	}
	m := v.newMember(got, o)
	m.Activity = act
	v.s.describe(v.tx, act, "Launching a new EC2 instance: "+m.ID)
	v.members = append(v.members, m)
	v.put(len(v.members) - 1)
	owners(v.tx).Put(m.ID, m.Group)
	v.changed = true
	v.because("launch")
	return m.units(), true
}

// newMember is the member that a launched instance becomes.
func (v *view) newMember(got Instance, o option) member {
	m := member{
		ID: got.ID, Group: v.g.name(), Zone: got.Zone, Type: got.Type, Image: got.Image, State: types.LifecycleStatePending,
		Launched: v.tx.Now, Weight: o.weight, Configuration: o.configuration, Shown: o.Launch.Image != "" && o.configuration == "",
	}
	if t := o.Template; o.configuration == "" {
		m.Template = types.LaunchTemplateSpecification{LaunchTemplateId: &t.ID, LaunchTemplateName: &t.Name, Version: &t.Version}
	}
	if p := v.g.Spec.NewInstancesProtectedFromScaleIn; p != nil {
		m.Protected = *p
	}
	if v.r != nil && v.r.moving() {
		m.Gen = v.r.gen()
	}
	return m
}

// launch tries the configuration's options in each place until one has capacity.
func (v *view) launch(c config) (got Instance, o option, err error) {
	all, err := v.s.options(v.tx, c)
	if err != nil {
		return got, o, err
	}
	return v.launchOne(all, launchTags(v.g), false)
}

// launchOne launches one of these in the first place that has capacity.
func (v *view) launchOne(all []option, tags map[string]string, settled bool) (got Instance, o option, err error) {
	for _, p := range v.places() {
		for _, o = range all {
			l := o.Launch
			l.Tags, l.Subnet, l.Settled = tags, p.subnet, settled
			if p.subnet == "" {
				l.Zone = p.zone
			}
			if got, err = v.s.ec2.Launch(v.tx, l); !noCapacity(err) {
				return got, o, err
			}
		}
	}
	return got, o, err
}

func noCapacity(err error) bool {
	w, ok := errors.AsType[*wire.Error](err)
	return ok && w.Code == capacityCode
}
