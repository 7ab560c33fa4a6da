package ec2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// networkTags are the tags of the default VPC or of one of its subnets, with how to give
// it others; false: the place has no such thing.
func networkTags(tx *world.Tx, id string) (tagged, bool) {
	key := tx.Account + "/" + tx.Region
	p, ok := places(tx).Get(key)
	if !ok {
		return tagged{}, false
	}
	if p.VPC == id {
		return tagged{types.ResourceTypeVpc, p.Tags, func(t map[string]string) { p.Tags = t; places(tx).Put(key, p) }}, true
	}
	k := slices.IndexFunc(p.Subnets, func(s Subnet) bool { return s.ID == id })
	if k < 0 {
		return tagged{}, false
	}
	return tagged{types.ResourceTypeSubnet, p.Subnets[k].Tags, func(t map[string]string) {
		p.Subnets = slices.Clone(p.Subnets) // the row that was read stays as it is
		p.Subnets[k].Tags = t
		places(tx).Put(key, p)
	}}, true
}
