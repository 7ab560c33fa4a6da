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

// tests are the functions of tests that Go would see in the module and of which is says
// yes, each as its folder and its name.
func tests(t *testing.T, root string, is func(*ast.FuncDecl) bool) []string {
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
			if f, ok := decl.(*ast.FuncDecl); ok && is(f) {
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

// isProperty says whether the function draws worlds. One that is no test, a helper that
// tests share, would not be found by its name.
func isProperty(f *ast.FuncDecl) bool {
	draws := false
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Check" {
			x, ok := s.X.(*ast.Ident)
			draws = draws || ok && x.Name == "rapid"
		}
		return true
	})
	return draws
}

func TestEveryFuzzTargetAndEveryPropertyIsRun(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, c := range []struct {
		tool, begins string
		least        int
		is           func(*ast.FuncDecl) bool
	}{
		{"fuzz.sh", "Fuzz", 50, func(f *ast.FuncDecl) bool { return f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") }},
		{"properties.sh", "Test", 40, isProperty},
	} {
		out, err := exec.Command(filepath.Join(root, "tools", c.tool), "--list").Output()
		if err != nil {
			t.Fatal(err)
		}
		listed := strings.Split(strings.TrimSpace(string(out)), "\n")
		slices.Sort(listed)
		want := tests(t, root, c.is)
		t.Logf("%s: %d", c.tool, len(want))
		if len(want) < c.least || !slices.Equal(listed, want) {
			t.Errorf("tools/%s runs %d, there are %d:\n%s\nthere are:\n%s", c.tool, len(listed), len(want), out, strings.Join(want, "\n"))
		}
		for _, name := range want {
			if _, name, _ := strings.Cut(name, " "); !strings.HasPrefix(name, c.begins) {
				t.Errorf("%s draws and is no test: go test finds it by no name", name)
			}
		}
	}
}
