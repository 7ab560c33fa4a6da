package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
)

// twoOf is a line of two images with a fleet on one of them; second goes into the block
// of the second.
func twoOf(second string) []byte {
	one := `
  baseline = baseline.debian
  source   = "ami-0123456789abcdef0"
  line     = "web"
`
	return []byte(string(line(`
account "prod" {
  id      = "222222222222"
  role    = "rehydrate"
  regions = ["eu-west-1", "eu-west-2"]
}
`, "")) + fmt.Sprintf(`
image "web-x86" {%s
  channel  = "/golden/web/x86_64/latest"
  rings    = ["dev", "prod"]
  channels = { dev = "/golden/web/x86_64/dev" }
}
image "web-arm" {%s
%s
}
`, one, one, second))
}

const arm = `
  architecture = "arm64"
  channel  = "/golden/web/arm64/latest"
  rings    = ["dev", "prod"]
  channels = { dev = "/golden/web/arm64/dev" }`

func TestALineHasOneImageForEachArchitecture(t *testing.T) {
	c, err := Parse("rehydrate.hcl", append(twoOf(arm), []byte(`
fleet "web" {
  follows  = image.web-arm
  ring     = "dev"
  asg_names = ["web-arm"]
}`)...))
	if err != nil {
		t.Fatal(err)
	}
	for _, label := range []string{"web-x86", "web-arm"} {
		i, _ := c.ImageNamed(label)
		if all := c.Members(i); len(all) != 2 || all[0].Label != "web-x86" || all[1].Label != "web-arm" {
			t.Errorf("%s: %v", label, all)
		}
	}
	alone, _ := c.ImageNamed("web")
	if all := c.Members(alone); len(all) != 1 || all[0] != alone {
		t.Errorf("an image without a line: %v", all)
	}
	if f := c.Fleets[0]; f.Image.Label != "web-arm" || f.Image.Architecture != "arm64" {
		t.Errorf("the fleet follows %s", f.Image.Label)
	}
}

func TestImagesThatCannotBePublishedTogetherAreNoLine(t *testing.T) {
	for name, c := range map[string]struct{ block, says string }{
		"one architecture twice":        {strings.Replace(arm, `"arm64"`, `"x86_64"`, 1), `Images "web-x86" and "web-arm" of line "web" are both for x86_64`},
		"another folder":                {strings.Replace(arm, "/golden/web/arm64/latest", "/golden/other/arm64/latest", 1), "differ in more than the architecture"},
		"another name":                  {strings.Replace(arm, "arm64/latest", "arm64/newest", 1), "differ in more than the architecture"},
		"no folder of the architecture": {strings.Replace(arm, "/golden/web/arm64/latest", "/golden/web/latest", 1), "write a name such as /golden/web/arm64/latest"},
		"the other architecture's":      {strings.Replace(arm, "/golden/web/arm64/latest", "/golden/web/x86_64/latest", 1), "write a name such as /golden/web/arm64/latest"},
		"no folder above it":            {strings.Replace(arm, "/golden/web/arm64/latest", "/arm64/latest", 1), "write a name such as /golden/web/arm64/latest"},
		"other rings":                   {strings.Replace(arm, `["dev", "prod"]`, `["dev", "qa", "prod"]`, 1), "their rings differ: dev, prod and dev, qa, prod"},
		"rings in another order":        {strings.Replace(arm, `["dev", "prod"]`, `["prod", "dev"]`, 1), "their rings differ: dev, prod and prod, dev"},
		"a ring channel elsewhere":      {strings.Replace(arm, "arm64/dev", "arm64/first", 1), `channels of ring "dev"`},
		"a ring channel for one only":   {strings.Replace(arm, "dev = ", "prod = ", 1), "channels for different rings: dev and prod"},
		"a ring channel in no folder":   {strings.Replace(arm, "/golden/web/arm64/dev", "/golden/web/dev", 1), `The channel of ring "dev"`},
		"one of them distributed":       {arm + "\n  distribute {\n    accounts = [\"prod\"]\n  }", "distributed to different places: none and prod/eu-west-1, prod/eu-west-2"},
	} {
		_, err := Parse("rehydrate.hcl", twoOf(c.block))
		if fault.KindOf(err) != fault.Usage || err == nil || !strings.Contains(strings.Join(strings.Fields(err.Error()), " "), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := Parse("rehydrate.hcl", []byte(strings.ReplaceAll(string(twoOf(arm)), `line     = "web"`, `line     = "../web"`)))
	if fault.KindOf(err) != fault.Usage || err == nil || !strings.Contains(err.Error(), `line is "../web"`) {
		t.Errorf("a line with a path for a name: %v", err)
	}
}
