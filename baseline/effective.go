package baseline

import "time"

// EffectivePatch is one row of DescribeEffectivePatchesForPatchBaseline (§4).
type EffectivePatch struct {
	KB     string `json:"kb"`
	Status string `json:"status"`
	// ApprovalDate is release + days of the first rule that takes the update
	// (§16.8); zero for explicit ones.
	ApprovalDate time.Time `json:"approvalDate,omitzero"`
}

// EffectivePatches lists what a Windows baseline makes of a catalogue.
func EffectivePatches(b *Baseline, product string, updates []Update, now time.Time, o Options) ([]EffectivePatch, error) {
	c, err := Compile(b, o)
	if err != nil {
		return nil, err
	}
	p, err := c.Catalog(product, &Available{Updates: updates}).pass(Inventory{OS: c.os, Product: product}, now)
	if err != nil {
		return nil, err
	}
	var out []EffectivePatch
	for _, k := range p.knowledge() {
		status := deploymentStatus(p.judgeKB(k))
		if k.superseded || status == "" {
			continue
		}
		e := EffectivePatch{KB: k.KB, Status: status}
		if status == DeploymentApproved || status == DeploymentPendingApproval {
			if _, from, ok := p.opensKB(k); ok {
				e.ApprovalDate = from.Add(-time.Second)
			}
		}
		out = append(out, e)
	}
	return out, nil
}
