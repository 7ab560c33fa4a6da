package rollout

import (
	"encoding/json"
	"slices"

	"github.com/goldenami/rehydrate/rollout/estimate"
)

// launches is what a template version says of the instances that it launches.
type launches struct {
	InstanceType          string
	InstanceRequirements  json.RawMessage
	InstanceMarketOptions struct{ MarketType string }
}

func (x *cellReader) launches(p GroupPlan) launches {
	var out launches
	v := x.versions[versionKey{p.Template.ID, p.InUse}]
	if len(v.Data) == 0 || json.Unmarshal(v.Data, &out) != nil {
		return launches{} // nothing is known of it, and Diff says so
	}
	return out
}

// types are the instance types that a group may launch: those of its mixed-instances
// policy, else its template's, else what runs. None are known where EC2 chooses them.
func (x *cellReader) types(g Group, p GroupPlan) []string {
	l := x.launches(p)
	var out []string
	switch {
	case g.ByAttributes || len(g.Types) == 0 && len(l.InstanceRequirements) > 0:
		return nil
	case len(g.Types) > 0:
		out = slices.Clone(g.Types)
	case l.InstanceType != "":
		return []string{l.InstanceType}
	default:
		for _, m := range g.Instances {
			if m.Type != "" {
				out = append(out, m.Type)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// kinds are what a group may launch, with how it buys it: a policy with Spot instances
// and On-Demand ones may launch either.
func (x *cellReader) kinds(g Group, p GroupPlan) []estimate.Kind {
	spot := len(g.Mixed) == 0 && x.launches(p).InstanceMarketOptions.MarketType == "spot"
	var out []estimate.Kind
	for _, t := range x.types(g, p) {
		if !spot && (g.Spot < 100 || g.OnDemandBase > 0) {
			out = append(out, estimate.Kind{Type: t})
		}
		if spot || g.Spot > 0 {
			out = append(out, estimate.Kind{Type: t, Spot: true})
		}
	}
	return out
}

// surge is how many instances there may be over those that are wanted now. Units of
// capacity are as many instances as the smallest weight makes of them.
func surge(g Group, b Bounds) int {
	over := max(0, b.Ceiling-g.Desired)
	if g.MinWeight > 1 {
		over = (over + g.MinWeight - 1) / g.MinWeight
	}
	return over
}
