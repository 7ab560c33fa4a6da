package spread

import (
	"os"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/config"
)

func TestTheConfigurationOfTheDocumentationIsOne(t *testing.T) {
	text, err := os.ReadFile("../../docs/distribute.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```hcl\n")
	block, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("there is none")
	}
	c, err := config.Parse("distribute.hcl", []byte(block))
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Images[0].Distribute; len(d.Accounts) != 2 || d.Canary != "t3.micro" || len(c.Fleets[0].Places()) != 2 {
		t.Errorf("%+v", d)
	}
}
