package zypp

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
)

// pattern turns a name of the match type into an expression.
func pattern(name, match string, sensitive bool) (*regexp.Regexp, error) {
	var text string
	switch match {
	case "exact":
		text = "^" + regexp.QuoteMeta(name) + "$"
	case "substring":
		text = regexp.QuoteMeta(name)
	case "word":
		text = `\b` + regexp.QuoteMeta(name) + `\b`
	case "regex":
		text = name
	case "glob":
		if _, err := path.Match(name, ""); err != nil {
			return nil, fmt.Errorf("pattern %q is none", short(name))
		}
		text = "^" + globbed(name) + "$"
	default:
		return nil, fmt.Errorf("match type %q is not known", short(match))
	}
	if len(text) > 1<<10 {
		return nil, fmt.Errorf("name %q is too long", short(name))
	}
	if !sensitive {
		text = "(?i)" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("expression %q is none", short(name))
	}
	return re, nil
}

// globbed is a shell pattern as an expression.
func globbed(glob string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		case '[':
			end := strings.IndexByte(glob[i+1:], ']')
			if end < 1 {
				b.WriteString(`\[`)
				continue
			}
			class := glob[i+1 : i+1+end]
			if class[0] == '!' {
				class = "^" + class[1:]
			}
			b.WriteString("[" + strings.ReplaceAll(class, `\`, `\\`) + "]")
			i += end + 1
		default:
			b.WriteString(regexp.QuoteMeta(string(rune(c))))
		}
	}
	return b.String()
}

// covers reports whether the lock is about the package as it is installed, or as the
// repository of that alias offers it.
func (l lock) covers(p baseline.Package, alias string) bool {
	if alias == systemAlias && l.available || alias != systemAlias && l.installed {
		return false
	}
	if len(l.repos) > 0 && !slices.Contains(l.repos, alias) {
		return false
	}
	if !slices.ContainsFunc(l.names, func(re *regexp.Regexp) bool { return re.MatchString(p.Name) }) {
		return false
	}
	if l.operator == "" {
		return true
	}
	d := compareEdition(p, l.version)
	switch l.operator {
	case "==":
		return d == 0
	case "!=":
		return d != 0
	case "<":
		return d < 0
	case "<=":
		return d <= 0
	case ">":
		return d > 0
	case ">=":
		return d >= 0
	}
	return false
}

// compareEdition compares p's version with [epoch:]version[-release]; without a
// release the releases do not count.
func compareEdition(p baseline.Package, edition string) int {
	if !strings.Contains(edition, "-") {
		edition += "-" + p.Release
	}
	return baseline.CompareVersions(baseline.Suse, full(p), edition)
}

func full(p baseline.Package) string { return baseline.FullVersion(baseline.Suse, p) }
