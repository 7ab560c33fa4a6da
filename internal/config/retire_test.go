package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const oneDay = 24 * time.Hour

func retiring(block string) ([]byte, string) {
	return line("", "\n  retire {\n"+block+"\n  }"), "rehydrate.hcl"
}

func TestRetireBlocksAreRead(t *testing.T) {
	for block, want := range map[string]Retire{
		"keep = 3\ndeprecate_after = \"30d\"\ndisable_after = \"60d\"\nderegister_after = \"2160h\"\nrollback_depth = 1": {Keep: 3, DeprecateAfter: 30 * oneDay,
			DisableAfter: 60 * oneDay, DeregisterAfter: 90 * oneDay, RollbackDepth: 1},
		"disable_after = \"1d\"":       {Keep: 5, DisableAfter: oneDay, RollbackDepth: 2},
		"deregister_after = \"8760h\"": {Keep: 5, DeregisterAfter: 365 * oneDay, RollbackDepth: 2},
	} {
		src, name := retiring(block)
		c, err := Parse(name, src)
		if err != nil {
			t.Errorf("%s: %v", block, err)
			continue
		}
		if d := cmp.Diff(&want, c.Images[0].Retire); d != "" {
			t.Errorf("%s: %s", block, d)
		}
	}
	c, err := Parse("rehydrate.hcl", line("", ""))
	if err != nil || c.Images[0].Retire != nil {
		t.Errorf("without a block: %v", err)
	}
}

func TestWrongRetireBlocksAreRefused(t *testing.T) {
	for block, want := range map[string]string{
		"":                                    "at least one of deprecate_after",
		"keep = 0\ndisable_after = \"1d\"":    "keep is 0",
		"keep = 9999\ndisable_after = \"1d\"": "keep is 9999",
		"rollback_depth = 0\ndisable_after = \"1d\"":          "rollback_depth is 0",
		"disable_after = \"0d\"":                              `disable_after is "0d"`,
		"disable_after = \"-1h\"":                             `disable_after is "-1h"`,
		"disable_after = \"soon\"":                            `disable_after is "soon"`,
		"disable_after = \"99999d\"":                          `disable_after is "99999d"`,
		"disable_after = \"2d\"\nderegister_after = \"1d\"":   "Stages out of order",
		"deprecate_after = \"9d\"\nderegister_after = \"1d\"": "Stages out of order",
		"after = \"1d\"":                                      "Unsupported argument",
	} {
		src, name := retiring(block)
		if _, err := Parse(name, src); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", block, err)
		}
	}
}

func FuzzParseAge(f *testing.F) {
	for _, s := range []string{"", "30d", "720h", "0d", "-1h", "99999d", "1d2h", "d", "9999999999999d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ParseAge(s); err == nil && (d < 0 || d == 0 && s != "") {
			t.Errorf("%q is %s", s, d)
		}
	})
}
