// Package pwsh holds our PowerShell scripts to what can be held without PowerShell:
// their grammar, and the keys and types of the JSON that they print.
package pwsh

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit"
)

// Fault is a place that is not PowerShell; lines and columns count from 1.
type Fault struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`
}

// Syntax parses scripts and gives the faults of each. It needs node and npm.
func Syntax(t testing.TB, scripts ...string) [][]Fault {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			testkit.Missing(t, "PowerShell's grammar needs %v", err)
		}
	}
	tools := filepath.Join(testkit.Checkout(t), "tools")
	var said bytes.Buffer
	get := exec.Command(filepath.Join(tools, "powershell-grammar.sh"), filepath.Join(testkit.Cache(t), "tools"))
	get.Stderr = &said
	folder, err := get.Output()
	if err != nil {
		testkit.Missing(t, "a PowerShell grammar: %v: %s", err, said.String())
	}
	in, err := json.Marshal(scripts)
	if err != nil {
		t.Fatal(err)
	}
	parse := exec.Command("node", "--liftoff-only", filepath.Join(tools, "powershell-syntax.cjs"), strings.TrimSpace(string(folder)))
	parse.Stdin, parse.Stderr = bytes.NewReader(in), &said
	out, err := parse.Output()
	if err != nil {
		t.Fatalf("parse PowerShell: %v: %s", err, said.String())
	}
	var faults [][]Fault
	if err := json.Unmarshal(out, &faults); err != nil || len(faults) != len(scripts) {
		t.Fatalf("parse PowerShell: %d answers for %d scripts: %v", len(faults), len(scripts), err)
	}
	return faults
}

// entry is a line of a hash literal, in the style of our scripts: one key a line.
var entry = regexp.MustCompile(`(?m)^ +([a-zA-Z]+) = (\[(string|int|bool|ordered)\]|@\(|\$?[a-zA-Z0-9]+)`)

// Printed lists the keys that script prints, each with the type that it is cast to:
// "id string". A variable or number has no type here, a list is "list".
func Printed(script string) []string {
	var keys []string
	for _, m := range entry.FindAllStringSubmatch(script, -1) {
		kind := map[string]string{"string": "string", "int": "int", "bool": "bool", "ordered": "object"}[m[3]]
		if m[2] == "@(" {
			kind = "list"
		}
		keys = append(keys, strings.TrimSpace(m[1]+" "+kind))
	}
	return keys
}

// Wanted lists the keys of the structs of values, and of those inside them, in the same
// form.
func Wanted(values ...any) []string {
	var keys []string
	for _, v := range values {
		keys = append(keys, fields(reflect.TypeOf(v))...)
	}
	return keys
}

func fields(t reflect.Type) []string {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		kind := map[reflect.Kind]string{
			reflect.String: "string", reflect.Int: "int", reflect.Bool: "bool", reflect.Struct: "object", reflect.Slice: "list",
		}[f.Type.Kind()]
		keys = append(keys, f.Tag.Get("json")+" "+kind)
		keys = append(keys, fields(f.Type)...)
	}
	return keys
}

// Contract fails the test unless script prints exactly the keys of values, each as
// often and of the same type.
func Contract(t testing.TB, script string, values ...any) {
	t.Helper()
	wanted := Wanted(values...)
	for _, have := range Printed(script) {
		at := -1
		for i, w := range wanted {
			if w == have || !strings.Contains(have, " ") && strings.HasPrefix(w, have+" ") {
				at = i
				break
			}
		}
		if at < 0 {
			t.Errorf("the script prints %q, which nothing reads", have)
			continue
		}
		wanted = append(wanted[:at:at], wanted[at+1:]...)
	}
	for _, w := range wanted {
		t.Errorf("%q is read, which the script does not print", w)
	}
}
