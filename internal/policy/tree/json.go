package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// JSON reads one JSON value. A name that occurs twice in an object is refused:
// readers differ on which of the two counts.
func JSON(data []byte) (Value, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // a byte order mark, as PowerShell writes it
	// The decoder below does not limit nesting; this check does.
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return Value{}, fmt.Errorf("line %d: %w", lineAt(data, syntax.Offset), err)
		}
		return Value{}, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	r := jsonReader{d, data}
	return r.value()
}

func lineAt(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(int64(len(data)), max(0, offset))], []byte("\n"))
}

type jsonReader struct {
	*json.Decoder
	data []byte
}

func (r jsonReader) value() (Value, error) {
	t, err := r.Token()
	if err != nil {
		return Value{}, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			return r.list()
		}
		return r.object()
	case bool:
		return Value{Kind: Bool, Text: fmt.Sprint(t)}, nil
	case json.Number:
		return Value{Kind: Number, Text: t.String()}, nil
	case string:
		return Text(t), nil
	}
	return Value{}, nil
}

func (r jsonReader) list() (Value, error) {
	out := Value{Kind: List, List: []Value{}}
	for r.More() {
		v, err := r.value()
		if err != nil {
			return out, err
		}
		out.List = append(out.List, v)
	}
	_, err := r.Token()
	return out, err
}

func (r jsonReader) object() (Value, error) {
	out := Value{Kind: Object}
	seen := map[string]bool{}
	for r.More() {
		t, err := r.Token()
		if err != nil {
			return out, err
		}
		name, _ := t.(string) // in valid JSON a key is a string
		if seen[name] {
			return out, fmt.Errorf("line %d: field %q occurs twice", lineAt(r.data, r.InputOffset()), name)
		}
		seen[name] = true
		v, err := r.value()
		if err != nil {
			return out, err
		}
		out.Fields = append(out.Fields, Field{name, v})
	}
	_, err := r.Token()
	return out, err
}

// ToJSON renders a value, indented by two spaces, with a final newline.
func ToJSON(v Value) []byte {
	var b strings.Builder
	writeJSON(&b, v, "")
	b.WriteByte('\n')
	return []byte(b.String())
}

func writeJSON(b *strings.Builder, v Value, indent string) {
	inner := indent + "  "
	switch {
	case v.Kind == Object && len(v.Fields) > 0:
		b.WriteString("{")
		for i, f := range v.Fields {
			b.WriteString(comma(i) + "\n" + inner + quote(f.Name) + ": ")
			writeJSON(b, f.Value, inner)
		}
		b.WriteString("\n" + indent + "}")
	case v.Kind == List && len(v.List) > 0:
		b.WriteString("[")
		for i, e := range v.List {
			b.WriteString(comma(i) + "\n" + inner)
			writeJSON(b, e, inner)
		}
		b.WriteString("\n" + indent + "]")
	case v.Kind == Object:
		b.WriteString("{}")
	case v.Kind == List:
		b.WriteString("[]")
	case v.Kind == Null:
		b.WriteString("null")
	case v.Kind == Bool || v.Kind == Number:
		b.WriteString(v.Text)
	default:
		b.WriteString(quote(v.Text))
	}
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// quote is a JSON string without the escapes that only HTML needs.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""` // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}
