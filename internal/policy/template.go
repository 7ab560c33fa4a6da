package policy

import (
	"bytes"
	"strings"

	"github.com/goldenami/rehydrate/internal/policy/tree"
)

const resourceType = "AWS::SSM::PatchBaseline"

// isJSON says whether a text means to be JSON rather than YAML or HCL.
func isJSON(data []byte) bool {
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	return len(data) > 0 && (data[0] == '{' || data[0] == '[')
}

// document reads JSON or YAML.
func document(data []byte) (tree.Value, error) {
	if isJSON(data) {
		v, err := tree.JSON(data)
		if err == nil {
			return v, nil
		}
		// A YAML template may begin with a brace as well.
		if y, yerr := tree.YAML(data); yerr == nil {
			return y, nil
		}
		return v, err
	}
	return tree.YAML(data)
}

// template reads the baselines of a CloudFormation template.
func (im *importer) template(data []byte) {
	v, err := document(data)
	if err != nil {
		im.refuse("", tree.Shorten(string(data)), "JSON or YAML: "+err.Error(), sourceCFN)
		return
	}
	resources := v.Get("Resources")
	if resources.Kind != tree.Object {
		im.refuse("Resources", resources.String(), "an object of resources", sourceCFN)
		return
	}
	for _, res := range resources.Fields {
		if strings.HasPrefix(res.Name, "Fn::") {
			im.refuse("Resources."+res.Name, res.Value.String(), "CloudFormation computes these resources; import a template without it", sourceCFN)
			continue
		}
		if res.Value.Get("Type").Text != resourceType {
			continue
		}
		at := "Resources." + res.Name + ".Properties."
		properties := res.Value.Get("Properties")
		if properties.Kind == tree.Null {
			properties = tree.Of()
		}
		p := im.add(&cfnDialect, res.Name, at, stated(properties))
		if c := res.Value.Get("Condition"); c.Kind != tree.Null {
			p.Notes = append(p.Notes, "Resources."+res.Name+" exists under a condition only: "+c.String())
		}
	}
}

// stated marks what CloudFormation would compute as opaque.
func stated(v tree.Value) tree.Value {
	switch v.Kind {
	case tree.Object:
		if len(v.Fields) == 1 && (v.Fields[0].Name == "Ref" || strings.HasPrefix(v.Fields[0].Name, "Fn::")) {
			f := v.Fields[0]
			return tree.Value{Kind: tree.Opaque, Text: f.Name + " " + f.Value.String(), Why: "CloudFormation computes it"}
		}
		out := tree.Value{Kind: tree.Object}
		for _, f := range v.Fields {
			out.Fields = append(out.Fields, tree.Field{Name: f.Name, Value: stated(f.Value)})
		}
		return out
	case tree.List:
		out := tree.Value{Kind: tree.List, List: make([]tree.Value, len(v.List))}
		for i, e := range v.List {
			out.List[i] = stated(e)
		}
		return out
	}
	return v
}
