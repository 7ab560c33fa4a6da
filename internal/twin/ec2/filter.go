package ec2

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// fields are a resource's filterable values by filter name; an empty list is a
// known filter that this resource has no value for.
type fields map[string][]string

// match says whether a resource passes all filters. Values of one filter are
// alternatives, filters add up; * and ? are wildcards, a backslash takes their
// meaning away; names and values are case-sensitive ("Filtering: wildcards",
// EC2 User Guide "List and filter using the CLI and API").
func match(filters []types.Filter, f fields, tags map[string]string) (bool, error) {
	all := true
	for _, filter := range filters { // to the end: what is wrong is told whatever the others say
		name := aws.ToString(filter.Name)
		have, err := values(name, f, tags)
		if err != nil {
			return false, err
		}
		if len(filter.Values) == 0 {
			return false, badValue("The filter '%s' must have at least one value", name)
		}
		all = all && anyGlob(filter.Values, have)
	}
	return all, nil
}

// known says what is wrong with filters where there may be nothing to hold them against.
func known(filters []types.Filter, f fields, tags map[string]string) error {
	_, err := match(filters, f, tags)
	return err
}

func values(name string, f fields, tags map[string]string) ([]string, error) {
	if have, ok := f[name]; ok {
		return have, nil
	}
	if tags != nil {
		if key, ok := strings.CutPrefix(name, "tag:"); ok {
			if v, ok := tags[key]; ok {
				return []string{v}, nil
			}
			return nil, nil
		}
		var out []string
		switch name {
		case "tag-key":
			for k := range tags {
				out = append(out, k)
			}
			return out, nil
		case "tag-value":
			for _, v := range tags {
				out = append(out, v)
			}
			return out, nil
		}
	}
	return nil, badValue("The filter '%s' is invalid", name)
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
