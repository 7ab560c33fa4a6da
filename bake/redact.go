package bake

import (
	"regexp"
	"sort"
	"strings"
)

// redactor takes secrets out of a tool's output, line by line.
type redactor struct {
	values *strings.Replacer
	inKey  bool
}

// secretName matches the names of environment variables whose values are secret.
var secretName = regexp.MustCompile(`(?i)(SECRET|TOKEN|PASSWORD|PASSWD|PRIVATE_KEY|CREDENTIALS?$)`)

// secretShape matches secrets that no variable holds: temporary credentials in
// signed addresses and answers of AWS.
var secretShape = regexp.MustCompile(`(?i)(X-Amz-(?:Security-Token|Credential|Signature)=|"?(?:SecretAccessKey|SessionToken)"?\s*[:=>]\s*"?)[^\s"&<]+`)

// A shorter value, such as the "test" that emulators are given, would blacken half
// of the log and protects nothing.
const shortestSecret = 8

const redacted = "<redacted>"

func newRedactor(environ []string) *redactor {
	var secrets []string
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if secretName.MatchString(name) && len(value) >= shortestSecret {
			secrets = append(secrets, value)
		}
	}
	// Longest first: one may hold another.
	sort.Slice(secrets, func(i, j int) bool { return len(secrets[i]) > len(secrets[j]) })
	var pairs []string
	for _, s := range secrets {
		pairs = append(pairs, s, redacted)
	}
	return &redactor{values: strings.NewReplacer(pairs...)}
}

// line returns the line to keep; lines inside a private key are dropped.
func (r *redactor) line(s string) (out string, keep bool) {
	if r.inKey {
		if i := strings.Index(s, "-----END"); i >= 0 {
			r.inKey = false
		}
		return "", false
	}
	if i := strings.Index(s, "-----BEGIN"); i >= 0 && strings.Contains(s[i:], "PRIVATE KEY") {
		r.inKey = !strings.Contains(s[i:], "-----END")
		return s[:i] + redacted, true
	}
	s = r.values.Replace(s)
	return secretShape.ReplaceAllString(s, "${1}"+redacted), true
}
