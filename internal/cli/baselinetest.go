package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/baseline/vectors"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/policy"
)

func baselineTest() *cli.Command {
	return command(spec{
		name: "test", usage: "run test vectors: what a policy shall decide, and whether it does", args: "<file>...", max: anyNumber,
		examples: []string{
			"rehydrate baseline test examples/policy/tests.json", "rehydrate baseline test --output junit tests/*.json > junit.xml",
		},
		flags: []cli.Flag{configFlag, formatFlag("table", "json", "junit")},
		run: func(c *cli.Context) error {
			if err := errors.Join(checkOutput(c, "table", "json", "junit"), need(c, 1, "a file of test vectors (docs/baseline-test-format.md)")); err != nil {
				return err
			}
			var suites []policy.Suite
			var refused []error
			passed, failed := 0, 0
			for _, name := range c.Args().Slice() {
				s := policy.Suite{File: name}
				var err error
				if s.Summary, err = runVectors(newShelf(c), name); err != nil {
					refused, s.Refused = append(refused, err), err.Error()
				}
				passed, failed = passed+s.Summary.Passed, failed+len(s.Summary.Failed())
				suites = append(suites, s)
			}
			if err := writeSuites(c.App.Writer, c.String("output"), suites); err != nil {
				return err
			}
			if c.String("output") == "table" {
				fmt.Fprintf(c.App.Writer, "%d passed, %d failed", passed, failed)
				if n := len(refused); n > 0 {
					fmt.Fprintf(c.App.Writer, "; refused files: %d", n)
				}
				fmt.Fprintln(c.App.Writer)
			}
			if len(refused) > 0 {
				return fault.As(errors.Join(refused...), fault.Usage, "docs/baseline-test-format.md describes the format")
			}
			if failed > 0 {
				return cli.Exit("", 1)
			}
			return nil
		},
	})
}

// runVectors runs one file. Of a file that is refused, the vectors that are in
// order have run and count.
func runVectors(s *shelf, name string) (vectors.Summary, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = io.ReadAll(s.in)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return vectors.Summary{}, err
	}
	return policy.RunVectors(name, data, func(ref string) (policy.Policy, error) {
		f, err := s.one(ref, filepath.Dir(name))
		return f.Policy, err
	})
}

func writeSuites(w io.Writer, format string, suites []policy.Suite) error {
	switch format {
	case "junit":
		return policy.JUnit(w, suites)
	case "json":
		return encodeJSON(w, suites)
	}
	for _, s := range suites {
		for _, r := range s.Summary.Failed() {
			// One line a vector, whatever its title and values hold.
			fmt.Fprintf(w, "FAIL %s: %s\n", s.File, strings.ReplaceAll(r.String(), "\n", `\n`))
		}
	}
	return nil
}
