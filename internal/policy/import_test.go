package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
)

// want is the policy that most of the texts below hold.
func want() *baseline.Baseline {
	return &baseline.Baseline{
		Name: "web", OperatingSystem: baseline.Debian,
		ApprovalRules: &baseline.PatchRuleGroup{PatchRules: []baseline.PatchRule{{
			PatchFilterGroup: &baseline.PatchFilterGroup{PatchFilters: []baseline.PatchFilter{{Key: "PRIORITY", Values: []string{"Required", "Important"}}}},
			ApproveAfterDays: new(7), EnableNonSecurity: new(true),
		}}},
		RejectedPatches: []string{"docker*"},
	}
}

// The same policy as each tool really writes it.
var texts = map[string]struct {
	format Format
	file   string
	text   string
}{
	"the AWS CLI": {AWSCLI, "web.json", `{
		"BaselineId": "pb-0123456789abcdef0", "Name": "web", "OperatingSystem": "DEBIAN",
		"GlobalFilters": {"PatchFilters": []},
		"ApprovalRules": {"PatchRules": [{"PatchFilterGroup": {"PatchFilters": [{"Key": "PRIORITY", "Values": ["Required", "Important"]}]},
			"ComplianceLevel": "UNSPECIFIED", "ApproveAfterDays": 7, "EnableNonSecurity": true}]},
		"ApprovedPatches": [], "ApprovedPatchesComplianceLevel": "UNSPECIFIED", "ApprovedPatchesEnableNonSecurity": false,
		"RejectedPatches": ["docker*"], "RejectedPatchesAction": "ALLOW_AS_DEPENDENCY", "PatchGroups": ["web"],
		"CreatedDate": "2024-01-01T00:00:00.000000+00:00", "ModifiedDate": 1704067200.0, "Description": "", "Sources": []}`},
	"Terraform": {Terraform, "main.tf", `
		terraform { required_version = ">= 1.5" }
		variable "env" {}
		resource "aws_instance" "other" { ami = var.env }
		resource "aws_ssm_patch_baseline" "web" {
			provider         = aws.eu
			name             = "web"
			operating_system = "DEBIAN"
			approval_rule {
				approve_after_days  = "7"
				enable_non_security = true
				patch_filter {
					key    = "PRIORITY"
					values = ["Required", "Important"]
				}
			}
			rejected_patches = ["docker*"]
			tags             = { Team = "web" }
			lifecycle { prevent_destroy = true }
		}`},
	"Terraform's JSON form": {Terraform, "main.tf.json", `{"resource": {"aws_ssm_patch_baseline": {"web": {
		"name": "web", "operating_system": "DEBIAN", "rejected_patches": ["docker*"],
		"approval_rule": {"approve_after_days": 7, "enable_non_security": true, "patch_filter": [{"key": "PRIORITY", "values": ["Required", "Important"]}]}}}}}`},
	"a plan": {Plan, "plan.json", `{"format_version": "1.2", "terraform_version": "1.9.0", "planned_values": {"root_module": {
		"resources": [{"address": "aws_instance.x", "mode": "managed", "type": "aws_instance", "name": "x", "values": {}}],
		"child_modules": [{"address": "module.a", "resources": [
			{"address": "data.aws_ssm_patch_baseline.d", "mode": "data", "type": "aws_ssm_patch_baseline", "values": {"owner": "AWS"}},
			{"address": "module.a.aws_ssm_patch_baseline.web", "mode": "managed", "type": "aws_ssm_patch_baseline", "name": "web", "values": {
				"name": "web", "operating_system": "DEBIAN", "description": null, "approved_patches": null, "global_filter": [], "source": [],
				"approved_patches_compliance_level": "UNSPECIFIED", "approved_patches_enable_non_security": null, "tags": null,
				"approval_rule": [{"approve_after_days": 7, "approve_until_date": null, "compliance_level": "UNSPECIFIED", "enable_non_security": true,
					"patch_filter": [{"key": "PRIORITY", "values": ["Required", "Important"]}]}],
				"rejected_patches": ["docker*"]}}]}]}},
		"resource_changes": [{"address": "module.a.aws_ssm_patch_baseline.web", "change": {"actions": ["create"], "after_unknown": {
			"arn": true, "id": true, "json": true, "tags_all": true, "rejected_patches_action": true, "global_filter": [], "rejected_patches": [false],
			"approval_rule": [{"patch_filter": [{"values": [false, false]}]}]}}}]}`},
	"a state": {Plan, "state.json", `{"format_version": "1.0", "values": {"root_module": {"resources": [
		{"address": "aws_ssm_patch_baseline.web", "mode": "managed", "type": "aws_ssm_patch_baseline", "values": {
			"arn": "arn:aws:ssm:eu-west-1:123456789012:patchbaseline/pb-0123456789abcdef0", "id": "pb-0123456789abcdef0", "json": "{}", "region": "eu-west-1",
			"name": "web", "operating_system": "DEBIAN", "description": "", "available_security_updates_compliance_status": "", "rejected_patches_action": "ALLOW_AS_DEPENDENCY",
			"approval_rule": [{"approve_after_days": 7, "approve_until_date": "", "compliance_level": "UNSPECIFIED", "enable_non_security": true,
				"patch_filter": [{"key": "PRIORITY", "values": ["Required", "Important"]}]}],
			"rejected_patches": ["docker*"], "tags": {}, "tags_all": {}}}]}}}`},
	"Quick Setup": {Override, "baseline_overrides.json", `[{"baselineId": "pb-1", "Name": "web", "OperatingSystem": "DEBIAN", "ModifiedDate": 1,
		"ApprovalRules": {"PatchRules": [{"PatchFilterGroup": {"PatchFilters": [{"Key": "PRIORITY", "Values": ["Required", "Important"]}]},
			"ApproveAfterDays": 7, "EnableNonSecurity": true}]}, "RejectedPatches": ["docker*"], "Sources": null}]`},
	"CloudFormation YAML": {CloudFormation, "template.yaml", `
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Env: {Type: String}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub "${Env}-x"
  Web:
    Type: AWS::SSM::PatchBaseline
    DependsOn: Bucket
    Properties:
      Name: web
      OperatingSystem: DEBIAN
      DefaultBaseline: true
      PatchGroups: [web]
      ApprovalRules:
        PatchRules:
        - PatchFilterGroup:
            PatchFilters:
            - Key: PRIORITY
              Values: &both
                - Required
                - Important
          ApproveAfterDays: "7"
          EnableNonSecurity: "true"
      RejectedPatches: ['docker*']
`},
	"CloudFormation JSON": {CloudFormation, "template.json", `{"Resources": {"Web": {"Type": "AWS::SSM::PatchBaseline", "Condition": "IsProd", "Properties": {
		"Name": "web", "OperatingSystem": "DEBIAN", "RejectedPatches": ["docker*"], "ApprovalRules": {"PatchRules": [
			{"PatchFilterGroup": {"PatchFilters": [{"Key": "PRIORITY", "Values": ["Required", "Important"]}]}, "ApproveAfterDays": 7, "EnableNonSecurity": true}]}}}}}`},
	"rehydrate.hcl": {HCL, "rehydrate.hcl", `
		region = "eu-west-1"
		baseline "web" {
			operating_system   = "DEBIAN"
			rejected_patches   = ["docker*"]
			apt_approval_delay = true
			approval_rule {
				approve_after_days  = 7
				enable_non_security = true
				patch_filter {
					key    = "PRIORITY"
					values = ["Required", "Important"]
				}
			}
		}
		image "web" { baseline = baseline.web }`},
}

