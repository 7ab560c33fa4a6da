// Package rules checks the shape of the tree itself.
package rules

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/goldenami/rehydrate"

// rule says who may import what. An empty may means nobody else.
type rule struct {
	what string   // an import path or, ending in /..., a tree
	may  []string // trees of ours that may import it, relative to the module
}

// The rules of docs/architecture.md. Tests are held to them too, but for the test
// tree, which sees everything.
var rules = []rule{
	{"github.com/aws/...", []string{"internal/awscloud/...", "internal/twin/...", "test/..."}},
	{"github.com/hashicorp/packer-plugin-sdk/...", []string{"plugins/...", "cmd/packer-plugin-rehydrate", "test/..."}},
	{"github.com/hashicorp/packer/...", nil},
	{"github.com/urfave/cli/...", []string{"internal/cli/...", "cmd/...", "test/..."}},
	{"github.com/hashicorp/hcl/...", []string{"internal/config/...", "plugins/...", "test/..."}},
	{"github.com/gruntwork-io/terratest/...", []string{"test/..."}},
	{module + "/bake/...", []string{"bake/...", "internal/app/...", "internal/awscloud/...", "cmd/...", "test/..."}},
	{module + "/validate/...", []string{"validate/...", "internal/app/...", "internal/awscloud/...", "test/..."}},
	{module + "/publish/...", []string{"publish/...", "internal/app/...", "internal/awscloud/...", "test/..."}},
	{module + "/rollout/...", []string{"rollout/...", "internal/app/...", "internal/awscloud/...", "internal/rehearse/...", "test/..."}},
	{module + "/internal/app/...", []string{"internal/app/...", "internal/cli/...", "cmd/...", "test/..."}},
	{module + "/internal/cli/...", []string{"internal/cli/...", "cmd/...", "test/..."}},
	{module + "/internal/twin/...", []string{"internal/twin/...", "internal/rehearse/...", "internal/app/...", "test/..."}},
	{module + "/internal/awscloud/...", []string{"internal/awscloud/...", "internal/app/...", "test/..."}},
	{module + "/internal/apply/...", []string{"internal/apply/...", "internal/node/...", "rollout/inplace/...", "plugins/...", "internal/twin/...", "cmd/rehydrate-node", "test/..."}},
}

// durable is what every stage builds on.
var durable = []string{"baseline", "internal/record", "internal/unit", "internal/event", "internal/fault", "internal/wait"}

// allow is all of ours that a tree may import beside itself. The first tree that
// holds a package counts; what is in none is free. Tests of a package may import
// more (predefined baselines, another test's stand-ins), but for no stage: see rules.
var allow = []struct {
	tree string
	may  []string
}{
	{"baseline/...", nil},
	{"bake/...", durable},
	{"validate/...", append([]string{"internal/inventory/...", "internal/osimage/..."}, durable...)},
	{"publish/...", durable},
	{"rollout/...", append([]string{"internal/schedule", "internal/hush"}, durable...)},
	{"pipelines/...", []string{"internal/fault"}},
	{"plugins/...", []string{"baseline", "internal/record", "internal/wait", "internal/fault", "internal/apply/..."}},
	{"cmd/packer-plugin-rehydrate", []string{"plugins/..."}},
	{"cmd/rehydrate-node", []string{"internal/node", "internal/record", "internal/fault"}},
	{"cmd/rehydrate", []string{"internal/cli"}},
	{"internal/record", []string{"baseline"}},
	{"internal/report/...", []string{"internal/record", "internal/fault", "baseline"}},
	{"internal/schedule", nil},
	{"internal/hush", nil},
	{"internal/notify", []string{"internal/event", "internal/fault", "internal/wait", "internal/hush"}},
	{"internal/unit", nil},
	{"internal/event", nil},
	{"internal/fault", nil},
	{"internal/packer", nil},
	{"internal/testkit", []string{"internal/packer"}},
	{"internal/wait", []string{"internal/fault"}},
	{"internal/journal", []string{"internal/unit", "internal/record", "internal/wait", "internal/fault"}},
	{"internal/engine", []string{"internal/unit", "internal/record", "internal/wait", "internal/fault", "internal/journal"}},
	{"internal/config/...", []string{"baseline", "internal/fault", "internal/policy/tree", "internal/schedule"}},
	{"internal/policy/...", []string{"baseline/...", "internal/fault", "internal/config/terraform"}},
	{"internal/exact", nil},
	{"internal/rehearse/...", []string{"rollout/...", "internal/twin/...", "internal/record", "internal/fault", "internal/wait"}},
	{"internal/inventory/...", []string{"baseline", "internal/record", "internal/fault", "internal/exact"}},
	{"internal/osimage/imagetest", []string{"internal/testkit", "internal/osimage/inode"}}, // for tests only
	{"internal/osimage/...", []string{"internal/fault"}},
	{"internal/apply/...", []string{"baseline", "internal/record", "internal/fault", "internal/wait", "internal/exact"}},
	{"internal/node", []string{"baseline", "internal/record", "internal/fault", "internal/wait", "internal/inventory/...", "internal/apply/..."}},
	{"internal/twin/...", []string{"baseline", "baseline/predefined", "internal/record", "internal/fault", "internal/wait", "internal/inventory/...", "internal/apply/...", "internal/node", "internal/osimage/...", "internal/schedule"}},
	{"internal/awscloud/...", []string{"bake", "validate", "publish/...", "rollout/...", "internal/fault", "internal/wait", "internal/record", "internal/osimage/ebs", "internal/notify"}},
}

