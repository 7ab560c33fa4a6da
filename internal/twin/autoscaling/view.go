package autoscaling

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// view is a group with its members and active refresh during one tick.
type view struct {
	s       *Service
	tx      *world.Tx
	g       group
	r       *refresh // the active one, or nil
	members []member // in order of launch
	next    time.Time
	changed bool // something was started, so look again at once
	cause   string
	surge   int // capacity wanted beyond the desired, to replace what is still there
}

func (s *Service) view(tx *world.Tx, g group) *view {
	v := &view{s: s, tx: tx, g: g}
	if g.Refresh != "" {
		if r, ok := refreshes(tx).Get(g.Refresh); ok {
			v.r = &r
		}
	}
	rows := members(tx, g.name())
	v.members = slices.Grow(s.spare[:0], rows.Len()+v.g.desired()/8)
	s.spare = nil
	for _, m := range rows.Each() {
		v.members = append(v.members, *m)
	}
	return v
}

// done gives the view's memory to the next one: a large fleet makes very many. The
// world's lock keeps views apart.
func (v *view) done() {
	clear(v.members)
	v.s.spare, v.members = v.members, nil
}

// count is the number of members for which f holds.
func (v *view) count(f func(member) bool) int {
	n := 0
	for _, m := range v.members {
		if f(m) {
			n++
		}
	}
	return n
}

// units is the capacity of the members for which f holds: their number, or the sum of
// their weights ("Configuring instance weighting", user guide).
func (v *view) units(f func(member) bool) int {
	n := 0
	for i := range v.members {
		if f(v.members[i]) {
			n += v.members[i].units()
		}
	}
	return n
}

// sum is the capacity of the members with these indexes.
func (v *view) sum(is []int) (n int) {
	for _, i := range is {
		n += v.members[i].units()
	}
	return n
}

func (v *view) serving() int {
	return v.units(func(m member) bool { return m.serves(v.tx.Now) })
}

// at has the group looked at again at t, if that is to come.
func (v *view) at(t time.Time) {
	if t.After(v.tx.Now) && (v.next.IsZero() || t.Before(v.next)) {
		v.next = t
	}
}

func (v *view) put(i int) {
	m := v.members[i]
	members(v.tx, m.Group).Put(m.ID, m)
}

func (v *view) because(cause string) {
	if v.cause == "" {
		v.cause = cause
	}
}

// capacityEvent logs the group's capacity as it stands now.
func (s *Service) capacityEvent(tx *world.Tx, name, cause string) {
	g, ok := groups(tx).Get(name)
	if !ok {
		return
	}
	b := bounds{0, -1}
	if r, ok := refreshes(tx).Get(g.Refresh); ok && r.moving() {
		b = r.limits(g)
	}
	inService, serving, total := 0, 0, 0
	for _, m := range members(tx, name).Each() {
		n := m.units()
		if m.State == types.LifecycleStateInService {
			inService += n
		}
		if m.serves(tx.Now) {
			serving += n
		}
		if m.counts() {
			total += n
		}
	}
	tx.Event("group.capacity", map[string]any{
		"group": name, "min": g.min(), "max": g.max(), "desired": g.desired(), "cause": cause,
		"inService": inService, "serving": serving, "total": total, "floor": b.floor, "ceiling": b.ceiling,
	})
}