func TestRead_understands_what_each_tool_writes(t *testing.T) {
	for name, c := range texts {
		f, err := Guess(c.file, []byte(c.text))
		if err != nil || f != c.format {
			t.Errorf("%s: guessed %q, %v", name, f, err)
		}
		got, err := Import(c.format, c.file, []byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got) != 1 || string(got[0].Baseline.Canonical()) != string(want().Canonical()) {
			t.Errorf("%s: read %s", name, got[0].Baseline.Canonical())
		}
		if got[0].AptApprovalDelay != (c.format == HCL) {
			t.Errorf("%s: approval delay %v", name, got[0].AptApprovalDelay)
		}
	}
}

func TestImport_says_what_it_leaves_out(t *testing.T) {
	for name, wanted := range map[string]string{
		"the AWS CLI": "PatchGroups", "CloudFormation YAML": "Resources.Web.Properties.DefaultBaseline", "CloudFormation JSON": "IsProd",
		"a plan": "rejected_patches_action is known after apply", "Terraform": "tags",
	} {
		got, err := Import(texts[name].format, texts[name].file, []byte(texts[name].text))
		if err != nil {
			t.Fatal(err)
		}
		if notes := strings.Join(got[0].Notes, "\n"); !strings.Contains(notes, wanted) {
			t.Errorf("%s: notes %q do not name %s", name, notes, wanted)
		}
	}
}

