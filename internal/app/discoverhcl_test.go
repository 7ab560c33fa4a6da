package app

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
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
fleet "web-dev" {
  follows   = image.web
  ring      = "dev"
  node_tags = { Role = "db" }
}
`

// TestWhatDiscoverWritesIsConfigurationThatSelectsWhatWasFound holds the writer against
// the reader, whatever the names are and wherever they are: Auto Scaling takes nearly
// any character in them.
func TestWhatDiscoverWritesIsConfigurationThatSelectsWhatWasFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		accounts := []discover.Account{{Label: "prod", ID: "222222222222"}, {Label: "test", ID: "333333333333"}}
		names := rapid.SliceOfNDistinct(rapid.OneOf(
			rapid.StringOfN(rapid.RuneFrom([]rune("${}%\"\\\n\t#/*~<EOT web")), 1, 12, -1), rapid.StringOfN(rapid.RuneFrom([]rune("aZ09é漢🚀\u202e\u2028\ufffd\x00\x1b\x7f|;")), 1, 12, -1)), 1, 5, rapid.ID[string]).Draw(t, "names")
		cells := []config.Place{{Account: "222222222222", Region: "eu-west-1"}, {Account: "222222222222", Region: "us-east-1"}, {Account: "333333333333", Region: "eu-west-1"}}
		var r discover.Result
		want := map[string]bool{}
		for i, name := range names {
			for _, c := range rapid.SliceOfNDistinct(rapid.SampledFrom(cells), 1, 3, rapid.ID[config.Place]).Draw(t, "cells") {
				g := discover.Group{Name: name, Line: "web", Ring: rapid.SampledFrom([]string{"dev", "prod", ""}).Draw(t, "ring"), Region: c.Region, Account: c.Account, Why: name, Desired: i}
				g.Owner.Kind, g.Owner.Name = "unknown", name
				r.Groups = append(r.Groups, g)
				if g.Ring != "" { // else it is for somebody to decide, and a comment
					want[fmt.Sprintf("%s %q %s", g.Ring, name, c)] = true
				}
			}
		}
		r.Groups = append(r.Groups, discover.Group{Name: names[0], Fleet: names[0]}, discover.Group{Name: "stranger", ImageName: names[0]})
		text := discover.HCL(r, accounts, "web-dev")
		cfg, err := config.Parse("rehydrate.hcl", []byte(discoveredInto+text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		got := map[string]bool{}
		for _, f := range cfg.Fleets {
			for _, name := range f.ASGNames {
				for _, c := range f.Places() {
					at := fmt.Sprintf("%s %q %s", f.Ring, name, c)
					if got[at] {
						t.Fatalf("%s is in two fleets\n%s", at, text)
					}
					got[at] = true
				}
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s\n%s", d, text)
		}
	})
}
