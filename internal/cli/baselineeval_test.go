package cli

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
)

// onExample are the arguments that judge the example's node by the example's policy.
func onExample(command string, more ...string) []string {
	args := []string{"baseline", command, "--baseline", examples + "policy.json", "--node", examples + "node.json", "--now", exampleNow}
	return append(args, more...)
}

func TestBaselineEval_judges_a_node(t *testing.T) {
	out := must(t, onExample("eval")...)
	contains(t, out, "Missing", "openssl.x86_64", "approval_rule[0]", "CVE-2026-0101", "InstalledRejected", "NON_COMPLIANT: 0 installed, 2 other, 2 missing")
	if strings.Contains(out, "bash") {
		t.Errorf("what is in order is shown without --all:\n%s", out)
	}
	contains(t, must(t, onExample("eval", "--all")...), "bash.x86_64")
	var r baseline.Result
	if err := json.Unmarshal([]byte(must(t, onExample("eval", "--output", "json")...)), &r); err != nil || r.Status != baseline.NonCompliant || r.Counts.MissingCount != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	if code, _, _ := rehydrate(t, "", onExample("eval", "--exit-code")...); code != 10 {
		t.Errorf("--exit-code: exit %d, want 10", code)
	}
}

func TestBaselineEval_reads_every_input_in_the_same_way(t *testing.T) {
	want := must(t, onExample("eval")...)
	node, err := os.ReadFile(examples + "node.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"terraform", "cloudformation", "hcl", "override"} {
		p := file(t, "p."+format, must(t, "baseline", "export", format, examples+"policy.json"))
		code, out, errs := rehydrate(t, string(node), "baseline", "eval", "--baseline", p, "--node", "-", "--now", "2026-01-20 12:00:00")
		if code != 0 || out != want {
			t.Errorf("%s: exit %d\n%s%s", format, code, out, errs)
		}
	}
}

// The extension and the switches change what they are for, and nothing silently.
func TestBaselineEval_knows_the_extension_and_the_switches(t *testing.T) {
	policy := file(t, "p.json", `{"Name": "deb", "OperatingSystem": "DEBIAN", "ApprovalRules": {"PatchRules": [{"PatchFilterGroup": {"PatchFilters": [{"Key": "PRIORITY", "Values": ["*"]}]}, "ApproveAfterDays": 7, "EnableNonSecurity": true}]}}`)
	node := file(t, "n.json", `{"inventory": {"os": "DEBIAN", "product": "Debian12", "arch": "amd64", "installed": [{"name": "bash", "arch": "amd64", "version": "5.2-1"}]},
		"available": {"packages": [{"name": "bash", "arch": "amd64", "version": "5.2-2", "priority": "required", "changelog": {"date": "2026-01-19T00:00:00Z"}, "firstSeen": "2026-01-19T00:00:00Z"}]}}`)
	args := []string{"baseline", "eval", "--baseline", policy, "--node", node, "--now", exampleNow}
	contains(t, must(t, args...), "1 missing")
	contains(t, must(t, append(args, "--extension", "apt-approval-delay")...), "0 missing", "note: ")
	for flag, value := range map[string]string{"--extension": "apt-delay", "--switch": "date=yesterday", "--now": "tomorrow"} {
		code, _, errs := rehydrate(t, "", append(args, flag, value)...)
		if code != 2 || !strings.Contains(errs, strings.TrimPrefix(value, "date=")) {
			t.Errorf("%s %s: exit %d, %s", flag, value, code, errs)
		}
	}
	if code, _, errs := rehydrate(t, "", append(args, "--switch", "dates=issued")...); code != 2 || !strings.Contains(errs, "dates") {
		t.Errorf("an unknown switch: exit %d, %s", code, errs)
	}
}

// What is unknown is refused, never judged compliant.
func TestBaselineEval_refuses_a_node_that_says_nothing(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"an empty inventory":       {`{"inventory": {"os": "AMAZON_LINUX_2023", "product": "x", "arch": "x86_64", "installed": []}, "available": {"packages": []}}`, "unknown is never compliant"},
		"another operating system": {`{"inventory": {"os": "DEBIAN", "product": "Debian12", "arch": "amd64", "installed": [{"name": "bash", "version": "1"}]}, "available": {"packages": []}}`, "AMAZON_LINUX_2023"},
		"no operating system":      {`{"inventory": {"installed": [{"name": "bash", "version": "1"}]}}`, "inventory.os"},
		"an unknown field":         {`{"inventory": {"os": "DEBIAN"}, "availability": {}}`, "availability"},
		"no JSON":                  {`node`, "node.json"},
	} {
		code, out, errs := rehydrate(t, "", "baseline", "eval", "--baseline", examples+"policy.json", "--node", file(t, "node.json", c.text))
		if code != 2 || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, %q, %s", name, code, out, errs)
		}
	}
	for _, args := range [][]string{{"--baseline", examples + "policy.json"}, {"--node", examples + "node.json"}} {
		if code, _, _ := rehydrate(t, "", append([]string{"baseline", "eval"}, args...)...); code != 2 {
			t.Errorf("%v alone: exit %d, want 2", args, code)
		}
	}
}

func TestBaselineExplain_says_which_rule_and_when(t *testing.T) {
	contains(t, must(t, onExample("explain", "curl")...),
		"curl.x86_64: InstalledOther", "not yet approved; will be from 2026-01-25T00:00:01Z", "the filter CLASSIFICATION = Bugfix does not pass security")
	contains(t, must(t, onExample("explain", "openssl.x86_64")...), "Missing, 1:3.0.8-1.amzn2023.0.1 → 1:3.0.8-1.amzn2023.0.9 (approval_rule[0], level HIGH)")
	contains(t, must(t, onExample("explain", "docker")...), `RejectedPatches[0] "docker" rejects it`)
	contains(t, must(t, onExample("explain", "bash")...), "no repository offers it")
	code, _, errs := rehydrate(t, "", onExample("explain", "nobody")...)
	if code != 1 {
		t.Errorf("an unknown package: exit %d, want 1", code)
	}
	contains(t, errs, "neither the node nor its repositories know nobody")
	var list []baseline.Explanation
	if err := json.Unmarshal([]byte(must(t, onExample("explain", "--output", "json", "curl")...)), &list); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestBaselineExplain_forecasts(t *testing.T) {
	contains(t, must(t, onExample("explain", "--forecast", "--days", "5")...), "2026-01-25T00:00:01Z", "curl.x86_64", "CVE-2026-0110")
	contains(t, must(t, onExample("explain", "--forecast", "--days", "4")...), "nothing becomes approved in the next 4 days")
	contains(t, must(t, onExample("explain", "--forecast", "--days", "30", "openssl")...), "nothing")
	for _, days := range []string{"0", "361", "-1"} {
		if code, _, _ := rehydrate(t, "", onExample("explain", "--forecast", "--days", days)...); code != 2 {
			t.Errorf("--days %s: exit %d, want 2", days, code)
		}
	}
}
