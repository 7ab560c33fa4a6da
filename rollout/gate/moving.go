package gate

import (
	"context"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
)

// Blindness is how long a ring goes on to begin groups while its alarms cannot be read.
const Blindness = 2 * time.Minute

// Motion watches the alarms of a ring while its groups move. It is of one process, and
// not for concurrent use.
type Motion struct {
	RingGate
	blind time.Time // since when alarms cannot be read; zero: they can
	told  bool
	seen  map[string]time.Time // changes of alarms that were looked into
}

// Moving begins to watch a ring.
func Moving(g RingGate) *Motion { return &Motion{RingGate: g} }

// Look looks once, with one call for each cell. It says
//
//   - Rollback when an alarm is in ALARM, or was since the ring began;
//   - Unknown when alarms do not exist or could not be read for as long as Blindness: no
//     further group begins until they can;
//   - Pass otherwise. An alarm without data keeps nothing from moving here: how a ring
//     may end is for its soak to say.
//
// began may be zero, when nothing has moved yet.
func (m *Motion) Look(ctx context.Context, began time.Time) (Verdict, string) {
	if len(m.Alarms) == 0 {
		return Pass, ""
	}
	now := m.Clock.Now()
	seen := m.look(ctx, began, m.seen)
	m.seen = seen.since
	switch {
	case len(seen.on) > 0:
		return Rollback, list(seen.on)
	case len(seen.unread) == 0:
		if m.told {
			m.tell(event.Found, "ring "+m.Ring+": its alarms can be read again")
		}
		m.blind, m.told = time.Time{}, false
		return Pass, ""
	case m.blind.IsZero():
		m.blind = now
	}
	if now.Sub(m.blind) < Blindness {
		return Pass, ""
	}
	if !m.told {
		m.told = true
		m.tell(event.Warned, fmt.Sprintf("ring %s: since %s %s: no further group begins until it is known", m.Ring, stamp(m.blind), list(seen.unread)))
	}
	return Unknown, list(seen.unread)
}
