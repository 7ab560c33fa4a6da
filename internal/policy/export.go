package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/config/terraform"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/policy/tree"
)

// Export writes baselines in a format. What it wrote it reads again: a baseline
// that the format cannot carry unchanged is refused rather than altered. Several
// baselines as API JSON are an array.
func Export(f Format, list []*baseline.Baseline) ([]byte, error) {
	a := about(f)
	if !a.Writes {
		return nil, fault.New(fault.Usage, "", "%s is read only: it is what Terraform prints", f)
	}
	if len(list) == 0 {
		return nil, fault.New(fault.Usage, "", "there is no baseline to write")
	}
	out, err := render(f, list)
	if err != nil {
		return nil, err
	}
	name := string(f)
	back := f
	if f == API && len(list) > 1 {
		back = Override
	}
	got, err := Import(back, name, out)
	var refused *RefusedError
	if errors.As(err, &refused) {
		return nil, Refusal("writing "+name, refused.Faults)
	}
	if err != nil {
		return nil, err
	}
	for i, p := range got {
		if i >= len(list) || !bytes.Equal(p.Baseline.Canonical(), list[i].Canonical()) {
			return nil, fault.New(fault.Usage, "", "baseline %s does not survive being written as %s", p.Label, f)
		}
	}
	return out, nil
}

func render(f Format, list []*baseline.Baseline) ([]byte, error) {
	switch f {
	case API, AWSCLI:
		if len(list) == 1 {
			return encode(list[0])
		}
		if f == AWSCLI {
			return nil, fault.New(fault.Usage, "export them one by one", "the AWS CLI takes one baseline, here are %d", len(list))
		}
		return encode(list)
	case Override:
		return encode(list)
	case Terraform, HCL:
		return renderHCL(f, list), nil
	case CloudFormation, CloudFormationJSON:
		return renderTemplate(f, list)
	}
	return nil, fmt.Errorf("writing baselines: unknown format %q", f)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("writing baseline: %w", err)
	}
	return b.Bytes(), nil
}

func renderHCL(f Format, list []*baseline.Baseline) []byte {
	kind := terraform.Resource
	if f == HCL {
		kind = terraform.Config
	}
	var parts [][]byte
	taken := map[string]bool{}
	for _, b := range list {
		parts = append(parts, terraform.Write(kind, distinct(taken, identifier(b.Name), "_"), b))
	}
	return bytes.Join(parts, []byte("\n"))
}

func renderTemplate(f Format, list []*baseline.Baseline) ([]byte, error) {
	resources := tree.Value{Kind: tree.Object}
	taken := map[string]bool{}
	for _, b := range list {
		data, err := encode(b)
		if err != nil {
			return nil, err
		}
		properties, err := tree.JSON(data)
		if err != nil {
			return nil, fmt.Errorf("writing baseline %s: %w", b.Name, err)
		}
		resources.Fields = append(resources.Fields, tree.Field{Name: distinct(taken, logicalID(b.Name), ""), Value: tree.Of(
			tree.Field{Name: "Type", Value: tree.Text(resourceType)},
			tree.Field{Name: "Properties", Value: properties},
		)})
	}
	doc := tree.Of(
		tree.Field{Name: "AWSTemplateFormatVersion", Value: tree.Text("2010-09-09")},
		tree.Field{Name: "Resources", Value: resources},
	)
	if f == CloudFormationJSON {
		return tree.ToJSON(doc), nil
	}
	return tree.ToYAML(doc), nil
}

var (
	notIdentifier = regexp.MustCompile(`[^A-Za-z0-9_-]+`)
	notLogical    = regexp.MustCompile(`[^A-Za-z0-9]+`)
)

// identifier makes an HCL identifier of a name.
func identifier(name string) string {
	s := strings.Trim(notIdentifier.ReplaceAllString(name, "_"), "_")
	if s == "" || s[0] == '-' || s[0] >= '0' && s[0] <= '9' {
		s = "baseline_" + s
	}
	return s
}

// logicalID makes a CloudFormation logical id: letters and digits.
func logicalID(name string) string {
	if s := notLogical.ReplaceAllString(name, ""); s != "" {
		return s
	}
	return "Baseline"
}

func distinct(taken map[string]bool, name, sep string) string {
	out := name
	for n := 2; taken[out]; n++ {
		out = name + sep + strconv.Itoa(n)
	}
	taken[out] = true
	return out
}
