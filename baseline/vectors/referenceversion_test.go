package vectors

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

var token = regexp.MustCompile(`[0-9]+|[A-Za-z]+|~|\^`)

// rank makes tokens comparable: "~" < end < "^" < letters < numbers.
func rank(toks []string, i int) (int, string) {
	switch {
	case i >= len(toks):
		return 1, ""
	case toks[i] == "~":
		return 0, ""
	case toks[i] == "^":
		return 2, ""
	case toks[i][0] <= '9':
		n := strings.TrimLeft(toks[i], "0")
		return 4, fmt.Sprintf("%08d%s", len(n), n)
	}
	return 3, toks[i]
}

func refVercmp(a, b string) int {
	x, y := token.FindAllString(a, -1), token.FindAllString(b, -1)
	for i := 0; i < len(x) || i < len(y); i++ {
		ra, ta := rank(x, i)
		rb, tb := rank(y, i)
		if ra != rb {
			return ra - rb
		}
		if c := strings.Compare(ta, tb); c != 0 {
			return c
		}
	}
	return 0
}

// debKey turns a version part into a string whose bytes sort as dpkg sorts.
func debKey(s string) string {
	var out strings.Builder
	for _, part := range regexp.MustCompile(`[0-9]+|[^0-9]+`).FindAllString(s, -1) {
		if part[0] >= '0' && part[0] <= '9' {
			n := strings.TrimLeft(part, "0")
			fmt.Fprintf(&out, "\x02%08d%s", len(n), n)
			continue
		}
		for _, c := range []byte(part) {
			switch {
			case c == '~':
				out.WriteByte(1)
			case c|0x20 >= 'a' && c|0x20 <= 'z':
				out.WriteByte(c)
			default:
				out.WriteString("\x7f" + string(c))
			}
		}
	}
	return out.String() + "\x02"
}

func refDebcmp(a, b string) int {
	cut := func(v string) (string, string, string) {
		epoch, rest, ok := strings.Cut(v, ":")
		if !ok {
			epoch, rest = "0", v
		}
		if i := strings.LastIndex(rest, "-"); i >= 0 {
			return epoch, rest[:i], rest[i+1:]
		}
		return epoch, rest, "0"
	}
	ea, ua, ra := cut(a)
	eb, ub, rb := cut(b)
	for _, p := range [][2]string{{ea, eb}, {ua, ub}, {ra, rb}} {
		if c := strings.Compare(debKey(p[0]), debKey(p[1])); c != 0 {
			return c
		}
	}
	return 0
}

func refEpoch(p obj) string {
	if e := str(p, "epoch"); e != "" {
		return e
	}
	return "0"
}

func refDate(s string) time.Time {
	s = strings.TrimSuffix(s, " UTC")
	for _, layout := range []string{"2006-01-02", "2006-01-02 15", "2006-01-02 15:04", "2006-01-02 15:04:05", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Unix(0, 0)
}
