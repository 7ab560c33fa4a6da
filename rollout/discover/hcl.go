package discover

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Account is an account block of the configuration.
type Account struct{ Label, ID string }

// HCL is a configuration to edit: fleet blocks for the groups of each line and ring
// that can be rolled, and what is in the way of the others as comments. A block selects
// what was found and nothing else: names that are not in the same accounts and Regions
// are in blocks of their own. A block that nobody can yet say the ring of is a comment.
// Taken are the names of fleets that exist.
func HCL(r Result, accounts []Account, taken ...string) string {
	var b strings.Builder
	b.WriteString("# Found by rehydrate fleet discover. Lines, rings and owners are guesses: check them.\n")
	for _, f := range r.Unread {
		fmt.Fprintf(&b, "# not read%s: %s\n", orIn(f.Cell.String()), comment(f.Text))
	}
	used := map[string]bool{}
	for _, name := range taken {
		used[name] = true
	}
	for _, set := range sets(r.Groups) {
		for _, part := range set.parts(accounts) {
			part.write(&b, used)
		}
	}
	for _, g := range r.Groups {
		switch {
		case g.Fleet != "":
			fmt.Fprintf(&b, "\n# %s is in fleet %s already.\n", comment(g.place()), comment(g.Fleet))
		case g.Blocked():
			fmt.Fprintf(&b, "\n# %s cannot be rolled as it stands:\n", comment(g.place()))
			for _, x := range g.Blocks {
				if x.Refuse {
					fmt.Fprintf(&b, "#   %s (%s)\n", comment(x.Text), comment(x.Hint))
				}
			}
		case g.Line == "":
			fmt.Fprintf(&b, "\n# %s fits no image line: it runs %s.\n", comment(g.place()), comment(or(g.ImageName, or(g.Image, "an unknown image"))))
		}
	}
	return b.String()
}

func (p part) write(b *strings.Builder, used map[string]bool) {
	name := strings.Trim(p.line+"-"+p.ring, "-")
	for n := 2; used[name]; n++ {
		name = fmt.Sprintf("%s-%d", strings.Trim(p.line+"-"+p.ring, "-"), n)
	}
	used[name] = true
	var names []string
	b.WriteString("\n")
	for _, g := range p.groups {
		owner := g.Owner.Kind
		if g.Owner.Name != "" {
			owner += " " + g.Owner.Name
		}
		fmt.Fprintf(b, "# %s: %d instances, %s; owner: %s\n", comment(g.place()), g.Desired, comment(g.Why), comment(owner))
		for _, x := range g.Blocks {
			fmt.Fprintf(b, "#   %s\n", comment(x.Text))
		}
		names = addOnce(names, g.Name)
	}
	if p.strange != "" {
		fmt.Fprintf(b, "#   account %s has no account block\n", comment(p.strange))
	}
	lead := ""
	if p.ring == "" {
		lead = "# "
		b.WriteString("# Write its ring, and take the comment signs away:\n")
	}
	line := func(format string, args ...any) { fmt.Fprintf(b, lead+format+"\n", args...) }
	line("fleet %s {", quote(name))
	line("  follows   = image.%s", identifier(p.line))
	line("  ring      = %s", quote(p.ring))
	if len(p.accounts) > 0 {
		line("  accounts  = %s", list(p.accounts))
	}
	if len(p.regions) > 0 {
		line("  regions   = %s", list(p.regions))
	}
	line("  asg_names = %s", list(names))
	if p.single {
		line("  refresh {")
		line("    min_healthy = \"100%%\"")
		line("    max_healthy = \"200%%\"")
		line("  }")
	}
	line("}")
}

func addOnce(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

func (g Group) place() string {
	where := strings.Trim(g.Account+"/"+g.Region, "/")
	if where == "" {
		return g.Name
	}
	return g.Name + " in " + where
}

func list(all []string) string {
	var out []string
	for _, s := range all {
		out = append(out, quote(s))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// quote is an HCL string: ${ and %{ would begin a template.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case (r == '$' || r == '%') && strings.HasPrefix(s[i+1:], "{"):
			b.WriteRune(r)
			b.WriteRune(r)
		case unicode.IsControl(r) || r == unicode.ReplacementChar:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// identifier is a label as it stands in a reference.
func identifier(s string) string { return comment(s) }

// comment keeps a text on its line.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return ' '
		}
		return r
	}, s)
}

func orIn(cell string) string {
	if cell == "" {
		return ""
	}
	return " in " + cell
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
