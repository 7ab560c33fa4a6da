package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
)

const fleetFile = `
region = "eu-west-1"
baseline "deb" { operating_system = "DEBIAN" }
account "dev" { id = "111111111111" }
account "prod" {
  id      = "222222222222"
  role    = "rehydrate"
  regions = ["eu-west-1", "us-east-1"]
}
image "web" {
  baseline = baseline.deb
  source   = "ami-0123456789abcdef0"
  channel  = "/golden/web/latest"
  rings    = ["dev", "prod"]
}
fleet "web" {
  follows  = image.web
  ring     = "prod"
  %s
}
`

func fleetOf(t *testing.T, body string) (*Fleet, error) {
	t.Helper()
	c, err := Parse("rehydrate.hcl", []byte(strings.Replace(fleetFile, "%s", body, 1)))
	if err != nil {
		return nil, err
	}
	return c.Fleets[0], nil
}

func TestAFleetIsWhereItsAccountsAndRegionsAre(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []Place
	}{
		{"nowhere else", ``, nil},
		{"Regions of the session", `regions = ["eu-west-1", "us-east-1"]`, []Place{{"", "eu-west-1"}, {"", "us-east-1"}}},
		{"accounts", `accounts = ["dev", "prod"]`, []Place{{"111111111111", "eu-west-1"}, {"222222222222", "eu-west-1"}, {"222222222222", "us-east-1"}}},
		{"accounts in a Region", "accounts = [\"prod\"]\n regions = [\"us-east-1\"]", []Place{{"222222222222", "us-east-1"}}},
	} {
		f, err := fleetOf(t, "asg_names = [\"web\"]\n"+c.body)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if d := cmp.Diff(c.want, f.Places()); d != "" {
			t.Error(c.name, d)
		}
	}
}

func TestAFleetCanBeFoundByItsTemplate(t *testing.T) {
	f, err := fleetOf(t, `asg_template = "lt-0123456789abcdef0"`)
	if err != nil || f.ASGTemplate != "lt-0123456789abcdef0" || f.Refresh == nil {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestExceptionsOfARefreshAreRead(t *testing.T) {
	f, err := fleetOf(t, `asg_names = ["web"]
		refresh {
		  protected    = "Refresh"
		  standby      = "Terminate"
		  allow_outage = true
		}`)
	if err != nil || f.Refresh.Protected != "Refresh" || f.Refresh.Standby != "Terminate" || !f.Refresh.AllowOutage {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestAFleetThatIsNowhereIsRefused(t *testing.T) {
	for body, says := range map[string]string{
		`accounts = ["prd"]`:                                             `Did you mean "prod"?`,
		`accounts = ["dev", "dev"]`:                                      `"dev" twice`,
		`regions = ["mars"]`:                                             `"mars"`,
		"accounts = [\"dev\"]\nregions = [\"us-east-1\"]":                "None of the regions",
		"accounts = [\"dev\"]\nregions = [\"eu-west-1\", \"us-east-1\"]": "in which none of its accounts is",
		"asg_tags = { a = \"b\" }":                                       "more than one of",
		`refresh { protected = "maybe" }`:                                "protected is",
		`refresh { standby = "Refresh" }`:                                "standby is",
	} {
		_, err := fleetOf(t, "asg_names = [\"web\"]\n"+body)
		if fault.KindOf(err) != fault.Usage || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", body, err)
		}
	}
}
