package wua

import (
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit/pwsh"
)

func TestTheScriptIsPowerShellAndABrokenOneIsFlagged(t *testing.T) {
	whole := Script(true)
	broken := []string{
		strings.Replace(whole, "})", "}", 1), strings.Replace(whole, "try {", "try ", 1),
		strings.Replace(whole, "'IsInstalled=0", "IsInstalled=0", 1), strings.Replace(whole, "[ordered]@{", "[ordered@{", 1),
	}
	faults := pwsh.Syntax(t, append([]string{whole, Script(false)}, broken...)...)
	for _, f := range append(faults[0], faults[1]...) {
		t.Errorf("line %d, column %d: %q", f.Line, f.Column, f.Text)
	}
	for i, f := range faults[2:] {
		if len(f) == 0 {
			t.Errorf("broken script %d is not flagged", i)
		}
	}
}

func TestTheScriptPrintsExactlyWhatIsRead(t *testing.T) {
	pwsh.Contract(t, search, wire{}, failure{})
}

func TestTheScriptSaysWhomToAsk(t *testing.T) {
	if !strings.HasPrefix(Script(true), "$online = $true\n") || !strings.HasPrefix(Script(false), "$online = $false\n") {
		t.Error("the first line does not say it")
	}
}
