package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

// stillFor is how much longer than usual a refresh shows nothing new before it is told.
const stillFor = 5 * time.Minute

// still tells once of a refresh that shows nothing new for longer than is usual, with the
// reason that AWS gives and what is seen to stand in its way: a refresh that cannot go on
// is failed by AWS only after an hour. It is told again after it has gone on, or turned.
func (m *groupMover) still(st *groupState, g Group, x Refresh, now time.Time) {
	s := &m.seen
	since := s.moved
	if s.turned.After(since) {
		since = s.turned
	}
	stopped := suspended(g)
	usual := m.usual(st, g)
	if len(stopped) > 0 {
		usual = 0
	}
	if s.still || now.Sub(since) < stillFor+usual {
		return
	}
	s.still = true
	text := fmt.Sprintf("%s stands still at %d%% for %s: instance refresh %s is %s (%s)",
		m.name(), s.told, now.Sub(since).Round(time.Second), x.ID, x.Status, or(plain(x.Reason), "no reason given"))
	if len(stopped) > 0 {
		text += fmt.Sprintf("; suspended: %s; it goes on after `%s`", strings.Join(stopped, ", "), m.resume(stopped))
	}
	m.say(event.Warned, "%s", text)
}

// usual is how long a refresh that is well may show nothing new, beyond a launch: while
// what it has launched warms up and what it takes away drains, at a checkpoint that it
// has come to, and at its end while it soaks.
func (m *groupMover) usual(st *groupState, g Group) (d time.Duration) {
	s, p := m.seen, m.preferences(st, g)
	switch {
	case p.Warmup != nil:
		d = *p.Warmup
	case g.Warmup != nil:
		d = *g.Warmup
	}
	if g.Balanced {
		d += estimate.Default().Drain.High
	}
	if s.on >= s.of {
		d += p.Soak
	}
	for _, c := range p.Checkpoints {
		if of := max(s.of, 1); c < 100 && 100*s.on >= c*of && 100*(s.on-s.gained) < c*of {
			if d += p.CheckpointDelay; p.CheckpointDelay == 0 {
				d += time.Hour // the API's default
			}
			break
		}
	}
	return d
}

// suspended are the suspended processes of a group without which a refresh hangs.
func suspended(g Group) (out []string) {
	for _, p := range g.Suspended {
		if slices.Contains(blocking, p) {
			out = append(out, p)
		}
	}
	return out
}

// resume is the command that lets suspended processes of the group go on.
func (m *groupMover) resume(processes []string) string {
	text := fmt.Sprintf("aws autoscaling resume-processes --auto-scaling-group-name %q", m.plan.Group)
	if m.plan.Cell.Region != "" {
		text += " --region " + m.plan.Cell.Region
	}
	return text + " --scaling-processes " + strings.Join(processes, " ")
}
