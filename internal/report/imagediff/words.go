package imagediff

import (
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/internal/record"
)

// shown is how many rows of a section are written where people read.
const shown = 200

// section is one table of a report.
type section struct {
	Title string
	Head  []string
	Rows  [][]string // the second cell is how it differs
	More  int        // rows that were left out
}

// sections are the tables that have rows, at most most in each.
func sections(d *record.ImageDiff, most int) []section {
	var out []section
	add := func(title string, head []string, rows [][]string) {
		if len(rows) == 0 {
			return
		}
		s := section{Title: fmt.Sprintf("%s (%d)", title, len(rows)), Head: head, Rows: rows}
		if len(rows) > most {
			s.Rows, s.More = rows[:most], len(rows)-most
		}
		out = append(out, s)
	}
	var kernels, packages [][]string
	for _, p := range d.Packages {
		row := []string{p.Name + " " + p.Arch, p.How, p.From, p.To}
		if p.Kernel {
			kernels = append(kernels, row)
		} else {
			packages = append(packages, row)
		}
	}
	head := []string{"package", "how", "from", "to"}
	add("Kernel packages", head, kernels)
	add("Packages", head, packages)
	for _, s := range []struct {
		title, name string
		list        []record.Difference
	}{
		{"Module streams", "stream", d.Modules}, {"Kernels", "version", d.Kernels}, {"Services", "unit", d.Services}, {"Users", "user", d.Users},
		{"Groups", "group", d.Groups}, {"Setuid and setgid files", "file", d.SetID}, {"Files with capabilities", "file", d.Capable},
		{"World-writable files and folders", "file", d.Writable}, {"Files", "file", d.Files},
	} {
		var rows [][]string
		for _, x := range s.list {
			rows = append(rows, []string{x.Name, x.How, x.From, x.To})
		}
		add(s.title, []string{s.name, "how", "from", "to"}, rows)
	}
	var rows [][]string
	for _, s := range d.Sizes {
		name := s.Path
		switch name {
		case ".":
			name = "in all"
		case "./":
			name = "the root folder's own files"
		}
		rows = append(rows, []string{name, fmt.Sprintf("%+d bytes", s.ToBytes-s.FromBytes), filled(s.FromBytes, s.FromFiles), filled(s.ToBytes, s.ToFiles)})
	}
	add("Sizes", []string{"folder", "by", "from", "to"}, rows)
	return out
}

// verdict is the whole in a sentence.
func verdict(d *record.ImageDiff) string {
	if d.Same {
		return fmt.Sprintf("nothing differs to the depth of %s", d.Depth)
	}
	var out []string
	count := func(n int, one, many string) {
		switch {
		case n == 1:
			out = append(out, "1 "+one)
		case n > 1:
			out = append(out, fmt.Sprintf("%d %s", n, many))
		}
	}
	hows := map[string]int{}
	kernels := 0
	for _, p := range d.Packages {
		hows[p.How]++
		if p.Kernel {
			kernels++
		}
	}
	for _, how := range []string{record.Added, record.Removed, record.Upgraded, record.Downgraded, record.Changed} {
		count(hows[how], "package "+how, "packages "+how)
	}
	count(kernels, "of them a kernel", "of them kernels")
	count(len(d.Modules), "module stream", "module streams")
	count(len(d.Kernels), "kernel on disk", "kernels on disk")
	count(len(d.Services), "service", "services")
	count(len(d.Users), "user", "users")
	count(len(d.Groups), "group", "groups")
	count(len(d.SetID), "setuid or setgid file", "setuid or setgid files")
	count(len(d.Capable), "file with capabilities", "files with capabilities")
	count(len(d.Writable), "world-writable path", "world-writable paths")
	count(len(d.Files), "file", "files")
	if d.From.Product != d.To.Product {
		out = append(out, fmt.Sprintf("%s became %s", or(d.From.Product, "an unknown system"), or(d.To.Product, "an unknown system")))
	}
	if d.From.Arch != d.To.Arch {
		out = append(out, fmt.Sprintf("%s became %s", or(d.From.Arch, "an unknown architecture"), or(d.To.Arch, "an unknown architecture")))
	}
	if len(out) == 0 {
		out = append(out, "sizes only")
	}
	return "what differs to the depth of " + d.Depth + ": " + strings.Join(out, ", ")
}

// sideText is one side with what reading it cost.
func sideText(s record.DiffSide) string {
	out := s.Target
	if s.Snapshot != "" && s.Snapshot != s.Target {
		out += " (" + s.Snapshot + ")"
	}
	out += fmt.Sprintf(", %s, %s %s, %d packages", or(s.Kind, "inventory"), or(s.Product, "unknown system"), s.Arch, s.Packages)
	if c := costs(s); len(c) > 0 {
		out += "; " + strings.Join(c, "; ")
	}
	return out
}

// costs is what each depth of a side read.
func costs(s record.DiffSide) []string {
	var out []string
	for _, c := range s.Costs {
		text := fmt.Sprintf("%s: %.1f MB in %d ms", c.Depth, float64(c.Bytes)/1e6, c.MS)
		if c.Total > 0 {
			text = fmt.Sprintf("%s: %d of %d blocks, %.1f MB in %d ms", c.Depth, c.Blocks, c.Total, float64(c.Bytes)/1e6, c.MS)
		}
		out = append(out, text)
	}
	return out
}

func filled(bytes int64, files int) string {
	return fmt.Sprintf("%.1f MB in %d files", float64(bytes)/1e6, files)
}

// tone is the class of a word; colour only repeats what the word says.
func tone(how string) string {
	switch how {
	case record.Added, record.Upgraded:
		return "good"
	case record.Removed, record.Downgraded:
		return "bad"
	}
	return "unsure"
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// plain keeps a target's text on its line and its terminal unharmed.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return ' '
		}
		return r
	}, s)
}

// md keeps a text inside its line and cell.
func md(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "`", "'", "[", `\[`, "*", `\*`, "_", `\_`).Replace(plain(s))
}
