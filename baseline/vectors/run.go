package vectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/baseline/internal/strict"
)

// Summary is the outcome of a file.
type Summary struct {
	Total   int            `json:"total"`
	Passed  int            `json:"passed"`
	Results []Result       `json:"results"` // in the order of the file
	ByKind  map[string]int `json:"byKind"`  // vectors of each kind
}

// Failed lists the results with differences.
func (s *Summary) Failed() []Result {
	var out []Result
	for _, r := range s.Results {
		if !r.Passed() {
			out = append(out, r)
		}
	}
	return out
}

// Result is the outcome of one vector.
type Result struct {
	ID    string       `json:"id"`
	Kind  string       `json:"kind"`
	Title string       `json:"title"`
	Diffs []Difference `json:"diffs,omitempty"`
}

// Passed says that nothing differs.
func (r Result) Passed() bool { return len(r.Diffs) == 0 }

// String is one line: the vector and what differs.
func (r Result) String() string {
	s := r.ID + " " + r.Title
	for i, d := range r.Diffs {
		if i == 0 {
			s += ": "
		} else {
			s += "; "
		}
		s += d.String()
	}
	return s
}

// Difference is one expectation that was not met.
type Difference struct {
	What     string `json:"what"` // path in expected, such as packages[bash.x86_64].state
	Expected string `json:"expected"`
	Got      string `json:"got"`
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: expected %s, got %s", d.What, d.Expected, d.Got)
}

// runner is one kind's way to decode and run a vector.
type runner func(raw json.RawMessage) ([]Difference, error)

var runners = map[string]runner{
	KindEvaluate: runEvaluate,
	KindMatch:    runMatch,
	KindResolve:  runResolve,
	KindValidate: runValidate,
	KindReboot:   runReboot,
}

// RefusedError names everything in a file that cannot be run.
type RefusedError struct{ Faults []baseline.Fault }

func (e *RefusedError) Error() string {
	all := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		all[i] = f.String()
	}
	return "reading vectors: " + strings.Join(all, "; ")
}

// sourceFormat is where a fault's rule comes from.
const sourceFormat = "docs/baseline-test-format.md"

func (e *RefusedError) add(field, value, limit string) {
	e.Faults = append(e.Faults, baseline.Fault{Field: field, Value: value, Limit: limit, Source: sourceFormat})
}

// refuse adds what a decoder found wrong.
func (e *RefusedError) refuse(field, what string, err error) {
	var s *strict.Error
	if !errors.As(err, &s) {
		e.add(field, what, err.Error())
		return
	}
	for _, f := range s.Faults {
		limit := "there is no such field"
		if f.Text != "unknown field" {
			limit = f.Text
		}
		e.add(field, strconv.Quote(f.Path), limit)
	}
}

// Run runs every vector of a file. Expectations that are not met are in the
// summary. What is no vector (unknown fields, nothing expected) is a *RefusedError
// that names every fault of every vector; the other vectors have been run.
func Run(data []byte) (Summary, error) {
	s := Summary{ByKind: map[string]int{}}
	bad := &RefusedError{}
	var doc document
	if err := strict.Decode(data, &doc); err != nil {
		bad.refuse("vectors", "the file", err)
		return s, bad
	}
	if len(doc.Vectors) == 0 {
		bad.add("vectors", "none", "at least one vector")
	}
	seen := map[string]bool{}
	for i, raw := range doc.Vectors {
		h, ok := readHeader(raw, i, bad)
		if seen[h.ID] {
			bad.add(h.ID, "the id", "occurs twice")
			ok = false
		}
		seen[h.ID] = h.ID != ""
		run := runners[h.Kind]
		if run == nil {
			bad.add(h.name(i), "the vector", fmt.Sprintf("unknown kind %q", h.Kind))
			continue
		}
		diffs, err := run(raw)
		if err != nil {
			bad.refuse(h.name(i), "the vector", err)
		}
		if err != nil || !ok {
			continue
		}
		s.Total++
		s.ByKind[h.Kind]++
		if len(diffs) == 0 {
			s.Passed++
		}
		s.Results = append(s.Results, Result{h.ID, h.Kind, h.Title, diffs})
	}
	if len(bad.Faults) > 0 {
		return s, bad
	}
	return s, nil
}

// readHeader reads the fields that all kinds share and ignores the others, which
// the kind's own decoding checks. A vector without an id cannot be named, one that
// expects nothing cannot fail.
func readHeader(raw json.RawMessage, at int, bad *RefusedError) (header, bool) {
	var v struct {
		header
		Expected map[string]json.RawMessage `json:"expected"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		bad.add(v.name(at), "the vector", err.Error())
		return v.header, false
	}
	ok := true
	if v.ID == "" {
		bad.add(v.name(at), "the vector", "no id")
		ok = false
	}
	expects := false
	for name, value := range v.Expected {
		expects = expects || given(value) || name == "overallSeverity" // null: compliant
	}
	if !expects {
		bad.add(v.name(at)+".expected", "nothing", "at least one expectation")
		ok = false
	}
	return v.header, ok
}

// name is how a fault names its vector.
func (h header) name(at int) string {
	if h.ID == "" {
		return fmt.Sprintf("vectors[%d]", at)
	}
	return h.ID
}

// differences collects what is not as expected.
type differences []Difference

func (d *differences) compare(what, expected, got string) {
	if expected != got {
		*d = append(*d, Difference{what, expected, got})
	}
}

func (d *differences) compareIf(what string, expected *string, got string) {
	if expected != nil {
		d.compare(what, *expected, got)
	}
}

func show(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(out)
}
