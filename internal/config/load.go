package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/goldenami/rehydrate/internal/fault"
)

// DefaultFile is read when no file is named.
const DefaultFile = "rehydrate.hcl"

// Load reads and validates a configuration file.
func Load(path string) (*Config, error) {
	src, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.New(fault.Usage, "write one, or name it with --config FILE; `rehydrate init` writes a start", "read configuration %s: there is no such file", path)
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "", "read configuration %s: %w", path, err)
	}
	return Parse(path, src)
}

// Parse reads a configuration; name ends in .json for the JSON form.
func Parse(name string, src []byte) (*Config, error) {
	p := hclparse.NewParser()
	var f *hcl.File
	var diags hcl.Diagnostics
	if strings.HasSuffix(name, ".json") {
		f, diags = p.ParseJSON(src, name)
	} else {
		f, diags = p.ParseHCL(src, name)
	}
	if diags.HasErrors() {
		return nil, refused(p, diags)
	}
	var s fileSchema
	diags = gohcl.DecodeBody(f.Body, evaluation(), &s)
	if diags.HasErrors() {
		return nil, refused(p, diags)
	}
	r := resolver{cfg: &Config{File: name, Region: s.Region, Baselines: map[string]*Baseline{}}}
	r.file(&s)
	if r.diags.HasErrors() {
		return nil, refused(p, r.diags)
	}
	return r.cfg, nil
}

// evaluation offers env(NAME) and env(NAME, default).
func evaluation() *hcl.EvalContext {
	env := function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "name", Type: cty.String}},
		VarParam: &function.Parameter{Name: "default", Type: cty.String},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if v, ok := os.LookupEnv(args[0].AsString()); ok {
				return cty.StringVal(v), nil
			}
			if len(args) > 1 {
				return args[1], nil
			}
			return cty.NilVal, fmt.Errorf("environment variable %s is not set and no default is given", args[0].AsString())
		},
	})
	// ssm(NAME) marks a Parameter Store name; it is read when the plan is made, not
	// when the file is.
	ssm := function.New(&function.Spec{
		Params: []function.Parameter{{Name: "name", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(parameterMark + args[0].AsString()), nil
		},
	})
	return &hcl.EvalContext{Functions: map[string]function.Function{"env": env, "ssm": ssm}}
}

const parameterMark = "ssm:"

// refused turns diagnostics into one usage error, each with its place and the line
// it is about.
func refused(p *hclparse.Parser, diags hcl.Diagnostics) error {
	var b strings.Builder
	w := hcl.NewDiagnosticTextWriter(&b, p.Files(), 100, false)
	if err := w.WriteDiagnostics(diags); err != nil {
		return fault.As(diags, fault.Usage, "")
	}
	return fault.New(fault.Usage, "`rehydrate config check` reads the file without doing anything", "configuration refused:\n%s", strings.TrimSpace(b.String()))
}
