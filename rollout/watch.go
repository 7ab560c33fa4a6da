package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/unit"
)

// sight is what the looks at a group have shown since its refresh began. It saves
// calls and is not kept: a process that has none asks.
type sight struct {
	on, of int           // instances in service on the target, and all of the group
	most   int           // the most that were on the target
	moved  time.Time     // when on was last seen to change
	before time.Time     // when it was seen to change before that
	gained int           // by how many it grew between the two
	asked  time.Time     // when the refresh was last asked
	pause  time.Duration // after which it may be asked again for the same reason
	settle time.Duration // how long the last instances warm up, and AWS soaks
	status string        // what it last said
	done   int           // how much of the group is on the target, in percent; see percent
	shown  string        // the progress that was last told
	told   int           // the percent in it
	its    int           // the percent that it last said
	turned time.Time     // when it was seen to say another status or percent
	still  bool          // that it stands still was told
}

// watch follows the refresh until it ends. The group's own instances, which many
// groups share one call to read, show how it gets on; the refresh itself, which AWS
// tells of one group at a time only, is asked when they show its end, when they go
// backwards or stand still, and when the andon wants something. Its word is not the
// proof; see converge.
func (m *groupMover) watch(ctx context.Context, st *groupState) (unit.Next, error) {
	g, err := m.group(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	now := m.Clock.Now()
	m.lowest(st, g)
	m.look(st, g, now)
	o := m.order()
	if o == Run && st.Stopping == "" {
		st.Hold = 0
	}
	if (o == Run || o == Rollback && st.Back) && st.Stopping == "" && !m.ask(now) {
		return unit.Again(m.pace(st, now)), nil
	}
	list, err := m.refreshes(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	m.asked(now)
	i := slices.IndexFunc(list, func(x Refresh) bool { return x.ID == st.Result.Refresh })
	if i < 0 {
		if st.Looks++; st.Looks >= maxLooks {
			return m.halt(ctx, st, false, "instance refresh %s was started and does not show", st.Result.Refresh)
		}
		m.seen.asked = time.Time{} // not shown yet: ask again
		return unit.Again(pollEvery), nil
	}
	x := list[i]
	st.Looks = 0
	m.progress(st, x)
	if terminal(x.Status) {
		return m.ended(ctx, st, x)
	}
	if now.Sub(st.Since) > maxRefresh && !st.Since.IsZero() {
		return m.halt(ctx, st, false, "instance refresh %s has not ended since %s, longer than Auto Scaling lets one last; its status is %s",
			x.ID, st.Since.Format(time.RFC3339), x.Status)
	}
	m.still(st, g, x, now)
	if next, done, err := m.obeyWatching(ctx, st, x); done || err != nil {
		return next, err
	}
	return unit.Again(m.pace(st, now)), nil
}

// look counts who is on the version that the refresh goes to.
func (m *groupMover) look(st *groupState, g Group, now time.Time) {
	on, begun := 0, false
	for _, i := range g.Instances {
		if i.Template.ID == m.plan.Template.ID && i.Template.Version == st.Target {
			begun = true
			if i.State == InService {
				on++
			}
		}
	}
	s := &m.seen
	if on != s.on || s.moved.IsZero() {
		s.before, s.gained = s.moved, on-s.on
		s.moved, s.pause, s.still = now, 0, false
	}
	if s.settle = pollEvery + m.plan.Preferences.Soak; m.plan.Preferences.Warmup != nil {
		s.settle += *m.plan.Preferences.Warmup
	} else if g.Warmup != nil {
		s.settle += *g.Warmup
	}
	s.settle = min(s.settle, pollMost)
	s.on, s.of, s.most = on, max(len(g.Instances), g.Desired), max(s.most, on)
	if g.MaxWeight > 1 {
		s.of = len(g.Instances) // the desired capacity is not counted in instances
	}
	s.done = percent(g, on)
	if begun && !st.Back {
		m.tell(st, or(s.status, inProgress))
	}
}

// percent is how much of a group is on the target, of which on instances serve, in percent
// of what it is to have. More than that are there for a while, because a new one comes
// before an old one goes: they count only once nothing else is left to do.
func percent(g Group, on int) int {
	of, left := g.Desired, 0
	for _, i := range g.Instances {
		if i.State == InService {
			left++
		}
	}
	left -= on // in service on something else
	if of < 1 || g.MaxWeight > 1 {
		of = len(g.Instances) // capacity is not counted in instances
	}
	if on >= of {
		of = on + left
	}
	switch {
	case of > 0:
		return 100 * on / of
	case g.Desired > 0:
		return 0
	}
	return 100 // it is to be empty, and is
}

// tell emits progress when it has changed. One refresh only goes on: an instance that is
// replaced once more is no way back, which the refresh itself says, and is shown.
func (m *groupMover) tell(st *groupState, status string) {
	percent := m.seen.done
	if !slices.Contains([]string{rollbackInProgress, rollbackFailed, rollbackSuccessful}, status) {
		percent = max(percent, m.seen.told)
	}
	text := fmt.Sprintf("%s: %s, %d%%", m.name(), status, percent)
	if text == m.seen.shown {
		return
	}
	m.seen.shown, m.seen.told = text, percent
	m.Events.Emit(event.Event{Stage: "roll", Unit: m.unit(), Kind: event.Progress, Done: percent, Total: 100, Text: text,
		Data: map[string]any{"refresh": st.Result.Refresh}})
}

// ask says whether the refresh itself must be asked now.
func (m *groupMover) ask(now time.Time) bool {
	s := m.seen
	switch {
	case s.asked.IsZero(): // nobody of this process knows it
		return true
	case s.on >= s.of: // at its end, when the last ones have warmed up
		return now.Sub(s.moved) >= s.settle && now.Sub(s.asked) >= s.pause
	case s.on < s.most: // going backwards
		return now.Sub(s.asked) >= s.pause
	}
	last := s.moved
	if s.asked.After(last) {
		last = s.asked
	}
	return now.Sub(last) >= pollMost
}

func (m *groupMover) asked(now time.Time) {
	m.seen.asked = now
	m.seen.pause = min(max(2*m.seen.pause, pollEvery), pollMost)
}

// ended decides what follows a refresh that has ended.
func (m *groupMover) ended(ctx context.Context, st *groupState, x Refresh) (unit.Next, error) {
	st.Looks = 0
	why, stop := or(x.Reason, "no reason given"), st.Stopping
	wanted := m.plan.Preferences.Rollback || stop == toGoBack || m.order() == Rollback
	st.Stopping, st.Hold = "", 0
	switch {
	case x.Status == rollbackSuccessful && !st.Back:
		st.Back, st.Why = true, or(st.Why, why)
		fallthrough
	case x.Status == successful, x.Status == rollbackSuccessful:
		// The groups that end at about the same time are read together.
		st.Step = stepConverge
		return unit.Again(meet(m.Clock.Now(), pollEvery, pollEvery, true)), nil
	case x.Status == cancelled && stop == toHold:
		st.Step = stepHeld
		m.say(event.Found, "%s is held at %d%%: %s", m.name(), x.Percent, m.says())
		return unit.Again(0), nil
	case x.Status == cancelled && stop == toGoBack:
		m.goBack(st, or(st.Why, m.says()))
		return unit.Again(0), nil
	case x.Status == cancelled && stop == toEnd:
		return m.halt(ctx, st, false, "instance refresh %s was cancelled: %s", x.ID, m.says())
	case x.Status == failed && !st.Back && wanted && m.plan.From != m.plan.To:
		// AWS did not roll back; the version before is still there to go to.
		m.goBack(st, why)
		m.say(event.Warned, "instance refresh %s of %s failed (%s); going back to template version %s",
			x.ID, m.name(), why, m.plan.InUse)
		return unit.Again(0), nil
	}
	// A rollback that failed is never tried again: people go on from here.
	return m.halt(ctx, st, x.Status == rollbackFailed || st.Back && x.Status == failed, "instance refresh %s ended %s: %s", x.ID, x.Status, why)
}

// progress tells what the refresh says about itself.
func (m *groupMover) progress(st *groupState, x Refresh) {
	if m.seen.status != "" && (m.seen.status != x.Status || m.seen.its != x.Percent) {
		m.seen.turned, m.seen.still = m.Clock.Now(), false
	}
	m.seen.status, m.seen.its = x.Status, x.Percent
	if !known(x.Status) && st.Odd != x.Status {
		st.Odd = x.Status
		m.say(event.Warned, "instance refresh %s of %s has the unknown status %s; waiting on", x.ID, m.name(), x.Status)
	}
	m.tell(st, x.Status)
}

// lowest keeps the lowest number in service that was seen.
func (m *groupMover) lowest(st *groupState, g Group) {
	if n := len(inService(g)); n < st.Result.MinHealthy {
		st.Result.MinHealthy = n
	}
}
