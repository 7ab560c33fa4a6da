package wua

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit/pwsh"
)

const (
	idA = "11111111-1111-4111-8111-111111111111"
	idB = "22222222-2222-4222-8222-22222222222A"
)

func TestTheScriptIsPowerShellAndABrokenOneIsFlagged(t *testing.T) {
	whole := Script(true, []Update{{idA, 200}, {idB, 1}})
	faults := pwsh.Syntax(t, whole, Script(false, nil), strings.Replace(whole, "})", "}", 1), strings.Replace(whole, "$wanted = @(", "$wanted = @", 1))
	for _, f := range append(faults[0], faults[1]...) {
		t.Errorf("line %d, column %d: %q", f.Line, f.Column, f.Text)
	}
	if len(faults[2]) == 0 || len(faults[3]) == 0 {
		t.Error("a broken script is not flagged")
	}
}

func TestTheScriptPrintsExactlyWhatIsRead(t *testing.T) {
	pwsh.Contract(t, install, result{}, failure{})
}

func TestTheScriptNamesExactlyTheUpdates(t *testing.T) {
	got := Script(false, []Update{{idA, 200}, {idB, 1}})
	want := "$online = $false\n$wanted = @('" + idA + "/200', '22222222-2222-4222-8222-22222222222a/1')\n"
	if !strings.HasPrefix(got, want) {
		t.Errorf("it begins %.160s", got)
	}
}

func TestAFullBatchFitsOnACommandLine(t *testing.T) {
	var list []Update
	for i := range batch {
		list = append(list, Update{fmt.Sprintf("%08d-1111-4111-8111-111111111111", i), 99999})
	}
	if n := len(Encode(Script(false, list))); n > maxCommand {
		t.Errorf("%d characters, at most %d", n, maxCommand)
	}
}
