package pwsh

import (
	"slices"
	"strings"
	"testing"
)

const good = "try {\n    $a = @(foreach ($u in $list) {\n        [ordered]@{\n            id = [string]$u.ID\n        }\n    })\n} catch { throw }\n"

func TestBrokenScriptsAreFlaggedWhereTheyBreak(t *testing.T) {
	broken := []string{
		strings.Replace(good, "catch { throw }", "", 1) + "}",
		strings.Replace(good, "foreach (", "foreach ", 1),
		strings.Replace(good, "@{", "@{{", 1),
		strings.Replace(good, "})", "}", 1),
		"if ($a -eq ) { 1 }",
		"$x = 'never closed",
	}
	faults := Syntax(t, append([]string{good}, broken...)...)
	if len(faults[0]) != 0 {
		t.Errorf("a good script has faults: %+v", faults[0])
	}
	for i, f := range faults[1:] {
		if len(f) == 0 {
			t.Errorf("not flagged: %q", broken[i])
		}
	}
}

type row struct {
	ID   string `json:"id"`
	Good bool   `json:"good"`
}

type table struct {
	Schema int   `json:"schema"`
	Rows   []row `json:"rows"`
}

func TestKeysAndTypesAreFoundOnBothSides(t *testing.T) {
	script := "  schema = 1\n  rows = @(foreach ($x in $y) {\n    [ordered]@{\n      id = [string]$x\n      good = [bool]$x\n    }\n  })\n"
	if got := Printed(script); !slices.Equal(got, []string{"schema", "rows list", "id string", "good bool"}) {
		t.Errorf("printed: %q", got)
	}
	if got := Wanted(table{}); !slices.Equal(got, []string{"schema int", "rows list", "id string", "good bool"}) {
		t.Errorf("wanted: %q", got)
	}
	Contract(t, script, table{})
	for name, bad := range map[string]string{
		"another type": strings.Replace(script, "[bool]", "[string]", 1),
		"a key more":   script + "  more = [int]$x\n",
		"a key less":   strings.Replace(script, "      good = [bool]$x\n", "", 1),
	} {
		var f failures
		Contract(&f, bad, table{})
		if f.n == 0 {
			t.Errorf("%s passed", name)
		}
	}
}

// failures is a test that only counts what fails.
type failures struct {
	testing.TB
	n int
}

func (f *failures) Helper()               {}
func (f *failures) Errorf(string, ...any) { f.n++ }
