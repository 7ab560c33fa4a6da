package policy

import (
	"encoding/xml"
	"io"
	"strings"

	"github.com/goldenami/rehydrate/baseline/vectors"
)

// Suite is the outcome of one file of test vectors: a summary, or why the file
// could not be run at all.
type Suite struct {
	File    string          `json:"file"`
	Summary vectors.Summary `json:"summary"`
	Refused string          `json:"refused,omitempty"`
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitProblem `xml:"failure,omitempty"`
	Error   *junitProblem `xml:"error,omitempty"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes suites as JUnit XML, as CI systems show them: one test suite a file,
// one test case a vector.
func JUnit(w io.Writer, suites []Suite) error {
	out := junitSuites{}
	for _, s := range suites {
		js := junitSuite{Name: s.File}
		if s.Refused != "" {
			js.Tests, js.Errors = 1, 1
			js.Cases = []junitCase{{Class: s.File, Name: "the file is readable", Error: &junitProblem{Message: firstLine(s.Refused), Type: "refused", Text: s.Refused}}}
		}
		for _, r := range s.Summary.Results {
			c := junitCase{Class: r.Kind, Name: strings.TrimSpace(r.ID + " " + r.Title)}
			js.Tests++
			if !r.Passed() {
				js.Failures++
				var lines []string
				for _, d := range r.Diffs {
					lines = append(lines, d.String())
				}
				c.Failure = &junitProblem{Message: lines[0], Type: "expectation", Text: strings.Join(lines, "\n")}
			}
			js.Cases = append(js.Cases, c)
		}
		out.Tests, out.Failures, out.Errors = out.Tests+js.Tests, out.Failures+js.Failures, out.Errors+js.Errors
		out.Suites = append(out.Suites, js)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
