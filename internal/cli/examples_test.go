package cli

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

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

// The examples on the policy that is shipped need no AWS, and do what they say.
func TestExamplesOnShippedFilesRunAsTheyStand(t *testing.T) {
	t.Chdir("../..")
	ran := 0
	for _, l := range leaves(t) {
		for _, e := range examplesOf(l) {
			words := shellWords(e)[1:]
			shipped := func(w string) bool { return strings.HasPrefix(w, "examples/policy/") }
			if words[0] != "baseline" || !slices.ContainsFunc(words, shipped) {
				continue
			}
			ran++
			if code, out, errs := try(t, words...); code != 0 || out == "" {
				t.Errorf("%s: exit code %d: %s%s", e, code, out, errs)
			}
		}
	}
	if ran < 2 {
		t.Errorf("%d examples name the shipped policy", ran)
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
