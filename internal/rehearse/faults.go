package rehearse

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/replica"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Preset is one of the usual troubles, to be met in the middle of the roll.
type Preset struct {
	Kind string // capacity, health, alarm, zone, throttle, check, refuse
	// What it is about: an instance type (capacity; empty: all), a group (health), an alarm
	// (alarm; empty: the first that a fleet names), a zone (zone), a health check of the
	// configuration (check), a ring (refuse).
	What    string
	Percent int // of the instances that are replaced when an alarm fires
}

// Presets are the kinds with an example each, for help texts.
var Presets = []string{"capacity", "capacity=m5.large", "health=GROUP", "alarm", "alarm=NAME@40", "zone=eu-west-1a", "throttle", "check=NAME", "refuse=RING"}

// The presets' times and sizes.
const (
	troubleAfter = 5 * time.Minute
	troubleLasts = 30 * time.Minute
	alarmAt      = 40 // percent
)

// ParsePreset reads KIND or KIND=WHAT; an alarm may end in @PERCENT.
func ParsePreset(text string) (Preset, error) {
	kind, what, given := strings.Cut(text, "=")
	p := Preset{Kind: kind, What: what}
	bad := func(format string, args ...any) (Preset, error) {
		return p, fault.New(fault.Usage, "one of: "+strings.Join(Presets, ", "), "fault %q: "+format, append([]any{text}, args...)...)
	}
	switch {
	case !slices.Contains([]string{"capacity", "health", "alarm", "zone", "throttle", "check", "refuse"}, kind):
		return bad("there is no such preset")
	case given && what == "":
		return bad("nothing stands behind =")
	case !given && slices.Contains([]string{"health", "zone", "check", "refuse"}, kind):
		return bad("say which %s", map[string]string{"health": "group", "zone": "zone", "check": "health check", "refuse": "ring"}[kind])
	case given && kind == "throttle":
		return bad("it takes nothing")
	case kind != "alarm":
		return p, nil
	}
	p.Percent = alarmAt
	if name, percent, ok := strings.Cut(what, "@"); ok {
		n, err := strconv.Atoi(strings.TrimSuffix(percent, "%"))
		if err != nil || n < 0 || n > 100 {
			return bad("%q is no percentage", percent)
		}
		p.What, p.Percent = name, n
	}
	return p, nil
}

// String is the preset in words.
func (p Preset) String() string {
	switch p.Kind {
	case "capacity":
		of := "any instance"
		if p.What != "" {
			of = p.What
		}
		return fmt.Sprintf("no capacity for %s from %s into the roll, for %s", of, short(troubleAfter), short(troubleLasts))
	case "health":
		return "new instances of " + p.What + " fail their health checks"
	case "alarm":
		return fmt.Sprintf("alarm %s fires when %d %% of all instances are replaced", p.What, p.Percent)
	case "zone":
		return fmt.Sprintf("zone %s is lost from %s into the roll, for %s", p.What, short(troubleAfter), short(troubleLasts))
	case "check":
		return "health check " + p.What + " is bad in every soak that it watches"
	case "refuse":
		return "the approval of ring " + p.What + " is refused"
	}
	return "calls are throttled by token buckets as EC2 and Auto Scaling have them"
}

// short is a duration without what is zero in it.
func short(d time.Duration) string {
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Throttles are the buckets of the throttle preset: what EC2 tells of non-mutating and of mutating calls
// ("Request throttling for the Amazon EC2 API"), and about the same for Auto Scaling,
// which tells none.
func Throttles() []twin.Rule {
	var out []twin.Rule
	for _, op := range []string{"CreateLaunchTemplateVersion", "CreateTags"} {
		out = append(out, twin.Rule{Service: "ec2", Operation: op, Throttle: &twin.Throttle{Size: 50, Refill: 5}})
	}
	for _, op := range []string{"StartInstanceRefresh", "UpdateAutoScalingGroup", "RollbackInstanceRefresh", "CancelInstanceRefresh"} {
		out = append(out, twin.Rule{Service: "autoscaling", Operation: op, Throttle: &twin.Throttle{Size: 50, Refill: 5}})
	}
	return append(out, twin.Rule{Service: "ec2", Throttle: &twin.Throttle{Size: 100, Refill: 20}},
		twin.Rule{Service: "autoscaling", Throttle: &twin.Throttle{Size: 100, Refill: 20}})
}

// rules are the presets that the twin knows itself, for a roll that begins now.
func rules(presets []Preset, now time.Time) (out []twin.Rule) {
	from, until := now.Add(troubleAfter), now.Add(troubleAfter+troubleLasts)
	for _, p := range presets {
		switch p.Kind {
		case "capacity":
			r := twin.Rule{Fails: world.NoCapacity, From: from, Until: until}
			if p.What != "" {
				r.Where = &twin.Where{Type: p.What}
			}
			out = append(out, r)
		case "zone":
			out = append(out, twin.Rule{Fails: world.ZoneLost, From: from, Until: until, Where: &twin.Where{Zone: p.What}})
		case "throttle":
			out = append(out, Throttles()...)
		}
	}
	return out
}

// check finds what a preset names in the copy, and completes it.
func (c *copied) check(presets []Preset) error {
	for i := range presets {
		p := &presets[i]
		switch {
		case p.Kind == "health" && !slices.ContainsFunc(c.groups, func(g replica.Group) bool { return g.Name == p.What }):
			return fault.New(fault.Usage, "name one of the groups that `rehydrate fleet list` shows", "fault health=%s: there is no such group in the rehearsal", p.What)
		}
		if err := c.checkGate(p); err != nil {
			return err
		}
	}
	return nil
}

// ParseFaults reads a fault plan in the twin's format (docs/twin.md).
func ParseFaults(text []byte) ([]twin.Rule, error) {
	rules, err := twin.ParseRules(text)
	return rules, fault.As(err, fault.Usage, hintFaults)
}

const hintFaults = "docs/twin.md has an example of each fault"

// sentence is what the twin's admin endpoint says in a refusal.
func sentence(said []byte) string {
	var e struct{ Error string }
	if json.Unmarshal(said, &e) != nil || e.Error == "" {
		return strings.TrimSpace(string(said))
	}
	return strings.TrimPrefix(e.Error, "fault plan: ")
}

// marshal is the plan as the twin's admin endpoint takes it.
func marshal(rules []twin.Rule) ([]byte, error) {
	if rules == nil {
		rules = []twin.Rule{}
	}
	return json.Marshal(rules)
}
