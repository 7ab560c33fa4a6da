package twincoverage

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/twin-coverage.md")

// unsupported is the code of what is not modelled; it is no negative scenario.
const unsupported = "UnsupportedOperation"

func TestTheCoveragePageIsCurrentAndEveryOperationHasItsScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the twin's tests: a minute")
	}
	all := services(t)
	c := record(t, packages(all))
	for _, s := range all {
		for _, op := range s.Operations() {
			checkScenarios(t, s.Name+" "+op, c[s.Name+" "+op])
		}
	}
	checkTables(t, all)
	page := render(all, c)
	name := filepath.Join("..", "..", "docs", "twin-coverage.md")
	if *update {
		if err := os.WriteFile(name, []byte(page), 0o644); err != nil { //nolint:gosec // a page of the documentation
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(have), page); d != "" {
		t.Errorf("docs/twin-coverage.md is not current; go test ./test/twincoverage -update writes it (-page +tests):\n%s", d)
	}
}

// checkScenarios wants a scenario and a negative one, or a reason why there is none;
// and no reason where there are both.
func checkScenarios(t *testing.T, op string, of []scenario) {
	t.Helper()
	well, badly, lacks := sortOut(of)
	without := strings.Join(slices.DeleteFunc([]string{"a scenario", "a negative"}, func(s string) bool {
		return s == "a scenario" && len(well) > 0 || s == "a negative" && len(badly) > 0
	}), " and ")
	reason, excepted := exceptions[op]
	switch {
	case without != "" && !excepted:
		t.Errorf("%s has not %s", op, without)
	case without == "" && excepted:
		t.Errorf("%s has all its scenarios: take its exception away (%s)", op, reason)
	}
	if _, told := partly[op]; lacks && !told {
		t.Errorf("a test shows that %s refuses something with %s: say what in partly", op, unsupported)
	}
}

// checkTables wants every table to speak of operations that there are.
func checkTables(t *testing.T, all []service) {
	t.Helper()
	known := map[string]bool{}
	for _, s := range all {
		for _, op := range s.Operations() {
			known[s.Name+" "+op] = true
		}
	}
	for _, table := range []map[string]string{partly, exceptions} {
		for op := range table {
			if !known[op] {
				t.Errorf("a table speaks of %s, which the twin does not have", op)
			}
		}
	}
}

// sortOut parts scenarios; lacks says that one met what is not modelled.
func sortOut(of []scenario) (well, badly []scenario, lacks bool) {
	for _, s := range of {
		switch s.code {
		case "":
			well = append(well, s)
		case unsupported:
			lacks = true
		default:
			badly = append(badly, s)
		}
	}
	return well, badly, lacks
}

// shown is how many scenarios a cell names.
const shown = 3

func render(all []service, c calls) string {
	var b strings.Builder
	b.WriteString(`# What the twin models, and what shows it

Made by ` + "`go test ./test/twincoverage -update`" + ` from what the twin's own tests call over the wire, with AWS's own client; do not edit. The test that makes it also checks that it is current, and that every operation has a scenario and a negative one (an unknown id, a wrong state, a foreign account) or a stated reason for having none.

*Modelled* says that the operation does what our reading of AWS's documentation says, not that AWS was asked (docs/twin.md). *Partly* says what is answered with 400 ` + "`UnsupportedOperation`" + `. Every other operation of a service's model is answered so by name: an honest 400, tried one by one in this package.

| Service | Modelled | Partly | Honest 400 |
|---|---:|---:|---:|
`)
	for _, s := range all {
		n := 0
		for _, op := range s.Operations() {
			if partly[s.Name+" "+op] != "" {
				n++
			}
		}
		ops := len(s.Operations())
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", s.title, ops-n, n, len(s.model.Operations)-ops)
	}
	for _, s := range all {
		fmt.Fprintf(&b, "\n## %s\n\n| Operation | State | Scenarios | Negative |\n|---|---|---|---|\n", s.title)
		for _, op := range s.Operations() {
			key := s.Name + " " + op
			state := "modelled"
			if p := partly[key]; p != "" {
				state = "partly: not " + p
			}
			well, badly, _ := sortOut(c[key])
			reason := exceptions[key]
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", op, state, cell(s.pkg, well, reason, false), cell(s.pkg, badly, reason, true))
		}
	}
	return b.String()
}

// cell names some scenarios, or says why there is none. Negative ones are by code.
func cell(pkg string, of []scenario, reason string, negative bool) string {
	if len(of) == 0 {
		return "none: " + reason
	}
	var names []string
	for _, s := range of {
		name := strings.TrimPrefix(s.test, "Test")
		if s.pkg != pkg {
			name = s.pkg + "/" + name
		}
		if negative {
			name = "`" + s.code + "` " + name
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if negative { // one of each code
		seen := map[string]bool{}
		names = slices.DeleteFunc(names, func(n string) bool {
			code, _, _ := strings.Cut(n, " ")
			dup := seen[code]
			seen[code] = true
			return dup
		})
	}
	if len(names) > shown { // how many there are would change with every test
		names = append(names[:shown], "and others")
	}
	return strings.Join(names, ", ")
}
