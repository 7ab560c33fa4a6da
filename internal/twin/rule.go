package twin

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Rule is one thing that goes wrong on purpose (docs/twin.md has an example of each).
// Empty conditions hold always.
//
// A rule is of one of two sorts. With Fails, something goes wrong inside a service.
// Without it, a call goes wrong on the wire: any of Error, Latency and LostResponse,
// or Throttle, or Stale.
type Rule struct {
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
	// From and Until bound the rule in virtual time; From is in, Until is not.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Nth is the first matching call, or subject, that is hit, from 1; 0 is 1.
	Nth int `json:"nth,omitempty"`
	// Times is how many matching ones in a row are hit; 0 is 1, -1 all further ones.
	// Rules with From or Until hit all within, unless Nth or Times is given.
	Times int `json:"times,omitempty"`

	Service   string `json:"service,omitempty"` // ec2, ssm, autoscaling, ebs, s3, sts, ...
	Operation string `json:"operation,omitempty"`
	// Match is a text that the request must contain.
	Match string     `json:"match,omitempty"`
	Error *RuleError `json:"error,omitempty"`
	// Latency passes before the call, in virtual time ("90s").
	Latency Duration `json:"latency,omitempty"`
	// LostResponse does what was asked and breaks the connection.
	LostResponse bool `json:"lostResponse,omitempty"`
	// Throttle refuses what comes quicker than a token bucket allows.
	Throttle *Throttle `json:"throttle,omitempty"`
	// Stale answers reads from the state as it was this long ago, at most as it was
	// when the rule was made.
	Stale Duration `json:"stale,omitempty"`

	// Fails is what goes wrong inside a service: capacity, patch, agent, hook, copy; and,
	// at From, spot and zone.
	Fails world.FaultKind `json:"fails,omitempty"`
	// Where says with what; an empty one is everything.
	Where *Where `json:"where,omitempty"`
	// Message is what the service says of it; empty is a usual text.
	Message string `json:"message,omitempty"`

	// Seen counts the matching calls or subjects so far; it is not read.
	Seen int `json:"seen,omitempty"`
}

// RuleError is an AWS error.
type RuleError struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
	Status  int    `json:"status,omitempty"` // 0 is 400
}

// Throttle is a token bucket for every operation, account and region that the rule
// matches, as EC2 describes its own ("Request throttling for the Amazon EC2 API"): it
// begins full, a call takes a token, and Refill tokens come a second of virtual time.
type Throttle struct {
	Size   int     `json:"size"`
	Refill float64 `json:"refill"`
}

// Where narrows what a rule with Fails hits. What is empty holds for everything.
type Where struct {
	ID   string `json:"id,omitempty"`   // instance
	Name string `json:"name,omitempty"` // of a hook or image
	Type string `json:"type,omitempty"` // instance type
	Zone string `json:"zone,omitempty"` // availability zone
	Tag  string `json:"tag,omitempty"`  // key=value of an instance
}

// Duration is a time.Duration written as Go writes it.
type Duration time.Duration

var errNoDuration = errors.New("a duration is a text such as \"30s\"")

// MarshalJSON writes "1m30s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads "1m30s".
func (d *Duration) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return errNoDuration
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return errNoDuration
	}
	*d = Duration(v)
	return nil
}
