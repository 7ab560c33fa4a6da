package baseline

import "strings"

// compareRPM orders two full rpm versions epoch:version-release. The epoch is
// always used (AMB-12); an absent one is 0.
func compareRPM(a, b string) int {
	if a == b {
		return 0
	}
	ea, va, ra := splitRPM(a)
	eb, vb, rb := splitRPM(b)
	return compareEVR(epochOf(ea), va, ra, epochOf(eb), vb, rb)
}

func compareEVR(ea, va, ra, eb, vb, rb string) int {
	if c := compareDigits(ea, eb); c != 0 {
		return c
	}
	if c := rpmvercmp(va, vb); c != 0 {
		return c
	}
	return rpmvercmp(ra, rb)
}

// splitRPM cuts [epoch:]version[-release]. Neither version nor release may hold
// a dash, so the last one separates them.
func splitRPM(v string) (epoch, version, release string) {
	if i := strings.IndexByte(v, ':'); i >= 0 {
		epoch, v = v[:i], v[i+1:]
	}
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return epoch, v[:i], v[i+1:]
	}
	return epoch, v, ""
}

// rpmvercmp compares two versions or two releases as librpm does: segments of
// digits or letters, separators ignored, "~" before the end, "^" after the end
// but before anything else. Digits are newer than letters.
func rpmvercmp(a, b string) int {
	if a == b {
		return 0
	}
	for a != "" || b != "" {
		a, b = trimSeparators(a), trimSeparators(b)

		if hasByte(a, '~') || hasByte(b, '~') {
			switch {
			case !hasByte(a, '~'):
				return 1
			case !hasByte(b, '~'):
				return -1
			}
			a, b = a[1:], b[1:]
			continue
		}
		if hasByte(a, '^') || hasByte(b, '^') {
			switch {
			case a == "":
				return -1
			case b == "":
				return 1
			case !hasByte(a, '^'):
				return 1
			case !hasByte(b, '^'):
				return -1
			}
			a, b = a[1:], b[1:]
			continue
		}
		if a == "" || b == "" {
			break
		}

		var x, y string
		if isDigit(a[0]) {
			x, a = cutRun(a, isDigit)
			y, b = cutRun(b, isDigit)
			if y == "" {
				return 1
			}
			if c := compareDigits(x, y); c != 0 {
				return c
			}
			continue
		}
		x, a = cutRun(a, isLetter)
		y, b = cutRun(b, isLetter)
		if y == "" {
			return -1
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
	return sign(len(a) - len(b))
}

func trimSeparators(s string) string {
	for s != "" && !isDigit(s[0]) && !isLetter(s[0]) && s[0] != '~' && s[0] != '^' {
		s = s[1:]
	}
	return s
}

func hasByte(s string, c byte) bool { return s != "" && s[0] == c }

func cutRun(s string, in func(byte) bool) (run, rest string) {
	i := 0
	for i < len(s) && in(s[i]) {
		i++
	}
	return s[:i], s[i:]
}
