package rollout

import (
	"context"
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// obey does what the andon says to a group that no refresh of ours is replacing just
// now; done says that this was the whole Advance. See obeyWatching for the others.
func (m *groupMover) obey(ctx context.Context, st *groupState) (next unit.Next, done bool, err error) {
	o := m.order()
	if o == Run || st.Step == stepWatch || st.Step == stepConverge {
		return unit.Next{}, false, nil
	}
	if st.Step == stepStart && unit.Repeated(ctx) {
		if found, err := m.begun(ctx, st); found || err != nil {
			return unit.Again(0), err != nil, err
		}
	}
	switch {
	case o == Rollback && st.Back, o == Pause && st.Back && st.Step != stepHeld:
		return unit.Next{}, false, nil // a way back that has begun goes on
	case o == Pause, o == PauseNow:
		// It may be long until it goes on: then it is looked at anew.
		if st.Step = stepHeld; !st.Touched && !st.Back {
			st.Step = stepCheck
		}
		return unit.Next{Approval: Held}, true, nil
	case !st.Touched:
		return m.end(st, Failed, "%s; no instance was replaced", m.says()), true, nil
	case o == Rollback:
		m.goBack(st, m.says())
		return unit.Again(0), false, nil
	}
	next, err = m.halt(ctx, st, false, "%s", m.says())
	return next, true, err
}

// order is what the andon says to the group, or what its ring's gate does while the
// andon lets it run.
func (m *groupMover) order() Order {
	o := m.x.Andon.Order()
	if o == Run && m.x.calledBack(m.plan.Ring) != "" {
		return Rollback
	}
	return o
}

// says is the order with who gave it and why.
func (m *groupMover) says() string {
	if m.x.Andon.Order() == Run {
		if why := m.x.calledBack(m.plan.Ring); why != "" {
			return during(m.plan.Ring, why).Error()
		}
	}
	return "the andon says " + strings.TrimSpace(string(m.x.Andon.Order())+" "+m.x.Andon.Says())
}

// goBack turns to the version before, by a refresh of our own.
func (m *groupMover) goBack(st *groupState, why string) {
	st.Gate = m.x.calledBack(m.plan.Ring)
	st.Back, st.Why, st.Target, st.Step, st.Looks, st.Stopping, st.Hold = true, why, m.plan.InUse, stepBefore, 0, "", 0
}

// obeyWatching does what the andon, or the way back, asks of a refresh of ours that is
// under way. done is false when there is nothing to do but to watch on. Only x, which
// this Advance has read and knows for ours, is ever cancelled or turned round.
func (m *groupMover) obeyWatching(ctx context.Context, st *groupState, x Refresh) (next unit.Next, done bool, err error) {
	o := m.order()
	if o == Run && st.Stopping == toHold {
		st.Stopping = "" // it was taken back before we called
	}
	turning := x.Status == rollbackInProgress
	switch {
	case x.Status == cancelling:
		return unit.Again(pollEvery), true, nil
	case st.Stopping != "":
		next, err = m.cancel(ctx, x)
		return next, true, err
	case st.Back && !turning && m.plan.InUse != st.Result.ToV && same(x.Desired, m.desired(st.Result.ToV)),
		o == Rollback && !st.Back && !turning:
		next, err = m.turn(ctx, st, x)
		return next, true, err
	case o == Cancel:
		st.Stopping = toEnd
	case o == PauseNow && turning && !st.Back:
		m.goBack(st, or(x.Reason, "the refresh was rolling back"))
		st.Step, st.Stopping = stepWatch, toHold
	case o == PauseNow:
		st.Stopping = toHold
	case o == Pause && !st.Back && !turning:
		return m.pauseAt(st, x)
	default:
		return unit.Next{}, false, nil
	}
	m.wrote = true // why we cancel is on record before we do
	return unit.Again(0), true, nil
}

// pauseAt lets the refresh reach its next checkpoint, and cancels it there: AWS would go
// on by itself after the checkpoint's delay. Nothing is being replaced at a checkpoint,
// and the same refresh begun again replaces only what is left.
func (m *groupMover) pauseAt(st *groupState, x Refresh) (unit.Next, bool, error) {
	if st.Hold == 0 {
		st.Hold = 100
		for _, c := range m.plan.Preferences.Checkpoints {
			if c >= x.Percent && c < 100 {
				st.Hold = c
				break
			}
		}
		if st.Hold < 100 {
			m.say(event.Found, "%s holds at its checkpoint of %d%%; it is at %d%%", m.name(), st.Hold, x.Percent)
		} else {
			m.say(event.Warned, "%s has no checkpoint before its end and goes on to it; it is at %d%%: pause --now holds it where it is", m.name(), x.Percent)
		}
	}
	if st.Hold == 100 || x.Percent < st.Hold {
		return unit.Again(pollEvery), true, nil
	}
	st.Stopping = toHold
	m.wrote = true
	return unit.Again(0), true, nil
}

// cancel ends our refresh; what is on its way is waited for by AWS.
func (m *groupMover) cancel(ctx context.Context, x Refresh) (unit.Next, error) {
	m.wrote = true
	switch err := m.Refreshes.Cancel(ctx, m.plan.Group); {
	case fault.KindOf(err) == fault.NotFound:
		return unit.Again(lookEvery), nil // it has ended meanwhile
	case err != nil:
		return unit.Next{}, fmt.Errorf("cancel instance refresh %s of group %s: %w", x.ID, m.name(), err)
	}
	m.say(event.Changed, "cancelled instance refresh %s of %s at %d%%", x.ID, m.name(), x.Percent)
	return unit.Again(pollEvery), nil
}

// turn has AWS roll our refresh back while it is under way.
func (m *groupMover) turn(ctx context.Context, st *groupState, x Refresh) (unit.Next, error) {
	m.wrote = true
	switch err := m.Refreshes.Rollback(ctx, m.plan.Group); {
	case fault.KindOf(err) == fault.NotFound:
		return unit.Again(lookEvery), nil // it has ended meanwhile: then we go back ourselves
	case fault.KindOf(err) == fault.Conflict: // it cannot be turned: end it, and go back ourselves
		st.Stopping = toGoBack
		return unit.Again(0), nil
	case err != nil:
		return unit.Next{}, fmt.Errorf("roll back instance refresh %s of group %s: %w", x.ID, m.name(), err)
	}
	if st.Why == "" {
		st.Why = m.says()
	}
	st.Gate = m.x.calledBack(m.plan.Ring)
	m.say(event.Changed, "turned instance refresh %s of %s round at %d%%", x.ID, m.name(), x.Percent)
	return unit.Again(pollEvery), nil
}
