package terraform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/policy/tree"
)

type reader struct {
	block  *Block
	src    []byte
	source string
}

func read(k Kind, label string, b *hcl.Block, src []byte) Block {
	out := Block{Kind: k, Label: label, At: place(b.DefRange)}
	r := reader{&out, src, k.source()}
	out.Body = r.body(b.Body, schemas[k])
	slices.SortFunc(out.Faults, func(a, b baseline.Fault) int { return strings.Compare(a.Field, b.Field) })
	return out
}

func (r *reader) body(b hcl.Body, s *schema) tree.Value {
	content, diags := b.Content(s.body())
	r.block.Faults = append(r.block.Faults, diagFaults(diags, r.src, r.source)...)
	out := tree.Value{Kind: tree.Object}
	for _, name := range s.args {
		if a, ok := content.Attributes[name]; ok {
			out.Fields = append(out.Fields, tree.Field{Name: name, Value: r.value(a.Expr)})
		}
	}
	for _, name := range s.computing {
		if a, ok := content.Attributes[name]; ok {
			r.refuse(a.Range, name+" makes any number of baselines out of one block")
		}
	}
	lists := map[string]*tree.Value{}
	for _, inner := range content.Blocks {
		if inner.Type == "dynamic" {
			r.refuse(inner.DefRange, "a dynamic block has no value before Terraform runs")
			continue
		}
		sub, ok := s.blocks[inner.Type]
		if !ok {
			continue // lifecycle and the like
		}
		if lists[inner.Type] == nil {
			lists[inner.Type] = &tree.Value{Kind: tree.List}
		}
		lists[inner.Type].List = append(lists[inner.Type].List, r.body(inner.Body, sub))
	}
	for _, name := range []string{"approval_rule", "global_filter", "source", "patch_filter"} {
		if l := lists[name]; l != nil {
			out.Fields = append(out.Fields, tree.Field{Name: name, Value: *l})
		}
	}
	return out
}

func (r *reader) refuse(at hcl.Range, why string) {
	if r.block.Kind == Resource {
		why += "; import the output of terraform show -json instead"
	}
	f := baseline.Fault{Field: place(at), Limit: why, Source: r.source}
	if at.CanSliceBytes(r.src) {
		f.Value = tree.Shorten(string(at.SliceBytes(r.src)))
	}
	r.block.Faults = append(r.block.Faults, f)
}

// value is an expression's value if it is written out.
func (r *reader) value(e hcl.Expression) tree.Value {
	v, diags := e.Value(nil)
	if diags.HasErrors() {
		text := "an expression"
		if rng := e.Range(); rng.CanSliceBytes(r.src) {
			text = tree.Shorten(string(rng.SliceBytes(r.src)))
		}
		return tree.Value{Kind: tree.Opaque, Text: text, Why: place(e.Range()) + ": " + unreadable(diags, r.block.Kind)}
	}
	return of(v)
}

func unreadable(diags hcl.Diagnostics, k Kind) string {
	why := diags[0].Summary
	if k == Config {
		return why + ": only what is written out is read"
	}
	return why + ": only what is written out is read; import the output of terraform show -json instead"
}

// of brings a value to the tree. Strings, numbers and truth values convert into
// each other in HCL; the reader of the tree decides.
func of(v cty.Value) tree.Value {
	switch t := v.Type(); {
	case !v.IsKnown():
		return tree.Value{Kind: tree.Opaque, Text: "an unknown value", Why: "it is not known"}
	case v.IsNull():
		return tree.Value{}
	case t == cty.String:
		return tree.Text(v.AsString())
	case t == cty.Number:
		// Not written out in full: 1e999999999 is a number too.
		return tree.Value{Kind: tree.Number, Text: v.AsBigFloat().Text('g', 20)}
	case t == cty.Bool:
		return tree.Value{Kind: tree.Bool, Text: fmt.Sprint(v.True())}
	case t.IsListType() || t.IsSetType() || t.IsTupleType():
		out := tree.Value{Kind: tree.List, List: []tree.Value{}}
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			out.List = append(out.List, of(e))
		}
		return out
	case t.IsMapType() || t.IsObjectType():
		out := tree.Value{Kind: tree.Object}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			out.Fields = append(out.Fields, tree.Field{Name: k.AsString(), Value: of(e)})
		}
		return out
	}
	return tree.Value{Kind: tree.Opaque, Text: "a value", Why: "it is of no kind that a baseline has"}
}
