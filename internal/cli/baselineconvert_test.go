package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
)

func TestBaselineImport_undoes_export_for_every_format(t *testing.T) {
	data, err := os.ReadFile(examples + "policy.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := baseline.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"api", "awscli", "terraform", "override", "cloudformation", "cloudformation-json", "hcl"} {
		exported := must(t, "baseline", "export", format, examples+"policy.json")
		for _, args := range [][]string{{"baseline", "import", format, "-"}, {"baseline", "import", "-"}} {
			code, out, errs := rehydrate(t, exported, args...)
			got, err := baseline.Parse([]byte(out))
			if code != 0 || err != nil || got.Digest() != want.Digest() {
				t.Errorf("%s by %v: exit %d, %v\n%s%s", format, args, code, err, out, errs)
			}
		}
	}
}

func TestBaselineImport_writes_other_formats_and_tells_what_it_left_out(t *testing.T) {
	template := file(t, "t.yaml", "Resources:\n  Web:\n    Type: AWS::SSM::PatchBaseline\n    Properties:\n      Name: web\n      OperatingSystem: SUSE\n      PatchGroups: [web]\n")
	code, out, errs := rehydrate(t, "", "baseline", "import", "--to", "hcl", template)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	contains(t, out, `baseline "web" {`, `operating_system = "SUSE"`)
	contains(t, errs, "note: Resources.Web.Properties.PatchGroups")
	two := must(t, "baseline", "export", "override", "AWS-SuseDefaultPatchBaseline", "AWS-DebianDefaultPatchBaseline")
	code, out, _ = rehydrate(t, two, "baseline", "import", "-")
	if list, err := baseline.ParseBaselineOverride([]byte(out)); code != 0 || err != nil || len(list) != 2 {
		t.Errorf("exit %d, %d baselines, %v", code, len(list), err)
	}
}

func TestBaselineImport_refuses_what_it_cannot_tell(t *testing.T) {
	both := file(t, "b.json", `{"Name": "web", "Resources": {}}`)
	code, _, errs := rehydrate(t, "", "baseline", "import", both)
	if code != 2 {
		t.Errorf("exit %d, want 2", code)
	}
	contains(t, errs, "ambiguous", "api or cloudformation")
	for _, args := range [][]string{{"xml", both}, {"--to", "plan", examples + "policy.json"}, {"--to", "xml", examples + "policy.json"}, {"no-such-file"}} {
		if code, _, errs := rehydrate(t, "", append([]string{"baseline", "import"}, args...)...); code != 2 || errs == "" {
			t.Errorf("%v: exit %d", args, code)
		}
	}
}

func TestBaselineExport_names_everything_that_it_cannot_find(t *testing.T) {
	code, out, errs := rehydrate(t, "", "baseline", "export", "api", "AWS-Nobody", "nothing.json", "AWS-SuseDefaultPatchBaseline")
	if code != 2 || out != "" {
		t.Errorf("exit %d, %q", code, out)
	}
	contains(t, errs, "AWS-Nobody", "nothing.json", "rehydrate baseline list")
}

func TestBaselineDiff_in_words_and_on_a_node(t *testing.T) {
	args := []string{"baseline", "diff", "--node", examples + "node.json", "--now", exampleNow, "AWS-AmazonLinux2023DefaultPatchBaseline", examples + "policy.json"}
	out := must(t, args...)
	contains(t, out, "newly rejected: docker", "rule for CLASSIFICATION Bugfix: after 7 days → after 14 days", "on the node: sudo.x86_64: InstalledOther", "→ Missing")
	if out := must(t, "baseline", "diff", examples+"policy.json", examples+"policy.json"); strings.TrimSpace(out) != "no difference" {
		t.Errorf("got %q", out)
	}
	contains(t, must(t, "baseline", "diff", "--output", "json", "AWS-SuseDefaultPatchBaseline", "AWS-DebianDefaultPatchBaseline"), `"OperatingSystem"`, `"words"`)
	if code, _, errs := rehydrate(t, "", "baseline", "diff", "one", "two"); code != 2 || !strings.Contains(errs, "one") || !strings.Contains(errs, "two") {
		t.Errorf("exit %d, %s", code, errs)
	}
}
