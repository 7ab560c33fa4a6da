package config

import (
	"regexp"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// Retire says what becomes of an image line's old images. Ages count from an image's
// creation; 0 leaves a stage out.
type Retire struct {
	// Keep is how many of the newest good images stay, whatever their age.
	Keep            int
	DeprecateAfter  time.Duration `json:",omitempty"`
	DisableAfter    time.Duration `json:",omitempty"`
	DeregisterAfter time.Duration `json:",omitempty"`
	// RollbackDepth is how many images before the current one stay for each channel and
	// each group.
	RollbackDepth int
}

// What holds where a retire block says nothing.
const (
	retireKeep     = 5
	retireRollback = 2
)

type retireSchema struct {
	Keep            *int      `hcl:"keep,optional"`
	DeprecateAfter  string    `hcl:"deprecate_after,optional"`
	DisableAfter    string    `hcl:"disable_after,optional"`
	DeregisterAfter string    `hcl:"deregister_after,optional"`
	RollbackDepth   *int      `hcl:"rollback_depth,optional"`
	Range           hcl.Range `hcl:",def_range"`
}

// retire reads an image's block; nil without one.
func (r *resolver) retire(s *retireSchema) *Retire {
	if s == nil {
		return nil
	}
	out := &Retire{Keep: retireKeep, RollbackDepth: retireRollback, DeprecateAfter: r.age(s.Range, "deprecate_after", s.DeprecateAfter),
		DisableAfter: r.age(s.Range, "disable_after", s.DisableAfter), DeregisterAfter: r.age(s.Range, "deregister_after", s.DeregisterAfter)}
	for _, n := range []struct {
		field string
		given *int
		to    *int
	}{{"keep", s.Keep, &out.Keep}, {"rollback_depth", s.RollbackDepth, &out.RollbackDepth}} {
		if n.given == nil {
			continue
		}
		if *n.to = *n.given; *n.to < 1 || *n.to > 1000 {
			r.fault(s.Range, "Wrong number", "%s is %d; write a whole number from 1 to 1000.", n.field, *n.to)
		}
	}
	later := time.Duration(0)
	for _, a := range []struct {
		field string
		after time.Duration
	}{{"deprecate_after", out.DeprecateAfter}, {"disable_after", out.DisableAfter}, {"deregister_after", out.DeregisterAfter}} {
		if a.after == 0 {
			continue
		}
		if a.after < later {
			r.fault(s.Range, "Stages out of order", "%s comes before an earlier stage: images are deprecated, then disabled, then deregistered.", a.field)
		}
		later = a.after
	}
	if later == 0 {
		r.fault(s.Range, "Retire nothing?", "A retire block needs at least one of deprecate_after, disable_after and deregister_after.")
	}
	return out
}

// maxAge is longer than anybody keeps images.
const maxAge = 100 * 365 * 24 * time.Hour

var daysRE = regexp.MustCompile(`^([0-9]{1,5})d$`)

// age is a duration that may be written in days.
func (r *resolver) age(at hcl.Range, field, s string) time.Duration {
	d, err := ParseAge(s)
	if err != nil || d > maxAge {
		r.fault(at, "Wrong age", "%s is %q; write it as \"30d\" or \"720h\", of more than nothing.", field, s)
		return 0
	}
	return d
}

// ParseAge reads "30d" or what time.ParseDuration takes, and refuses what is not
// positive; nothing is 0.
func ParseAge(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	if m := daysRE.FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		if err == nil && n > 0 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
		return 0, strconv.ErrRange
	}
	d, err := time.ParseDuration(s)
	if err == nil && d <= 0 {
		err = strconv.ErrRange
	}
	return d, err
}
