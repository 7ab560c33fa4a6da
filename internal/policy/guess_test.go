package policy

import (
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
)

func TestGuess_refuses_what_fits_none_or_several(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"nothing":               {"a.json", " \n", "empty"},
		"broken JSON":           {"a.json", `{"Name": `, "no JSON"},
		"another JSON":          {"a.json", `{"a": 1}`, "no baseline"},
		"a plan and a baseline": {"a.json", `{"Name": "x", "planned_values": {}}`, "api or plan"},
		"a template and a plan": {"a.json", `{"Resources": {}, "planned_values": {}}`, "plan or cloudformation"},
		"both kinds of HCL":     {"a.hcl", "baseline \"a\" {}\nresource \"aws_ssm_patch_baseline\" \"a\" {}\n", "terraform or hcl"},
		"other HCL":             {"main.tf", "variable \"a\" {}\n", "no aws_ssm_patch_baseline"},
		"broken HCL":            {"main.tf", "resource {{{", "HCL"},
		"prose":                 {"a.txt", "Dear sirs,\nyours\n", "cannot tell"},
	} {
		f, err := Guess(c.file, []byte(c.text))
		if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q, %v; want a usage error with %q", name, f, err, c.want)
		}
		if err != nil && fault.HintOf(err) == "" && c.want != "empty" {
			t.Errorf("%s: no hint", name)
		}
	}
}

func TestParseFormat_offers_the_nearest_word(t *testing.T) {
	_, err := ParseFormat("terrafrom")
	if err == nil || !strings.Contains(err.Error(), "did you mean terraform?") {
		t.Errorf("got %v", err)
	}
	for _, a := range Formats() {
		if f, err := ParseFormat(string(a.Format)); err != nil || f != a.Format {
			t.Errorf("%s: %v", a.Format, err)
		}
	}
}