// A state shows zero days beside a date; the provider sends the date alone.
func TestImport_takes_the_date_where_a_state_shows_zero_days_too(t *testing.T) {
	text := strings.Replace(texts["a state"].text, `"approve_after_days": 7, "approve_until_date": ""`, `"approve_after_days": 0, "approve_until_date": "2026-01-31"`, 1)
	got, err := Import(Plan, "state.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if r := got[0].Baseline.ApprovalRules.PatchRules[0]; r.ApproveAfterDays != nil || r.ApproveUntilDate != "2026-01-31" {
		t.Errorf("rule %+v", r)
	}
}

// Each case changes one of the texts above and names what the refusal must say:
// field, value and limit.
func TestImport_refuses_by_name(t *testing.T) {
	for name, c := range map[string]struct {
		text, old, new string
		want           []string
	}{
		"an unknown field":          {"the AWS CLI", `"Sources": []`, `"Sourcs": []`, []string{"Sourcs", "no such field", "did you mean Sources?", "SSM API model"}},
		"a field in another case":   {"the AWS CLI", `"RejectedPatches":`, `"rejectedPatches":`, []string{"rejectedPatches", "did you mean RejectedPatches?"}},
		"a field twice":             {"the AWS CLI", `"Sources": []`, `"Name": "b"`, []string{`"Name" occurs twice`}},
		"a number as text":          {"the AWS CLI", `"ApproveAfterDays": 7`, `"ApproveAfterDays": "7"`, []string{"ApprovalRules.PatchRules[0].ApproveAfterDays", `"7"`, "a whole number"}},
		"a text for a list":         {"the AWS CLI", `["docker*"]`, `"docker*"`, []string{"RejectedPatches", `"docker*"`, "a list"}},
		"half a day":                {"the AWS CLI", `"ApproveAfterDays": 7`, `"ApproveAfterDays": 7.5`, []string{"7.5", "a whole number"}},
		"too many days":             {"Quick Setup", `"ApproveAfterDays": 7`, `"ApproveAfterDays": 700`, []string{"[0].ApprovalRules.PatchRules[0].ApproveAfterDays", "700", "0 to 360"}},
		"no array":                  {"Quick Setup", `[{"baselineId"`, `{"a": [{"baselineId"`, []string{"JSON"}},
		"a misspelt argument":       {"Terraform", "rejected_patches =", "rejcted_patches  =", []string{"main.tf:", `"rejcted_patches"`, `Did you mean "rejected_patches"?`}},
		"a variable":                {"Terraform", `"DEBIAN"`, "var.os", []string{"main.tf:5", "operating_system", "var.os", "Variables not allowed", "terraform show -json"}},
		"a function":                {"Terraform", `["docker*"]`, `concat(["a"], [])`, []string{"rejected_patches", "concat", "Function calls not allowed"}},
		"for_each":                  {"Terraform", "provider         = aws.eu", `for_each = toset(["a"])`, []string{"for_each", "any number of baselines"}},
		"a dynamic block":           {"Terraform", "patch_filter {", `dynamic "patch_filter" {`, []string{"dynamic block", "approval_rule[0].patch_filter", "at least one"}},
		"too many days in HCL":      {"Terraform", `"7"`, "700", []string{"aws_ssm_patch_baseline.web.approval_rule[0].approve_after_days", "700"}},
		"a wrong key in HCL":        {"Terraform", `"PRIORITY"`, `"SEVERITY"`, []string{"approval_rule[0].patch_filter[0].key", "SEVERITY", "PRODUCT, PRIORITY, SECTION"}},
		"broken HCL":                {"Terraform", "lifecycle {", "lifecycle ", []string{"main.tf:", "HCL"}},
		"a value after apply":       {"a plan", `"rejected_patches": [false]`, `"rejected_patches": true`, []string{"module.a.aws_ssm_patch_baseline.web.rejected_patches", "known after apply"}},
		"an element after apply":    {"a plan", `"values": [false, false]`, `"values": [false, true]`, []string{"approval_rule[0].patch_filter[0].values[1]", "known after apply"}},
		"both days and date":        {"a state", `"approve_until_date": ""`, `"approve_until_date": "2026-01-31"`, []string{"approval_rule[0]", "both"}},
		"a plan without values":     {"a plan", `"planned_values"`, `"planned"`, []string{"root_module"}},
		"an intrinsic in YAML":      {"CloudFormation YAML", "OperatingSystem: DEBIAN", "OperatingSystem: !Ref Env", []string{"Resources.Web.Properties.OperatingSystem", "!Ref Env", "CloudFormation computes it"}},
		"an intrinsic in JSON":      {"CloudFormation JSON", `["docker*"]`, `{"Fn::Split": [",", "a"]}`, []string{"Resources.Web.Properties.RejectedPatches", "Fn::Split"}},
		"an unknown property":       {"CloudFormation YAML", "RejectedPatches:", "RejectedPatch:", []string{"Resources.Web.Properties.RejectedPatch", "did you mean RejectedPatches?"}},
		"a property twice":          {"CloudFormation YAML", "OperatingSystem: DEBIAN", "OperatingSystem: DEBIAN\n      Name: web", []string{"Name"}},
		"a yes":                     {"CloudFormation YAML", `EnableNonSecurity: "true"`, "EnableNonSecurity: yes", []string{"EnableNonSecurity", `"yes"`, "true or false"}},
		"a merge key":               {"CloudFormation YAML", "OperatingSystem: DEBIAN", "<<: {OperatingSystem: DEBIAN}", []string{"merge keys"}},
		"another file":              {"rehydrate.hcl", `operating_system   = "DEBIAN"`, `file = "web.json"`, []string{"baseline.web.file", "web.json", "import it instead"}},
		"a block with a wrong word": {"rehydrate.hcl", "apt_approval_delay", "apt_approval_dely", []string{"rehydrate.hcl:", `Did you mean "apt_approval_delay"?`}},
	} {
		from := texts[c.text]
		text := strings.Replace(from.text, c.old, c.new, 1)
		if text == from.text {
			t.Fatalf("%s: %q is not in the text of %s", name, c.old, c.text)
		}
		_, err := Import(from.format, from.file, []byte(text))
		if fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: got %v, want a usage error", name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q is not in\n%v", name, w, err)
			}
		}
	}
}

