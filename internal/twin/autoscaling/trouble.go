package autoscaling

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// capacityCode is EC2's code for a zone without capacity of an instance type.
const capacityCode = "InsufficientInstanceCapacity"

// spotNotice is how long before a Spot interruption it is announced ("Spot Instance
// interruption notices", EC2 User Guide).
const spotNotice = 2 * time.Minute

// home is an account and region that has or had groups.
type home struct{ Account, Region string }

func homes(tx *world.Tx) *world.Rows[home] {
	return world.Table[home](tx.In("-", "-"), "autoscaling/homes")
}

// settled notes the transaction's account and region.
func settled(tx *world.Tx) {
	key := tx.Account + "/" + tx.Region
	if _, ok := homes(tx).Get(key); !ok {
		homes(tx).Put(key, home{tx.Account, tx.Region})
	}
}

// spotNoticed hears of announced interruptions. EC2 itself ends the instances, and
// without Capacity Rebalancing nothing is done before ("Use Capacity Rebalancing",
// user guide).
func (s *Service) spotNoticed(tx *world.Tx, o world.Outage) {
	for _, p := range homes(tx).All() {
		if !o.In(p.Account, p.Region) {
			continue
		}
		at := tx.In(p.Account, p.Region)
		for name, g := range groups(at).All() {
			if b := g.Spec.CapacityRebalance; b == nil || !*b {
				continue
			}
			for id, m := range members(at, name).All() {
				if m.State != types.LifecycleStateInService || !m.Reclaim.IsZero() {
					continue
				}
				i, ok := s.ec2.Instance(at, id)
				if ok && o.Hits(world.Subject{ID: id, Type: m.Type, Zone: m.Zone, Tags: i.Tags}) {
					m.Reclaim = tx.Now.Add(spotNotice)
					members(at, name).Put(id, m)
					wake(at, name, tx.Now)
				}
			}
		}
	}
}
