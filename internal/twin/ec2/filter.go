package ec2

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// fields are a resource's filterable values by filter name; an empty list is a
// known filter that this resource has no value for.
type fields map[string][]string

// match says whether a resource passes all filters. Values of one filter are
// alternatives, filters add up; * and ? are wildcards, a backslash takes their
// meaning away; names and values are case-sensitive ("Filtering: wildcards",
// EC2 User Guide "List and filter using the CLI and API").
//
// Filters have been through known.
func match(filters []types.Filter, f fields, tags map[string]string) bool {
	for _, filter := range filters {
		have, _ := values(aws.ToString(filter.Name), f, tags)
		if !anyGlob(filter.Values, have) {
			return false
		}
	}
	return true
}

// Limits of one request ("List and filter using the CLI and API", EC2 User Guide).
const maxFilters, maxFilterValues = 50, 200

// known says what is wrong with an operation's filters, whether or not there is
// anything to hold them against. f and tags are those of any resource; nil tags: the
// resource has none.
func known(op string, filters []types.Filter, f fields, tags map[string]string) error {
	if len(filters) > maxFilters {
		return wire.Errorf("FilterLimitExceeded", "The maximum number of filters is %d.", maxFilters)
	}
	for _, filter := range filters {
		name := aws.ToString(filter.Name)
		if _, ok := values(name, f, tags); !ok && !slices.Contains(valueless(op), name) {
			return badValue("The filter '%s' is invalid", name)
		}
		switch n := len(filter.Values); {
		case n == 0:
			return badValue("The filter '%s' must have at least one value", name)
		case n > maxFilterValues:
			return wire.Errorf("FilterLimitExceeded", "The maximum number of filter values specified on a single call is %d.", maxFilterValues)
		}
	}
	return nil
}

// values are what a resource has for a filter, and whether there is such a filter.
func values(name string, f fields, tags map[string]string) (have []string, ok bool) {
	if have, ok = f[name]; ok || tags == nil {
		return have, ok
	}
	if key, ok := strings.CutPrefix(name, "tag:"); ok {
		if v, set := tags[key]; set {
			have = []string{v}
		}
		return have, true
	}
	switch name {
	case "tag-key":
		return slices.Collect(maps.Keys(tags)), true
	case "tag-value":
		return slices.Collect(maps.Values(tags)), true
	}
	return nil, false
}

func anyGlob(patterns, have []string) bool {
	for _, p := range patterns {
		for _, h := range have {
			if glob(p, h) {
				return true
			}
		}
	}
	return false
}

// glob matches with * and ?, remembering only the last star: linear in practice,
// never exponential.
func glob(pattern, s string) bool {
	p, star, mark := 0, -1, 0
	for i := 0; i < len(s); {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
			continue
		case p+1 < len(pattern) && pattern[p] == '\\' && pattern[p+1] == s[i]:
			p += 2
			i++
			continue
		case p < len(pattern) && pattern[p] != '\\' && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		i, p = mark, star+1
	}
	return strings.Trim(pattern[p:], "*") == ""
}
