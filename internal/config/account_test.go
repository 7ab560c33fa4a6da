package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
)

// line is a configuration with account and distribute blocks in it.
func line(accounts, distribute string) []byte {
	return []byte(`
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
` + accounts + `
image "web" {
  baseline = baseline.debian
  source   = "ami-0123456789abcdef0"
  channel  = "/golden/web/latest"
` + distribute + `
}
`)
}

const twoAccounts = `
account "dev" {
  id = "111111111111"
}
account "prod" {
  id          = "222222222222"
  role        = "ops/rehydrate"
  external_id = "golden:1"
  regions     = ["eu-west-1", "us-east-1"]
  concurrency = 2
}`

func TestAccountsAndWhereAnImageGoesAreRead(t *testing.T) {
	c, err := Parse("rehydrate.hcl", line(twoAccounts, `
  distribute {
    accounts      = ["dev", "prod"]
    kms_key       = "alias/golden"
    completion    = "30m"
    service_roles = "grant"
    organizations = ["arn:aws:organizations::111111111111:organization/o-a1b2c3d4e5"]
    units         = ["arn:aws:organizations::111111111111:ou/o-a1b2c3d4e5/ou-ab12-11111111"]
  }`))
	if err != nil {
		t.Fatal(err)
	}
	dev := &Account{Label: "dev", ID: "111111111111", Regions: []string{"eu-west-1"}}
	prod := &Account{Label: "prod", ID: "222222222222", Role: "arn:aws:iam::222222222222:role/ops/rehydrate", ExternalID: "golden:1",
		Regions: []string{"eu-west-1", "us-east-1"}, Concurrency: 2}
	want := &Distribute{Accounts: []*Account{dev, prod}, Mode: ModeShare, KMSKey: "alias/golden", Completion: 30 * time.Minute, ServiceRoles: ServiceRolesGrant,
		Organizations: []string{"arn:aws:organizations::111111111111:organization/o-a1b2c3d4e5"},
		Units:         []string{"arn:aws:organizations::111111111111:ou/o-a1b2c3d4e5/ou-ab12-11111111"}}
	if d := cmp.Diff(want, c.Images[0].Distribute); d != "" {
		t.Error(d)
	}
	if a, ok := c.AccountNamed("prod"); !ok || a != c.Images[0].Distribute.Accounts[1] {
		t.Errorf("prod is %+v", a)
	}
	if _, ok := c.AccountNamed("qa"); ok {
		t.Error("qa was found")
	}
}

func TestAnAccountGetsTheImageWhereBothBlocksSay(t *testing.T) {
	a := &Account{Regions: []string{"eu-west-1", "us-east-1"}}
	for _, c := range []struct{ regions, want []string }{
		{nil, []string{"eu-west-1", "us-east-1"}},
		{[]string{"us-east-1", "ap-south-1"}, []string{"us-east-1"}},
	} {
		if d := cmp.Diff(c.want, (&Distribute{Regions: c.regions}).RegionsOf(a)); d != "" {
			t.Error(d)
		}
	}
}

func TestAnImageWithoutDistributeHasNone(t *testing.T) {
	c, err := Parse("rehydrate.hcl", line("", ""))
	if err != nil || c.Images[0].Distribute != nil || len(c.Accounts) > 0 {
		t.Errorf("%v, %v", c, err)
	}
}

func TestWrongAccountsAreRefusedWithWhatToWrite(t *testing.T) {
	account := func(body string) string { return "account \"a\" {\n" + body + "\n}" }
	for name, c := range map[string]struct{ accounts, says string }{
		"an id that is none":          {account(`id = "12"`), "twelve digits"},
		"a role of another account":   {account("id = \"111111111111\"\nrole = \"arn:aws:iam::222222222222:role/x\""), "is one of account 222222222222"},
		"a role that is none":         {account("id = \"111111111111\"\nrole = \"a b\""), "the name of a role"},
		"an external id with no role": {account("id = \"111111111111\"\nexternal_id = \"ab\""), "no role"},
		"an external id of one sign":  {account("id = \"111111111111\"\nrole = \"r\"\nexternal_id = \"a\""), "external_id has characters"},
		"a Region that is none":       {account("id = \"111111111111\"\nregions = [\"Frankfurt\"]"), "such as eu-west-1"},
		"a Region twice":              {account("id = \"111111111111\"\nregions = [\"eu-west-1\", \"eu-west-1\"]"), "twice"},
		"less than nothing":           {account("id = \"111111111111\"\nconcurrency = -1"), "concurrency is -1"},
		"one label twice":             {account(`id = "111111111111"`) + "\n" + account(`id = "222222222222"`), "stands above"},
		"one id twice":                {account(`id = "111111111111"`) + "\naccount \"b\" {\nid = \"111111111111\"\n}", "one block has all its Regions"},
	} {
		t.Run(name, func(t *testing.T) { refusedWith(t, line(c.accounts, ""), c.says) })
	}
	src := strings.Replace(string(line(account(`id = "111111111111"`), "")), `region = "eu-west-1"`, "", 1)
	refusedWith(t, []byte(src), "needs regions")
}

func refusedWith(t *testing.T, src []byte, says string) {
	t.Helper()
	_, err := Parse("rehydrate.hcl", src)
	if fault.KindOf(err) != fault.Usage || !strings.Contains(strings.Join(strings.Fields(err.Error()), " "), says) {
		t.Errorf("got %v, want %q in it", err, says)
	}
}

func TestWrongDistributionsAreRefusedWithWhatToWrite(t *testing.T) {
	for name, c := range map[string]struct{ body, says string }{
		"nobody":                       {`accounts = []`, "names the account blocks"},
		"an account that is not there": {`accounts = ["prd"]`, `Did you mean "prod"?`},
		"an account twice":             {`accounts = ["prod", "prod"]`, "twice"},
		"Regions that an account has not": {"accounts = [\"dev\"]\nregions = [\"us-east-1\"]",
			"None of the regions"},
		"a Region that nobody has":    {"accounts = [\"dev\"]\nregions = [\"eu-west-1\", \"ap-south-1\"]", "in which no account"},
		"another mode":                {"accounts = [\"dev\"]\nmode = \"lend\"", "share, copy"},
		"other service roles":         {"accounts = [\"dev\"]\nservice_roles = \"ask\"", "grant, policy"},
		"an odd completion":           {"accounts = [\"dev\"]\ncompletion = \"20m\"", "steps of 15 minutes"},
		"a completion too late":       {"accounts = [\"dev\"]\ncompletion = \"72h\"", "at most 48h"},
		"a key that is none":          {"accounts = [\"dev\"]\nkms_key = \"golden\"", "alias/golden"},
		"AWS's own key, shared":       {"accounts = [\"dev\"]\nkms_key = \"alias/aws/ebs\"", "shared with nobody"},
		"an organization that isn't":  {"accounts = [\"dev\"]\norganizations = [\"o-1\"]", "organizations names"},
		"a unit that is none":         {"accounts = [\"dev\"]\nunits = [\"ou-1\"]", "units names"},
		"an organization with copies": {"accounts = [\"dev\"]\nmode = \"copy\"\nunits = [\"arn:aws:organizations::111111111111:ou/o-a1b2c3d4e5/ou-ab12-11111111\"]", "Nothing to share"},
	} {
		t.Run(name, func(t *testing.T) { refusedWith(t, line(twoAccounts, "distribute {\n"+c.body+"\n}"), c.says) })
	}
}
