package terraform

import (
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/policy/tree"
)

func TestRead_finds_both_kinds_and_passes_over_the_rest(t *testing.T) {
	blocks, faults := Read("a.tf", []byte(`
locals { x = 1 }
resource "aws_instance" "i" {}
resource "aws_ssm_patch_baseline" "one" { name = "one" }
baseline "two" { name = "two" }
`), false)
	if len(faults) > 0 || len(blocks) != 2 {
		t.Fatalf("%v, %v", blocks, faults)
	}
	for _, b := range blocks {
		want := map[Kind]string{Resource: "one", Config: "two"}[b.Kind]
		if b.Label != want || b.Body.Get("name").Text != want || len(b.Faults) > 0 || !strings.HasPrefix(b.At, "a.tf:") {
			t.Errorf("%+v", b)
		}
	}
}

// Nothing is computed: what is not written out is opaque and says where and why.
func TestRead_computes_nothing(t *testing.T) {
	for expr, want := range map[string]tree.Kind{
		`"x"`: tree.String, `7`: tree.Number, `1e999999`: tree.Number, `true`: tree.Bool, `null`: tree.Null, `["a", 1]`: tree.List, `{ a = 1 }`: tree.Object,
		`"a${1 + 1}"`: tree.String, `var.x`: tree.Opaque, `"${local.x}"`: tree.Opaque, `upper("a")`: tree.Opaque, `[for x in ["a"] : x]`: tree.List,
		`aws_ssm_patch_baseline.b.name`: tree.Opaque, `data.aws_x.y[0].z`: tree.Opaque, `[var.x]`: tree.Opaque,
	} {
		blocks, faults := Read("a.tf", []byte("resource \"aws_ssm_patch_baseline\" \"b\" {\n  name = "+expr+"\n}\n"), false)
		if len(faults) > 0 || len(blocks) != 1 {
			t.Fatalf("%s: %v", expr, faults)
		}
		v := blocks[0].Body.Get("name")
		if v.Kind != want {
			t.Errorf("%s: kind %d, want %d", expr, v.Kind, want)
		}
		if v.Kind == tree.Opaque && (!strings.Contains(v.Why, "a.tf:2") || !strings.Contains(v.Why, "terraform show -json") || v.Text == "") {
			t.Errorf("%s: %q because %q", expr, v.Text, v.Why)
		}
		if len(v.Text) > 100 {
			t.Errorf("%s: %d characters", expr, len(v.Text))
		}
	}
}

func TestRead_reports_every_fault_with_its_line(t *testing.T) {
	blocks, faults := Read("a.tf", []byte(`resource "aws_ssm_patch_baseline" "b" {
  nome  = "x"
  count = 2
  approval_rule {
    days = 7
    patch_filter "label" {}
  }
  dynamic "source" {
    for_each = []
    content {}
  }
}
`), false)
	if len(faults) > 0 || len(blocks) != 1 {
		t.Fatalf("%v", faults)
	}
	var got strings.Builder
	for _, f := range blocks[0].Faults {
		got.WriteString(f.String() + "\n")
	}
	for _, want := range []string{"a.tf:2", "a.tf:3", "a.tf:5", "a.tf:6", "a.tf:8", `"nome"`, "any number of baselines", "dynamic block", sourceResource} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("%q is not in\n%s", want, got.String())
		}
	}
}

func TestRead_refuses_text_that_is_no_HCL(t *testing.T) {
	for name, src := range map[string]string{
		"an open block": "resource \"aws_ssm_patch_baseline\" \"b\" {", "bytes": "\xff\xfe", "brackets": strings.Repeat("a = [", 1000), "prose": "Dear sirs,",
	} {
		if _, faults := Read("a.tf", []byte(src), false); len(faults) == 0 || faults[0].Field == "" || faults[0].Limit == "" {
			t.Errorf("%s: %v", name, faults)
		}
	}
	if _, faults := Read("a.tf.json", []byte("{"), true); len(faults) == 0 {
		t.Error("broken JSON was read")
	}
}

func TestWrite_escapes_what_HCL_would_compute(t *testing.T) {
	text := string(Write(Resource, "web", &baseline.Baseline{Name: "web", Description: `${var.x} %{if true} "quoted"`}))
	blocks, faults := Read("a.tf", []byte(text), false)
	if len(faults) > 0 || len(blocks) != 1 || blocks[0].Label != "web" {
		t.Fatalf("%v\n%s", faults, text)
	}
	if got := blocks[0].Body.Get("description").Text; got != `${var.x} %{if true} "quoted"` {
		t.Errorf("read back %q from\n%s", got, text)
	}
}
