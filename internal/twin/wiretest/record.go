package wiretest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// RecordVariable, when it is set, has tests log what they call.
const RecordVariable = "REHYDRATE_TWIN_CALLS"

// RecordMark begins a logged line: mark, service, operation, outcome. The outcome is
// "ok" or the code of the error.
const RecordMark = "twin-call:"

// Record has a test that passes log every operation that was called on a world over
// the wire, with every outcome, if RecordVariable is set. What a fault plan answered
// does not count. The coverage page is made of these lines (test/twincoverage).
func Record(t testing.TB, w *world.World) {
	t.Helper()
	if os.Getenv(RecordVariable) == "" {
		return
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	w.OnEvent(func(e world.Event) {
		if e.Kind != "call" || e.Data["fault"] == true {
			return
		}
		outcome := "ok"
		if code, ok := e.Data["error"]; ok {
			outcome = fmt.Sprint(code)
		}
		mu.Lock()
		defer mu.Unlock()
		seen[fmt.Sprintf("%s %v %v %s", RecordMark, e.Data["service"], e.Data["op"], outcome)] = true
	})
	t.Cleanup(func() {
		if t.Failed() || t.Skipped() {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, line := range slices.Sorted(maps.Keys(seen)) {
			t.Log(line)
		}
	})
}
