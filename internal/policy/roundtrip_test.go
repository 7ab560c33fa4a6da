package policy

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/baseline/predefined"
	"github.com/goldenami/rehydrate/internal/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func written() []Format {
	var out []Format
	for _, a := range Formats() {
		if a.Writes {
			out = append(out, a.Format)
		}
	}
	return out
}

// Every predefined baseline survives every format that is written, and Guess finds
// that format again.
func TestExport_then_Import_gives_the_same_canonical_baseline(t *testing.T) {
	all, err := predefined.All()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 17 {
		t.Fatalf("%d predefined baselines, want 17", len(all))
	}
	for _, f := range written() {
		for i := range all {
			want := &all[i].Baseline
			text, err := Export(f, []*baseline.Baseline{want})
			if err != nil {
				t.Fatalf("%s as %s: %v", want.Name, f, err)
			}
			got, err := Import(f, "file", text)
			if err != nil {
				t.Fatalf("%s as %s: %v\n%s", want.Name, f, err, text)
			}
			if len(got) != 1 || string(got[0].Baseline.Canonical()) != string(want.Canonical()) {
				t.Errorf("%s as %s:\n%s\nread back:\n%s", want.Name, f, text, got[0].Baseline.Canonical())
			}
			guessed, err := Guess("file", text)
			if err != nil || reads(guessed) != reads(f) {
				t.Errorf("%s as %s is guessed as %q: %v", want.Name, f, guessed, err)
			}
		}
	}
}

// reads maps formats that are read alike to one of them.
func reads(f Format) Format {
	switch f {
	case AWSCLI:
		return API
	case CloudFormationJSON:
		return CloudFormation
	}
	return f
}

func TestExport_writes_many_where_the_format_holds_many(t *testing.T) {
	all, err := predefined.All()
	if err != nil {
		t.Fatal(err)
	}
	var list []*baseline.Baseline
	for i := range all {
		list = append(list, &all[i].Baseline)
	}
	for _, a := range Formats() {
		if !a.Writes || (!a.Many && a.Format != API) {
			continue
		}
		text, err := Export(a.Format, list)
		if err != nil {
			t.Fatalf("%s: %v", a.Format, err)
		}
		got, err := Read("file", text)
		if err != nil || len(got) != 17 {
			t.Errorf("%s: read back %d, %v", a.Format, len(got), err)
		}
	}
	if _, err := Export(AWSCLI, list); err == nil {
		t.Error("17 baselines were written for the AWS CLI, which takes one")
	}
}

// What Export writes for rehydrate.hcl, the configuration reads.
func TestExport_hcl_is_a_configuration(t *testing.T) {
	all, err := predefined.All()
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		want := &all[i].Baseline
		text, err := Export(HCL, []*baseline.Baseline{want})
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Parse("rehydrate.hcl", append([]byte("region = \"eu-west-1\"\n"), text...))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, got := range cfg.Baselines {
			if string(got.Baseline.Canonical()) != string(want.Canonical()) {
				t.Errorf("%s: the configuration reads %s", want.Name, got.Baseline.Canonical())
			}
		}
	}
}

func TestExport_goldens(t *testing.T) {
	b := everything()
	for f, name := range map[Format]string{
		API: "api.json", AWSCLI: "awscli.json", Override: "override.json", Terraform: "terraform.tf", HCL: "rehydrate.hcl",
		CloudFormation: "cloudformation.yaml", CloudFormationJSON: "cloudformation.json",
	} {
		got, err := Export(f, []*baseline.Baseline{b})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s differs from %s (-update rewrites it):\n%s", f, path, got)
		}
	}
}

