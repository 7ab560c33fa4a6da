package rollout

import "time"

const (
	// nearEnd is the part of a group's time so far that its end may be noticed late: a
	// sixteenth, but never more than endMost.
	nearEnd = 16
	endMost = time.Minute
)

// pace is how long the next look may wait. What the group has shown tells when it will
// be at its end, and the next look is then; but as little is known at first, the looks
// are half as often with every look. Checkpoints are looked for only once the andon wants
// something there, and then as often as may be. It is never less than pollEvery, nor more
// than pollMost.
func (m *groupMover) pace(st *groupState, now time.Time) time.Duration {
	s, elapsed := m.seen, now.Sub(st.Since)
	known := max(elapsed, firstLook)
	switch {
	case m.x.Andon.Order() != Run && !st.Back:
		return pollEvery
	case s.on >= s.of:
		// When that will be is known, so it is not looked for sooner.
		return meet(now, max(s.pause, s.settle-now.Sub(s.moved)), endMost/2, true)
	case s.on > 0:
		next := s.until(s.of, s.moved.Sub(st.Since)) - now.Sub(s.moved)
		next = max(next/2, next-2*endMost) // the last ones may have come since the look before
		if next = max(next, min(elapsed/nearEnd, endMost)); next < min(known, pollMost) {
			return meet(now, next, endMost, false)
		}
	}
	return meet(now, known, pollMost, false)
}

// until is how long it takes, from when the last instance was seen to come, until goal
// instances are on the target, if they come as they have come so far, which took a time,
// or as the last ones came where those were quicker.
func (s sight) until(goal int, took time.Duration) time.Duration {
	each := took / time.Duration(s.on)
	if s.gained > 0 && !s.before.IsZero() {
		each = min(each, s.moved.Sub(s.before)/time.Duration(s.gained))
	}
	return each * time.Duration(goal-s.on)
}

// meet moves a look that is due in d to where the looks at other groups fall, so that
// one call tells of many: to a multiple of a part of d, at most grid. A look that must
// not come sooner is put off, any other goes to the nearest. An executor rounds times up
// to its tick, but for waits shorter than that; so this stays a little below, and above.
func meet(now time.Time, d, grid time.Duration, late bool) time.Duration {
	d = min(max(d, pollEvery), pollMost)
	step := pollEvery
	for 2*step <= min(d, grid) {
		step *= 2
	}
	at := now.Add(d + step/2).Truncate(step)
	if late {
		at = now.Add(d + step - 1).Truncate(step)
	}
	for at.Sub(now) > pollMost { // a whole step back could be most of the wait
		step = max(step/2, pollEvery)
		at = now.Add(pollMost).Truncate(step)
	}
	return max(at.Sub(now)-pollEvery/2, pollEvery+pollEvery/4)
}
