package baseline

import (
	"errors"
	"fmt"
	"math/bits"
	"time"
)

// Evaluate judges a node against a baseline at now (UTC): what is Installed,
// Missing and so on (a Scan).
func Evaluate(b *Baseline, n Node, now time.Time, o Options) (*Result, error) {
	c, err := Compile(b, o)
	if err != nil {
		return nil, err
	}
	return c.Evaluate(n, now)
}

// Evaluate judges one node; see Catalog for many nodes with the same repositories.
func (c *Compiled) Evaluate(n Node, now time.Time) (*Result, error) {
	return c.Catalog(n.Inventory.Product, &n.Available).Evaluate(n.Inventory, now)
}

// Evaluate judges one node against what the catalog's repositories offer.
func (cat *Catalog) Evaluate(inv Inventory, now time.Time) (*Result, error) {
	p, err := cat.pass(inv, now)
	if err != nil {
		return nil, err
	}
	return p.scan(), nil
}

// pass is one evaluation of one node.
type pass struct {
	*Catalog
	now       time.Time
	inventory Inventory
	cutoffs   []int64
	streams   map[string]bool // active module streams
	provided  map[string]bool // names that an active stream provides
	installed map[packageKey]*Installed

	// missed, if set, sees every Missing decision while p.approvals still holds
	// the approvals of its package.
	missed func(*Installed, *decision)

	approvals []approval // scratch of decide
	buf       []byte     // scratch of pattern matching
	judged    int        // candidates judged
}

func (cat *Catalog) pass(inv Inventory, now time.Time) (*pass, error) {
	c := cat.compiled
	if now.IsZero() {
		return nil, errors.New("evaluating baseline: no evaluation time given")
	}
	if inv.OS != "" && inv.OS != c.os {
		return nil, fmt.Errorf("evaluating baseline %s: it is for %s, the node runs %s", c.baseline.Name, c.os, inv.OS)
	}
	if inv.Product != cat.product {
		return nil, fmt.Errorf("evaluating baseline %s: repositories of %q, node of %q", c.baseline.Name, cat.product, inv.Product)
	}
	p := &pass{Catalog: cat, now: now, inventory: inv, cutoffs: c.cutoffs(cat.family, now)}
	if len(cat.modules) > 0 || len(inv.EnabledModules) > 0 {
		p.streams, p.provided = map[string]bool{}, map[string]bool{}
		for _, m := range inv.EnabledModules {
			p.streams[m] = true
			for _, name := range cat.modules[m] {
				p.provided[name] = true
			}
		}
	}
	return p, nil
}

// verdict is the judgement of one candidate: its highest compliance level and
// what gave it. rule is a rule's index, or byList.
type verdict struct {
	ok    bool
	level level
	rule  int
}

const byList = -1

// judge is approve(candidate) of §3.
func (p *pass) judge(k *candidate) verdict {
	p.judged++
	c := p.compiled
	if !p.offered(k) {
		return verdict{}
	}
	if len(c.rejected.entries) > 0 && c.rejected.matchVersion(k.pkg, &p.buf) >= 0 {
		return verdict{} // rejected always wins
	}
	v := verdict{}
	if len(c.approved.entries)+len(c.approved.ids) > 0 && (k.meta || c.approvedNonSecurity) && p.listed(k) {
		v = verdict{ok: true, level: c.approvedLevel, rule: byList} // bypasses the filters (AMB-08)
	}
	mask := p.mask & c.first.masks[k.first] & c.second.masks[k.second]
	if mask&globalBit == 0 {
		return v
	}
	mask &^= globalBit
	if !k.meta {
		mask &= c.nonSecurity
	}
	for ; mask != 0; mask &= mask - 1 {
		i := bits.TrailingZeros32(mask)
		if k.date >= p.cutoffs[i] {
			continue
		}
		if r := &c.rules[i]; !v.ok || r.level > v.level {
			v = verdict{ok: true, level: r.level, rule: i}
		}
	}
	return v
}

func (p *pass) listed(k *candidate) bool {
	list := &p.compiled.approved
	return list.matchPackage(&k.pkg.Package, &p.buf) >= 0 || list.matchNotice(k.notice, &p.buf) >= 0
}

// offered says whether modularity lets the node see the candidate (§2, §16.4): a
// modular build or advisory needs its stream active, and a name that an active
// stream provides hides the plain builds of that name, hotfixes excepted.
func (p *pass) offered(k *candidate) bool {
	if p.streams == nil || p.family != dnf {
		return true
	}
	if k.modular {
		return p.active(k.pkg.Module) && (k.notice == nil || p.active(k.notice.Module))
	}
	return k.pkg.Hotfix || !p.provided[k.pkg.Name]
}

func (p *pass) active(stream string) bool { return stream == "" || p.streams[stream] }
