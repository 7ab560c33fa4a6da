package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The blocks of docs/gates.md are a configuration that is read.
func TestTheExamplesOfTheGatesPageAreRead(t *testing.T) {
	t.Setenv("CHAT_HOOK", "https://chat.example.com/hook")
	text, err := os.ReadFile("../../docs/gates.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks", len(blocks))
	}
	cfg := "baseline \"base\" {\n  operating_system = \"DEBIAN\"\n}\n" + strings.Replace(blocks[0][1], "# ...\n",
		"baseline = baseline.base\n  source = \"ami-0123456789abcdef0\"\n  channel = \"/golden/web/latest\"\n", 1) + blocks[1][1]
	c, err := Parse("gates.hcl", []byte(cfg))
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Images[0].Ring("prod"); len(r.Checks) != 3 || len(r.Windows) != 1 || len(c.Notify) != 3 || len(c.Freezes) != 1 {
		t.Errorf("%+v", r)
	}
}
