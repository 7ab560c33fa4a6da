package tree

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func show(v Value) string {
	switch v.Kind {
	case Object:
		var parts []string
		for _, f := range v.Fields {
			parts = append(parts, f.Name+"="+show(f.Value))
		}
		return "{" + strings.Join(parts, " ") + "}"
	case List:
		var parts []string
		for _, e := range v.List {
			parts = append(parts, show(e))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case Null:
		return "null"
	case String:
		return "'" + v.Text + "'"
	case Opaque:
		return "?" + v.Text
	}
	return v.Text
}

func TestJSON_keeps_order_and_text(t *testing.T) {
	v, err := JSON([]byte("\xef\xbb\xbf" + `{"b": 1.10, "a": ["x", null, true, {}], "c": 12345678901234567890}`))
	if got := show(v); err != nil || got != "{b=1.10 a=['x' null true {}] c=12345678901234567890}" {
		t.Errorf("got %s, %v", got, err)
	}
	if !v.Has("a") || v.Has("d") || v.Get("b").Text != "1.10" || v.Get("d").Kind != Null {
		t.Error("Has and Get disagree with the object")
	}
}

func TestJSON_refuses_with_the_line(t *testing.T) {
	for text, want := range map[string]string{
		"{\n\"a\": 1,\n\"a\": 2}": `line 3: field "a" occurs twice`,
		"{\n\"a\": }":             "line 2:",
		"{} {}":                   "line 1:",
		"":                        "unexpected end",
		strings.Repeat("[", 20000) + strings.Repeat("]", 20000): "depth",
	} {
		if _, err := JSON([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %v, want %q", text, err, want)
		}
	}
}

func TestYAML_keeps_the_text_of_scalars(t *testing.T) {
	v, err := YAML([]byte("a: 1.10\nb: 2024-01-01\nc: yes\nd: 'x'\ne: |\n  two\n  lines\nf: [~, true, .inf]\ng: &n {h: 007}\ni: *n\nj: !!str 5\nk: !Ref Env\nl: !GetAtt [a, b]\nm:\n"))
	want := "{a=1.10 b='2024-01-01' c='yes' d='x' e='two\nlines\n' f=[null true '.inf'] g={h=007} i={h=007} j='5' k=?\"!Ref Env\" l=?\"!GetAtt\" m=null}"
	if got := show(v); err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestYAML_refuses_what_it_could_misread(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a merge key":         {"a: &x {b: 1}\nc:\n  <<: *x\n", "merge keys"},
		"an unknown anchor":   {"a: *x\n", "x"},
		"a name twice":        {"a: 1\na: 2\n", "a"},
		"a list as name":      {"? [a]\n: 1\n", "key"},
		"two documents":       {"a: 1\n---\nb: 2\n", "2 YAML documents"},
		"broken indentation":  {"a:\n  b: 1\n c: 2\n", "["},
		"brackets":            {strings.Repeat("[", 200000), "nested deeper"},
		"dashes":              {strings.Repeat("- ", 200000), "nested deeper"},
		"tags":                {strings.Repeat("!a ", 200000), "nested deeper"},
		"too much":            {strings.Repeat("#", maxYAML+1), "at most"},
		"a staircase of maps": {staircase(200), "nested deeper"},
	} {
		if _, err := YAML([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func staircase(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// Thirty lines of aliases would be a thousand million values.
func TestYAML_bounds_what_aliases_multiply(t *testing.T) {
	text := "a0: &a0 [x, x]\n"
	for i := 1; i < 30; i++ {
		text += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	if _, err := YAML([]byte(text)); err == nil || !strings.Contains(err.Error(), "aliases counted in full") {
		t.Errorf("got %v", err)
	}
}

func TestWriters_are_inverses_of_the_readers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue(t, 3)
		for name, c := range map[string]struct {
			write func(Value) []byte
			read  func([]byte) (Value, error)
		}{"JSON": {ToJSON, JSON}, "YAML": {ToYAML, YAML}} {
			text := c.write(v)
			got, err := c.read(text)
			if err != nil || show(got) != show(v) {
				t.Fatalf("%s: %v\n%s\nwant %s\ngot  %s", name, err, text, show(v), show(got))
			}
		}
	})
}

func anyValue(t *rapid.T, depth int) Value {
	text := rapid.OneOf(
		rapid.StringOfN(rapid.RuneFrom([]rune("aZ0 \"'\\$%{}[]#:,&!|>-\n\t<*@`é世🙂\x7f\r\u0085")), 0, 12, -1),
		rapid.SampledFrom([]string{"yes", "null", "~", "1.10", "true", "2024-01-01", "<<", "!Ref x", "- a", "a: b", "", " ", "---", "...", "AWS::SSM::PatchBaseline"}),
	)
	switch k := rapid.IntRange(0, 5).Draw(t, "kind"); {
	case k == 0:
		return Value{Kind: Bool, Text: "true"}
	case k == 1:
		return Value{Kind: Number, Text: rapid.SampledFrom([]string{"0", "7", "-1", "360", "1.5"}).Draw(t, "number")}
	case k == 2 && depth > 0:
		out := Value{Kind: List, List: []Value{}}
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			out.List = append(out.List, anyValue(t, depth-1))
		}
		return out
	case k >= 3 && depth > 0:
		out := Value{Kind: Object}
		for _, name := range rapid.SliceOfNDistinct(text, 0, 3, rapid.ID).Draw(t, "names") {
			out.Fields = append(out.Fields, Field{name, anyValue(t, depth-1)})
		}
		return out
	}
	return Text(text.Draw(t, "text"))
}

func FuzzYAML(f *testing.F) {
	f.Add([]byte("a: &x [1, !Ref b]\nc: *x\n"))
	f.Add([]byte("? - a\n: |\n  x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := YAML(data); err == nil {
			_ = show(v) // must be a finite tree
			ToYAML(v)
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a": [1, {"b": null}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := JSON(data)
		if err != nil {
			return
		}
		if again, err := JSON(ToJSON(v)); err != nil || show(again) != show(v) {
			t.Fatalf("%v: %s", err, ToJSON(v))
		}
	})
}
