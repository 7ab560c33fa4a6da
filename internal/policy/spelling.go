package policy

import (
	"regexp"
	"strings"

	"github.com/agext/levenshtein"
)

// dialect is how a format spells a baseline.
type dialect struct {
	source string // what faults name as the source of a rule
	// flat is Terraform's shape: approval_rule with patch_filter instead of the
	// API's nested groups, in snake case.
	flat bool
	// converts says that the format's own reader turns "7" into 7, 7 into "7" and
	// "true" into true.
	converts bool
	// lenient formats ignore fields that they do not know.
	lenient bool
	// beyond are fields that are legal and say nothing about the policy; those that
	// register or tag something are worth a note.
	beyond []string
	// filtered says that a rule needs at least one filter.
	filtered bool
}

const (
	sourceModel = "SSM API model"
	sourceTF    = "Terraform AWS provider, aws_ssm_patch_baseline"
	sourceCFN   = "CloudFormation, AWS::SSM::PatchBaseline"
	sourceHCL   = "rehydrate.hcl, baseline block"
)

var (
	apiDialect = dialect{source: sourceModel, beyond: []string{
		"BaselineId", "PatchGroups", "CreatedDate", "ModifiedDate", "DefaultBaseline", "ResponseMetadata", "ClientToken", "Tags"}}
	overrideDialect = dialect{source: sourceModel, lenient: true, beyond: apiDialect.beyond}
	cfnDialect      = dialect{source: sourceCFN, converts: true, beyond: []string{"PatchGroups", "DefaultBaseline", "Tags"}}
	tfDialect       = dialect{source: sourceTF, flat: true, converts: true, filtered: true, beyond: []string{"tags"}}
	planDialect     = dialect{source: sourceTF, flat: true, converts: true, filtered: true, beyond: []string{"arn", "id", "json", "region", "tags", "tags_all"}}
	hclDialect      = dialect{source: sourceHCL, flat: true, converts: true, beyond: []string{"file", "apt_approval_delay"}}
)

// name is a field in the dialect's spelling.
func (d *dialect) name(api string) string {
	if d.flat {
		return snake(api)
	}
	return api
}

var (
	humpsRE   = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	rulesRE   = regexp.MustCompile(`ApprovalRules\.PatchRules`)
	filtersRE = regexp.MustCompile(`\.PatchFilterGroup\.PatchFilters|\.PatchFilterGroup`)
	globalRE  = regexp.MustCompile(`GlobalFilters\.PatchFilters`)
	sourcesRE = regexp.MustCompile(`\bSources\b`)
)

func snake(s string) string { return strings.ToLower(humpsRE.ReplaceAllString(s, "${1}_$2")) }

// path brings a path of the API's shape into the dialect's.
func (d *dialect) path(api string) string {
	if !d.flat {
		return api
	}
	s := rulesRE.ReplaceAllString(api, "approval_rule")
	s = globalRE.ReplaceAllString(s, "global_filter")
	s = filtersRE.ReplaceAllString(s, ".patch_filter")
	s = sourcesRE.ReplaceAllString(s, "source")
	return snake(s)
}

// nearest is "; did you mean ...?" with the closest of the valid words, or empty.
func nearest(word string, valid []string) string {
	best, at := "", 4
	if len(word) > 100 {
		return "" // no slip of the pen
	}
	for _, v := range valid {
		if d := levenshtein.Distance(strings.ToLower(word), strings.ToLower(v), nil); d < at {
			best, at = v, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}
