package ec2

import "github.com/goldenami/rehydrate/internal/twin/world"

// usageClass is what CloudWatch's usage metric calls the modelled families, bought On-Demand:
// all of them are Standard ones ("Amazon EC2 instance type quotas", Amazon EC2 Instance Types
// Guide), and Spot is not modelled.
const usageClass = "Standard/OnDemand"

// VCPUs are the vCPUs in use of the account's Region, by the Class of their usage metric.
// Only running instances count (the guide's "On-Demand Instance quotas"); a class of which
// none runs is left out.
func (s *Service) VCPUs(tx *world.Tx) map[string]float64 {
	n := map[string]int{}
	for _, i := range instances(tx).Each() {
		if i.State == stateRunning {
			n[i.Type]++
		}
	}
	out := map[string]float64{}
	for name, n := range n {
		t, _ := lookType(name) // others cannot be launched
		out[usageClass] += float64(n) * float64(t.VCPUs)
	}
	return out
}
