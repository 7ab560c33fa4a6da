package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"

	"github.com/goldenami/rehydrate/baseline"
)

// resolver turns the schema into the value, gathering every fault.
type resolver struct {
	cfg   *Config
	diags hcl.Diagnostics
}

func (r *resolver) fault(at hcl.Range, summary, format string, args ...any) {
	r.diags = append(r.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &at})
}

func (r *resolver) file(s *fileSchema) {
	if s.Artifacts != nil {
		r.cfg.Artifacts = Artifacts{Bucket: s.Artifacts.Bucket, Prefix: strings.Trim(s.Artifacts.Prefix, "/")}
		if p := r.cfg.Artifacts.Prefix; !prefixRE.MatchString(p) {
			r.fault(s.Artifacts.Range, "Wrong prefix", "prefix is %q; write folders of letters, digits, dots, hyphens and underscores, such as golden/web.", p)
		}
	}
	r.journal(s.Journal)
	if s.Twin != nil {
		r.cfg.Twin = &Twin{World: r.beside(s.Twin.World), Set: s.Twin.Set}
	}
	for i := range s.Baselines {
		r.baseline(&s.Baselines[i])
	}
	for i := range s.Accounts {
		r.account(&s.Accounts[i])
	}
	for i := range s.Images {
		r.image(&s.Images[i])
	}
	for i := range s.Fleets {
		r.fleet(&s.Fleets[i])
	}
	for i := range s.Freezes {
		r.freeze(&s.Freezes[i])
	}
	for i := range s.Notify {
		r.notify(&s.Notify[i])
	}
	for i := range s.Schedules {
		r.schedule(&s.Schedules[i])
	}
	r.andon(s.Andon)
}

// prefixRE is what goes into a URL as it is; nodes fetch their files by one.
var prefixRE = regexp.MustCompile(`^([a-zA-Z0-9_][a-zA-Z0-9_.-]*(/[a-zA-Z0-9_][a-zA-Z0-9_.-]*)*)?$`)

// beside is a path that the file names, which is relative to the file's own folder.
func (r *resolver) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.cfg.File), path)
}

func (r *resolver) baseline(s *baselineSchema) {
	if _, dup := r.cfg.Baselines[s.Label]; dup {
		r.fault(s.Range, "Duplicate baseline", "A baseline named %q stands above.", s.Label)
		return
	}
	b := &Baseline{Label: s.Label, Options: baseline.Options{AptApprovalDelay: s.AptApprovalDelay}}
	r.cfg.Baselines[s.Label] = b // so that references to a faulty block are not faults too
	if s.File != "" {
		data, err := os.ReadFile(r.beside(s.File))
		if err == nil {
			b.Baseline, err = baseline.Parse(data)
		}
		if err != nil {
			r.fault(s.Range, "Baseline refused", "In baseline %q: %s: %s.", s.Label, s.File, err)
		}
		return
	}
	b.Baseline = s.value()
	if err := b.Baseline.Validate(); err != nil {
		r.fault(s.Range, "Baseline refused", "In baseline %q: %s.", s.Label, err)
	}
}

func (s *baselineSchema) value() *baseline.Baseline {
	b := &baseline.Baseline{
		Name: s.Name, Description: s.Description, OperatingSystem: baseline.OperatingSystem(s.OperatingSystem),
		ApprovedPatches: s.ApprovedPatches, ApprovedPatchesComplianceLevel: s.ApprovedComplianceLevel,
		ApprovedPatchesEnableNonSecurity: s.ApprovedEnableNonSecurity, RejectedPatches: s.RejectedPatches,
		RejectedPatchesAction: s.RejectedPatchesAction, AvailableSecurityUpdatesComplianceStatus: s.AvailableSecurityCompliance,
	}
	if b.Name == "" {
		b.Name = s.Label
	}
	if len(s.GlobalFilters) > 0 {
		b.GlobalFilters = &baseline.PatchFilterGroup{PatchFilters: filters(s.GlobalFilters)}
	}
	if len(s.ApprovalRules) > 0 {
		b.ApprovalRules = &baseline.PatchRuleGroup{}
	}
	for _, r := range s.ApprovalRules {
		b.ApprovalRules.PatchRules = append(b.ApprovalRules.PatchRules, baseline.PatchRule{
			PatchFilterGroup: &baseline.PatchFilterGroup{PatchFilters: filters(r.Filters)},
			ComplianceLevel:  r.ComplianceLevel, ApproveAfterDays: r.ApproveAfterDays,
			ApproveUntilDate: r.ApproveUntilDate, EnableNonSecurity: r.EnableNonSecurity,
		})
	}
	for _, src := range s.Sources {
		b.Sources = append(b.Sources, baseline.PatchSource(src))
	}
	return b
}

func filters(in []filterSchema) []baseline.PatchFilter {
	out := []baseline.PatchFilter{}
	for _, f := range in {
		out = append(out, baseline.PatchFilter(f))
	}
	return out
}

// reference reads baseline.NAME or image.NAME and finds NAME among the labels.
func (r *resolver) reference(e hcl.Expression, kind string, labels []string) string {
	t, diags := hcl.AbsTraversalForExpr(e)
	if diags.HasErrors() || len(t) != 2 || t.RootName() != kind {
		r.fault(e.Range(), "Wrong reference", "Write %s.NAME, with the name of a %s block.", kind, kind)
		return ""
	}
	attr, ok := t[1].(hcl.TraverseAttr)
	if !ok {
		r.fault(e.Range(), "Wrong reference", "Write %s.NAME, with the name of a %s block.", kind, kind)
		return ""
	}
	for _, l := range labels {
		if l == attr.Name {
			return l
		}
	}
	r.fault(e.Range(), "Unknown "+kind, "There is no %s block named %q.%s", kind, attr.Name, nearest(attr.Name, labels))
	return ""
}

// nearest is a sentence that offers the closest of the valid words.
func nearest(word string, valid []string) string {
	best, at := "", 4
	for _, v := range valid {
		if d := levenshtein.Distance(word, v, nil); d < at {
			best, at = v, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf(" Did you mean %q?", best)
	case len(valid) > 0:
		return " There are: " + strings.Join(valid, ", ") + "."
	}
	return ""
}

var percentRE = regexp.MustCompile(`^([0-9]{1,3})%?$`)

func (r *resolver) percent(at hcl.Range, field, s string, def, low, high int) int {
	if s == "" {
		return def
	}
	m := percentRE.FindStringSubmatch(s)
	if m == nil {
		r.fault(at, "Wrong percentage", "%s is %q; write it as \"90%%\".", field, s)
		return def
	}
	n, _ := strconv.Atoi(m[1]) // the pattern admits digits only
	if n < low || n > high {
		r.fault(at, "Percentage out of range", "%s is %d; Auto Scaling takes %d to %d.", field, n, low, high)
	}
	return n
}

func (r *resolver) duration(at hcl.Range, field, s string, limit time.Duration) time.Duration {
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		r.fault(at, "Wrong duration", "%s is %q; write it as \"30m\" or \"1h30m\".", field, s)
		return 0
	}
	if limit > 0 && d > limit {
		r.fault(at, "Duration too long", "%s is %s; at most %s.", field, d, limit)
	}
	return d
}
