package ec2

import (
	"reflect"
	"time"
)

// stamp is EC2's time in filters and in DescribeImages: milliseconds, UTC.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// orNone makes the tag filters known for a resource without tags.
func orNone(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}

// some is nil for the empty string: AWS leaves empty fields out.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// distinct are the members of a list in its order, each once: what a request names twice
// is answered once. The API Reference says nothing about it; it calls such lists sets
// (instancesSet, volumesSet).
func distinct(list []string) []string {
	seen := make(map[string]bool, len(list))
	out := make([]string, 0, len(list))
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// isZero says whether nothing is set in a request.
func isZero(v any) bool { return reflect.ValueOf(v).IsZero() }
