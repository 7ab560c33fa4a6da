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
	{module + "/rollout/...", []string{"rollout/...", "internal/app/...", "internal/awscloud/...", "test/..."}},
	{module + "/internal/app/...", []string{"internal/app/...", "internal/cli/...", "cmd/...", "test/..."}},
	{module + "/internal/cli/...", []string{"internal/cli/...", "cmd/...", "test/..."}},
	{module + "/internal/apply/...", []string{"internal/apply/...", "internal/node/...", "rollout/inplace/...", "plugins/...", "internal/twin/...", "cmd/rehydrate-node", "test/..."}},
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
		rel := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
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

// The domain is pure: nothing of ours, and no package that does I/O.
func TestImports_of_the_domain_are_pure(t *testing.T) {
	for _, p := range list(t) {
		if p.ImportPath != module+"/baseline" {
			continue
		}
		for _, i := range p.Imports {
			if strings.HasPrefix(i, module) {
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
