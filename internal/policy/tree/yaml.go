package tree

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// YAML bounds: CloudFormation takes templates of at most 1 MiB, and no sensible
// document nests deeper. The parser recurses, so depth is bounded before it runs.
const (
	maxYAML  = 1 << 20
	maxDepth = 100
	// maxNodes counts what aliases stand for every time that they are used.
	maxNodes = 1 << 20
)

// YAML reads one YAML document. Scalars keep the text that stands in the file, so
// that 1.10 stays 1.10 and a date stays a date. A tag of one exclamation mark,
// such as !Ref, makes its value opaque; anchors and aliases work, merge keys do
// not.
func YAML(data []byte) (v Value, err error) {
	// The library is not ours: whatever hostile text makes it do, the caller gets
	// an error.
	defer func() {
		if p := recover(); p != nil {
			v, err = Value{}, fmt.Errorf("not usable YAML: %v", p)
		}
	}()
	if len(data) > maxYAML {
		return Value{}, fmt.Errorf("%d bytes of YAML, at most %d are read", len(data), maxYAML)
	}
	if err := shallow(data); err != nil {
		return Value{}, err
	}
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return Value{}, errors.New(first)
	}
	switch len(f.Docs) {
	case 0:
		return Value{}, nil
	case 1:
		r := yamlReader{anchors: map[string]anchored{}}
		return r.value(f.Docs[0].Body, 0)
	}
	return Value{}, fmt.Errorf("%d YAML documents, one is read", len(f.Docs))
}

// shallow refuses text that may nest deeper than maxDepth, by a rough count:
// brackets that stay open, and indicators repeated at the start of a line.
func shallow(data []byte) error {
	open := 0
	for n, line := range bytes.Split(data, []byte("\n")) {
		lead := 0
		for _, c := range line {
			switch c {
			case '[', '{':
				open++
			case ']', '}':
				open = max(0, open-1)
			}
		}
		for _, word := range bytes.Fields(line) {
			if c := word[0]; c != '-' && c != '?' && c != ':' && c != '!' && c != '&' {
				break
			}
			lead++
		}
		if open > maxDepth || lead > maxDepth {
			return fmt.Errorf("line %d: nested deeper than %d", n+1, maxDepth)
		}
	}
	return nil
}

type yamlReader struct {
	anchors map[string]anchored
	nodes   int
}

// anchored is a value with a name and the number of its nodes.
type anchored struct {
	Value
	nodes int
}

