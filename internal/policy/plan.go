package policy

import (
	"slices"

	"github.com/goldenami/rehydrate/internal/policy/tree"
)

const terraformType = "aws_ssm_patch_baseline"

// plan reads what `terraform show -json` prints of a plan or a state: the
// resources as they will be, or are.
func (im *importer) plan(v tree.Value) {
	values := v.Get("planned_values")
	if values.Kind == tree.Null {
		values = v.Get("values")
	}
	root := values.Get("root_module")
	if root.Kind != tree.Object {
		im.refuse("planned_values.root_module", root.String(), "the resources of a plan, or values.root_module of a state", "Terraform JSON output format")
		return
	}
	unknown := map[string]tree.Value{}
	for _, c := range v.Get("resource_changes").List {
		unknown[c.Get("address").Text] = c.Get("change").Get("after_unknown")
	}
	im.module(root, unknown, 0)
}

// maxModules bounds how deep modules stand in each other.
const maxModules = 100

func (im *importer) module(m tree.Value, unknown map[string]tree.Value, depth int) {
	if depth > maxModules {
		im.refuse("child_modules", "modules", "at most 100 deep", "rehydrate")
		return
	}
	for _, res := range m.Get("resources").List {
		if res.Get("type").Text != terraformType || res.Get("mode").Text == "data" {
			continue
		}
		address := res.Get("address").Text
		values, notes := settle(res.Get("values"), unknown[address])
		p := im.add(&planDialect, address, address+".", values)
		p.Notes = append(notes, p.Notes...)
	}
	for _, child := range m.Get("child_modules").List {
		im.module(child, unknown, depth+1)
	}
}

// settle prepares a resource's values: what is not known before apply is opaque,
// what the provider leaves to the API is left out, and what means unset is unset.
func settle(values, unknown tree.Value) (tree.Value, []string) {
	var notes []string
	// The provider computes these two where nobody states them.
	for _, name := range []string{"rejected_patches_action", "available_security_updates_compliance_status"} {
		if unknown.Get(name).Text == "true" {
			notes = append(notes, name+" is known after apply; taken as unstated, which is the API's default")
			unknown.Fields = slices.DeleteFunc(slices.Clone(unknown.Fields), func(f tree.Field) bool { return f.Name == name })
		}
	}
	values = overlay(values, unknown, 0)
	for i, f := range values.Fields {
		if f.Name == "approval_rule" {
			values.Fields[i].Value = dated(f.Value)
		}
	}
	return values, notes
}

// overlay marks as opaque what is unknown.
func overlay(v, unknown tree.Value, depth int) tree.Value {
	switch {
	case depth > maxModules:
		return v
	case unknown.Kind == tree.Bool && unknown.Text == "true":
		return tree.Value{Kind: tree.Opaque, Text: "a value", Why: "it is known after apply only"}
	case unknown.Kind == tree.Object && (v.Kind == tree.Object || v.Kind == tree.Null):
		out := tree.Value{Kind: tree.Object, Fields: slices.Clone(v.Fields)}
		for _, u := range unknown.Fields {
			marked := overlay(v.Get(u.Name), u.Value, depth+1)
			i := slices.IndexFunc(out.Fields, func(f tree.Field) bool { return f.Name == u.Name })
			switch {
			case i >= 0:
				out.Fields[i].Value = marked
			case marked.Kind == tree.Opaque:
				out.Fields = append(out.Fields, tree.Field{Name: u.Name, Value: marked})
			}
		}
		if len(out.Fields) == 0 {
			return v
		}
		return out
	case unknown.Kind == tree.List && v.Kind == tree.List:
		out := tree.Value{Kind: tree.List, List: slices.Clone(v.List)}
		for i, u := range unknown.List {
			if i < len(out.List) {
				out.List[i] = overlay(out.List[i], u, depth+1)
			}
		}
		return out
	}
	return v
}

// dated drops the zero days that a state shows beside a date: the provider sends
// the date alone.
func dated(rules tree.Value) tree.Value {
	out := tree.Value{Kind: rules.Kind, Text: rules.Text, Why: rules.Why, Fields: rules.Fields, List: slices.Clone(rules.List)}
	for i, rule := range out.List {
		if rule.Get("approve_until_date").Text == "" || rule.Get("approve_after_days").Text != "0" {
			continue
		}
		rule.Fields = slices.DeleteFunc(slices.Clone(rule.Fields), func(f tree.Field) bool { return f.Name == "approve_after_days" })
		out.List[i] = rule
	}
	return out
}
