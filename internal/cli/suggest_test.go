package cli

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/app"
)

func TestAMisspeltCommandBelowAStageIsOffered(t *testing.T) {
	config := filepath.Join("..", "..", "examples", "accounts", "rehydrate.hcl")
	t.Setenv("REHYDRATE_STATE", t.TempDir())
	for _, c := range []struct {
		args  []string
		says  string
		meant string
	}{
		{[]string{"publish", "verfy", "--twin"}, "flag --twin stands after an argument", "verify"},
		{[]string{"roll", "stauts", "--twin"}, "flag --twin stands after an argument", "status"},
		{[]string{"roll", "--config", config, "rollbak"}, `there is no image "rollbak"`, "rollback"},
		{[]string{"publish", "--config", config, "histroy"}, `there is no image "histroy"`, "history"},
		{[]string{"publish", "--config", config, "--verify", "verfy"}, `there is no image "verfy"`, "verify"},
		{[]string{"roll", "--config", config, "frobnicate"}, `there is no image "frobnicate"`, ""},
		{[]string{"roll", "web", "--twin"}, "flag --twin stands after an argument", ""},
		{[]string{"plan", "--config", config, "statu"}, `there is no image "statu"`, ""},
	} {
		code, _, errs := try(t, c.args...)
		offer := ""
		if c.meant != "" {
			offer = `; did you mean "` + c.meant + `"?`
		}
		first, _, _ := strings.Cut(errs, "\n")
		if code != 2 || !strings.Contains(first, c.says) || !strings.HasSuffix(first, offer) || offer == "" && strings.Contains(first, "did you mean") {
			t.Errorf("%q: exit code %d, %s", c.args, code, errs)
		}
	}
}

// An example can be typed as it stands, in the repository's root.
func TestTheWorldsOfExamplesAreWorlds(t *testing.T) {
	seen := 0
	for _, l := range leaves(t) {
		for _, e := range examplesOf(l) {
			words := strings.Fields(e)
			for i, w := range words {
				if w != "--world" || i+1 == len(words) || strings.Contains(e, "--set") {
					continue
				}
				seen++
				ctx, stop := context.WithCancel(t.Context())
				err := app.ServeTwin(ctx, app.TwinOptions{Dir: t.TempDir(), World: app.World{File: filepath.Join("..", "..", words[i+1])},
					Listen: "127.0.0.1:0", Clock: "auto", Ready: func(string) { stop() }})
				if stop(); err != nil {
					t.Errorf("%s: %v", e, err)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no example has a world")
	}
}
