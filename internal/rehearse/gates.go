package rehearse

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin/replica"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/gate"
)

// Gates are what a ring waits for, as far as presets name it.
type Gates struct {
	Alarms   []string // names, or ARNs
	Checks   []string // names of health checks
	Approval string
}

// Wait is a time in which a ring waited, in seconds of the rehearsal.
type Wait struct {
	Ring string  `json:"ring"`
	For  string  `json:"for"` // approval, window, alarms or soak
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Text string  `json:"text,omitempty"`
}

// What a ring waits for.
const (
	ForApproval = "approval"
	ForWindow   = "window" // or the end of a freeze
	ForAlarms   = "alarms" // that cannot be read
	ForSoak     = "soak"
)

// Waiting is a Wait by the copy's clock.
type Waiting struct {
	Ring, For, Text string
	From, To        time.Time
}

// Waits gathers waits. Safe for concurrent use.
type Waits struct {
	mu   sync.Mutex
	list []Waiting
}

// late is how much later than it wanted a ring may look whether its wait is over.
const late = 2 * time.Minute

// Add adds a wait, or lengthens the ring's last one for the same thing that it follows.
func (w *Waits) Add(n Waiting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range slices.Backward(w.list) {
		have := &w.list[i]
		if have.Ring != n.Ring || have.For != n.For {
			continue
		}
		if !n.From.After(have.To.Add(late)) {
			have.To = later(have.To, n.To)
			return
		}
		break
	}
	w.list = append(w.list, n)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// End cuts the ring's last wait for something short.
func (w *Waits) End(ring, what string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range slices.Backward(w.list) {
		if have := &w.list[i]; have.Ring == ring && have.For == what {
			if at.Before(have.To) {
				have.To = at
			}
			return
		}
	}
}

// All are the waits in their order, none of them beyond the end.
func (w *Waits) All(begun, ended time.Time) []Wait {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Wait
	for _, n := range w.list {
		if n.To.After(ended) {
			n.To = ended
		}
		out = append(out, Wait{Ring: n.Ring, For: n.For, Text: n.Text, From: n.From.Sub(begun).Round(time.Second).Seconds(), To: n.To.Sub(begun).Round(time.Second).Seconds()})
	}
	return out
}

// place is an alarm's name in an account's Region.
type place struct {
	cell rollout.Cell
	name string
}

// alarms are the alarms that fleets and rings watch in the copy, each once.
func (c *copied) alarms() (out []place) {
	add := func(p place) {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	for _, f := range c.input.Fleets {
		for _, cell := range f.Cells {
			for _, a := range f.Refresh.Alarms {
				add(place{cell, a})
			}
			for _, a := range c.gates[f.Ring].Alarms {
				if at, name, ok := gate.ParseARN(a); ok {
					add(place{rollout.Cell(at), name})
				} else {
					add(place{cell, a})
				}
			}
		}
	}
	return out
}

// fire puts every alarm of the name into ALARM.
func (c *copied) fire(r *replica.Replica, name string) {
	for _, a := range c.alarms() {
		if a.name == name {
			r.After(func() error { return r.SetAlarm(a.cell.Account, a.cell.Region, a.name, true) })
		}
	}
}

// checkGate finds what a preset names among the gates.
func (c *copied) checkGate(p *Preset) error {
	switch p.Kind {
	case "alarm":
		all := c.alarms()
		if p.What == "" && len(all) > 0 {
			p.What = all[0].name
		}
		if _, name, ok := gate.ParseARN(p.What); ok {
			p.What = name
		}
		switch {
		case p.What == "":
			return fault.New(fault.Usage, "give a ring, or a fleet's refresh block, alarms", "fault alarm: no fleet and no ring watches an alarm")
		case !slices.ContainsFunc(all, func(a place) bool { return a.name == p.What }):
			return fault.New(fault.Usage, "", "fault alarm=%s: no fleet and no ring watches this alarm", p.What)
		}
	case "check":
		var names []string
		for _, g := range c.gates {
			names = append(names, g.Checks...)
		}
		slices.Sort(names)
		names = slices.Compact(names)
		if !slices.Contains(names, p.What) {
			return fault.New(fault.Usage, "its rings have: "+or(strings.Join(names, ", "), "none"), "fault check=%s: no ring has a health check of this name", p.What)
		}
	case "refuse":
		if c.gates[p.What].Approval == "" {
			return fault.New(fault.Usage, "give the ring block an approval", "fault refuse=%s: no ring of this name waits for an approval", p.What)
		}
	}
	return nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// words is a wait for a line of text.
func (w Wait) words() string {
	text := fmt.Sprintf("%s waits for %s", w.Ring, map[string]string{ForApproval: "an approval", ForWindow: "its window", ForAlarms: "its alarms to be read"}[w.For])
	if w.For == ForSoak {
		text = w.Ring + " soaks"
	}
	if w.To > w.From {
		text += " for " + seconds(w.To-w.From)
	} else {
		text += ", which comes at once"
	}
	if w.Text != "" {
		text += ": " + w.Text
	}
	return text
}
