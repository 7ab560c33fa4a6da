package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/rollout/estimate"
)

// Headroom is what a cell has left of a limit of running vCPUs at the worst moment of
// the roll.
type Headroom struct {
	Cell Cell   `json:"cell,omitzero"`
	Code string `json:"code"` // in Service Quotas
	Name string `json:"name"`
	// Surge is how many vCPUs the groups that move at a time may add.
	Surge int `json:"surge"`
	// Running and Limit are vCPUs; nil: unknown, and Why says why. Running without Limit:
	// more runs than the only limit that is known allows.
	Running *int   `json:"running,omitempty"`
	Limit   *int   `json:"limit,omitempty"`
	Why     string `json:"why,omitempty"`
}

// Fits says that the roll stays within the limit; what is unknown does not.
func (h Headroom) Fits() bool {
	return h.Limit != nil && h.Running != nil && *h.Running+h.Surge <= *h.Limit
}

// String is the headroom for people.
func (h Headroom) String() string {
	if h.Limit == nil || h.Running == nil {
		return fmt.Sprintf("unknown: %s; up to %d vCPUs more may be wanted of %s (%s)", h.Why, h.Surge, h.Name, h.Code)
	}
	return fmt.Sprintf("%d of %d vCPUs run of %s (%s), and up to %d more may be wanted at a time", *h.Running, *h.Limit, h.Name, h.Code, h.Surge)
}

// demand is what a group's surge may take of a quota, in vCPUs.
type demand struct {
	ring string
	cpus int
}

// demands are what the groups' surges may take of each quota, together and each group's
// own. A group of which that cannot be told is told of in its own room, and counts nowhere.
func (x *cellReader) demands(found []claimed, plans []GroupPlan) (of map[estimate.Quota][]demand, each []map[estimate.Quota]int) {
	of, each = map[estimate.Quota][]demand{}, make([]map[estimate.Quota]int, len(plans))
	for i := range plans {
		p, g := &plans[i], found[i].group
		if p.Nothing || p.Measured.Room.Wanted == 0 {
			continue
		}
		mine, why := x.demand(g, *p)
		if why != "" {
			p.Measured.Room.Quota = "unknown: " + why
			continue
		}
		each[i] = mine
		for q, cpus := range mine {
			of[q] = append(of[q], demand{p.Ring, cpus})
		}
	}
	return of, each
}

// demand is what the surge of one group may take of each quota.
func (x *cellReader) demand(g Group, p GroupPlan) (of map[estimate.Quota]int, why string) {
	kinds := x.kinds(g, p)
	if len(kinds) == 0 {
		return nil, "its instance types are not known"
	}
	of = map[estimate.Quota]int{}
	for _, k := range kinds {
		q, ok := k.Quota()
		if !ok {
			return nil, fmt.Sprintf("no quota is known for the type %s", k.Type)
		}
		if x.look.cpus[k.Type] == 0 {
			return nil, fmt.Sprintf("the vCPUs of %s are not known", k.Type)
		}
		of[q] = max(of[q], x.look.cpus[k.Type]*p.Measured.Room.Wanted)
	}
	return of, ""
}

// headroom holds the surge of each ring against the account's limits. Where less is
// left than may be wanted, it warns: EC2 refuses launches then, and a refresh that
// cannot launch fails after an hour.
func (x *cellReader) headroom(ctx context.Context, found []claimed, plans []GroupPlan) (out []Headroom, short []PlanFinding) {
	of, each := x.demands(found, plans)
	if len(of) == 0 {
		return nil, nil
	}
	for q, all := range of {
		out = append(out, Headroom{Cell: x.cell, Code: q.Code, Name: q.Name, Surge: x.worst(all)})
	}
	slices.SortFunc(out, func(a, b Headroom) int { return cmp.Compare(a.Name, b.Name) })
	x.limits(ctx, out)
	finding := func(warn bool, hint, format string, args ...any) {
		short = append(short, PlanFinding{Cell: x.cell, Finding: Finding{Warn: warn, Hint: hint, Text: fmt.Sprintf(format, args...)}})
	}
	for i, h := range out {
		switch {
		case h.Limit == nil && h.Running != nil:
			finding(false, fmt.Sprintf("look %s up in the Region's Service Quotas", h.Code), "what is left of the vCPU quotas%s is not known: %s", x.cell.in(), h.Why)
		case h.Limit == nil && (i == 0 || out[i-1].Why != h.Why):
			finding(false, "allow servicequotas:GetServiceQuota, servicequotas:GetAWSDefaultServiceQuota, and cloudwatch:GetMetricData or else ec2:DescribeInstances and ec2:DescribeInstanceTypes to see it",
				"what is left of the vCPU quotas%s is not known: %s", x.cell.in(), h.Why)
		case h.Limit != nil && !h.Fits():
			finding(true, fmt.Sprintf("ask for more of %s in Service Quotas, or lower concurrency or max_healthy", h.Code), "the vCPU quota%s may be passed: %s", x.cell.in(), h)
		}
	}
	for i, mine := range each {
		r := &plans[i].Measured.Room
		for _, h := range out {
			if _, counts := mine[estimate.Quota{Code: h.Code, Name: h.Name}]; counts {
				r.Quota = join(r.Quota, h.String())
			}
		}
	}
	return out, short
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// worst is the most that the groups of one ring may take at a time; rings follow each
// other.
func (x *cellReader) worst(all []demand) int {
	most := 0
	for _, ring := range x.in.Rings {
		var cpus []int
		for _, d := range all {
			if d.ring == ring.Name {
				cpus = append(cpus, d.cpus)
			}
		}
		most = max(most, ring.most(cpus))
	}
	return most
}

// together is how many of a cell's n groups move at a time.
func (r Ring) together(n int) int {
	most := max(1, r.Concurrency)
	if r.PerCell > 0 {
		most = min(most, r.PerCell)
	}
	return min(most, n)
}

// most is the largest sum of those of a cell's groups that move at a time.
func (r Ring) most(wanted []int) int {
	slices.Sort(wanted)
	sum := 0
	for _, w := range wanted[len(wanted)-r.together(len(wanted)):] {
		sum += w
	}
	return sum
}
