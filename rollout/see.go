package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Room is what there is for a refresh's surge.
type Room struct {
	// Wanted are the instances that there may be over the desired capacity.
	Wanted int `json:"wanted"`
	// Addresses are free in the group's subnets; nil: unknown.
	Addresses *int `json:"addresses,omitempty"`
	// CPUs are the vCPUs of the surge, by the largest of the group's instance types; nil:
	// unknown.
	CPUs *int `json:"cpus,omitempty"`
	// Quota says what is known of the account's limits of running vCPUs; empty without
	// a surge, which needs none.
	Quota string `json:"quota,omitempty"`
}

// looked is what the Look port told; why is what it did not, and why.
type looked struct {
	subnets   map[string]Subnet
	cpus      map[string]int
	alarms    []string
	scheduled []ScheduledAction
	why       []string
}

// ahead is how far ahead scheduled actions are looked for, at least.
const ahead = 24 * time.Hour

// see adds what stands around the groups: room, alarms, and what moves by itself.
func (x *cellReader) see(ctx context.Context, found []claimed, plans []GroupPlan) {
	if x.Look != nil {
		x.ask(ctx, found, plans)
	}
	for i := range plans {
		p, g := &plans[i], found[i].group
		if p.Nothing {
			continue
		}
		x.room(g, p)
		x.missing(p)
		p.Measured.Anyway = x.anyway(g, *p)
		for _, why := range x.look.why {
			p.note("%s", why)
		}
	}
}

// ask reads what all the groups need in one go. What cannot be read is unknown, which
// is no reason to refuse a plan.
func (x *cellReader) ask(ctx context.Context, found []claimed, plans []GroupPlan) {
	subnets, zones, kinds, alarms := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i, f := range found {
		add(subnets, f.group.Subnets)
		add(zones, f.group.Zones)
		add(kinds, x.types(f.group, plans[i]))
		add(alarms, plans[i].Preferences.Alarms)
	}
	try := func(what string, n int, read func() error) {
		if n == 0 {
			return
		}
		if err := read(); err != nil {
			x.look.why = append(x.look.why, fmt.Sprintf("%s are not known: %s", what, err))
		}
	}
	try("the free addresses of its subnets", len(subnets)+len(zones), func() (err error) {
		x.look.subnets, err = x.Look.Subnets(ctx, slices.Sorted(maps.Keys(subnets)), slices.Sorted(maps.Keys(zones)))
		return err
	})
	try("the vCPUs of its instance types", len(kinds), func() (err error) {
		x.look.cpus, err = x.Look.CPUs(ctx, slices.Sorted(maps.Keys(kinds)))
		return err
	})
	try("the alarms that exist", len(alarms), func() (err error) {
		x.look.alarms, err = x.Look.Alarms(ctx, slices.Sorted(maps.Keys(alarms)))
		if err == nil && x.look.alarms == nil {
			x.look.alarms = []string{}
		}
		return err
	})
	try("scheduled actions", len(plans), func() (err error) {
		now := x.Clock.Now()
		x.look.scheduled, err = x.Look.Scheduled(ctx, now, now.Add(ahead))
		return err
	})
}

func add(to map[string]bool, list []string) {
	for _, s := range list {
		to[s] = true
	}
}

// room is what the surge needs and finds. Its quota is headroom's to say.
func (x *cellReader) room(g Group, p *GroupPlan) {
	r := Room{Wanted: surge(g, p.Measured.Bounds)}
	if known, free := x.free(x.subnets(g)); known {
		r.Addresses = &free
	}
	largest := 0
	for _, t := range x.types(g, *p) {
		if x.look.cpus[t] == 0 {
			largest = 0
			break
		}
		largest = max(largest, x.look.cpus[t])
	}
	if largest > 0 {
		r.CPUs = ptr(largest * r.Wanted)
	}
	p.Measured.Room = r
}

// subnets are those that a group launches into.
func (x *cellReader) subnets(g Group) []string {
	if len(g.Subnets) > 0 {
		return g.Subnets
	}
	var out []string
	for _, id := range slices.Sorted(maps.Keys(x.look.subnets)) {
		if s := x.look.subnets[id]; s.Default && slices.Contains(g.Zones, s.Zone) {
			out = append(out, id)
		}
	}
	return out
}

// free is how many addresses subnets have left together.
func (x *cellReader) free(subnets []string) (known bool, n int) {
	for _, s := range subnets {
		f, ok := x.look.subnets[s]
		if !ok {
			return false, 0
		}
		n += f.Free
	}
	return len(subnets) > 0, n
}

// missing refuses alarms that do not exist: a refresh that watches nothing is not
// what was asked for.
func (x *cellReader) missing(p *GroupPlan) {
	if x.look.alarms == nil {
		return
	}
	var missing []string
	for _, a := range p.Preferences.Alarms {
		if !slices.Contains(x.look.alarms, a) {
			missing = append(missing, a)
		}
	}
	if len(missing) > 0 {
		p.refuse(fault.NotFound, "create it in the group's account and Region, or take it out of alarms",
			"there is no CloudWatch alarm %s", strings.Join(missing, ", "))
	}
}

// anyway is what happens to the group by itself.
func (x *cellReader) anyway(g Group, p GroupPlan) []string {
	var out []string
	if g.Lifetime > 0 {
		out = append(out, fmt.Sprintf("instances are replaced after %s (maximum instance lifetime)", days(g.Lifetime)))
	}
	for _, a := range x.look.scheduled {
		if a.Group != g.Name {
			continue
		}
		text := fmt.Sprintf("scheduled action %s at %s", a.Name, a.At.UTC().Format("2006-01-02 15:04 UTC"))
		if a.Desired != nil {
			text += fmt.Sprintf(" sets the desired capacity to %d", *a.Desired)
		}
		out = append(out, text)
	}
	if len(g.Mixed) == 0 && x.launches(p).InstanceMarketOptions.MarketType == "spot" {
		out = append(out, "its instances are Spot instances, which EC2 may take back")
	}
	if g.Spot > 0 {
		out = append(out, fmt.Sprintf("%d%% of the instances over the base are Spot instances, which EC2 may take back", g.Spot))
	}
	return out
}

func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}
