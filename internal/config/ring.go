package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/goldenami/rehydrate/internal/schedule"
)

// Ring says when an image line's ring may move, how fast, and what must hold before
// the next one.
type Ring struct {
	Name string
	// Soak is how long the ring is watched after its roll; 0: no longer than its fleets
	// say.
	Soak time.Duration
	// Alarms are CloudWatch alarms: names, looked at in each of the ring's accounts and
	// Regions, or ARNs.
	Alarms   []string
	Approval string // who or what must approve the ring; empty: nobody
	Windows  []schedule.Window
	Checks   []HealthCheck
	// Concurrency is how many groups roll at a time, PerRegion how many in one
	// account's Region; 0: as many as the executor thinks right.
	Concurrency int
	PerRegion   int
	MaxFailures int  // groups that may fail before the ring stops
	DriftSample bool // scan one instance of each group after the roll
	DriftFails  bool // a difference to the lock, or none that is known, ends the run as done in part
}

// HealthCheck is a check of the user's own. Exactly one of HTTP, Command and
// TargetGroup is set.
type HealthCheck struct {
	Name        string
	HTTP        string // URL
	Status      int    // the one good status; 0: any from 200 to 299
	Command     []string
	TargetGroup string // ARN
	Healthy     int    // percent of the target group's targets
	Timeout     time.Duration
	Every       time.Duration // from one look to the next
	Failures    int           // failed looks in a row that fail the check
}

// Ring is what the image says about a ring; one without a block has a name only.
func (i *Image) Ring(name string) Ring {
	for _, r := range i.RingBlocks {
		if r.Name == name {
			return *r
		}
	}
	return Ring{Name: name}
}

type ringSchema struct {
	Label       string         `hcl:"label,label"`
	Soak        string         `hcl:"soak,optional"`
	Alarms      []string       `hcl:"alarms,optional"`
	Approval    *string        `hcl:"approval,optional"`
	Concurrency *int           `hcl:"concurrency,optional"`
	PerRegion   *int           `hcl:"per_region,optional"`
	MaxFailures *int           `hcl:"max_failures,optional"`
	DriftSample bool           `hcl:"drift_sample,optional"`
	DriftFails  bool           `hcl:"drift_fails,optional"`
	Windows     []windowSchema `hcl:"window,block"`
	Checks      []checkSchema  `hcl:"health_check,block"`
	Range       hcl.Range      `hcl:",def_range"`
}

type windowSchema struct {
	Schedule   string    `hcl:"schedule"`
	OffsetDays int       `hcl:"offset_days,optional"`
	Duration   string    `hcl:"duration"`
	Timezone   string    `hcl:"timezone,optional"`
	Range      hcl.Range `hcl:",def_range"`
}

type checkSchema struct {
	Label       string    `hcl:"label,label"`
	HTTP        string    `hcl:"http,optional"`
	Status      *int      `hcl:"status,optional"`
	Command     []string  `hcl:"command,optional"`
	TargetGroup string    `hcl:"target_group,optional"`
	Healthy     string    `hcl:"healthy,optional"`
	Timeout     string    `hcl:"timeout,optional"`
	Every       string    `hcl:"every,optional"`
	Failures    *int      `hcl:"failures,optional"`
	Range       hcl.Range `hcl:",def_range"`
}

const (
	maxSoak   = 14 * 24 * time.Hour
	maxGroups = 10_000 // of a bound on groups
	maxAlarms = 100
)

// ring reads the block of one of the image's rings.
func (r *resolver) ring(i *Image, s *ringSchema) {
	if !slices.Contains(i.Rings, s.Label) {
		r.fault(s.Range, "Unknown ring", "ring %q is not in the rings of image %q.%s", s.Label, i.Label, nearest(s.Label, i.Rings))
		return
	}
	if slices.ContainsFunc(i.RingBlocks, func(have *Ring) bool { return have.Name == s.Label }) {
		r.fault(s.Range, "Duplicate ring", "A block for ring %q stands above.", s.Label)
		return
	}
	ring := &Ring{
		Name: s.Label, Soak: r.duration(s.Range, "soak", s.Soak, maxSoak), Alarms: s.Alarms,
		Concurrency: r.count(s.Range, "concurrency", s.Concurrency, 0, 1, maxGroups),
		PerRegion:   r.count(s.Range, "per_region", s.PerRegion, 0, 1, maxGroups),
		MaxFailures: r.count(s.Range, "max_failures", s.MaxFailures, 0, 0, maxGroups),
		DriftSample: s.DriftSample, DriftFails: s.DriftFails,
	}
	if s.Approval != nil {
		if ring.Approval = *s.Approval; strings.TrimSpace(ring.Approval) == "" || strings.ContainsAny(ring.Approval, "\r\n") {
			r.fault(s.Range, "Wrong approval", "approval of ring %q is %q; name who approves in one line, such as \"change board\".", s.Label, ring.Approval)
		}
	}
	if ring.DriftFails && !ring.DriftSample {
		r.fault(s.Range, "Nothing is sampled", "drift_fails of ring %q needs drift_sample = true.", s.Label)
	}
	r.alarms(s.Range, ring)
	for n := range s.Windows {
		ring.Windows = append(ring.Windows, r.window(&s.Windows[n]))
	}
	for n := range s.Checks {
		ring.Checks = append(ring.Checks, r.check(ring, &s.Checks[n]))
	}
	i.RingBlocks = append(i.RingBlocks, ring)
}

