package groups

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/rollout"
)

// around is what a plan shows of a group beside what it launches from.
func around(g *rollout.Group, x types.AutoScalingGroup) {
	g.Balanced = len(x.TargetGroupARNs)+len(x.LoadBalancerNames)+len(x.TrafficSources) > 0
	g.Lifetime = time.Duration(aws.ToInt32(x.MaxInstanceLifetime)) * time.Second
	for _, s := range strings.Split(aws.ToString(x.VPCZoneIdentifier), ",") {
		if s = strings.TrimSpace(s); s != "" {
			g.Subnets = append(g.Subnets, s)
		}
	}
	if len(g.Subnets) == 0 {
		g.Zones = x.AvailabilityZones
	}
	if len(x.Tags) > 0 {
		g.Tags = map[string]string{}
	}
	for _, t := range x.Tags {
		g.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	switch {
	case aws.ToInt32(x.DefaultInstanceWarmup) >= 0 && x.DefaultInstanceWarmup != nil: // -1 switches it off
		g.Warmup = length(*x.DefaultInstanceWarmup)
	case x.HealthCheckGracePeriod != nil:
		g.Warmup = length(*x.HealthCheckGracePeriod)
	}
	if p := x.InstanceMaintenancePolicy; p != nil && aws.ToInt32(p.MinHealthyPercentage) >= 0 {
		g.PolicyMin, g.PolicyMax = percent(p.MinHealthyPercentage), percent(p.MaxHealthyPercentage)
	}
	if m := x.MixedInstancesPolicy; m != nil {
		mixed(g, m)
	}
}

func mixed(g *rollout.Group, m *types.MixedInstancesPolicy) {
	if m.LaunchTemplate != nil {
		for _, o := range m.LaunchTemplate.Overrides {
			if t := aws.ToString(o.InstanceType); t != "" && !slices.Contains(g.Types, t) {
				g.Types = append(g.Types, t)
			}
			g.ByAttributes = g.ByAttributes || o.InstanceRequirements != nil
			if w, err := strconv.Atoi(aws.ToString(o.WeightedCapacity)); err == nil {
				if g.MinWeight == 0 || w < g.MinWeight {
					g.MinWeight = w
				}
				g.MaxWeight = max(g.MaxWeight, w)
			}
		}
	}
	if d := m.InstancesDistribution; d != nil && d.OnDemandPercentageAboveBaseCapacity != nil {
		g.Spot = 100 - int(*d.OnDemandPercentageAboveBaseCapacity)
		g.OnDemandBase = int(aws.ToInt32(d.OnDemandBaseCapacity))
	}
}

func length(seconds int32) *time.Duration {
	d := time.Duration(seconds) * time.Second
	return &d
}

func percent(p *int32) *int {
	if p == nil {
		return nil
	}
	n := int(*p)
	return &n
}
