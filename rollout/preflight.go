package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

func (p *GroupPlan) refuse(kind fault.Kind, hint, format string, args ...any) {
	p.Findings = append(p.Findings, Finding{Refuse: true, Text: fmt.Sprintf(format, args...), Hint: hint, Kind: kind})
}

func (p *GroupPlan) note(format string, args ...any) {
	p.Findings = append(p.Findings, Finding{Text: fmt.Sprintf(format, args...)})
}

func (p *GroupPlan) warn(hint, format string, args ...any) {
	p.Findings = append(p.Findings, Finding{Warn: true, Text: fmt.Sprintf(format, args...), Hint: hint})
}

func (p *GroupPlan) refused() bool {
	return slices.ContainsFunc(p.Findings, func(f Finding) bool { return f.Refuse })
}

// A refresh hangs for an hour and then fails when one of these processes is
// suspended ("Suspend and resume Amazon EC2 Auto Scaling processes", user guide).
var blocking = []string{"Launch", "Terminate", "HealthCheck", "InstanceRefresh"}

// preflight is what can be said of a group before its template is read.
func preflight(g Group, r Preferences) []Finding {
	var p GroupPlan
	switch {
	case g.Deleting:
		p.refuse(fault.Conflict, "take it out of the fleet", "it is being deleted")
	case g.LaunchConfiguration != "":
		p.refuse(fault.Unsupported, "move the group to a launch template",
			"it uses the launch configuration %s, which can neither be versioned nor refreshed back", g.LaunchConfiguration)
	case g.Template.ID == "":
		p.refuse(fault.Unsupported, "move the group to a launch template", "it has no launch template")
	case g.OwnOverrides:
		p.refuse(fault.Unsupported, "leave template and image out of the overrides",
			"overrides of its mixed-instances policy name templates or images of their own")
	}
	for _, s := range g.Suspended {
		if slices.Contains(blocking, s) {
			p.refuse(fault.Conflict, "resume it: aws autoscaling resume-processes", "its process %s is suspended; a refresh would hang", s)
		} else {
			p.note("its process %s is suspended", s)
		}
	}
	aside, protected := len(inState(g, standby...)), 0
	for _, m := range g.Instances {
		if m.Protected {
			protected++
		}
	}
	if aside > 0 && (r.Standby == "" || r.Standby == "Wait") {
		p.refuse(fault.Conflict, `set standby to "Terminate" or "Ignore", or take them out of standby`,
			"%d of its instances are in standby; a refresh would wait an hour for them and fail", aside)
	}
	if protected > 0 && (r.Protected == "" || r.Protected == "Wait") {
		p.refuse(fault.Conflict, `set protected to "Refresh" or "Ignore", or remove the protection`,
			"%d of its instances are protected from scale-in; a refresh would wait an hour for them and fail", protected)
	}
	most := r.MaxHealthy
	if most == nil && r.MinHealthy == nil {
		most = g.PolicyMax
	}
	if g.Desired == 1 && (most == nil || *most <= 100) && !r.AllowOutage {
		p.refuse(fault.Usage, "set max_healthy to 200%, or accept the outage: allow_outage = true",
			"it has one instance and max_healthy is not above 100: it would be empty while that one is replaced")
	}
	if g.MaxWeight > 0 && g.MaxWeight >= g.Desired && g.Desired > 0 {
		p.refuse(fault.Usage, "raise the desired capacity above the largest weight, or lower the weights",
			"an instance of weight %d stands for its whole desired capacity of %d: a refresh could replace everything at once", g.MaxWeight, g.Desired)
	}
	if g.WarmPool {
		p.note("it has a warm pool, which is refreshed too")
	}
	return p.Findings
}

