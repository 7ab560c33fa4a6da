package cli

import (
	"os"
	"strings"
	"testing"
)

// lineConfig is a configuration with one image line, with or without a retire block.
func lineConfig(t *testing.T, retire string) {
	t.Helper()
	t.Chdir(t.TempDir())
	src := `region = "eu-west-1"
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
image "web" {
  baseline = baseline.debian
  source   = "ami-0123456789abcdef0"
  channel  = "/golden/web/latest"
  ` + retire + `
}
`
	if err := os.WriteFile("rehydrate.hcl", []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestImageCommandsRefuseWhatIsWrongBeforeAnythingIsOpened(t *testing.T) {
	lineConfig(t, `retire { disable_after = "60d" }`)
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"} {
		t.Setenv(name, "") // nothing may be called
	}
	const ami = "ami-0123456789abcdef0"
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"revoke"}, "revoke which image?"},
		{[]string{"revoke", ami}, "no reason is given"},
		{[]string{"revoke", "--reason", "x"}, "revoke which image?"},
		{[]string{"revoke", "--reason", "x", "--deadline", "soon", ami}, `--deadline is "soon"`},
		{[]string{"revoke", "--reason", "x", "--deadline", "-1h", ami}, `--deadline is "-1h"`},
		{[]string{"revoke", "--reason", "x", "--output", "csv", ami}, `unknown --output "csv"`},
		{[]string{"revoke", "--reason", "x", "--apply", "--dry-run", ami}, "--apply and --dry-run contradict each other"},
		{[]string{"revoke", "--reason", "x", ami, ami}, "takes at most 1 arguments"},
		{[]string{"retire", "db"}, `there is no image "db"`},
		{[]string{"retire", "--output", "html", "web"}, `unknown --output "html"`},
		{[]string{"retire", "--apply", "--dry-run", "web"}, "contradict"},
		{[]string{"list", "--output", "md"}, `unknown --output "md"`},
		{[]string{"list", "db"}, `there is no image "db"`},
		{[]string{"show"}, "name one image by its id"},
		{[]string{"lineage"}, "name one image by its id"},
	} {
		code, out, errs := try(t, append([]string{"image"}, c.args...)...)
		if code != 2 || out != "" || !strings.Contains(errs, c.says) {
			t.Errorf("%v: exit code %d\n%s%s", c.args, code, out, errs)
		}
	}
}

func TestRetireBlocksAreCheckedWithTheConfiguration(t *testing.T) {
	lineConfig(t, `retire {
    disable_after    = "2d"
    deregister_after = "1d"
  }`)
	if code, _, errs := try(t, "config", "check"); code != 2 || !strings.Contains(errs, "Stages out of order") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