// everything is a baseline that states every field, with texts that are awkward in
// one format or another.
func everything() *baseline.Baseline {
	return &baseline.Baseline{
		Name: "web.prod-1", OperatingSystem: baseline.AmazonLinux2023, Description: `100 %{sure}: "yes", ${not} <now> # '`,
		GlobalFilters: &baseline.PatchFilterGroup{PatchFilters: []baseline.PatchFilter{{Key: "PRODUCT", Values: []string{"*"}}}},
		ApprovalRules: &baseline.PatchRuleGroup{PatchRules: []baseline.PatchRule{
			{PatchFilterGroup: &baseline.PatchFilterGroup{PatchFilters: []baseline.PatchFilter{
				{Key: "CLASSIFICATION", Values: []string{"Security"}}, {Key: "SEVERITY", Values: []string{"Critical", "Important"}}}},
				ApproveAfterDays: new(7), ComplianceLevel: "HIGH", EnableNonSecurity: new(false)},
			{PatchFilterGroup: &baseline.PatchFilterGroup{PatchFilters: []baseline.PatchFilter{{Key: "CLASSIFICATION", Values: []string{"Bugfix"}}}},
				ApproveUntilDate: "2026-06-30", EnableNonSecurity: new(true)},
		}},
		ApprovedPatches: []string{"CVE-2024-1234", "12345", "yes", "1.10"}, ApprovedPatchesComplianceLevel: "CRITICAL", ApprovedPatchesEnableNonSecurity: new(true),
		RejectedPatches: []string{"kernel*", "- x", "a: b"}, RejectedPatchesAction: baseline.Block,
		Sources: []baseline.PatchSource{{Name: "own", Products: []string{"AmazonLinux2023"}, Configuration: "[own]\nname=own\nbaseurl=https://repo.example.com/$basearch\n"}},
	}
}

// TestImport_is_the_inverse_of_Export_for_any_baseline is the property behind the
// tests above.
func TestImport_is_the_inverse_of_Export_for_any_baseline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := anyBaseline(t)
		if err := b.Validate(); err != nil {
			t.Fatalf("the generator made an invalid baseline: %v", err)
		}
		for _, f := range written() {
			text, err := Export(f, []*baseline.Baseline{b})
			if err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			got, err := Import(f, "file", text)
			if err != nil || string(got[0].Baseline.Canonical()) != string(b.Canonical()) {
				t.Fatalf("%s: %v\n%s", f, err, text)
			}
		}
		if d := Diff(b, b); len(d) > 0 {
			t.Fatalf("a baseline differs from itself: %v", d)
		}
	})
}