// forGroup settles what Preferences leave open for a group that is to be of a size.
func (r Preferences) forGroup(g Group, size int) Preferences {
	policy := g.PolicyMin != nil && g.PolicyMax != nil && *g.PolicyMax > 100
	if size == 1 && r.MaxHealthy == nil && !r.AllowOutage && !policy {
		r.MinHealthy, r.MaxHealthy = ptr(100), ptr(200)
	}
	if r.MaxHealthy != nil && r.MinHealthy == nil {
		r.MinHealthy = ptr(100)
	}
	switch n := len(r.Checkpoints); {
	case n == 0 && size > 1:
		// A roll can only be paused where a refresh stops by itself.
		r.Checkpoints, r.CheckpointDelay = checkpoints(size), checkpointDelay
	case n > 0 && r.Checkpoints[n-1] != 100:
		r.Checkpoints = append(slices.Clone(r.Checkpoints), 100)
	}
	return r
}

func ptr[T any](v T) *T { return &v }

// check refuses rings and fleets that make no sense.
func (in Input) check() error {
	bad := func(hint, format string, args ...any) error {
		return fault.New(fault.Usage, hint, "roll: "+format, args...)
	}
	if in.Image == "" {
		return bad("publish an image first, or name one", "no image")
	}
	rings, fleets := map[string]bool{}, map[string]bool{}
	for _, r := range in.Rings {
		if rings[r.Name] {
			return bad("", "ring %s is listed twice", r.Name)
		}
		rings[r.Name] = true
	}
	for _, f := range in.Fleets {
		switch {
		case f.Name == "":
			return bad("", "a fleet has no name")
		case fleets[f.Name]:
			return bad("", "fleet %s is listed twice", f.Name)
		case !rings[f.Ring]:
			return bad("list it among the rings", "fleet %s is in ring %q, which does not exist", f.Name, f.Ring)
		case len(f.Groups) == 0 && len(f.Tags) == 0 && len(f.Templates) == 0:
			return bad("name groups, tags or launch templates", "fleet %s selects no groups", f.Name)
		}
		fleets[f.Name] = true
		if err := f.Refresh.check(); err != nil {
			return bad("", "fleet %s: %w", f.Name, err)
		}
	}
	return nil
}

// The API's own limits (StartInstanceRefresh).
const (
	maxDelay  = 172800 * time.Second
	maxAlarms = 10
)

func (r Preferences) check() error {
	within := func(name string, p *int, low, high int) error {
		if p != nil && (*p < low || *p > high) {
			return fmt.Errorf("%s is %d, not %d to %d", name, *p, low, high)
		}
		return nil
	}
	if err := within("min_healthy", r.MinHealthy, 0, 100); err != nil {
		return err
	}
	if err := within("max_healthy", r.MaxHealthy, 100, 200); err != nil {
		return err
	}
	if r.MinHealthy != nil && r.MaxHealthy != nil && *r.MaxHealthy-*r.MinHealthy > 100 {
		return fmt.Errorf("max_healthy %d and min_healthy %d are more than 100 apart", *r.MaxHealthy, *r.MinHealthy)
	}
	for i, c := range r.Checkpoints {
		if c < 1 || c > 100 || i > 0 && c <= r.Checkpoints[i-1] {
			return fmt.Errorf("checkpoints %v do not ascend within 1 to 100", r.Checkpoints)
		}
	}
	switch {
	case r.CheckpointDelay < 0 || r.CheckpointDelay > maxDelay || r.Soak < 0 || r.Soak > maxDelay:
		return fmt.Errorf("checkpoint delay and soak are at most 48h")
	case r.CheckpointDelay > 0 && len(r.Checkpoints) == 0:
		return fmt.Errorf("a checkpoint delay needs checkpoints")
	case r.Warmup != nil && *r.Warmup < 0:
		return fmt.Errorf("warmup is negative")
	case len(r.Alarms) > maxAlarms:
		return fmt.Errorf("%d alarms are more than %d", len(r.Alarms), maxAlarms)
	case !slices.Contains([]string{"", "Refresh", "Ignore", "Wait"}, r.Protected):
		return fmt.Errorf("protected is %q, not Refresh, Ignore or Wait", r.Protected)
	case !slices.Contains([]string{"", "Terminate", "Ignore", "Wait"}, r.Standby):
		return fmt.Errorf("standby is %q, not Terminate, Ignore or Wait", r.Standby)
	}
	return nil
}
