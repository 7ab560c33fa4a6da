package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/config/terraform"
	"github.com/goldenami/rehydrate/internal/policy/tree"
)

// maxFile bounds a file of baselines; a state file of a large estate fits.
const maxFile = 64 << 20

// Import reads the baselines of a file in a format, in the file's order, and
// validates them. Whatever is wrong is one *RefusedError. name stands in messages
// and decides between HCL and its JSON form.
func Import(f Format, name string, data []byte) ([]Policy, error) {
	im := &importer{name: name}
	if len(data) > maxFile {
		return nil, Refusal(name, []baseline.Fault{{Field: name, Value: fmt.Sprintf("%d bytes", len(data)), Limit: fmt.Sprintf("at most %d", maxFile), Source: "rehydrate"}})
	}
	switch f {
	case API, AWSCLI:
		im.json(data, func(v tree.Value) { im.add(&apiDialect, "", "", v) })
	case Override:
		im.json(data, im.override)
	case Plan:
		im.json(data, im.plan)
	case CloudFormation, CloudFormationJSON:
		im.template(data)
	case Terraform, HCL:
		im.blocks(f, data)
	default:
		return nil, fmt.Errorf("reading %s: unknown format %q", name, f)
	}
	if len(im.faults) == 0 && len(im.out) == 0 {
		im.refuse("", "no baseline", "at least one", about(f).Text)
	}
	if len(im.faults) > 0 {
		return nil, Refusal(name, im.faults)
	}
	return im.out, nil
}

type importer struct {
	name   string
	out    []Policy
	faults []baseline.Fault
}

func (im *importer) refuse(field, value, limit, source string) {
	if field == "" {
		field = im.name
	}
	im.faults = append(im.faults, baseline.Fault{Field: field, Value: value, Limit: limit, Source: source})
}

func (im *importer) json(data []byte, read func(tree.Value)) {
	v, err := tree.JSON(data)
	if err != nil {
		im.refuse("", tree.Shorten(string(data)), "JSON: "+err.Error(), "RFC 8259")
		return
	}
	read(v)
}

// add reads one baseline and validates it. at stands before the paths of faults.
func (im *importer) add(d *dialect, label, at string, v tree.Value) *Policy {
	r := &reader{dialect: d, at: at}
	b := r.baseline(v)
	if len(r.faults) == 0 || v.Kind == tree.Object {
		r.validate(b)
	}
	im.faults = append(im.faults, r.faults...)
	if label == "" {
		label = b.Name
	}
	im.out = append(im.out, Policy{Label: label, Baseline: b, Notes: r.notes})
	return &im.out[len(im.out)-1]
}

// validate adds what the engine finds wrong. Fields that could not be read at all
// already have a fault, and none follows from their being empty now.
func (r *reader) validate(b *baseline.Baseline) {
	c := *b
	if c.Name == "" && r.lenient {
		c.Name = "override" // entries of an override need none
	}
	var invalid *baseline.InvalidError
	if !errors.As(c.Validate(), &invalid) {
		return
	}
	read := len(r.faults)
	for _, f := range invalid.Faults {
		f.Field = r.at + r.path(f.Field)
		follows := false
		for _, known := range r.faults[:read] {
			follows = follows || known.Field == f.Field || strings.HasPrefix(known.Field, f.Field+".") || strings.HasPrefix(known.Field, f.Field+"[")
		}
		if !follows {
			r.faults = append(r.faults, f)
		}
	}
}

func (im *importer) override(v tree.Value) {
	if v.Kind != tree.List {
		im.refuse("", v.String(), "a JSON array of baselines", "SSM user guide, BaselineOverride")
		return
	}
	for i, e := range v.List {
		p := im.add(&overrideDialect, "", fmt.Sprintf("[%d].", i), e)
		if p.Label == "" {
			p.Label = fmt.Sprint(i)
		}
	}
}

func (im *importer) blocks(f Format, data []byte) {
	kind, d := terraform.Resource, &tfDialect
	if f == HCL {
		kind, d = terraform.Config, &hclDialect
	}
	found, faults := terraform.Read(im.name, data, strings.HasSuffix(im.name, ".json"))
	im.faults = append(im.faults, faults...)
	for _, b := range found {
		if b.Kind != kind {
			continue
		}
		im.faults = append(im.faults, b.Faults...)
		head := "aws_ssm_patch_baseline." + b.Label
		if kind == terraform.Config {
			head = "baseline." + b.Label
			im.configBlock(&b)
		}
		p := im.add(d, b.Label, b.At+" "+head+".", b.Body)
		p.AptApprovalDelay = b.Body.Get("apt_approval_delay").Text == "true"
	}
}

// configBlock gives a block of rehydrate.hcl the name that its label stands for.
func (im *importer) configBlock(b *terraform.Block) {
	if f := b.Body.Get("file"); f.Kind != tree.Null {
		im.refuse(b.At+" baseline."+b.Label+".file", f.String(), "the policy stands in that file: import it instead", sourceHCL)
	}
	if b.Body.Get("name").Kind == tree.Null {
		b.Body.Fields = append(b.Body.Fields, tree.Field{Name: "name", Value: tree.Text(b.Label)})
	}
}
