package ec2

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"debian-12-*", "debian-12-amd64", true},
		{"debian-12-*", "debian-13-amd64", false},
		{"*amd64", "debian-12-amd64", true},
		{"d?bian*", "debian", true},
		{"", "", true},
		{"", "x", false},
		{"*", "", true},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{`2 \* 3`, "2 * 3", true},
		{`2 \* 3`, "2 x 3", false},
		{`a\?`, "ab", false},
		{`a\?`, "a?", true},
		{"A", "a", false},
		{"[a-z]", "b", false},
		{"[a-z]", "[a-z]", true},
	} {
		if got := glob(c.pattern, c.s); got != c.want {
			t.Errorf("glob(%q, %q) is %t", c.pattern, c.s, got)
		}
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a*?", "abc")
	f.Add("**a**", "bab")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if strings.ContainsAny(pattern, `\[]`) || strings.ContainsAny(s, "/") || strings.Contains(pattern, "/") || !ascii(pattern+s) {
			return // path.Match differs there on purpose
		}
		want, err := path.Match(pattern, s)
		if got := glob(pattern, s); err == nil && got != want {
			t.Errorf("glob(%q, %q) is %t, path.Match says %t", pattern, s, got, want)
		}
	})
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func TestFiltersAddUpAndTheirValuesAreAlternatives(t *testing.T) {
	f := fields{"state": {"running"}, "groups": {"a", "b"}, "none": nil}
	tags := map[string]string{"app": "web", "ring": "dev"}
	for _, c := range []struct {
		filters string // name=value,value name=value
		want    bool
	}{
		{"", true},
		{"state=stopped,running", true},
		{"state=stopped", false},
		{"state=running groups=b", true},
		{"state=running groups=c", false},
		{"none=*", false},
		{"tag:app=web", true},
		{"tag:app=db", false},
		{"tag:owner=*", false},
		{"tag-key=ring", true},
		{"tag-value=prod,dev", true},
	} {
		var list []types.Filter
		for _, one := range strings.Fields(c.filters) {
			name, values, _ := strings.Cut(one, "=")
			list = append(list, types.Filter{Name: &name, Values: strings.Split(values, ",")})
		}
		if err := known("", list, f, tags); err != nil {
			t.Errorf("%q: %v", c.filters, err)
		}
		if got := match(list, f, tags); got != c.want {
			t.Errorf("%q matches: %t", c.filters, got)
		}
	}
	var refused *wire.Error
	for _, bad := range []types.Filter{{Name: aws.String("colour"), Values: []string{"red"}}, {Name: aws.String("state")}} {
		if err := known("", []types.Filter{bad}, f, tags); !errors.As(err, &refused) || refused.Code != "InvalidParameterValue" {
			t.Errorf("filter %s: %v", *bad.Name, err)
		}
	}
	many := types.Filter{Name: aws.String("state"), Values: slices.Repeat([]string{"running"}, 200)}
	if err := known("", slices.Repeat([]types.Filter{many}, 50), f, tags); err != nil {
		t.Errorf("fifty filters of two hundred values: %v", err)
	}
	more := many
	more.Values = append(slices.Clone(many.Values), "stopped")
	for _, bad := range [][]types.Filter{slices.Repeat([]types.Filter{many}, 51), {more}} {
		if err := known("", bad, f, tags); !errors.As(err, &refused) || refused.Code != "FilterLimitExceeded" {
			t.Errorf("%d filters, %d values of the first: %v", len(bad), len(bad[0].Values), err)
		}
	}
}
