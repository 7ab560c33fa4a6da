package ssm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// The plugins that documents may use.
const (
	pluginShell    = "aws:runShellScript"
	pluginDownload = "aws:downloadContent"
	// pluginPowerShell is known as what is skipped: no node here runs Windows.
	pluginPowerShell = "aws:runPowerShellScript"
)

// content is a parsed command document of schema 2.2 ("Schemas, features, and
// examples", user guide).
type content struct {
	SchemaVersion string              `json:"schemaVersion"`
	Description   string              `json:"description"`
	Parameters    map[string]docParam `json:"parameters"`
	MainSteps     []step              `json:"mainSteps"`
	Files         map[string]any      `json:"files,omitempty"`
	Variables     map[string]any      `json:"variables,omitempty"`
}

// docParam is a parameter of a document.
type docParam struct {
	Type           string   `json:"type"`
	Description    string   `json:"description"`
	Default        any      `json:"default"`
	AllowedValues  []string `json:"allowedValues"`
	AllowedPattern string   `json:"allowedPattern"`
	DisplayType    string   `json:"displayType"`
	MinChars       any      `json:"minChars"`
	MaxChars       any      `json:"maxChars"`
}

// step is one step of a document.
type step struct {
	Action       string              `json:"action"`
	Name         string              `json:"name"`
	Inputs       map[string]any      `json:"inputs"`
	Precondition map[string][]string `json:"precondition"`
}

func badContent(format string, args ...any) error {
	return wire.Errorf("InvalidDocumentContent", format, args...)
}

// reference is a {{ parameter }} in an input.
var reference = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_.:/-]+)\s*\}\}`)

// parse reads a document's content, JSON or YAML.
func parse(text, format string) (content, error) {
	var c content
	data := []byte(text)
	if format == "YAML" {
		if aliased(data) { // a few of them can stand for gigabytes
			return c, unmodelled("YAML documents with aliases")
		}
		var err error
		if data, err = yaml.YAMLToJSON(data); err != nil {
			return c, badContent("YAML not well-formed: %v", err)
		}
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&c); err != nil {
		return c, badContent("JSON not well-formed: %v", err)
	}
	switch {
	case c.SchemaVersion == "":
		return c, badContent("The schemaVersion is missing.")
	case c.SchemaVersion != "2.2" && c.SchemaVersion != "2.0":
		return c, unmodelled("documents of schema " + c.SchemaVersion)
	case len(c.MainSteps) == 0:
		return c, badContent("The document has no mainSteps.")
	case len(c.Files) > 0 || len(c.Variables) > 0:
		return c, unmodelled("documents with files or variables")
	}
	seen := map[string]bool{}
	for _, st := range c.MainSteps {
		switch {
		case st.Name == "" || seen[st.Name]:
			return c, badContent("The step name %q is missing or not unique.", st.Name)
		case st.Action == pluginPowerShell && st.skipped():
		case st.Action != pluginShell && st.Action != pluginDownload:
			return c, unmodelled("the plugin " + st.Action)
		}
		seen[st.Name] = true
		if err := c.checkReferences(st.Inputs); err != nil {
			return c, err
		}
	}
	for name, p := range c.Parameters {
		if p.Type != "String" && p.Type != "StringList" && p.Type != "Boolean" && p.Type != "Integer" && p.Type != "StringMap" {
			return c, badContent("The parameter %s has the unknown type %q.", name, p.Type)
		}
		if p.AllowedPattern != "" {
			if _, err := regexp.Compile(p.AllowedPattern); err != nil {
				return c, badContent("The allowedPattern of parameter %s is not a regular expression.", name)
			}
		}
	}
	return c, nil
}

// aliased says whether a YAML text has aliases; one that cannot be parsed has none.
func aliased(data []byte) bool {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return false
	}
	var f aliasFinder
	for _, d := range file.Docs {
		if d.Body != nil {
			ast.Walk(&f, d.Body)
		}
	}
	return f.found
}

type aliasFinder struct{ found bool }

// Visit implements ast.Visitor.
func (f *aliasFinder) Visit(n ast.Node) ast.Visitor {
	if n != nil && n.Type() == ast.AliasType {
		f.found = true
	}
	return f
}

func (c content) checkReferences(v any) error {
	switch v := v.(type) {
	case string:
		for _, m := range reference.FindAllStringSubmatch(v, -1) {
			if _, ok := c.Parameters[m[1]]; !ok && !strings.Contains(m[1], ":") {
				return badContent("The parameter %s is used but not defined.", m[1])
			}
		}
	case []any:
		for _, x := range v {
			if err := c.checkReferences(x); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, x := range v {
			if err := c.checkReferences(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// bind checks a command's parameters against the document and fills in defaults.
func (c content) bind(given map[string][]string) (map[string][]string, error) {
	bad := func(format string, args ...any) error { return wire.Errorf("InvalidParameters", format, args...) }
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := c.Parameters[name]; !ok {
			return nil, bad("Parameter %q is not defined in the document.", name)
		}
	}
	out := map[string][]string{}
	for name, p := range c.Parameters {
		v, ok := given[name]
		if !ok {
			if p.Default == nil {
				return nil, bad("Parameter %q requires a value.", name)
			}
			v = texts(p.Default)
		}
		if p.Type != "StringList" && len(v) != 1 {
			return nil, bad("Parameter %q takes exactly one value.", name)
		}
		for _, x := range v {
			if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, x) {
				return nil, bad("Parameter %q is not one of its allowed values.", name)
			}
			if p.AllowedPattern != "" && !regexp.MustCompile(p.AllowedPattern).MatchString(x) {
				return nil, bad("Parameter %q does not match its allowed pattern.", name)
			}
		}
		out[name] = v
	}
	return out, nil
}

// texts is a JSON value as the strings that it stands for.
func texts(v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return []string{v}
	case bool:
		return []string{strconv.FormatBool(v)}
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}
	case []any:
		out := []string{}
		for _, x := range v {
			out = append(out, texts(x)...)
		}
		return out
	}
	text, err := json.Marshal(v)
	if err != nil {
		return []string{fmt.Sprint(v)}
	}
	return []string{string(text)}
}

// input is an input of a step with parameters put in. A list parameter that stands
// alone in a list becomes its elements; elsewhere it is written as JSON.
func input(v any, params map[string][]string, lists func(string) bool) []string {
	var out []string
	for _, t := range texts(v) {
		if m := reference.FindStringSubmatch(t); m != nil && strings.TrimSpace(t) == m[0] && lists(m[1]) {
			out = append(out, params[m[1]]...)
			continue
		}
		out = append(out, reference.ReplaceAllStringFunc(t, func(ref string) string {
			name := reference.FindStringSubmatch(ref)[1]
			v, ok := params[name]
			switch {
			case !ok:
				return ref
			case lists(name):
				text, err := json.Marshal(v)
				if err != nil {
					return ref
				}
				return string(text)
			}
			return strings.Join(v, "")
		}))
	}
	return out
}

// lists says whether a parameter is a list.
func (c content) lists(name string) bool { return c.Parameters[name].Type == "StringList" }

// skipped says whether a step's precondition keeps it off Linux.
func (st step) skipped() bool {
	for op, pair := range st.Precondition {
		if op != "StringEquals" || len(pair) != 2 {
			continue
		}
		a, b := pair[0], pair[1]
		if b == "platformType" {
			a, b = b, a
		}
		if a == "platformType" && !strings.EqualFold(b, "Linux") {
			return true
		}
	}
	return false
}
