package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// leaf is a command that does something, by its full name without the program's.
type leaf struct {
	path []string
	cmd  *cli.Command
}

func leaves(t *testing.T) []leaf {
	t.Helper()
	var out []leaf
	var walk func(path []string, c *cli.Command)
	walk = func(path []string, c *cli.Command) {
		path = append(append([]string{}, path...), c.Name)
		if len(c.Subcommands) == 0 || strings.HasPrefix(c.Description, "Examples:") { // publish does something itself
			out = append(out, leaf{path, c})
		}
		for _, sub := range c.Subcommands {
			walk(path, sub)
		}
	}
	for _, c := range New(nil, nil, nil).Commands {
		walk(nil, c)
	}
	if len(out) < 20 {
		t.Fatalf("%d leaves: is this the whole tree?", len(out))
	}
	return out
}

// try runs the program in an empty folder.
func try(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(context.Background(), append([]string{"rehydrate"}, args...), strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func TestEveryLeafRefusesAFlagAfterAnArgument(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, l := range leaves(t) {
		name := strings.Join(l.path, " ")
		code, out, errs := try(t, append(l.path, "x", "--output", "table")...)
		if code != 2 || out != "" || !strings.Contains(errs, "rehydrate "+name+": flag --output stands after an argument") || !strings.Contains(errs, "next: write flags before arguments") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, errs)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("something was written: %v, %v", left, err)
	}
}

func TestEveryLeafExplainsItself(t *testing.T) {
	for _, l := range leaves(t) {
		name := "rehydrate " + strings.Join(l.path, " ")
		if l.cmd.Usage == "" || strings.HasSuffix(l.cmd.Usage, ".") {
			t.Errorf("%s: usage %q", name, l.cmd.Usage)
		}
		if max := most(t, l); (max > 0) != (l.cmd.ArgsUsage != "") {
			t.Errorf("%s takes %d arguments, its help shows %q", name, max, l.cmd.ArgsUsage)
		}
		examples := examplesOf(l)
		if len(examples) == 0 {
			t.Errorf("%s has no example", name)
		}
		for _, e := range examples {
			if !strings.HasPrefix(e, name) {
				t.Errorf("%s: example %q is of another command", name, e)
			}
		}
		code, out, errs := try(t, append(l.path, "--help", "x")...)
		if code != 0 || errs != "" || !strings.Contains(out, l.cmd.Usage) || !strings.Contains(out, "Examples:") {
			t.Errorf("%s --help: exit code %d\n%s%s", name, code, out, errs)
		}
		for _, f := range l.cmd.VisibleFlags() {
			if d, ok := f.(cli.DocGenerationFlag); ok && d.GetUsage() == "" {
				t.Errorf("%s: flag %s has no usage", name, f.Names()[0])
			}
		}
	}
}

var takesRE = regexp.MustCompile(`takes at most ([0-9]+) arguments`)

// most is how many arguments the command takes, from its own refusal of more.
func most(t *testing.T, l leaf) int {
	t.Helper()
	many := append([]string{}, l.path...)
	for i := range 50 {
		many = append(many, fmt.Sprintf("x%d", i))
	}
	code, _, errs := try(t, many...)
	m := takesRE.FindStringSubmatch(errs)
	if code == 0 {
		t.Errorf("%s made sense of %d unknown things", strings.Join(l.path, " "), 50)
	}
	if m == nil {
		return 50 // it takes any number, and found none of these
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A starter that the program writes is a configuration that it takes.
func TestWhatInitWritesIsTaken(t *testing.T) {
	for _, flags := range [][]string{nil, {"--modelled"}} {
		dir := t.TempDir()
		if code, _, errs := try(t, append(append([]string{"init"}, flags...), dir)...); code != 0 {
			t.Fatalf("init: %d: %s", code, errs)
		}
		if code, _, errs := try(t, "config", "check", "--config", filepath.Join(dir, "rehydrate.hcl")); code != 0 {
			t.Errorf("config check: %d: %s", code, errs)
		}
		if code, _, errs := try(t, append(append([]string{"init"}, flags...), dir)...); code != 2 || !strings.Contains(errs, "nothing was written") {
			t.Errorf("a second init: %d: %s", code, errs)
		}
	}
}
