package twin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// Rule is one thing that goes wrong on purpose. Empty conditions hold for every
// call; what goes wrong is any of Error, Latency and LostResponse.
type Rule struct {
	Service   string `json:"service,omitempty"` // ec2, ssm, autoscaling, ebs, s3, sts
	Operation string `json:"operation,omitempty"`
	Account   string `json:"account,omitempty"`
	Region    string `json:"region,omitempty"`
	// Match is a text that the request must contain.
	Match string `json:"match,omitempty"`

	// Nth is the first matching call that is hit, from 1; 0 is 1.
	Nth int `json:"nth,omitempty"`
	// Times is how many matching calls in a row are hit; 0 is 1, -1 all further ones.
	Times int `json:"times,omitempty"`

	Error *RuleError `json:"error,omitempty"`
	// Latency passes before the call, in virtual time ("90s").
	Latency Duration `json:"latency,omitempty"`
	// LostResponse does what was asked and breaks the connection.
	LostResponse bool `json:"lostResponse,omitempty"`

	// Seen counts the matching calls so far; it is not read.
	Seen int `json:"seen,omitempty"`
}

// RuleError is an AWS error.
type RuleError struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
	Status  int    `json:"status,omitempty"` // 0 is 400
}

// Duration is a time.Duration written as Go writes it.
type Duration time.Duration

// MarshalJSON writes "1m30s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads "1m30s".
func (d *Duration) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("a duration is a text such as \"30s\": %w", err)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

// ParseRules reads a fault plan: a JSON list of rules, of which every field must
// be known.
func ParseRules(text []byte) ([]Rule, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var rules []Rule
	if err := d.Decode(&rules); err != nil {
		return nil, fmt.Errorf("read fault plan: %w", err)
	}
	for i, r := range rules {
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("read fault plan: rule %d: %w", i+1, err)
		}
	}
	return rules, nil
}

func (r Rule) check() error {
	switch {
	case r.Error == nil && r.Latency == 0 && !r.LostResponse:
		return errors.New("nothing goes wrong: give error, latency or lostResponse")
	case r.Error != nil && r.Error.Code == "":
		return errors.New("the error has no code")
	case r.Error != nil && r.Error.Status != 0 && (r.Error.Status < 400 || r.Error.Status > 599):
		return fmt.Errorf("%d is no error status", r.Error.Status)
	case r.Latency < 0 || r.Nth < 0 || r.Times < -1:
		return errors.New("latency, nth and times cannot be negative (times may be -1)")
	}
	return nil
}

// faultPlan holds the rules and counts calls. The counts are of this process: a
// twin that is started again counts anew.
type faultPlan struct {
	mu    sync.Mutex
	rules []Rule
}

func (f *faultPlan) set(rules []Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = rules
}

func (f *faultPlan) list() []Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Rule{}, f.rules...)
}

// Next implements wire.Faults: the first rule that hits decides, but every
// matching rule counts.
func (f *faultPlan) Next(c wire.Call) (out wire.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	hit := false
	for i := range f.rules {
		r := &f.rules[i]
		if !r.matches(c) {
			continue
		}
		r.Seen++
		if hit || !r.hits() {
			continue
		}
		hit = true
		out = wire.Fault{Latency: time.Duration(r.Latency), LostResponse: r.LostResponse}
		if e := r.Error; e != nil {
			out.Error = &wire.Error{Code: e.Code, Message: e.Message, Status: e.Status}
			if e.Message == "" {
				out.Error.Message = "The fault plan asked for this error."
			}
		}
	}
	return out
}

func (r *Rule) matches(c wire.Call) bool {
	return (r.Service == "" || r.Service == c.Service) && (r.Operation == "" || r.Operation == c.Operation) &&
		(r.Account == "" || r.Account == c.Account) && (r.Region == "" || r.Region == c.Region) &&
		(r.Match == "" || strings.Contains(string(c.Request), r.Match))
}

func (r *Rule) hits() bool {
	first, times := max(r.Nth, 1), r.Times
	if times == 0 {
		times = 1
	}
	return r.Seen >= first && (times < 0 || r.Seen < first+times)
}
