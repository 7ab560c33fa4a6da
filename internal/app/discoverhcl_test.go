package app

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/rollout/discover"
)

// discoveredInto is a configuration that the fleets found are pasted into.
const discoveredInto = `
region = "eu-west-1"
baseline "debian" {
  operating_system = "DEBIAN"
  approval_rule {
    approve_after_days = 7
    patch_filter {
      key    = "PRIORITY"
      values = ["Required"]
    }
  }
}
account "prod" {
  id      = "222222222222"
  regions = ["eu-west-1", "us-east-1"]
}
account "test" {
  id      = "333333333333"
  regions = ["eu-west-1"]
}
image "web" {
  baseline = baseline.debian
  source   = "ami-0123456789abcdef0"
  channel  = "/golden/web/latest"
  rings    = ["dev", "prod"]
}
`

// TestWhatDiscoverWritesIsConfigurationThatFindsTheSameGroups holds the writer against
// the reader, whatever the names are: Auto Scaling takes nearly any character in them.
func TestWhatDiscoverWritesIsConfigurationThatFindsTheSameGroups(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		accounts := []discover.Account{{Label: "prod", ID: "222222222222"}, {Label: "test", ID: "333333333333"}}
		names := rapid.SliceOfNDistinct(rapid.OneOf(
			rapid.StringOfN(rapid.RuneFrom([]rune("${}%\"\\\n\t#/*~<EOT web")), 1, 12, -1), rapid.StringOfN(rapid.RuneFrom([]rune("aZ09é漢🚀\u202e\u2028\ufffd\x00\x1b\x7f|;")), 1, 12, -1)), 1, 5, rapid.ID[string]).Draw(t, "names")
		var r discover.Result
		want := map[string][]string{} // by ring
		for i, name := range names {
			g := discover.Group{Name: name, Line: "web", Ring: rapid.SampledFrom([]string{"dev", "prod"}).Draw(t, "ring"), Region: "eu-west-1",
				Account: rapid.SampledFrom([]string{"222222222222", "333333333333"}).Draw(t, "account"), Why: name, Desired: i}
			g.Owner.Kind, g.Owner.Name = "unknown", name
			r.Groups = append(r.Groups, g)
			if !slices.Contains(want[g.Ring], name) {
				want[g.Ring] = append(want[g.Ring], name)
			}
		}
		r.Groups = append(r.Groups, discover.Group{Name: names[0], Fleet: names[0]}, discover.Group{Name: "stranger", ImageName: names[0]})
		text := discover.HCL(r, accounts)
		cfg, err := config.Parse("rehydrate.hcl", []byte(discoveredInto+text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		got := map[string][]string{}
		for _, f := range cfg.Fleets {
			got[f.Ring] = append(got[f.Ring], f.ASGNames...)
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("got %q, want %q\n%s", got, want, text)
		}
	})
}
