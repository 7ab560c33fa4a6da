package baseline

import (
	"fmt"
	"slices"
	"strings"
)

func (l *linter) filters(path string, filters []PatchFilter) {
	for i, f := range filters {
		at := fmt.Sprintf("%s.PatchFilters[%d]", path, i)
		for _, v := range f.Values {
			switch {
			case knownValue(l.os, f.Key, v):
			case f.Key == "PRODUCT":
				l.warn("unknown-product", at, fmt.Sprintf("%q is in no list of known products; the service may refuse it", v))
			default:
				l.warn("unknown-value", at, fmt.Sprintf("%s never has the value %q as far as is known", f.Key, v))
			}
		}
		if len(f.Values) > 1 && slices.Contains(f.Values, "*") {
			l.warn("redundant-values", at, "* passes everything, the other values do nothing")
		}
	}
}

func (l *linter) rule(i int) {
	r := l.b.rules()[i]
	at := fmt.Sprintf("ApprovalRules.PatchRules[%d]", i)
	filters := r.PatchFilterGroup.filters()
	l.filters(at+".PatchFilterGroup", filters)
	l.unreachable(at, filters)
	if l.os == Windows {
		l.windowsRule(at, r, filters)
	}
	if worldOf(l.os) == worldDeb && (r.ApproveAfterDays != nil && *r.ApproveAfterDays > 0 || r.ApproveUntilDate != "") {
		l.warn("apt-delay-ignored", at, "Patch Manager knows no delay on this system: the rule approves at once, unless the approval-delay extension is on")
	}
	if l.os == MacOS && (r.ApproveAfterDays != nil && *r.ApproveAfterDays > 0 || r.ApproveUntilDate != "") {
		l.warn("macos-delay-ignored", at, "macOS packages carry no date: the rule approves at once")
	}
	if isTrue(r.EnableNonSecurity) && worldOf(l.os) == worldRPM && narrows(filters, "CLASSIFICATION", "SEVERITY") {
		l.warn("non-security-without-effect", at+".EnableNonSecurity",
			"a package without an advisory never passes a CLASSIFICATION or SEVERITY filter other than *")
	}
	if l.os == CentOS && !isTrue(r.EnableNonSecurity) {
		l.warn("centos-no-advisories", at, "the default CentOS repositories have no advisories: without EnableNonSecurity the rule approves nothing")
	}
}

// narrows says whether a filter on one of the keys has no "*".
func narrows(filters []PatchFilter, keys ...string) bool {
	return slices.ContainsFunc(filters, func(f PatchFilter) bool {
		return slices.Contains(keys, f.Key) && !slices.Contains(f.Values, "*")
	})
}

// unreachable reports a rule whose filters, with the global ones, exclude each
// other: all filters of one key are ANDed and share no value.
func (l *linter) unreachable(at string, filters []PatchFilter) {
	all := append(slices.Clone(l.b.GlobalFilters.filters()), filters...)
	seen := map[string][]string{}
	for _, f := range all {
		if slices.Contains(f.Values, "*") {
			continue
		}
		values, narrowed := seen[f.Key]
		if !narrowed {
			seen[f.Key] = f.Values
			continue
		}
		common := slices.DeleteFunc(slices.Clone(values), func(v string) bool {
			return !slices.ContainsFunc(f.Values, func(w string) bool { return equalFold(v, w) })
		})
		if len(common) == 0 {
			l.warn("never-matches", at, fmt.Sprintf("the filters on %s share no value: the rule can never match", f.Key))
			return
		}
		seen[f.Key] = common
	}
}

func (l *linter) windowsRule(at string, r PatchRule, filters []PatchFilter) {
	if r.ApproveAfterDays != nil && *r.ApproveAfterDays > 21 {
		l.warn("windows-long-delay", at+".ApproveAfterDays", fmt.Sprintf(
			"%d days: a monthly cumulative update is superseded before it is old enough, so that nothing may ever be approved", *r.ApproveAfterDays))
	}
	if hasKey(filters, "PATCH_ID") {
		l.warn("patch-id-in-rule", at, "PATCH_ID is documented for global filters; the service may refuse it in a rule")
	}
	application := slices.ContainsFunc(filters, func(f PatchFilter) bool {
		return f.Key == "PATCH_SET" && slices.Contains(f.Values, "APPLICATION")
	})
	if application && !hasKey(filters, "PRODUCT") && !strings.HasPrefix(l.b.Name, "AWS-") {
		l.warn("application-without-product", at, "a custom baseline's application rule needs PRODUCT")
	}
	if !application && slices.ContainsFunc(filters, func(f PatchFilter) bool {
		return f.Key == "PRODUCT_FAMILY" && slices.ContainsFunc(f.Values, func(v string) bool { return equalFold(v, "Office") })
	}) {
		l.warn("never-matches", at, "a rule without PATCH_SET means PATCH_SET=OS and never matches Office")
	}
}
