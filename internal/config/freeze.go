package config

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/goldenami/rehydrate/internal/schedule"
)

type freezeSchema struct {
	Label string    `hcl:"label,label"`
	From  string    `hcl:"from"`
	To    string    `hcl:"to"`
	Range hcl.Range `hcl:",def_range"`
}

// maxFreeze keeps a slip of the year from closing everything for good.
const maxFreeze = 366 * 24 * time.Hour

// freeze reads a time in which no ring begins to move.
func (r *resolver) freeze(s *freezeSchema) {
	for _, f := range r.cfg.Freezes {
		if f.Name == s.Label {
			r.fault(s.Range, "Duplicate freeze", "A freeze named %q stands above.", s.Label)
			return
		}
	}
	from, to := r.moment(s.Range, "from", s.From), r.moment(s.Range, "to", s.To)
	if from.IsZero() || to.IsZero() {
		return
	}
	switch {
	case !from.Before(to):
		r.fault(s.Range, "Freeze ends before it begins", "freeze %q goes from %s to %s.", s.Label, s.From, s.To)
	case to.Sub(from) > maxFreeze:
		r.fault(s.Range, "Freeze too long", "freeze %q is longer than a year.", s.Label)
	}
	r.cfg.Freezes = append(r.cfg.Freezes, schedule.Freeze{Name: s.Label, From: from, To: to})
}

func (r *resolver) moment(at hcl.Range, field, text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		r.fault(at, "Wrong time", "%s is %q; write a time with its zone, such as 2026-12-20T00:00:00Z or 2026-12-20T00:00:00+01:00.", field, text)
		return time.Time{}
	}
	return t.UTC()
}

// Calendar is when a ring of the image may move: in its windows, and in no freeze.
func (c *Config) Calendar(i *Image, ring string) schedule.Calendar {
	return schedule.Calendar{Windows: i.Ring(ring).Windows, Freezes: c.Freezes}
}