func (r *yamlReader) value(n ast.Node, depth int) (Value, error) {
	r.nodes++
	switch {
	case depth > maxDepth:
		return Value{}, fmt.Errorf("line %d: nested deeper than %d", line(n), maxDepth)
	case r.nodes > maxNodes:
		return Value{}, fmt.Errorf("line %d: more than %d values, aliases counted in full", line(n), maxNodes)
	}
	switch n := n.(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
		return Value{}, nil
	case *ast.BoolNode:
		return Value{Kind: Bool, Text: fmt.Sprint(n.Value)}, nil
	case *ast.IntegerNode, *ast.FloatNode:
		return Value{Kind: Number, Text: n.GetToken().Value}, nil
	case *ast.StringNode:
		return Text(n.Value), nil
	case *ast.LiteralNode:
		return Text(n.Value.Value), nil
	case *ast.InfinityNode, *ast.NanNode:
		return Text(n.GetToken().Value), nil
	case *ast.MappingNode:
		return r.object(n.Values, depth)
	case *ast.MappingValueNode:
		return r.object([]*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		return r.list(n.Values, depth)
	case *ast.TagNode:
		return r.tagged(n, depth)
	case *ast.AnchorNode:
		before := r.nodes
		v, err := r.value(n.Value, depth+1)
		if err == nil && n.Name != nil {
			r.anchors[n.Name.String()] = anchored{v, r.nodes - before}
		}
		return v, err
	case *ast.AliasNode:
		if a, ok := r.anchors[n.Value.String()]; ok {
			r.nodes += a.nodes
			return a.Value, nil
		}
		return Value{}, fmt.Errorf("line %d: no anchor %s stands above", line(n), n.Value)
	}
	return Value{}, fmt.Errorf("line %d: cannot read a %s", line(n), n.Type())
}

func line(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

func (r *yamlReader) tagged(n *ast.TagNode, depth int) (Value, error) {
	switch tag := n.Start.Value; {
	case tag == "!!str" && n.Value != nil:
		v, err := r.value(n.Value, depth+1)
		if v.Kind == Number || v.Kind == Bool {
			v.Kind = String
		}
		return v, err
	case strings.HasPrefix(tag, "!!"):
		return r.value(n.Value, depth+1)
	default:
		text := tag
		if s, ok := n.Value.(*ast.StringNode); ok {
			text += " " + s.Value
		}
		return Value{Kind: Opaque, Text: Shorten(text), Why: "CloudFormation computes it"}, nil
	}
}

func (r *yamlReader) list(nodes []ast.Node, depth int) (Value, error) {
	out := Value{Kind: List, List: []Value{}}
	for _, n := range nodes {
		v, err := r.value(n, depth+1)
		if err != nil {
			return out, err
		}
		out.List = append(out.List, v)
	}
	return out, nil
}

func (r *yamlReader) object(nodes []*ast.MappingValueNode, depth int) (Value, error) {
	out := Value{Kind: Object}
	seen := map[string]bool{}
	for _, n := range nodes {
		if n.Key.IsMergeKey() {
			return out, fmt.Errorf("line %d: merge keys (<<) are not read; write the fields out", line(n.Key))
		}
		k, err := r.value(n.Key, depth+1)
		if err != nil {
			return out, err
		}
		if k.Kind == List || k.Kind == Object || k.Kind == Opaque {
			return out, fmt.Errorf("line %d: a name is wanted, not %s", line(n.Key), k)
		}
		if seen[k.Text] {
			return out, fmt.Errorf("line %d: field %q occurs twice", line(n.Key), k.Text)
		}
		seen[k.Text] = true
		v, err := r.value(n.Value, depth+1)
		if err != nil {
			return out, err
		}
		out.Fields = append(out.Fields, Field{k.Text, v})
	}
	return out, nil
}

// ToYAML renders a value in block style, with a final newline. What any reader
// could take for something else than a text is quoted.
func ToYAML(v Value) []byte {
	var b strings.Builder
	writeYAML(&b, v, "", "")
	return []byte(b.String())
}

// writeYAML writes a value; lead stands before it on its first line, indent before
// its other lines.
func writeYAML(b *strings.Builder, v Value, lead, indent string) {
	switch {
	case v.Kind == Object && len(v.Fields) > 0:
		for i, f := range v.Fields {
			if i > 0 {
				lead = indent
			}
			b.WriteString(lead + plain(f.Name) + ":")
			writeInner(b, f.Value, indent)
		}
	case v.Kind == List && len(v.List) > 0:
		for i, e := range v.List {
			if i > 0 {
				lead = indent
			}
			writeYAML(b, e, lead+"- ", indent+"  ")
		}
	default:
		b.WriteString(lead + scalar(v) + "\n")
	}
}

func writeInner(b *strings.Builder, v Value, indent string) {
	if (v.Kind == Object && len(v.Fields) > 0) || (v.Kind == List && len(v.List) > 0) {
		b.WriteByte('\n')
		writeYAML(b, v, indent+"  ", indent+"  ")
		return
	}
	b.WriteString(" " + scalar(v) + "\n")
}

func scalar(v Value) string {
	switch v.Kind {
	case Object:
		return "{}"
	case List:
		return "[]"
	case Null:
		return "null"
	case Bool, Number:
		return v.Text
	}
	return plain(v.Text)
}

var (
	plainRE  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*(::[A-Za-z0-9]+)*$`)
	reserved = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}
)

func plain(s string) string {
	if plainRE.MatchString(s) && !slices.Contains(reserved, strings.ToLower(s)) {
		return s
	}
	return strings.ReplaceAll(quote(s), "\x7f", `\x7f`)
}
