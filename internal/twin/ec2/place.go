package ec2

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// zones is how many availability zones every region has.
const zones = 3

// Place is an account in a region that has been used, with its default network
// ("Default VPCs", VPC User Guide: one default VPC with a default subnet a zone and
// a default security group, made with the account).
type Place struct {
	Account string            `json:"account"`
	Region  string            `json:"region"`
	VPC     string            `json:"vpc"`
	CIDR    string            `json:"cidr"`
	Subnets []Subnet          `json:"subnets"`
	Group   string            `json:"group"`          // default security group
	Tags    map[string]string `json:"tags,omitempty"` // of the VPC
}

// Subnet is a default subnet.
type Subnet struct {
	ID   string            `json:"id"`
	Zone string            `json:"zone"`
	CIDR string            `json:"cidr"`
	Tags map[string]string `json:"tags,omitempty"`
}

// Places of all accounts and networks of the world live in no account.
func places(tx *world.Tx) *world.Rows[Place] {
	return world.Table[Place](tx.In("-", "-"), "ec2/places")
}

// place is the transaction's account and region, made at first use.
func (s *Service) place(tx *world.Tx) Place {
	key := tx.Account + "/" + tx.Region
	if p, ok := places(tx).Get(key); ok {
		return p
	}
	prefix := s.prefix(tx)
	p := Place{Account: tx.Account, Region: tx.Region, VPC: tx.ID("vpc-"), CIDR: prefix + ".0.0/16"}
	for i := range zones {
		p.Subnets = append(p.Subnets, Subnet{
			ID: tx.ID("subnet-"), Zone: tx.Region + string(rune('a'+i)),
			CIDR: fmt.Sprintf("%s.%d.0/18", prefix, i*64),
		})
	}
	p.Group = tx.ID("sg-")
	groups(tx).Put(p.Group, SecurityGroup{
		ID: p.Group, Name: "default", Description: "default VPC security group", VPC: p.VPC,
		Rules: []Rule{{ID: tx.ID("sgr-"), Protocol: "-1", From: -1, To: -1, Group: p.Group}},
	})
	places(tx).Put(key, p)
	return p
}

// Open makes the transaction's account and region usable before anything is in it.
func (s *Service) Open(tx *world.Tx) { s.place(tx) }

// Zones are the names of the region's availability zones.
func (s *Service) Zones(tx *world.Tx) (names []string) {
	for _, sub := range s.place(tx).Subnets {
		names = append(names, sub.Zone)
	}
	return names
}

func (p Place) subnet(id string) (Subnet, bool) {
	for _, s := range p.Subnets {
		if s.ID == id {
			return s, true
		}
	}
	return Subnet{}, false
}

func (p Place) zone(name string) (Subnet, int, bool) {
	for i, s := range p.Subnets {
		if s.Zone == name {
			return s, i, true
		}
	}
	return Subnet{}, 0, false
}

// network is the world's loopback network: 127.<a>, and who has which address.
type network struct {
	Prefix string `json:"prefix"`
	Next   int    `json:"next"`
}

// prefix is 127.a: configured, or from the seed.
func (s *Service) prefix(tx *world.Tx) string {
	rows := world.Table[network](tx.In("-", "-"), "ec2/network")
	n, ok := rows.Get("network")
	if !ok {
		n.Prefix = s.Network
		if n.Prefix == "" {
			a, _ := strconv.ParseUint(tx.Hex(4), 16, 32) // four hex digits always parse
			n.Prefix = fmt.Sprintf("127.%d", 1+a%254)
		}
		rows.Put("network", n)
	}
	return n.Prefix
}

// address gives an instance of a content the next free address of its zone's subnet, so
// that one that has just been given back is not taken at once by another machine. What
// another twin of this host has claimed for a machine of its own is not free: of 254
// networks two twins may have the same.
func (s *Service) address(tx *world.Tx, instance, content string, zone int) (string, error) {
	prefix := s.prefix(tx)
	nets := world.Table[network](tx.In("-", "-"), "ec2/network")
	taken := world.Table[string](tx.In("-", "-"), "ec2/addresses")
	n, _ := nets.Get("network")
	c, _ := contents(tx).Get(content)
	claimer, _ := s.b.(backing.Claimer)
	for range 64 * 250 {
		i := n.Next
		n.Next = (n.Next + 1) % (64 * 250)
		a := fmt.Sprintf("%s.%d.%d", prefix, zone*64+i/250, 1+i%250)
		if _, used := taken.Get(a); used {
			continue
		}
		if claimer != nil {
			if at, err := netip.ParseAddr(a); err != nil || !claimer.Claim(c.Image, at) {
				continue
			}
		}
		taken.Put(a, instance)
		nets.Put("network", n)
		return a, nil
	}
	return "", noAddress(prefix)
}

func release(tx *world.Tx, address string) {
	world.Table[string](tx.In("-", "-"), "ec2/addresses").Delete(address)
}