func (r *resolver) alarms(at hcl.Range, ring *Ring) {
	if len(ring.Alarms) > maxAlarms {
		r.fault(at, "Too many alarms", "ring %q watches %d alarms; at most %d.", ring.Name, len(ring.Alarms), maxAlarms)
	}
	seen := map[string]bool{}
	for _, a := range ring.Alarms {
		switch {
		case seen[a]:
			r.fault(at, "Alarm named twice", "alarm %q stands twice in ring %q.", a, ring.Name)
		case strings.HasPrefix(a, "arn:") && !ringForms().alarm.MatchString(a):
			r.fault(at, "Wrong alarm", "%q is not the ARN of a CloudWatch alarm; write arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME, or the name alone.", a)
		case a == "" || len(a) > 255 && !strings.HasPrefix(a, "arn:"):
			r.fault(at, "Wrong alarm", "an alarm's name has 1 to 255 characters; %q has %d.", a, len(a))
		}
		seen[a] = true
	}
}

func (r *resolver) window(s *windowSchema) schedule.Window {
	w := schedule.Window{Offset: s.OffsetDays, Duration: r.duration(s.Range, "duration", s.Duration, 0), Zone: s.Timezone}
	opens, err := schedule.Parse(s.Schedule)
	if err != nil {
		r.fault(s.Range, "Wrong schedule", "%s.", sentence(err))
		return w
	}
	w.Opens = opens
	if err := w.Validate(); err != nil {
		r.fault(s.Range, "Wrong window", "%s.", sentence(err))
	}
	return w
}

func (r *resolver) check(ring *Ring, s *checkSchema) HealthCheck {
	c := HealthCheck{
		Name: s.Label, HTTP: s.HTTP, Status: r.count(s.Range, "status", s.Status, 0, 100, 599), Command: s.Command, TargetGroup: s.TargetGroup,
		Healthy: r.percent(s.Range, "healthy", s.Healthy, 100, 1, 100), Timeout: r.duration(s.Range, "timeout", s.Timeout, 5*time.Minute),
		Every: r.duration(s.Range, "every", s.Every, time.Hour), Failures: r.count(s.Range, "failures", s.Failures, 3, 1, 100),
	}
	if slices.ContainsFunc(ring.Checks, func(have HealthCheck) bool { return have.Name == s.Label }) {
		r.fault(s.Range, "Duplicate health check", "ring %q has a health check %q above.", ring.Name, s.Label)
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Every == 0 {
		c.Every = 30 * time.Second
	}
	if c.Every < 5*time.Second {
		r.fault(s.Range, "Looked at too often", "every is %s; at least 5s.", c.Every)
	}
	kinds := 0
	for _, set := range []bool{c.HTTP != "", len(c.Command) > 0, c.TargetGroup != ""} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		r.fault(s.Range, "Check of what?", "health check %q needs exactly one of http, command and target_group.", s.Label)
	case c.HTTP != "":
		r.checkURL(s.Range, "http", c.HTTP, "http", "https")
	case len(c.Command) > 0 && c.Command[0] == "":
		r.fault(s.Range, "Wrong command", "command of health check %q begins with an empty word; write the program, then its arguments.", s.Label)
	case c.TargetGroup != "" && !ringForms().targets.MatchString(c.TargetGroup):
		r.fault(s.Range, "Wrong target group", "target_group is %q; write the ARN, arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID.", c.TargetGroup)
	}
	if c.Status != 0 && c.HTTP == "" || s.Healthy != "" && c.TargetGroup == "" {
		r.fault(s.Range, "Wrong argument", "in health check %q status goes with http, and healthy with target_group.", s.Label)
	}
	return c
}

// checkURL refuses what is no web address, and one with a password in it.
func (r *resolver) checkURL(at hcl.Range, field, text string, schemes ...string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || !slices.Contains(schemes, u.Scheme) || u.Hostname() == "":
		// The address itself may be a secret.
		r.fault(at, "Wrong address", "%s is not an address; write %s://HOST/PATH.", field, strings.Join(schemes, ":// or "))
	case u.User != nil:
		r.fault(at, "Password in an address", "%s holds a user name or a password; they would be seen in logs.", field)
	}
}

// count reads a whole number between bounds.
func (r *resolver) count(at hcl.Range, field string, n *int, def, low, high int) int {
	if n == nil {
		return def
	}
	if *n < low || *n > high {
		r.fault(at, "Number out of range", "%s is %d; it goes from %d to %d.", field, *n, low, high)
	}
	return *n
}

// sentence is an error as the beginning of a sentence.
func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

type arnForms struct{ alarm, targets, topic, bus *regexp.Regexp }

// ringForms are the ARNs that ring and notify blocks name.
var ringForms = sync.OnceValue(func() arnForms {
	return arnForms{
		alarm:   regexp.MustCompile(`^arn:aws[a-z-]*:cloudwatch:[a-z0-9-]+:[0-9]{12}:alarm:.{1,255}$`),
		targets: regexp.MustCompile(`^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/[A-Za-z0-9-]{1,32}/[0-9a-f]{8,32}$`),
		topic:   regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$`),
		bus:     regexp.MustCompile(`^(arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[A-Za-z0-9/_.-]{1,256}$`),
	}
})