func anyBaseline(t *rapid.T) *baseline.Baseline {
	os := rapid.SampledFrom(baseline.OperatingSystems()).Draw(t, "os")
	text := func(most int) *rapid.Generator[string] {
		return rapid.OneOf(
			rapid.StringMatching(`[a-zA-Z0-9*?.:~^+ \-]{1,20}`),
			rapid.StringOfN(rapid.RuneFrom([]rune("aZ09 \"'\\$%{}[]#:,&!|>-\n\t<*@`é世\u2028🙂\x7f")), 1, min(most, 20), -1),
			rapid.SampledFrom([]string{"yes", "no", "null", "~", "1.10", "0777", "1e3", "true", "2024-01-01", "${x}", "%{if}", "$${", "<<", "!Ref x", "- a", "a: b", "NaN", ".inf", "=", "0x1F", "12:30:45"}),
		)
	}
	level := rapid.SampledFrom([]string{"", "CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNSPECIFIED"})
	keys := map[baseline.OperatingSystem][]string{
		baseline.Windows: {"PRODUCT", "PRODUCT_FAMILY", "PATCH_SET", "CLASSIFICATION", "MSRC_SEVERITY"},
		baseline.Ubuntu:  {"PRODUCT", "PRIORITY", "SECTION"}, baseline.Debian: {"PRODUCT", "PRIORITY", "SECTION"}, baseline.Raspbian: {"PRODUCT", "PRIORITY", "SECTION"},
		baseline.MacOS: {"PRODUCT", "CLASSIFICATION"},
	}[os]
	if keys == nil {
		keys = []string{"PRODUCT", "CLASSIFICATION", "SEVERITY"}
	}
	group := func(least int) *baseline.PatchFilterGroup {
		g := &baseline.PatchFilterGroup{PatchFilters: []baseline.PatchFilter{}}
		for range rapid.IntRange(least, 4).Draw(t, "filters") {
			g.PatchFilters = append(g.PatchFilters, baseline.PatchFilter{
				Key:    rapid.SampledFrom(keys).Draw(t, "key"),
				Values: rapid.SliceOfN(text(64).Filter(func(s string) bool { return s != "All" }), 1, 3).Draw(t, "values"),
			})
		}
		return g
	}
	b := &baseline.Baseline{
		Name: rapid.StringMatching(`[a-zA-Z0-9_\-.]{3,12}`).Draw(t, "name"), OperatingSystem: os,
		Description:     rapid.OneOf(rapid.Just(""), text(1024)).Draw(t, "description"),
		ApprovedPatches: rapid.SliceOfN(text(100), 0, 3).Draw(t, "approved"), ApprovedPatchesComplianceLevel: level.Draw(t, "level"),
		RejectedPatches:       rapid.SliceOfN(text(100), 0, 3).Draw(t, "rejected"),
		RejectedPatchesAction: rapid.SampledFrom([]string{"", baseline.Block, baseline.AllowAsDependency}).Draw(t, "action"),
	}
	linux := os != baseline.Windows && os != baseline.MacOS
	if linux {
		b.ApprovedPatchesEnableNonSecurity = anyBool(t)
	}
	if os == baseline.Windows {
		b.AvailableSecurityUpdatesComplianceStatus = rapid.SampledFrom([]string{"", baseline.Compliant, baseline.NonCompliant}).Draw(t, "available")
	}
	if rapid.Bool().Draw(t, "global") {
		b.GlobalFilters = group(0)
	}
	for range rapid.IntRange(0, 3).Draw(t, "rules") {
		r := baseline.PatchRule{PatchFilterGroup: group(1), ComplianceLevel: level.Draw(t, "level")}
		if rapid.Bool().Draw(t, "date") {
			r.ApproveUntilDate = "2026-01-31"
		} else {
			r.ApproveAfterDays = new(rapid.IntRange(0, 360).Draw(t, "days"))
		}
		if linux {
			r.EnableNonSecurity = anyBool(t)
		}
		if b.ApprovalRules == nil {
			b.ApprovalRules = &baseline.PatchRuleGroup{}
		}
		b.ApprovalRules.PatchRules = append(b.ApprovalRules.PatchRules, r)
	}
	for range rapid.IntRange(0, 2).Draw(t, "sources") {
		b.Sources = append(b.Sources, baseline.PatchSource{
			Name: rapid.StringMatching(`[a-z0-9]{3,8}`).Draw(t, "source"), Products: rapid.SliceOfN(text(100), 1, 2).Draw(t, "products"),
			Configuration: text(1024).Draw(t, "configuration"),
		})
	}
	return b
}

func anyBool(t *rapid.T) *bool {
	switch rapid.IntRange(0, 2).Draw(t, "bool") {
	case 0:
		return nil
	case 1:
		return new(false)
	}
	return new(true)
}

// A format that cannot carry a baseline says so instead of altering it.
func TestExport_refuses_what_a_format_cannot_carry(t *testing.T) {
	b := &baseline.Baseline{Name: "wide-open", OperatingSystem: baseline.Debian, ApprovalRules: &baseline.PatchRuleGroup{PatchRules: []baseline.PatchRule{
		{PatchFilterGroup: &baseline.PatchFilterGroup{PatchFilters: []baseline.PatchFilter{}}}}}}
	if _, err := Export(API, []*baseline.Baseline{b}); err != nil {
		t.Errorf("api: %v", err)
	}
	_, err := Export(Terraform, []*baseline.Baseline{b})
	if err == nil || !strings.Contains(err.Error(), "approval_rule[0].patch_filter") {
		t.Errorf("terraform: got %v, want a refusal that names approval_rule[0].patch_filter", err)
	}
	if _, err := Export(Plan, []*baseline.Baseline{b}); err == nil {
		t.Error("a plan was written")
	}
}
