package hush

import (
	"strings"
	"testing"
)

func TestCleanHidesWhatLooksLikeASecret(t *testing.T) {
	environ := []string{"HOOK_SECRET=open-sesame", "API_TOKEN=abc", "HOME=/home/ann", "DB_PASSWORD=open-sesame-2"}
	for in, want := range map[string]string{
		"all is well in /home/ann":                 "all is well in /home/ann",
		"sent open-sesame-2 there":                 "sent (hidden) there",
		"sent open-sesame there, abc":              "sent (hidden) there, abc",
		"key AKIAIOSFODNN7EXAMPLE used":            "key (hidden) used",
		"curl -H 'Authorization: Bearer eyJh.x.y'": "curl -H '(hidden)",
		"password=hunter2 and more":                "(hidden) and more",
		`{"client_secret": "s3cr3t", "a": 1}`:      `{"(hidden) "a": 1}`,
		"postgres://ann:pw@db.example.com/x":       "postgres(hidden)db.example.com/x",
		"\x1b[31mred\x07\u202e":                    "[31mred",
	} {
		if got := Clean(in, environ); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("x open-sesame y")
	f.Add("token=open-sesame\x1b[1m")
	f.Fuzz(func(t *testing.T, text string) {
		got := Clean(text, []string{"A_TOKEN=open-sesame"})
		if strings.Contains(got, "open-sesame") {
			t.Errorf("%q keeps the secret: %q", text, got)
		}
	})
}
