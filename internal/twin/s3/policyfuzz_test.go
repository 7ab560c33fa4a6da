package s3

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func FuzzPolicy(f *testing.F) {
	for _, s := range []string{
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["444455556666"]}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::box/*"}]}`,
		`{"Statement": {"Effect": "Deny", "Principal": "*", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::box", "*"]}}`,
		`{"Statement": [{"Principal": null, "Condition": {}}]}`, "{}", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parsePolicy("box", text)
		for _, st := range list {
			if who, perr := st.principals(); err == nil && (perr != nil || st.Effect == "" || len(st.Action) == 0 || len(st.Resource) == 0 || st.Effect == "Allow" && strings.Join(who, "") == "*") {
				t.Errorf("accepted: %q", text)
			}
		}
	})
}

func TestWildcardsMeanAnyTextAndAnyCharacter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pattern, text := rapid.StringMatching(`[ab*?]{0,8}`).Draw(t, "pattern"), rapid.StringMatching(`[ab]{0,8}`).Draw(t, "text")
		want := regexp.MustCompile("^" + strings.NewReplacer("*", ".*", "?", ".").Replace(pattern) + "$").MatchString(text)
		if got := matches(pattern, text); got != want {
			t.Fatalf("%q on %q: %t", pattern, text, got)
		}
	})
}
