package policy

import (
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
)

// RuleWords says in one line what a rule approves and when.
func RuleWords(r baseline.PatchRule) string {
	return FilterWords(r.PatchFilterGroup) + "; " + whenWords(r) + "; level " + level(r.ComplianceLevel) + nonSecurityWords(r.EnableNonSecurity)
}

// FilterWords says what passes a group of filters.
func FilterWords(g *baseline.PatchFilterGroup) string {
	if g == nil || len(g.PatchFilters) == 0 {
		return "everything"
	}
	var parts []string
	for _, f := range g.PatchFilters {
		if len(f.Values) == 1 {
			parts = append(parts, f.Key+" "+f.Values[0])
		} else {
			parts = append(parts, f.Key+" "+strings.Join(f.Values, " or "))
		}
	}
	return strings.Join(parts, ", ")
}

func whenWords(r baseline.PatchRule) string {
	switch {
	case r.ApproveUntilDate != "":
		return "published up to " + r.ApproveUntilDate
	case r.ApproveAfterDays == nil, *r.ApproveAfterDays == 0:
		return "at once"
	case *r.ApproveAfterDays == 1:
		return "after 1 day"
	}
	return fmt.Sprintf("after %d days", *r.ApproveAfterDays)
}

func level(s string) string {
	if s == "" {
		return baseline.LevelUnspecified
	}
	return s
}

func nonSecurityWords(b *bool) string {
	if b != nil && *b {
		return "; also non-security"
	}
	return ""
}
