package ec2

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"pgregory.net/rapid"
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
		if got, err := match(list, f, tags); got != c.want || err != nil {
			t.Errorf("%q matches: %t (%v)", c.filters, got, err)
		}
	}
	var refused *wire.Error
	for _, bad := range []types.Filter{{Name: aws.String("colour"), Values: []string{"red"}}, {Name: aws.String("state")}} {
		if _, err := match([]types.Filter{bad}, f, tags); !errors.As(err, &refused) || refused.Code != "InvalidParameterValue" {
			t.Errorf("filter %s: %v", *bad.Name, err)
		}
	}
}

func TestPagesTogetherAreTheList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int(), 0, 50).Draw(t, "all")
		limit := rapid.Int32Range(5, 60).Draw(t, "limit")
		var got []int
		var token *string
		for {
			part, next, err := page(all, &limit, token, 5, 20)
			if err != nil || len(part) > int(min(limit, 20)) {
				t.Fatalf("page of %d: %v", len(part), err)
			}
			got = append(got, part...)
			if token = next; token == nil {
				break
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(all) && len(got)+len(all) > 0 {
			t.Fatalf("pages make %v, not %v", got, all)
		}
	})
	var refused *wire.Error
	if _, _, err := page([]int{1}, aws.Int32(4), nil, 5, 20); !errors.As(err, &refused) {
		t.Errorf("a page of 4: %v", err)
	}
	if _, _, err := page([]int{1}, nil, aws.String("x!"), 5, 20); !errors.As(err, &refused) {
		t.Errorf("a token that is none: %v", err)
	}
}
