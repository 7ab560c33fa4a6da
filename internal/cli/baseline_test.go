package cli

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/policy"
)

const (
	specVectors = "../../baseline/testdata/patch-vectors.json"
	examples    = "../../examples/policy/"
	exampleNow  = "2026-01-20T12:00:00Z"
)

// rehydrate runs the program as a user does.
func rehydrate(t *testing.T, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(t.Context(), append([]string{"rehydrate"}, args...), strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

// must runs the program and wants it to end with 0.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := rehydrate(t, "", args...)
	if code != 0 {
		t.Fatalf("%s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in\n%s", p, text)
		}
	}
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBaselineTest_passes_the_specification(t *testing.T) {
	if out := must(t, "baseline", "test", specVectors); out != "180 passed, 0 failed\n" {
		t.Errorf("got %q", out)
	}
}

func TestBaselineTest_names_an_altered_expectation(t *testing.T) {
	data, err := os.ReadFile(specVectors)
	if err != nil {
		t.Fatal(err)
	}
	altered := strings.Replace(string(data), `"state": "Missing"`, `"state": "Installed"`, 1)
	code, out, _ := rehydrate(t, "", "baseline", "test", file(t, "v.json", altered))
	if code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 || lines[1] != "179 passed, 1 failed" {
		t.Errorf("got\n%s", out)
	}
	contains(t, lines[0], "FAIL", "A01", "packages[openssl.x86_64].state", "expected Installed, got Missing")
}

func TestBaselineTest_refuses_an_unknown_field_by_name(t *testing.T) {
	data, err := os.ReadFile(specVectors)
	if err != nil {
		t.Fatal(err)
	}
	altered := strings.Replace(string(data), `"installed": [`, `"instaled": [`, 1)
	code, out, errs := rehydrate(t, "", "baseline", "test", file(t, "v.json", altered))
	if code != 2 || out != "179 passed, 0 failed; refused files: 1\n" {
		t.Errorf("exit %d, want 2; %s", code, out)
	}
	contains(t, errs, `"instaled"`, "there is no such field", "docs/baseline-test-format.md")
}

func TestBaselineTest_prints_junit_and_json(t *testing.T) {
	var doc struct {
		Tests int `xml:"tests,attr"`
	}
	if err := xml.Unmarshal([]byte(must(t, "baseline", "test", "--output", "junit", specVectors, examples+"tests.json")), &doc); err != nil || doc.Tests != 188 {
		t.Errorf("%d tests, %v", doc.Tests, err)
	}
	var suites []policy.Suite
	if err := json.Unmarshal([]byte(must(t, "baseline", "test", "--output", "json", examples+"tests.json")), &suites); err != nil || suites[0].Summary.Passed != 8 {
		t.Errorf("%+v, %v", suites, err)
	}
	// A refused file is an error in the document as well as in the exit code.
	code, out, _ := rehydrate(t, "", "baseline", "test", "--output", "junit", "no-such-file.json")
	if code != 2 {
		t.Errorf("exit %d, want 2", code)
	}
	contains(t, out, `errors="1"`, "no-such-file.json")
}

// The predefined baselines lint clean but for the delays that apt and macOS ignore.
func TestBaselineLint_passes_the_predefined_baselines(t *testing.T) {
	var list []listed
	if err := json.Unmarshal([]byte(must(t, "baseline", "list", "--output", "json")), &list); err != nil || len(list) != 17 {
		t.Fatalf("%d baselines, %v", len(list), err)
	}
	for _, b := range list {
		out := must(t, "baseline", "lint", b.Name)
		ignored := b.OS == "DEBIAN" || b.OS == "UBUNTU" || b.OS == "RASPBIAN" || b.OS == "MACOS"
		if ignored != strings.Contains(out, "-delay-ignored") || ignored != strings.Contains(out, "1 warning, 0 errors") {
			t.Errorf("%s: %s", b.Name, out)
		}
	}
}

func TestBaselineLint_tells_warnings_from_errors(t *testing.T) {
	warned := file(t, "w.json", `{"Name": "web", "OperatingSystem": "AMAZON_LINUX_2", "ApprovedPatches": ["kernel*"]}`)
	failed := file(t, "f.json", `{"Name": "win", "ApprovalRules": {"PatchRules": [{"PatchFilterGroup": {"PatchFilters": []}, "ApproveAfterDays": 30}]}}`)
	contains(t, must(t, "baseline", "lint", warned), "warning: ApprovedPatches[0]", "wildcard-surprise", "1 warning, 0 errors")
	if code, _, _ := rehydrate(t, "", "baseline", "lint", "--strict", warned); code != 1 {
		t.Errorf("--strict: exit %d, want 1", code)
	}
	code, out, _ := rehydrate(t, "", "baseline", "lint", failed, warned)
	if code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
	contains(t, out, "error: AvailableSecurityUpdatesComplianceStatus", "AMB-19", "windows-long-delay", "2 warnings, 1 error\n")
	code, out, _ = rehydrate(t, "", "baseline", "lint", "--tag", "Patch group=web", warned)
	if code != 1 {
		t.Errorf("a misspelt tag: exit %d, want 1", code)
	}
	contains(t, out, "wrong-case-tag")
}

// Every refused file is named with every fault, and the others are still judged.
func TestBaselineLint_refuses_with_every_fault_of_every_file(t *testing.T) {
	a := file(t, "a.json", `{"Name": "x", "OperatingSystem": "DEBIAN", "ApprovedPatches": 3}`)
	b := file(t, "b.tf", "resource \"aws_ssm_patch_baseline\" \"b\" {\n  name = var.n\n  operating_system = \"BEOS\"\n}\n")
	code, out, errs := rehydrate(t, "", "baseline", "lint", a, b, "AWS-UbuntuDefaultPatchBaseline", "missing.json")
	if code != 2 {
		t.Errorf("exit %d, want 2", code)
	}
	contains(t, out, "apt-delay-ignored")
	contains(t, errs, a, `Name: "x": 3 to 128`, "ApprovedPatches: 3: a list", b, "var.n", `operating_system: "BEOS"`, "no baseline missing.json")
	code, out, _ = rehydrate(t, "", "baseline", "lint", "--output", "json", a)
	var list []linted
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 2 || len(list) != 1 || len(list[0].Faults) != 2 {
		t.Errorf("exit %d, %v\n%s", code, err, out)
	}
}

func TestBaselineShow_in_words_and_as_the_API_says_it(t *testing.T) {
	contains(t, must(t, "baseline", "show", examples+"policy.json"), "web-al2023", "CLASSIFICATION Security, SEVERITY Critical or Important; after 7 days; level HIGH", "docker; blocked")
	out := must(t, "baseline", "show", "--output", "json", "AWS-SuseDefaultPatchBaseline")
	if b, err := baseline.Parse([]byte(out)); err != nil || b.OperatingSystem != baseline.Suse {
		t.Errorf("%v\n%s", err, out)
	}
	secret := file(t, "s.json", `{"Name": "web", "OperatingSystem": "CENTOS", "Sources": [{"Name": "own", "Products": ["*"], "Configuration": "password=hunter2"}]}`)
	if out := must(t, "baseline", "show", secret); strings.Contains(out, "hunter2") {
		t.Errorf("a secret is shown:\n%s", out)
	}
}

// A file with several baselines needs one of them to be named.
func TestBaselineShow_picks_one_of_several(t *testing.T) {
	two := file(t, "two.tf", must(t, "baseline", "export", "terraform", "AWS-SuseDefaultPatchBaseline", "AWS-DebianDefaultPatchBaseline"))
	code, _, errs := rehydrate(t, "", "baseline", "show", two)
	if code != 2 {
		t.Errorf("exit %d, want 2", code)
	}
	contains(t, errs, "2 baselines", "AWS-SuseDefaultPatchBaseline", two+"#AWS-SuseDefaultPatchBaseline")
	contains(t, must(t, "baseline", "show", two+"#AWS-DebianDefaultPatchBaseline"), "DEBIAN")
	if code, _, _ := rehydrate(t, "", "baseline", "show", two+"#nobody"); code != 2 {
		t.Errorf("exit %d, want 2", code)
	}
}

func TestBaseline_of_the_configuration_goes_by_its_label(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg := "region = \"eu-west-1\"\nbaseline \"web\" {\n  operating_system = \"DEBIAN\"\n  apt_approval_delay = true\n  approval_rule {\n    approve_after_days = 7\n    patch_filter {\n      key = \"PRIORITY\"\n      values = [\"*\"]\n    }\n  }\n}\n"
	if err := os.WriteFile("rehydrate.hcl", []byte(cfg), 0o600); err != nil {
		t.Fatal(err)
	}
	contains(t, must(t, "baseline", "list"), "web", "rehydrate.hcl")
	contains(t, must(t, "baseline", "show", "web"), "apt-approval-delay", "after 7 days")
	contains(t, must(t, "baseline", "lint"), "rehydrate.hcl: web:")
	if err := os.WriteFile("web", []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := rehydrate(t, "", "baseline", "show", "web")
	if code != 2 {
		t.Errorf("a label and a file: exit %d, want 2", code)
	}
	contains(t, errs, "ambiguous", "./web")
}

func TestBaselineCommands_have_examples_and_refuse_misuse(t *testing.T) {
	for _, group := range []*cli.Command{baselineCommand(), lockCommand()} {
		for _, c := range group.Subcommands {
			help := must(t, group.Name, c.Name, "--help")
			contains(t, help, "Examples:", "rehydrate "+group.Name+" "+c.Name)
			if c.Name == "import" || c.Name == "export" {
				contains(t, help, "cloudformation-json", "baseline_overrides.json")
			} else if code, _, _ := rehydrate(t, "", group.Name, c.Name, "--output", "html"); code != 2 {
				t.Errorf("%s %s --output html: exit %d, want 2", group.Name, c.Name, code)
			}
			if code, _, _ := rehydrate(t, "", group.Name, c.Name, "a", "--output", "json"); code != 2 {
				t.Errorf("%s %s with a flag after an argument: exit %d, want 2", group.Name, c.Name, code)
			}
			if c.ArgsUsage != "" && c.Name != "lint" {
				if code, _, _ := rehydrate(t, "", group.Name, c.Name); code != 2 {
					t.Errorf("%s %s without arguments: exit %d, want 2", group.Name, c.Name, code)
				}
			}
		}
	}
}

// The example in the documentation of the format is a vector that passes.
func TestBaselineTest_documentation_holds_a_vector_that_passes(t *testing.T) {
	doc, err := os.ReadFile("../../docs/baseline-test-format.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(doc), "```json\n")
	vector, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("docs/baseline-test-format.md holds no example")
	}
	policy, err := filepath.Abs(examples + "policy.json")
	if err != nil {
		t.Fatal(err)
	}
	vector = strings.Replace(vector, `"policy.json"`, `"`+policy+`"`, 1)
	if out := must(t, "baseline", "test", file(t, "v.json", `{"vectors": [`+vector+`]}`)); out != "1 passed, 0 failed\n" {
		t.Errorf("got %q", out)
	}
}

// The commands of examples/policy/README.md do what they say.
func TestBaseline_example_works_as_its_README_says(t *testing.T) {
	readme, err := os.ReadFile(examples + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../..")
	ran := 0
	for _, line := range strings.Split(string(readme), "\n") {
		if cmd, ok := strings.CutPrefix(line, "    rehydrate "); ok && strings.Contains(cmd, "examples/policy/") {
			must(t, strings.Fields(cmd)...)
			ran++
		}
	}
	if ran != 4 {
		t.Errorf("%d commands ran, want 4", ran)
	}
}
