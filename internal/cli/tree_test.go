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
		if len(c.Subcommands) == 0 {
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

// Every example of a help text parses: its flags exist and take such values, and its
// arguments are not too many.
func TestEveryExampleParses(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, l := range leaves(t) {
		for _, e := range examplesOf(l) {
			words := shellWords(e)[1:]
			rest := words[len(l.path):]
			flags, arguments := apart(l.cmd, rest)
			// With --help at the end nothing is done, but every flag is read.
			code, _, errs := try(t, append(append(append([]string{}, l.path...), flags...), "--help")...)
			if code != 0 {
				t.Errorf("%q: exit code %d: %s", e, code, errs)
			}
			if n := len(arguments); n > most(t, l) {
				t.Errorf("%q has %d arguments, the command takes %d", e, n, most(t, l))
			}
		}
	}
}

// examplesOf are the lines below "Examples:" in the help text.
func examplesOf(l leaf) []string {
	var out []string
	for line := range strings.Lines(l.cmd.Description) {
		if strings.HasPrefix(line, "  rehydrate ") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
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

// shellWords splits a line as a shell would, up to a comment, a pipe or a
// redirection.
func shellWords(line string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(line, -1) {
		if strings.ContainsAny(m[:1], "#|<>&") {
			break
		}
		out = append(out, strings.Trim(m, `"`))
	}
	return out
}

// apart tells flags with their values from arguments.
func apart(c *cli.Command, words []string) (flags, arguments []string) {
	for i := 0; i < len(words); i++ {
		if !strings.HasPrefix(words[i], "-") || words[i] == "-" {
			arguments = append(arguments, words[i])
			continue
		}
		flags = append(flags, words[i])
		name, _, given := strings.Cut(strings.TrimLeft(words[i], "-"), "=")
		if !given && !isBool(c, name) && i+1 < len(words) && !strings.HasPrefix(words[i+1], "--") {
			i++
			flags = append(flags, words[i])
		}
	}
	return flags, arguments
}

func isBool(c *cli.Command, name string) bool {
	for _, f := range c.Flags {
		for _, have := range f.Names() {
			if _, ok := f.(*cli.BoolFlag); ok && have == name {
				return true
			}
		}
	}
	return false
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
