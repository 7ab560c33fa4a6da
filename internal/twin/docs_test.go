package twin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheExamplesOfTheDocumentationAreFaultPlans reads those of docs/twin.md as a twin
// does, and wants one of everything that a rule can do.
func TestTheExamplesOfTheDocumentationAreFaultPlans(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "twin.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, block := range strings.Split(string(page), "```json\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		rules, err := ParseRules([]byte(text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		for _, r := range rules {
			for what, is := range map[string]bool{"error": r.Error != nil, "latency": r.Latency > 0, "lostResponse": r.LostResponse, "throttle": r.Throttle != nil,
				"stale": r.Stale > 0, string(r.Fails): true} {
				shown[what] = shown[what] || is
			}
		}
	}
	for _, what := range []string{"error", "latency", "lostResponse", "throttle", "stale", "capacity", "patch", "agent", "hook", "copy", "spot", "zone"} {
		if !shown[what] {
			t.Errorf("docs/twin.md has no example of %s", what)
		}
	}
}
