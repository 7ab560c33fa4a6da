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

// isZero says whether nothing is set in a request.
func isZero(v any) bool { return reflect.ValueOf(v).IsZero() }
