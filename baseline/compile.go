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
	// does not. It is an extension and marked in every report.
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

const (
	idAbsent = 0 // the attribute is absent: only "*" passes (§1.3)
	idOther  = 1 // a value that no filter names
)

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
