package baseline

import (
	"strings"
	"time"
)

// ParseDate reads a date in any of the forms that updateinfo files, zypper and
// vectors use (§2); ok is false for anything else.
func ParseDate(s string) (t time.Time, ok bool) { return parseDate(s) }

// parseDate reads the date of an advisory (§2): YYYY-MM-DD with an optional
// " HH[:MM[:SS]]" and an optional " UTC", RFC 3339, epoch seconds, and the locale
// forms of zypper. Everything is UTC unless it states an offset; a day alone is
// midnight.
func parseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if t, ok := parseISO(s); ok {
		return t, true
	}
	if s == "" {
		return time.Time{}, false
	}
	if n, ok := parseSeconds(s); ok {
		return time.Unix(n, 0).UTC(), true
	}
	for _, layout := range []string{
		time.RFC3339,
		"2006-01-02T15:04:05",
		"2006-01-02T15:04",
		"Mon 2 Jan 2006 03:04:05 PM MST",
		"Mon 2 Jan 2006 15:04:05 MST",
		"Mon _2 Jan 2006 03:04:05 PM MST",
		"Mon Jan _2 15:04:05 2006",
		"Mon Jan _2 15:04:05 MST 2006",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// parseISO is the fast path for the spaced forms that fill real updateinfo files.
func parseISO(s string) (time.Time, bool) {
	s = strings.TrimSuffix(s, " UTC")
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	y, ok1 := digits(s[:4])
	m, ok2 := digits(s[5:7])
	d, ok3 := digits(s[8:10])
	clock := [3]int{}
	ok := ok1 && ok2 && ok3
	if rest := s[10:]; ok && rest != "" {
		for i := range clock {
			if len(rest) < 3 || rest[0] != " ::"[i] {
				return time.Time{}, false
			}
			n, good := digits(rest[1:3])
			if !good {
				return time.Time{}, false
			}
			clock[i], rest = n, rest[3:]
			if rest == "" {
				break
			}
		}
		if rest != "" {
			return time.Time{}, false
		}
	}
	if !ok || m < 1 || m > 12 || d < 1 || clock[0] > 23 || clock[1] > 59 || clock[2] > 59 {
		return time.Time{}, false
	}
	t := time.Date(y, time.Month(m), d, clock[0], clock[1], clock[2], 0, time.UTC)
	return t, t.Day() == d
}

func digits(s string) (n int, ok bool) {
	for _, c := range []byte(s) {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// parseSeconds reads epoch seconds; eleven digits reach the year 5138.
func parseSeconds(s string) (int64, bool) {
	if len(s) > 11 {
		return 0, false
	}
	n, ok := digits(s)
	return int64(n), ok
}

// parseDay reads the YYYY-MM-DD of ApproveUntilDate.
func parseDay(s string) (time.Time, bool) {
	if len(s) != len("2006-01-02") {
		return time.Time{}, false
	}
	return parseISO(s)
}
