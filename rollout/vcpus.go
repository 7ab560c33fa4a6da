package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/goldenami/rehydrate/rollout/estimate"
)

// limits asks for the limits, and for what runs.
func (x *cellReader) limits(ctx context.Context, out []Headroom) {
	unknown := func(why string) {
		for i := range out {
			out[i].Why = why
		}
	}
	if x.Quotas == nil || x.Look == nil {
		unknown("nothing was there to ask")
		return
	}
	var codes []string
	for _, h := range out {
		codes = append(codes, h.Code)
	}
	limits, err := x.Quotas.Limits(ctx, codes)
	if err != nil {
		unknown(err.Error())
		return
	}
	running, why := x.vcpus(ctx, codes, limits)
	for i := range out {
		h := &out[i]
		limit, known := limits[h.Code]
		n, counted := running[h.Code]
		switch {
		case !known:
			h.Why = "Service Quotas does not tell it"
		case !counted:
			h.Why = why
		case limit.Default && n > limit.VCPUs:
			// AWS would not have let them run, so that is not the account's limit.
			h.Running, h.Why = &n, fmt.Sprintf("Service Quotas tells only AWS's default of %d vCPUs of %s (%s), and %d run already: another limit must apply", limit.VCPUs, h.Name, h.Code, n)
		default:
			h.Limit, h.Running = &limit.VCPUs, &n
		}
	}
}

// vcpus is how many vCPUs run of each quota: what CloudWatch says, which is one call; of
// quotas of which it says nothing, what counting the instances gives. why is the reason
// for those that are missing.
func (x *cellReader) vcpus(ctx context.Context, codes []string, limits map[string]estimate.Limit) (of map[string]int, why string) {
	metrics := map[string]estimate.Metric{}
	for code, l := range limits {
		if l.Metric != nil {
			metrics[code] = *l.Metric
		}
	}
	of = map[string]int{}
	var unmetered error
	if len(metrics) > 0 {
		var metered map[string]int
		metered, unmetered = x.Quotas.Usage(ctx, metrics)
		maps.Copy(of, metered)
	}
	missing := slices.DeleteFunc(slices.Clone(codes), func(code string) bool { _, ok := of[code]; return ok })
	if len(missing) == 0 {
		return of, ""
	}
	counted, err := x.count(ctx, missing)
	switch {
	case err == nil:
		maps.Copy(of, counted)
	case unmetered != nil:
		why = fmt.Sprintf("%v, and %v", unmetered, err)
	default:
		why = err.Error()
	}
	return of, why
}

// count is how many vCPUs run of each of the quotas, by the instances.
func (x *cellReader) count(ctx context.Context, codes []string) (map[string]int, error) {
	all, err := x.Quotas.Running(ctx)
	if err != nil {
		return nil, err
	}
	types := map[string]bool{}
	for k := range all {
		if q, ok := k.Quota(); ok && slices.Contains(codes, q.Code) {
			types[k.Type] = true
		}
	}
	cpus := maps.Clone(x.look.cpus)
	maps.DeleteFunc(types, func(t string, _ bool) bool { return cpus[t] > 0 })
	if len(types) > 0 {
		more, err := x.Look.CPUs(ctx, slices.Sorted(maps.Keys(types)))
		if err != nil {
			return nil, err
		}
		if cpus == nil {
			cpus = map[string]int{}
		}
		maps.Copy(cpus, more)
	}
	running := map[string]int{}
	for _, code := range codes {
		running[code] = 0
	}
	for k, n := range all {
		q, ok := k.Quota()
		if !ok || !slices.Contains(codes, q.Code) {
			continue
		}
		if cpus[k.Type] == 0 {
			return nil, fmt.Errorf("EC2 does not tell the vCPUs of %s, of which %d run", k.Type, n)
		}
		running[q.Code] += n * cpus[k.Type]
	}
	return running, nil
}