type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func within(path, tree string) bool {
	base, isTree := strings.CutSuffix(tree, "/...")
	return path == base || isTree && strings.HasPrefix(path, base+"/")
}

func TestImports_keep_to_the_design(t *testing.T) {
	pkgs := list(t)
	if len(pkgs) < 10 {
		t.Fatalf("go list found %d packages", len(pkgs))
	}
	for _, p := range pkgs {
		rel := relative(p.ImportPath)
		for _, imported := range append(append(p.Imports, p.TestImports...), p.XTestImports...) {
			for _, r := range rules {
				if !within(imported, r.what) {
					continue
				}
				ok := false
				for _, m := range r.may {
					ok = ok || within(rel, m)
				}
				if !ok {
					t.Errorf("%s imports %s; only %s may", rel, imported, strings.Join(r.may, ", "))
				}
			}
		}
	}
}

func relative(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

// foreign is what of ours a package imports that its tree may not.
func foreign(p pkg) (bad []string) {
	rel := relative(p.ImportPath)
	for _, a := range allow {
		if !within(rel, a.tree) {
			continue
		}
		for _, i := range p.Imports {
			if i != module && !strings.HasPrefix(i, module+"/") {
				continue
			}
			ok := within(relative(i), a.tree)
			for _, m := range a.may {
				ok = ok || within(relative(i), m)
			}
			if !ok {
				bad = append(bad, relative(i))
			}
		}
		break
	}
	return bad
}

func TestImports_of_ours_are_those_allowed(t *testing.T) {
	pkgs := list(t)
	for _, p := range pkgs {
		for _, bad := range foreign(p) {
			t.Errorf("%s imports %s; docs/architecture.md does not allow it", relative(p.ImportPath), bad)
		}
	}
	for _, a := range allow { // a list for what is no more checks nothing
		held := false
		for _, p := range pkgs {
			held = held || within(relative(p.ImportPath), a.tree)
		}
		if !held {
			t.Errorf("there is no package in %s", a.tree)
		}
	}
}

func TestImports_that_break_the_design_are_found(t *testing.T) {
	for _, c := range []struct{ from, what string }{
		{"bake", "validate"}, {"publish", "internal/osimage"}, {"rollout", "internal/awscloud/groups"},
		{"rollout/inplace", "internal/twin/roots"}, {"validate", "internal/node"}, {"baseline", "internal/fault"},
		{"plugins/provisioner", "internal/awscloud/images"}, {"plugins/provisioner", "internal/twin"}, {"plugins/postprocessor", "internal/app"},
		{"internal/record", "internal/fault"}, {"internal/report", "internal/journal"}, {"internal/journal", "internal/engine"},
		{"internal/engine", "bake"}, {"internal/twin/ssm", "rollout/inplace"}, {"internal/twin", "internal/app"}, {"internal/twin/ec2", "internal/awscloud/images"},
	} {
		if got := foreign(pkg{ImportPath: module + "/" + c.from, Imports: []string{"os", module + "/" + c.what}}); len(got) != 1 || got[0] != c.what {
			t.Errorf("%s importing %s: found %v", c.from, c.what, got)
		}
	}
}

// The domain is pure: nothing of ours, and no package that does I/O.
func TestImports_of_the_domain_are_pure(t *testing.T) {
	for _, p := range list(t) {
		if p.ImportPath != module+"/baseline" {
			continue
		}
		for _, i := range p.Imports {
			if strings.HasPrefix(i, module) && !strings.HasPrefix(i, module+"/baseline/") {
				t.Errorf("baseline imports %s, which is ours", i)
			}
			switch i {
			case "os", "net", "net/http", "os/exec", "io/ioutil":
				t.Errorf("baseline imports %s", i)
			}
		}
		return
	}
	t.Fatal("package baseline not found")
}
