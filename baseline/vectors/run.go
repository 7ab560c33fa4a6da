package vectors

import (
	"encoding/json"
	"fmt"
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

// Run runs every vector of a file. An error means that the file itself is no
// vector file; expectations that are not met are in the summary.
func Run(data []byte) (Summary, error) {
	s := Summary{ByKind: map[string]int{}}
	var doc document
	if err := strict(data, &doc); err != nil {
		return s, fmt.Errorf("reading vectors: %w", err)
	}
	if len(doc.Vectors) == 0 {
		return s, fmt.Errorf("reading vectors: the file holds none")
	}
	seen := map[string]bool{}
	for i, raw := range doc.Vectors {
		h, err := readHeader(raw, i)
		if err != nil {
			return s, fmt.Errorf("reading vectors: %w", err)
		}
		if seen[h.ID] {
			return s, fmt.Errorf("reading vectors: id %s occurs twice", h.ID)
		}
		seen[h.ID] = true
		run, ok := runners[h.Kind]
		if !ok {
			return s, fmt.Errorf("reading vectors: %s: unknown kind %q", h.ID, h.Kind)
		}
		diffs, err := run(raw)
		if err != nil {
			return s, fmt.Errorf("reading vectors: %s: %w", h.ID, err)
		}
		s.Total++
		s.ByKind[h.Kind]++
		if len(diffs) == 0 {
			s.Passed++
		}
		s.Results = append(s.Results, Result{h.ID, h.Kind, h.Title, diffs})
	}
	return s, nil
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
