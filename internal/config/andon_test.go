package config

import (
	"strings"
	"testing"
)

func TestTheAndonIsAParameterOfItsOwn(t *testing.T) {
	const image = `
baseline "base" {
  operating_system = "DEBIAN"
}
image "web" {
  baseline  = baseline.base
  source    = "ami-00000000000000001"
  channel   = "/golden/web/latest"
}
`
	for name, c := range map[string]struct{ block, want, fault string }{
		"none":              {"", "", ""},
		"named":             {`andon { parameter = "/golden/andon" }`, "/golden/andon", ""},
		"the channel":       {`andon { parameter = "/golden/web/latest" }`, "", "Andon on a channel"},
		"not a name":        {`andon { parameter = "no good" }`, "", "Wrong parameter"},
		"a name of AWS's":   {`andon { parameter = "/aws/andon" }`, "", "Wrong parameter"},
		"without parameter": {`andon {}`, "", "parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse("rehydrate.hcl", []byte(image+c.block+"\n"))
			if c.fault != "" {
				if err == nil || !strings.Contains(err.Error(), c.fault) {
					t.Errorf("got %v, want %q", err, c.fault)
				}
				return
			}
			if err != nil || got.Andon.Parameter != c.want {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}
