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
	missed func(*Installed, decision)

	scratch
	judged int // candidates judged
}

// scratch is memory that one evaluation after the other can use.
type scratch struct {
	approvals []approval   // of one package, by decide
	buf       []byte       // of pattern matching
	joined    []bool       // the groups of installed packages, by index
	distinct  []*Installed // what distinctInstalled returns
	items     []Item       // of the result before, if it may be overwritten
}

// Evaluator judges many nodes one after the other in the same memory: however many
// there are, only one result exists at a time. It serves one goroutine.
type Evaluator struct {
	catalog *Catalog
	scratch scratch
}

// Evaluator makes an evaluator of nodes that share the catalog's repositories.
func (cat *Catalog) Evaluator() *Evaluator { return &Evaluator{catalog: cat} }

// Evaluate is Catalog.Evaluate; the result's items are valid until the next call.
func (e *Evaluator) Evaluate(inv Inventory, now time.Time) (*Result, error) {
	p, err := e.catalog.pass(inv, now)
	if err != nil {
		return nil, err
	}
	return e.scan(p), nil
}

func (e *Evaluator) scan(p *pass) *Result {
	p.scratch = e.scratch
	r := p.scan()
	e.scratch = p.scratch
	e.scratch.items = r.Items
	return r
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

// judge is approve(candidate) of §3 for this node at this time; prejudge has done
// the rest.
func (p *pass) judge(k *candidate) verdict {
	p.judged++
	if k.rejected || !p.offered(k) {
		return verdict{}
	}
	c := p.compiled
	v := verdict{}
	if k.listed >= 0 {
		v = verdict{ok: true, level: c.approvedLevel, rule: byList}
	}
	for mask := k.rules; mask != 0; mask &= mask - 1 {
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
