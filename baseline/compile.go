package baseline

import (
	"fmt"
	"math"
	"time"
)

// Options are the choices of an evaluation that are not part of a baseline.
type Options struct {
	Switches Switches `json:"switches,omitzero"`
	// AptApprovalDelay honours ApproveAfterDays on Debian and Ubuntu, which SSM
	// does not (DESIGN §6.10). It is an extension and marked in every report.
	AptApprovalDelay bool `json:"aptApprovalDelay,omitempty"`
	// NotApplicableLimit is how many NotApplicable items are reported; the rest
	// is UnreportedNotApplicableCount (§16.8). 0: no limit.
	NotApplicableLimit int `json:"notApplicableLimit,omitempty"`
}

// ExtensionAptDelay marks locks and results made under AptApprovalDelay.
const ExtensionAptDelay = "apt-approval-delay"

// Compiled is a baseline prepared for many evaluations: patterns and filters
// compiled once. It is immutable and safe for concurrent use.
type Compiled struct {
	baseline *Baseline
	os       OperatingSystem
	world    world
	opts     Options

	product, first, second keyMasks // PRODUCT and the two further keys of a Linux filter
	rules                  []compiledRule
	nonSecurity            uint32 // the rules with EnableNonSecurity, as bits

	approved, rejected  patternList
	approvedLevel       level
	approvedNonSecurity bool
	block               bool
}

type compiledRule struct {
	name   string
	level  level
	days   int
	until  int64 // seconds; what is older is approved; 0: days count
	delays bool  // a date is needed under the apt extension
}

// globalBit stands for the GlobalFilters among the rule bits of a mask.
const globalBit = 1 << 31

// Compile prepares b. It refuses what Validate refuses, except the name, which
// the entries of a BaselineOverride may lack. b must not change afterwards.
func Compile(b *Baseline, o Options) (*Compiled, error) {
	v := &faultList{}
	b.validateOverride(v, "")
	if err := v.err("baseline " + b.Name); err != nil {
		return nil, err
	}
	if err := o.Switches.Validate(); err != nil {
		return nil, err
	}
	os := b.os()
	c := &Compiled{
		baseline: b, os: os, world: worldOf(os), opts: o,
		approved:            compileList(os, b.ApprovedPatches, true),
		rejected:            compileList(os, b.RejectedPatches, false),
		approvedNonSecurity: isTrue(b.ApprovedPatchesEnableNonSecurity),
		block:               b.RejectedPatchesAction == Block,
	}
	c.approvedLevel, _ = parseLevel(b.ApprovedPatchesComplianceLevel)
	for i, r := range b.rules() {
		cr := compiledRule{name: fmt.Sprintf("approval_rule[%d]", i), delays: r.ApproveUntilDate != ""}
		cr.level, _ = parseLevel(r.ComplianceLevel)
		if r.ApproveAfterDays != nil {
			cr.days = *r.ApproveAfterDays
			cr.delays = cr.days > 0
		}
		if day, ok := parseDay(r.ApproveUntilDate); ok {
			cr.until = day.Unix() + secondsPerDay
		}
		if isTrue(r.EnableNonSecurity) {
			c.nonSecurity |= 1 << i
		}
		c.rules = append(c.rules, cr)
	}
	first, second := "CLASSIFICATION", "SEVERITY"
	if c.world == worldDeb {
		first, second = "SECTION", "PRIORITY"
	}
	c.product, c.first, c.second = c.masks("PRODUCT"), c.masks(first), c.masks(second)
	return c, nil
}

const secondsPerDay = 24 * 60 * 60

func isTrue(b *bool) bool { return b != nil && *b }

func (b *Baseline) rules() []PatchRule {
	if b.ApprovalRules == nil {
		return nil
	}
	return b.ApprovalRules.PatchRules
}

func (g *PatchFilterGroup) filters() []PatchFilter {
	if g == nil {
		return nil
	}
	return g.PatchFilters
}

// keyMasks answers, for one filter key, which rules a value passes: one bit a
// rule, and globalBit. Values that no filter names share one answer.
type keyMasks struct {
	ids   map[string]int32 // folded value → index in masks
	masks []uint32
}

const (
	idAbsent = 0 // the attribute is absent: only "*" passes (§1.3)
	idOther  = 1 // a value that no filter names
)

func (c *Compiled) masks(key string) keyMasks {
	k := keyMasks{ids: map[string]int32{}}
	groups := c.groups()
	for _, g := range groups {
		for _, f := range g.filters {
			if f.Key != key {
				continue
			}
			for _, v := range f.Values {
				v = c.foldValue(key, v)
				if _, ok := k.ids[v]; !ok {
					k.ids[v] = int32(len(k.ids)) + 2
				}
			}
		}
	}
	k.masks = make([]uint32, len(k.ids)+2)
	values := make([]string, len(k.masks)) // "" stands for absent and for other
	for v, id := range k.ids {
		values[id] = v
	}
	for id, v := range values {
		for _, g := range groups {
			if c.passes(key, v, g.filters) {
				k.masks[id] |= g.bit
			}
		}
	}
	return k
}

// ruleFilters are the filters of one rule, or the global ones.
type ruleFilters struct {
	bit     uint32
	filters []PatchFilter
}

func (c *Compiled) groups() []ruleFilters {
	out := []ruleFilters{{globalBit, c.baseline.GlobalFilters.filters()}}
	for i, r := range c.baseline.rules() {
		out = append(out, ruleFilters{1 << i, r.PatchFilterGroup.filters()})
	}
	return out
}

// passes tests every filter of one key: values are ORed, filters ANDed, a
// repeated key is ANDed too (§3). The empty value passes only "*".
func (c *Compiled) passes(key, value string, filters []PatchFilter) bool {
	for _, f := range filters {
		if f.Key == key && !c.test(f, value) {
			return false
		}
	}
	return true
}

func (c *Compiled) test(f PatchFilter, value string) bool {
	for _, v := range f.Values {
		if v == "*" || (value != "" && c.foldValue(f.Key, v) == value) {
			return true
		}
	}
	return false
}

// foldValue brings a value to the form in which it is compared: without case
// (AMB-06), Moderate as Medium on Amazon Linux 2022 and 2023 (AMB-07).
func (c *Compiled) foldValue(key, v string) string {
	v = foldString(v)
	if key == "SEVERITY" && v == "moderate" && (c.os == AmazonLinux2022 || c.os == AmazonLinux2023) {
		return "medium"
	}
	return v
}

func (c *Compiled) id(k *keyMasks, key, value string) int32 {
	if id, ok := k.ids[value]; ok { // the usual spelling needs no folding
		return id
	}
	if id, ok := k.ids[c.foldValue(key, value)]; ok {
		return id
	}
	return idOther
}

// cutoffs gives for each rule the second before which a date is due: strictly
// older is approved (AMB-02). apt and macOS know no delay (§3), apt does under
// the extension.
func (c *Compiled) cutoffs(f family, now time.Time) []int64 {
	out := make([]int64, len(c.rules))
	ceil := now.Unix()
	if now.Nanosecond() > 0 {
		ceil++
	}
	for i, r := range c.rules {
		switch {
		case f == mac || (f == apt && !(c.opts.AptApprovalDelay && r.days+int(r.until) > 0)):
			out[i] = math.MaxInt64
		case r.until != 0:
			out[i] = r.until
		default:
			out[i] = ceil - int64(r.days)*secondsPerDay
		}
	}
	return out
}

// ruleName is what results and locks call an approval.
func (c *Compiled) ruleName(i int) string {
	if i == byList {
		return "approved_patches"
	}
	return c.rules[i].name
}
