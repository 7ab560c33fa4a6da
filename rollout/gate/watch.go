package gate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// The states of an alarm.
const (
	stateOK    = "OK"
	stateAlarm = "ALARM"
)

// sight is what one look at the alarms has found, in words, each part in a fixed order.
type sight struct {
	on     []string // in ALARM, or were since
	idle   []string // not OK and not in ALARM
	unread []string // missing, or could not be read
	since  map[string]time.Time
}

// name is an alarm in one cell.
type name struct {
	cell Cell
	name string
}

func (n name) String() string {
	if n.cell == (Cell{}) {
		return n.name
	}
	return n.name + " in " + n.cell.String()
}

// names are the alarms by cell; cells is their order.
func (g RingGate) names() (cells []Cell, names map[Cell][]string) {
	names = map[Cell][]string{}
	add := func(c Cell, n string) {
		if !slices.Contains(cells, c) {
			cells = append(cells, c)
		}
		if !slices.Contains(names[c], n) {
			names[c] = append(names[c], n)
		}
	}
	own := g.Cells
	if len(own) == 0 {
		own = []Cell{{}}
	}
	for _, a := range g.Alarms {
		if c, n, ok := ParseARN(a); ok {
			add(c, n)
			continue
		}
		for _, c := range own {
			add(c, a)
		}
	}
	return cells, names
}

// ParseARN reads arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:NAME.
func ParseARN(s string) (Cell, string, bool) {
	p := strings.SplitN(s, ":", 7)
	if len(p) != 7 || p[0] != "arn" || p[2] != "cloudwatch" || p[5] != "alarm" {
		return Cell{}, "", false
	}
	return Cell{Account: p[4], Region: p[3]}, p[6], true
}

// look reads every alarm once. With a since, one that is OK now counts as on if it was
// in ALARM in between; known are the changes of state that were looked into before.
func (g RingGate) look(ctx context.Context, since time.Time, known map[string]time.Time) sight {
	var s sight
	s.since = maps.Clone(known)
	cells, names := g.names()
	for i, got := range g.read(ctx, cells, names) {
		c := cells[i]
		if got.err != nil {
			s.unread = append(s.unread, fmt.Sprintf("alarms%s could not be read: %s", in(c), got.err))
			continue
		}
		for _, n := range names[c] {
			a, ok := got.alarms[n]
			g.sort(ctx, &s, name{c, n}, a, ok, since)
		}
	}
	return s
}

// manyCells is how many cells are asked at a time.
const manyCells = 8

// answer is what a cell says about its alarms.
type answer struct {
	alarms map[string]Alarm
	err    error
}

// read asks each cell once for all its alarms.
func (g RingGate) read(ctx context.Context, cells []Cell, names map[Cell][]string) []answer {
	out := make([]answer, len(cells))
	var work errgroup.Group
	work.SetLimit(manyCells)
	for i, c := range cells {
		work.Go(func() error {
			out[i].alarms, out[i].err = g.Watch.States(ctx, c, names[c])
			return nil
		})
	}
	_ = work.Wait() // each error is beside what it is of
	return out
}

func in(c Cell) string {
	if c == (Cell{}) {
		return ""
	}
	return " in " + c.String()
}

func (g RingGate) sort(ctx context.Context, s *sight, n name, a Alarm, exists bool, since time.Time) {
	switch {
	case !exists:
		s.unread = append(s.unread, fmt.Sprintf("alarm %s does not exist", n))
	case a.State == stateAlarm:
		s.on = append(s.on, fmt.Sprintf("alarm %s is in ALARM%s", n, because(a.Reason)))
	case since.IsZero():
		if a.State != stateOK {
			s.idle = append(s.idle, fmt.Sprintf("alarm %s is in %s", n, a.State))
		}
	case a.Since.After(since) && !s.since[n.String()].Equal(a.Since):
		// It changed while nobody looked: from what, its history says.
		fired, err := g.Watch.Fired(ctx, n.cell, n.name, since)
		switch {
		case err != nil:
			s.unread = append(s.unread, fmt.Sprintf("the history of alarm %s could not be read: %s", n, err))
			return
		case fired:
			s.on = append(s.on, fmt.Sprintf("alarm %s was in ALARM since %s", n, stamp(since)))
			return
		}
		if s.since == nil {
			s.since = map[string]time.Time{}
		}
		s.since[n.String()] = a.Since
		fallthrough
	default:
		if a.State != stateOK {
			s.idle = append(s.idle, fmt.Sprintf("alarm %s is in %s", n, a.State))
		}
	}
}

// maxReason is as much of an alarm's reason as goes into a line.
const maxReason = 120

func because(reason string) string {
	reason = strings.Join(strings.Fields(reason), " ")
	if reason == "" {
		return ""
	}
	if r := []rune(reason); len(r) > maxReason {
		reason = string(r[:maxReason]) + "…"
	}
	return " (" + reason + ")"
}
