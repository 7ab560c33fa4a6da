package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fuzzTargets are the fuzz targets that Go would see in the module, each as its folder
// and its name.
func fuzzTargets(t *testing.T, root string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(name))
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				all = append(all, filepath.ToSlash(folder)+" "+f.Name.Name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestEveryFuzzTargetIsRun(t *testing.T) {
	root := filepath.Join("..", "..")
	out, err := exec.Command(filepath.Join(root, "tools", "fuzz.sh"), "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(listed)
	want := fuzzTargets(t, root)
	t.Logf("%d targets", len(want))
	if len(want) < 50 || !slices.Equal(listed, want) {
		t.Errorf("tools/fuzz.sh runs %d targets, there are %d:\n%s\nthere are:\n%s", len(listed), len(want), out, strings.Join(want, "\n"))
	}
}