func TestImport_names_every_fault_of_every_baseline_together(t *testing.T) {
	_, err := Import(Override, "o.json", []byte(`[
		{"OperatingSystem": "DEBIAN", "ApprovalRules": {"PatchRules": [{"ApproveAfterDays": 361, "PatchFilterGroup": {"PatchFilters": [{"Key": "NAME", "Values": []}]}}]}},
		{"OperatingSystem": "BEOS", "ApprovedPatchesComplianceLevel": "HIGHEST", "RejectedPatchesAction": 3}]`))
	var refused *RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v", err)
	}
	fields := map[string]bool{}
	for _, f := range refused.Faults {
		fields[f.Field] = true
		if f.Value == "" || f.Limit == "" || f.Source == "" {
			t.Errorf("fault without value, limit or source: %+v", f)
		}
	}
	for _, field := range []string{
		"[0].ApprovalRules.PatchRules[0].ApproveAfterDays", "[0].ApprovalRules.PatchRules[0].PatchFilterGroup.PatchFilters[0].Key",
		"[0].ApprovalRules.PatchRules[0].PatchFilterGroup.PatchFilters[0].Values", "[1].OperatingSystem", "[1].ApprovedPatchesComplianceLevel", "[1].RejectedPatchesAction",
	} {
		if !fields[field] {
			t.Errorf("%s is not among the faults:\n%v", field, err)
		}
	}
}

// The configuration of a repository may hold credentials.
func TestImport_never_shows_a_configuration(t *testing.T) {
	for _, configuration := range []string{`["https://user:hunter2@repo"]`, `"hunter2` + strings.Repeat("x", 1100) + `"`} {
		_, err := Import(API, "b.json", []byte(`{"Name": "web", "Sources": [{"Name": "own", "Products": ["*"], "Configuration": `+configuration+`}]}`))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v", err)
		}
	}
}
