package autoscaling

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// maxDelay bounds checkpoint delay and bake time: 48 hours.
const maxDelay = 172800

// preferences checks a refresh's preferences and fills in the API's defaults, which
// differ from the console's ("Understand the default values for an instance refresh",
// user guide). MaxHealthyPercentage stays unset without a value: leaving it out is
// not the same as 100 (API reference).
func preferences(g group, in *types.RefreshPreferences) (types.RefreshPreferences, error) {
	var p types.RefreshPreferences
	if in != nil {
		p = *in
	}
	if err := percentages(p.MinHealthyPercentage, p.MaxHealthyPercentage); err != nil {
		return p, err
	}
	if m := g.Spec.InstanceMaintenancePolicy; m != nil && p.MinHealthyPercentage == nil && p.MaxHealthyPercentage == nil && aws.ToInt32(m.MinHealthyPercentage) >= 0 {
		p.MinHealthyPercentage, p.MaxHealthyPercentage = m.MinHealthyPercentage, m.MaxHealthyPercentage
	}
	p.MinHealthyPercentage = or(p.MinHealthyPercentage, 90)
	if p.InstanceWarmup == nil {
		p.InstanceWarmup = aws.Int32(int32(g.warmup().Seconds()))
	}
	if *p.InstanceWarmup < 0 {
		return p, invalid("The value '%d' for InstanceWarmup is negative.", *p.InstanceWarmup)
	}
	if err := checkpoints(&p); err != nil {
		return p, err
	}
	if b := p.BakeTime; b != nil && (*b < 0 || *b > maxDelay) {
		return p, invalid("The value '%d' for BakeTime is not between 0 and %d.", *b, maxDelay)
	}
	if a := p.AlarmSpecification; a != nil && len(a.Alarms) > 10 {
		return p, invalid("You may specify at most 10 alarms.")
	}
	p.AutoRollback, p.SkipMatching = aws.Bool(aws.ToBool(p.AutoRollback)), aws.Bool(aws.ToBool(p.SkipMatching))
	if p.ScaleInProtectedInstances == "" {
		p.ScaleInProtectedInstances = types.ScaleInProtectedInstancesWait
	}
	if p.StandbyInstances == "" {
		p.StandbyInstances = types.StandbyInstancesWait
	}
	if !slices.Contains(p.ScaleInProtectedInstances.Values(), p.ScaleInProtectedInstances) || !slices.Contains(p.StandbyInstances.Values(), p.StandbyInstances) {
		return p, invalid("ScaleInProtectedInstances must be Refresh, Ignore or Wait, and StandbyInstances Terminate, Ignore or Wait.")
	}
	return p, nil
}

func checkpoints(p *types.RefreshPreferences) error {
	last := int32(0)
	for _, c := range p.CheckpointPercentages {
		if c <= last || c > 100 {
			return invalid("CheckpointPercentages must be unique, in ascending order and between 1 and 100.")
		}
		last = c
	}
	switch d := p.CheckpointDelay; {
	case len(p.CheckpointPercentages) == 0 && d != nil:
		return invalid("CheckpointDelay cannot be specified without CheckpointPercentages.")
	case len(p.CheckpointPercentages) == 0:
	case d == nil:
		p.CheckpointDelay = aws.Int32(3600)
	case *d < 0 || *d > maxDelay:
		return invalid("The value '%d' for CheckpointDelay is not between 0 and %d.", *d, maxDelay)
	}
	return nil
}
