package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

const whole = `
region = "eu-west-1"

artifacts {
  bucket = "golden-artifacts"
  prefix = "/teams/web/"
}

baseline "debian" {
  operating_system   = "DEBIAN"
  rejected_patches   = ["demo-agent"]
  apt_approval_delay = true

  approval_rule {
    approve_after_days  = 7
    enable_non_security = true
    compliance_level    = "HIGH"

    patch_filter {
      key    = "PRIORITY"
      values = ["Required", "Important"]
    }
  }
}

image "web" {
  baseline      = baseline.debian
  source_name   = "debian-12-amd64-*"
  source_owners = ["136693071363"]
  channel       = "/golden/web/latest"
  rings         = ["dev", "prod"]
}

fleet "web-dev" {
  follows  = image.web
  ring     = "dev"
  asg_tags = { App = "web", Env = "dev" }

  refresh {
    min_healthy = "50%"
    max_healthy = "150"
    soak        = "30m"
    checkpoints = [10, 100]
  }
}

fleet "db" {
  follows   = image.web
  node_tags = { "Patch Group" = "db" }

  in_place {
    batch  = 1
    reboot = "if-needed"
  }
}
`

func TestParse_reads_a_whole_configuration(t *testing.T) {
	c, err := Parse("rehydrate.hcl", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	i, ok := c.ImageNamed("")
	if !ok || i.Label != "web" || i.Baseline.Baseline.Name != "debian" || !i.Baseline.Options.AptApprovalDelay {
		t.Fatalf("image %+v", i)
	}
	rule := i.Baseline.Baseline.ApprovalRules.PatchRules[0]
	if *rule.ApproveAfterDays != 7 || !*rule.EnableNonSecurity || rule.PatchFilterGroup.PatchFilters[0].Values[1] != "Important" {
		t.Errorf("rule %+v", rule)
	}
	if i.Architecture != "x86_64" || i.InstanceType != "t3.micro" || i.SSHUsername != "admin" || i.Builder != "packer" {
		t.Errorf("defaults %+v", i)
	}
	if c.Artifacts.Bucket != "golden-artifacts" || c.Artifacts.Prefix != "teams/web" {
		t.Errorf("artifacts %+v", c.Artifacts)
	}
	fleets := c.FleetsOf(i)
	if len(fleets) != 2 {
		t.Fatalf("%d fleets", len(fleets))
	}
	if r := fleets[0].Refresh; r.MinHealthy != 50 || r.MaxHealthy != 150 || r.Soak != 30*time.Minute || !r.Rollback {
		t.Errorf("refresh %+v", r)
	}
	if p := fleets[1].InPlace; p.Batch != 1 || p.Reboot != "if-needed" {
		t.Errorf("in place %+v", p)
	}
}

func TestParse_reads_the_json_form_alike(t *testing.T) {
	c, err := Parse("rehydrate.hcl.json", []byte(`{
		"region": "eu-west-1",
		"baseline": {"debian": {"operating_system": "DEBIAN", "approval_rule": [{"approve_after_days": 0, "patch_filter": [{"key": "PRIORITY", "values": ["*"]}]}]}},
		"image": {"web": {"baseline": "baseline.debian", "source": "ami-0123456789abcdef0", "channel": "/golden/web/latest", "rings": ["prod"]}},
		"fleet": {"web": {"follows": "image.web", "ring": "prod", "asg_names": ["web"]}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Fleets) != 1 || c.Fleets[0].Image != c.Images[0] || c.Images[0].Source.ID != "ami-0123456789abcdef0" {
		t.Errorf("%+v", c)
	}
}

// Each case changes one thing in the whole configuration.
func TestParse_refuses_with_the_place_and_the_nearest_word(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		want     []string
	}{
		"a misspelt argument":   {"approve_after_days ", "approve_after_day ", []string{"rehydrate.hcl line", `Did you mean "approve_after_days"`}},
		"an unknown baseline":   {"baseline.debian\n", "baseline.debain\n", []string{"Unknown baseline", `Did you mean "debian"`}},
		"an unknown image":      {"follows  = image.web\n", "follows  = image.wep\n", []string{"Unknown image", `Did you mean "web"`}},
		"a wrong reference":     {"baseline.debian\n", `"debian"` + "\n", []string{"Write baseline.NAME"}},
		"an unknown ring":       {`ring     = "dev"`, `ring     = "dve"`, []string{"Unknown ring", `Did you mean "dev"`}},
		"a ring twice":          {`["dev", "prod"]`, `["dev", "prod", "dev"]`, []string{"circle"}},
		"a percentage":          {`"50%"`, `"150%"`, []string{"min_healthy is 150", "0 to 100"}},
		"words for percentages": {`"50%"`, `"half"`, []string{"min_healthy", `"90%"`}},
		"percentages apart":     {`max_healthy = "150"`, `max_healthy = "200"`, []string{"at most 100"}},
		"checkpoints":           {"[10, 100]", "[100, 10]", []string{"ascending"}},
		"a duration":            {`"30m"`, `"30 minutes"`, []string{"soak", `"30m"`}},
		"a foreign channel":     {"/golden/web/latest", "/aws/service/x", []string{"channel"}},
		"no source":             {"source_name   =", "tags = { a =", []string{"line"}},
		"anybody's image":       {`source_owners = ["136693071363"]`, ``, []string{"anybody's"}},
		"a fleet of both":       {`node_tags = {`, `asg_names = ["x"]` + "\n  node_tags = {", []string{"asg_tags, asg_names or asg_template, or node_tags"}},
		"a wrong reboot":        {`"if-needed"`, `"if-neded"`, []string{`Did you mean "if-needed"`}},
		"a duplicate fleet":     {`fleet "db"`, `fleet "web-dev"`, []string{"Duplicate fleet"}},
		"a bad baseline":        {"approve_after_days  = 7", "approve_after_days  = 700", []string{"Baseline refused", "360"}},
		"a profile's ARN":       {`rings         =`, `instance_profile = "arn:aws:iam::111122223333:instance-profile/team/builder"` + "\n  rings =", []string{"Wrong instance profile", `"builder"`}},
		"a misspelt check":      {`rings         =`, `skip_checks = ["hygene"]` + "\n  rings =", []string{"Unknown check", `Did you mean "hygiene"`}},
		"a check that proves":   {`rings         =`, `skip_checks = ["changes", "marker"]` + "\n  rings =", []string{"cannot be skipped", `"marker"`, "changes and hygiene"}},
		"nodes side by side":    {"batch  = 1", "batch  = 2", []string{"batch is 2", "one at a time"}},
		"a batch of nobody":     {"batch  = 1", "batch  = 0", []string{"batch is 0"}},
		"a schedule":            {`fleet "db" {`, "schedule \"nightly\" {\n  run = image.web\n  at = \"rate(1 day)\"\n}\n\nfleet \"db\" {", []string{"not supported yet", `"nightly"`}},
		"a prefix upwards":      {`"/teams/web/"`, `"teams/../web"`, []string{"Wrong prefix"}},
		"a bad filter key":      {`"PRIORITY"`, `"SEVERITY"`, []string{"Baseline refused", "SEVERITY"}},
	} {
		text := strings.Replace(whole, c.old, c.new, 1)
		if text == whole {
			t.Fatalf("%s: %q is not in the configuration", name, c.old)
		}
		_, err := Parse("rehydrate.hcl", []byte(text))
		if fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: got %v, want a usage error", name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q is not in:\n%v", name, w, err)
			}
		}
	}
}

func TestParse_reports_several_faults_together(t *testing.T) {
	text := strings.NewReplacer(`"50%"`, `"500%"`, `"if-needed"`, `"maybe"`).Replace(whole)
	_, err := Parse("rehydrate.hcl", []byte(text))
	if err == nil || !strings.Contains(err.Error(), "min_healthy") || !strings.Contains(err.Error(), "reboot") {
		t.Errorf("got %v", err)
	}
}

func TestEnv_is_read_with_a_default(t *testing.T) {
	t.Setenv("TEST_REGION", "ap-south-1")
	for text, want := range map[string]string{`region = env("TEST_REGION")`: "ap-south-1", `region = env("TEST_NONE", "us-east-1")`: "us-east-1"} {
		c, err := Parse("x.hcl", []byte(text))
		if err != nil || c.Region != want {
			t.Errorf("%s: %+v, %v", text, c, err)
		}
	}
	if _, err := Parse("x.hcl", []byte(`region = env("TEST_NONE")`)); err == nil || !strings.Contains(err.Error(), "TEST_NONE is not set") {
		t.Errorf("got %v", err)
	}
}

func TestTwin_names_a_world_beside_the_file(t *testing.T) {
	c, err := Parse("some/where/x.hcl", []byte(`twin {
		world = "world.json"
		set   = { root = "/r" }
	}`))
	if err != nil || c.Twin == nil || c.Twin.World != filepath.Join("some", "where", "world.json") || c.Twin.Set["root"] != "/r" {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := Parse("x.hcl", []byte(whole)); err != nil || c.Twin != nil {
		t.Errorf("a configuration without the block: %+v, %v", c, err)
	}
}

func TestSSM_marks_a_parameter(t *testing.T) {
	text := strings.Replace(whole, `source_name   = "debian-12-amd64-*"`, `source = ssm("/aws/service/debian")`, 1)
	text = strings.Replace(text, `source_owners = ["136693071363"]`, "", 1)
	c, err := Parse("x.hcl", []byte(text))
	if err != nil || c.Images[0].Source.Parameter != "/aws/service/debian" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestLoad_of_a_missing_file_says_what_to_do(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.hcl"))
	if fault.KindOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
}

func TestBaseline_file_is_relative_to_the_configuration(t *testing.T) {
	dir := t.TempDir()
	body := `{"Name": "from-a-file", "OperatingSystem": "DEBIAN"}`
	if err := os.WriteFile(filepath.Join(dir, "b.json"), []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Parse(filepath.Join(dir, "rehydrate.hcl"), []byte(`baseline "b" { file = "b.json" }`))
	if err != nil || c.Baselines["b"].Baseline.Name != "from-a-file" {
		t.Errorf("%+v, %v", c, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole), false)
	f.Add([]byte(gated), false)
	f.Add([]byte(`{"region": 1}`), true)
	f.Fuzz(func(t *testing.T, src []byte, asJSON bool) {
		name := "x.hcl"
		if asJSON {
			name = "x.hcl.json"
		}
		if c, err := Parse(name, src); err == nil && c == nil {
			t.Error("neither a configuration nor an error")
		}
	})
}
