package dnf

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/record"
)

// replaces stands in From for an installed version that the table does not name.
const replaces = "?"

// action is what a section of the table does to its packages.
type action int

const (
	install action = iota
	upgrade
	downgrade
	reinstall
	remove
	actions // how many
	streams // of modules and groups: no packages
)

// sections are the headings of the table: of dnf 4 in lower case, and of yum 3. A
// heading that is not here is an error.
var sections = map[string]action{
	"installing": install, "installing dependencies": install, "installing weak dependencies": install,
	"installing group/module packages": install, "installing for dependencies": install, "installing for group install": install,
	"installing group packages": install,
	"upgrading":                 upgrade, "upgrading dependencies": upgrade, "updating": upgrade, "updating for dependencies": upgrade,
	"downgrading": downgrade, "reinstalling": reinstall,
	"removing": remove, "removing dependent packages": remove, "removing unused dependencies": remove,
	"removing for dependencies": remove,
	"enabling module streams":   streams, "switching module streams": streams, "disabling modules": streams,
	"resetting modules": streams, "installing module profiles": streams, "disabling module profiles": streams,
}

// summaries are the words of the summary.
var summaries = map[string]action{
	"Install": install, "Upgrade": upgrade, "Update": upgrade, "Downgrade": downgrade, "Reinstall": reinstall, "Remove": remove,
}

// table is a transaction table being read.
type table struct {
	sim     apply.Simulation
	rows    [actions]int
	counted [actions]int
	section action
	within  bool     // a section has begun
	cells   []string // of an unfinished row
}

// ParseTransaction reads the table that dnf and yum show before they ask:
//
//	Installing:
//	 name   arch   [epoch:]version-release   repository   6.3 k
//	     replacing  name.arch version-release
//	Transaction Summary
//	Install  1 Package
//
// A long row is wrapped. The rows are counted against the summary, and a line in
// another form is an error, because an unread removal would go unnoticed. A replaced
// package counts as removed. Nothing to do is an empty simulation.
func ParseTransaction(out []byte) (apply.Simulation, error) {
	var t table
	const before, head, rows, summary = 0, 1, 2, 3
	at := before
	for line := range strings.Lines(string(out)) {
		line = strings.TrimRight(line, " \r\n")
		var err error
		switch {
		case at == before && strings.HasPrefix(line, "====="):
			at = head
		case at == head && strings.HasPrefix(line, "====="):
			at = rows
		case at == before && strings.TrimSpace(line) == "Nothing to do.", at == before && line == "Nothing to do":
			return apply.Simulation{}, nil
		case at == rows && line == "Transaction Summary":
			err, at = t.end(), summary
		case at == rows:
			err = t.row(line)
		case at == summary:
			err = t.summary(line)
		}
		if err != nil {
			return apply.Simulation{}, err
		}
	}
	if at != summary {
		return apply.Simulation{}, fmt.Errorf("read the transaction: there is no whole table in %.300q", out)
	}
	if t.rows != t.counted {
		return apply.Simulation{}, fmt.Errorf("read the transaction: its summary counts %v, its table has %v (install, upgrade, downgrade, reinstall, remove)", t.counted, t.rows)
	}
	return t.sim, nil
}

func (t *table) unread(line string) error {
	return fmt.Errorf("read the transaction: line %.200q is in no known form", line)
}

// end says that a row is not left unfinished.
func (t *table) end() error {
	if len(t.cells) > 0 {
		return t.unread(strings.Join(t.cells, " "))
	}
	return nil
}

// row reads one line of the table's body.
func (t *table) row(line string) error {
	if line == "" {
		return nil
	}
	if heading, ok := strings.CutSuffix(line, ":"); ok && line[0] != ' ' {
		a, known := sections[strings.ToLower(heading)]
		if !known {
			return t.unread(line)
		}
		t.section, t.within = a, true
		return t.end()
	}
	f := strings.Fields(line)
	switch {
	case !t.within || line[0] != ' ':
		return t.unread(line)
	case t.section == streams:
		return nil
	case f[0] == "replacing" && len(t.cells) == 0:
		return t.replaced(line, f[1:])
	}
	t.cells = append(t.cells, f...)
	if n := len(t.cells); n < 5 || n == 5 && !isSize(t.cells[4:]) {
		if n == 5 {
			return t.unread(line)
		}
		return nil // wrapped: the rest is on the next line
	} else if n > 6 || !isSize(t.cells[4:]) {
		return t.unread(line)
	}
	t.take()
	return nil
}

// isSize recognises "6.3 k", "0" and the like.
func isSize(f []string) bool {
	if _, err := strconv.ParseFloat(f[0], 64); err != nil {
		return false
	}
	return len(f) == 1 || len(f) == 2 && len(f[1]) == 1 && strings.Contains("kMGTPEZY", f[1])
}

// take makes a change of the finished row.
func (t *table) take() {
	c := record.Change{Name: t.cells[0], Arch: t.cells[1], To: whole(t.cells[2])}
	t.cells = nil
	t.rows[t.section]++
	if t.section == remove {
		c.From, c.To = c.To, ""
		t.sim.Remove = append(t.sim.Remove, c)
		return
	}
	if t.section != install {
		c.From = replaces
	}
	t.sim.Install = append(t.sim.Install, c)
}

// replaced reads "name.arch version-release" of a package that another one obsoletes.
func (t *table) replaced(line string, f []string) error {
	if len(f) != 2 {
		return t.unread(line)
	}
	i := strings.LastIndexByte(f[0], '.')
	if i <= 0 || i == len(f[0])-1 {
		return t.unread(line)
	}
	t.sim.Remove = append(t.sim.Remove, record.Change{Name: f[0][:i], Arch: f[0][i+1:], From: whole(f[1])})
	return nil
}

// whole is a version with its epoch, which the table leaves out where it is 0.
func whole(v string) string {
	if strings.Contains(v, ":") {
		return v
	}
	return "0:" + v
}

// summary reads a line such as "Install  2 Packages (+1 Dependent package)".
func (t *table) summary(line string) error {
	f := strings.Fields(line)
	if len(f) == 0 {
		return nil
	}
	if f[0] == "Skip" {
		return fmt.Errorf("read the transaction: it would leave packages out: %s", line)
	}
	a, ok := summaries[f[0]]
	if !ok || !strings.Contains(strings.ToLower(line), "package") {
		return nil // sizes, questions
	}
	for _, word := range f[1:] {
		if n, err := strconv.Atoi(strings.Trim(word, "(+)")); err == nil {
			t.counted[a] += n
		}
	}
	return nil
}
