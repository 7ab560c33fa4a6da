// Package hush keeps secrets out of text that people or other systems will read.
package hush

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

const hidden = "(hidden)"

// secretNames are parts of the names of variables whose values are not for logs.
var secretNames = []string{"SECRET", "TOKEN", "PASSWORD", "PASSWD", "KEY", "CREDENTIAL", "AUTH", "WEBHOOK", "DSN"}

// shortest is the shortest value that is taken for a secret: a shorter one would hide
// words.
const shortest = 6

// secretForms look like secrets wherever they come from: access keys, NAME=VALUE with a
// telling name, bearer tokens, passwords in addresses.
var secretForms = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`),
		regexp.MustCompile(`(?i)[a-z0-9_-]*(?:secret|token|passw(?:or)?d|api_?key|access_?key|authorization)[a-z0-9_-]*["']?\s*[=:]\s*(?:bearer\s+|basic\s+)?\S+`),
		regexp.MustCompile(`(?i)\bbearer\s+\S+`),
		regexp.MustCompile(`://[^/\s:@]+:[^/\s@]+@`),
	}
})

// Clean hides the values of telling variables, what looks like a secret, and control
// characters, which could play tricks on a terminal.
func Clean(text string, environ []string) string {
	// First, so that no secret comes together afterwards.
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, text)
	var values []string
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		upper := strings.ToUpper(name)
		if len(value) >= shortest && slices.ContainsFunc(secretNames, func(s string) bool { return strings.Contains(upper, s) }) {
			values = append(values, value)
		}
	}
	// The longest first: one may be part of another.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	for _, v := range values {
		text = strings.ReplaceAll(text, v, hidden)
	}
	for _, re := range secretForms() {
		text = re.ReplaceAllString(text, hidden)
	}
	return text
}
