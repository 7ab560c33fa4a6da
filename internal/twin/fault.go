package twin

import (
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// faultPlan holds the rules and counts calls. The counts are of this process: a
// twin that is started again counts anew.
type faultPlan struct {
	mu      sync.Mutex
	rules   []Rule
	buckets map[bucketKey]*bucket
}

// bucketKey is what has a bucket of its own in a throttling rule.
type bucketKey struct {
	rule                                int
	service, operation, account, region string
}

type bucket struct {
	tokens float64
	at     time.Time
}

func (f *faultPlan) set(rules []Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.buckets = rules, nil
}

func (f *faultPlan) list() []Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Rule{}, f.rules...)
}

// stale is the longest that a rule looks back.
func (f *faultPlan) stale() (d time.Duration) {
	for _, r := range f.list() {
		d = max(d, time.Duration(r.Stale))
	}
	return d
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
		if hit || !r.hits() || r.Throttle != nil && f.take(i, c) {
			continue
		}
		hit = true
		out = wire.Fault{Latency: time.Duration(r.Latency), LostResponse: r.LostResponse, Stale: time.Duration(r.Stale)}
		if r.Throttle != nil {
			out.Error = throttled(c)
		}
		if e := r.Error; e != nil {
			out.Error = &wire.Error{Code: e.Code, Message: e.Message, Status: e.Status}
			if e.Message == "" {
				out.Error.Message = "The fault plan asked for this error."
			}
		}
	}
	return out
}

// take takes a token from the call's bucket; false says that there is none.
func (f *faultPlan) take(rule int, c wire.Call) bool {
	t := f.rules[rule].Throttle
	key := bucketKey{rule, c.Service, c.Operation, c.Account, c.Region}
	b := f.buckets[key]
	if b == nil {
		if f.buckets == nil {
			f.buckets = map[bucketKey]*bucket{}
		}
		b = &bucket{tokens: float64(t.Size), at: c.Now}
		f.buckets[key] = b
	}
	if passed := c.Now.Sub(b.at); passed > 0 {
		b.tokens, b.at = min(b.tokens+passed.Seconds()*t.Refill, float64(t.Size)), c.Now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// throttled is how a service says that it is asked too often: "Error codes for the
// Amazon EC2 API" and S3's "Error responses" (both 503), "Common errors" of the query
// and JSON services, and RequestThrottledException of EBS direct.
func throttled(c wire.Call) *wire.Error {
	switch {
	case c.Protocol == "ec2":
		return &wire.Error{Code: "RequestLimitExceeded", Message: "Request limit exceeded.", Status: 503}
	case c.Protocol == "rest-xml":
		return &wire.Error{Code: "SlowDown", Message: "Please reduce your request rate.", Status: 503}
	case c.Service == "ebs":
		return &wire.Error{Code: "RequestThrottledException", Message: "The number of API requests has exceeded the maximum allowed API request throttling limit.", Status: 400}
	case c.Service == "servicequotas": // TooManyRequestsException of its API
		return &wire.Error{Code: "TooManyRequestsException", Message: "Rate exceeded", Status: 400}
	case c.Protocol == "query" || c.Service == "monitoring":
		return &wire.Error{Code: "Throttling", Message: "Rate exceeded", Status: 400}
	}
	return &wire.Error{Code: "ThrottlingException", Message: "Rate exceeded", Status: 400}
}

// Fault implements world.FaultPlan in the same way.
func (f *faultPlan) Fault(account, region string, now time.Time, kind world.FaultKind, s world.Subject) (why string, hit bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.rules {
		r := &f.rules[i]
		// In a zone that is lost nothing can be launched.
		lost := kind == world.NoCapacity && r.Fails == world.ZoneLost
		if r.Fails != kind && !lost || !r.here(account, region, now) || !r.Where.hits(s) {
			continue
		}
		r.Seen++
		if hit || !lost && !r.hits() {
			continue
		}
		if why, hit = r.Message, true; why == "" {
			why = "The fault plan asked for this (" + string(r.Fails) + ")."
		}
	}
	return why, hit
}

// here says whether the rule is about this place and time.
func (r *Rule) here(account, region string, now time.Time) bool {
	return (r.Account == "" || r.Account == account) && (r.Region == "" || r.Region == region) &&
		!now.Before(r.From) && (r.Until.IsZero() || now.Before(r.Until))
}

func (r *Rule) matches(c wire.Call) bool {
	return r.Fails == "" && (r.Service == "" || r.Service == c.Service) && (r.Operation == "" || r.Operation == c.Operation) &&
		r.here(c.Account, c.Region, c.Now) && (r.Match == "" || strings.Contains(string(c.Request), r.Match)) &&
		(r.Stale == 0 || reads(c.Operation) && c.Service != "s3" && c.Service != "ebs")
}

func (r *Rule) hits() bool {
	first, times := max(r.Nth, 1), r.Times
	if times == 0 {
		times = 1
		window := !r.From.IsZero() || !r.Until.IsZero()
		if r.Throttle != nil || r.Stale != 0 || r.Nth == 0 && window || r.Fails != "" && !counted(r.Fails) {
			times = -1
		}
	}
	return r.Seen >= first && (times < 0 || r.Seen < first+times)
}
