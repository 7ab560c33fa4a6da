package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
)

func TestRingChannelsAreRead(t *testing.T) {
	c, err := Parse("rehydrate.hcl", line("", `
  rings    = ["dev", "qa", "prod"]
  channels = { dev = "/golden/web/dev", prod = "/golden/web/prod" }`))
	if err != nil {
		t.Fatal(err)
	}
	i := c.Images[0]
	if d := cmp.Diff([]string{"latest", "dev", "prod"}, i.ChannelWords()); d != "" {
		t.Error(d)
	}
	for word, want := range map[string][2]string{
		"dev": {"/golden/web/dev", "dev"}, "/golden/web/prod": {"/golden/web/prod", "prod"},
		"latest": {"/golden/web/latest", ""}, "/golden/web/latest": {"/golden/web/latest", ""},
	} {
		if name, ring, ok := i.ChannelNamed(word); !ok || name != want[0] || ring != want[1] {
			t.Errorf("%s: %s of ring %q, %t", word, name, ring, ok)
		}
	}
	for _, word := range []string{"qa", "", "/golden/web", "web"} {
		if name, _, ok := i.ChannelNamed(word); ok {
			t.Errorf("%q is taken for %s", word, name)
		}
	}
}

func TestARingChannelThatIsALatestOfItsOwnHasPrecedence(t *testing.T) {
	i := &Image{Channel: "/golden/web/current", Rings: []string{"latest"}, Channels: map[string]string{"latest": "/golden/web/ring"}}
	if name, ring, ok := i.ChannelNamed("latest"); !ok || name != "/golden/web/ring" || ring != "latest" {
		t.Errorf("%s of ring %q, %t", name, ring, ok)
	}
	if name, _, ok := i.ChannelNamed("current"); !ok || name != i.Channel {
		t.Errorf("%s, %t", name, ok)
	}
}

func TestWrongRingChannelsAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ block, says string }{
		"a ring that is none":   {`channels = { stage = "/golden/web/stage" }`, `ring "stage", which is not in the rings`},
		"a ring written wrong":  {`channels = { prd = "/golden/web/prod" }`, `Did you mean "prod"?`},
		"the line's own name":   {`channels = { dev = "/golden/web/latest" }`, "which is that of channel already"},
		"one name for two":      {`channels = { dev = "/golden/web/x", prod = "/golden/web/x" }`, "which is that of ring dev already"},
		"no full name":          {`channels = { dev = "web/dev" }`, "full Parameter Store name"},
		"a name of one part":    {`channels = { dev = "/dev" }`, "full Parameter Store name"},
		"a name with a hole":    {`channels = { dev = "/golden//dev" }`, "full Parameter Store name"},
		"AWS's own":             {`channels = { dev = "/aws/service/x" }`, "full Parameter Store name"},
		"an immutable entry":    {`channels = { dev = "/golden/web/builds/x" }`, "kept for what stands beside"},
		"the lease":             {`channels = { dev = "/golden/web/lease" }`, "kept for what stands beside"},
		"somebody's envelope":   {`channels = { dev = "/golden/web/latest/envelope" }`, "kept for what stands beside"},
		"no text but a list":    {`channels = ["dev"]`, "map of string required"},
		"a character too much":  {`channels = { dev = "/golden/web/dev!" }`, "full Parameter Store name"},
		"a name that goes back": {`channels = { dev = "/golden/web/../dev" }`, "full Parameter Store name"},
	} {
		_, err := Parse("rehydrate.hcl", line("", "rings = [\"dev\", \"prod\"]\n"+c.block))
		if fault.KindOf(err) != fault.Usage || err == nil || !strings.Contains(strings.Join(strings.Fields(err.Error()), " "), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAChannelThatPublishingWouldRefuseIsRefusedBeforeTheBake: the same names as for rings.
func TestAChannelThatPublishingWouldRefuseIsRefusedBeforeTheBake(t *testing.T) {
	for channel, says := range map[string]string{
		"latest": "full Parameter Store name such as /golden/web/latest", "web/latest": "full Parameter Store name", "/latest": "full Parameter Store name",
		"/golden//latest": "full Parameter Store name", "/golden/builds/latest": "kept for what stands beside", "/golden/web/lease": "kept for what stands beside",
	} {
		_, err := Parse("rehydrate.hcl", []byte(strings.ReplaceAll(string(line("", "")), "/golden/web/latest", channel)))
		if err == nil || fault.KindOf(err) != fault.Usage || !strings.Contains(strings.Join(strings.Fields(err.Error()), " "), says) {
			t.Errorf("%s: %v", channel, err)
		}
	}
}
