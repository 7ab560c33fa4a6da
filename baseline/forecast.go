package baseline

import (
	"slices"
	"strings"
	"time"
)

// Forecast is one approval to come: a package that some rule's delay still holds
// back.
type Forecast struct {
	ID           string    `json:"id"`
	Version      string    `json:"version"`
	Advisory     string    `json:"advisory,omitempty"`
	CVEs         []string  `json:"cves,omitempty"`
	ApprovedFrom time.Time `json:"approvedFrom"` // the first second
	Rule         string    `json:"rule"`
	Installed    string    `json:"installed,omitempty"` // version now installed
}

// ForecastApprovals lists what becomes approved within d from now if nothing is
// published or changed meanwhile, earliest first: versions newer than the
// installed ones, on Windows updates that apply. Packages that are not installed
// are left out.
func ForecastApprovals(b *Baseline, n Node, now time.Time, d time.Duration, o Options) ([]Forecast, error) {
	c, err := Compile(b, o)
	if err != nil {
		return nil, err
	}
	p, err := c.Catalog(n.Inventory.Product, &n.Available).pass(n.Inventory, now)
	if err != nil {
		return nil, err
	}
	var out []Forecast
	if p.family == windows {
		out = p.forecastWindows()
	} else {
		out = p.forecastPackages()
	}
	end := now.Add(d)
	out = slices.DeleteFunc(out, func(f Forecast) bool { return f.ApprovedFrom.After(end) })
	slices.SortStableFunc(out, func(x, y Forecast) int {
		if c := x.ApprovedFrom.Compare(y.ApprovedFrom); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return out, nil
}

func (p *pass) forecastPackages() []Forecast {
	var out []Forecast
	for _, inst := range p.distinctInstalled() {
		g := p.groupOf(p.key(&inst.Package))
		if g == nil {
			continue
		}
		for i := range g.candidates {
			k := &g.candidates[i]
			if comparePackages(p.compiled.world, &k.pkg.Package, &inst.Package) <= 0 {
				continue
			}
			if rule, from, ok := p.opens(k); ok {
				out = append(out, Forecast{
					ID: ItemID(p.compiled.os, inst.Package), Version: FullVersion(p.compiled.os, k.pkg.Package),
					Advisory: noticeID(k.notice), CVEs: sortedStrings(p.cvesOf(k)),
					ApprovedFrom: from, Rule: p.compiled.ruleName(rule), Installed: FullVersion(p.compiled.os, inst.Package),
				})
			}
		}
	}
	return out
}

// opens finds the rule that approves a candidate first, for one that is not
// approved now.
func (p *pass) opens(k *candidate) (rule int, from time.Time, ok bool) {
	c := p.compiled
	if p.judge(k).ok || !p.offered(k) || k.date == never || k.rejected {
		return 0, from, false
	}
	for i, r := range c.rules {
		if k.rules&(1<<i) == 0 || r.until != 0 {
			continue
		}
		if t := approvedFrom(k.date, r.days); !ok || t.Before(from) {
			rule, from, ok = i, t, true
		}
	}
	return rule, from, ok
}

func (p *pass) forecastWindows() []Forecast {
	var out []Forecast
	for _, k := range p.knowledge() {
		v := p.judgeKB(k)
		if k.superseded || k.installed() || k.NotApplicable || v.ok || v.rejected || !v.pending {
			continue
		}
		if rule, from, ok := p.opensKB(k); ok {
			out = append(out, Forecast{ID: k.KB, Version: k.KB, Advisory: k.Bulletin,
				CVEs: sortedStrings(k.CVEs), ApprovedFrom: from, Rule: p.compiled.ruleName(rule)})
		}
	}
	return out
}

func (p *pass) opensKB(k *kbase) (rule int, from time.Time, ok bool) {
	for i, r := range p.compiled.baseline.rules() {
		if p.compiled.rules[i].until != 0 || !slices.ContainsFunc(k.revisions, func(u *Update) bool { return p.ruleTakes(u, r) }) {
			continue
		}
		if t := approvedFrom(releaseOf(k.Update), p.compiled.rules[i].days); !ok || t.Before(from) {
			rule, from, ok = i, t, true
		}
	}
	return rule, from, ok
}
