package crash

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// strideShort is which part of the boundaries -short crashes at: one in so many.
const strideShort = 12

// outcome is what one pipeline leaves.
type outcome struct {
	doc       string   // run document
	resources []string // of the account
	facts     facts
}

func (w *world) outcome(t testing.TB, doc string) outcome {
	t.Helper()
	return outcome{doc: doc, resources: standing(w.Resources(t)), facts: w.facts(t)}
}

func TestCrash_at_every_record_of_the_journal_ends_as_if_undisturbed(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	w := newWorld(t)
	s := &store{Store: w.state.Store()}
	doc, _ := w.run(t, "", s)
	want := w.outcome(t, plain(t, doc))
	want.facts.check(t)
	records, stride := s.n, 1
	if testing.Short() {
		stride = strideShort
	}
	crashed := map[bool]*counter{false: {}, true: {}}
	t.Run("boundary", func(t *testing.T) {
		for at := 1; at <= records; at += stride {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d_%s", at, beforeOrAfter(after)), func(t *testing.T) {
					t.Parallel()
					if crashAt(t, at, after, want) {
						crashed[after].add()
					}
				})
			}
		}
	})
	// A run may take some steps more than another: polls meet what they watch at
	// other moments. The end is where a run does not get to.
	for _, after := range []bool{false, true} {
		for at := records + 1; !t.Failed() && stride == 1 && crashAt(t, at, after, want); at++ {
			crashed[after].add()
		}
	}
	if t.Failed() {
		return
	}
	t.Logf("%d boundaries before, %d after, all ended the same (%s)", crashed[false].n, crashed[true].n, time.Since(begun).Round(time.Second))
	for after, c := range crashed {
		if least := records * 9 / 10 / stride; c.n < least {
			t.Errorf("crashed %s %d records only, want at least %d", beforeOrAfter(after), c.n, least)
		}
	}
}

// crashAt crashes a pipeline at one boundary, resumes it in a new process with a new
// store over the same folder, and compares what stands in the end. A pipeline that
// ends before that boundary has not crashed, and must stand as well.
func crashAt(t *testing.T, at int, after bool, want outcome) (crashed bool) {
	t.Helper()
	w := newWorld(t)
	s := &store{Store: w.state.Store(), at: at, after: after}
	doc, crashed := w.run(t, "", s)
	what := fmt.Sprintf("not crashed, %d records", s.n)
	if crashed {
		what = fmt.Sprintf("crashed %s writing %s", beforeOrAfter(after), s.key)
		doc, _ = w.run(t, w.only(t), nil)
	}
	got := w.outcome(t, plain(t, doc))
	got.facts.check(t)
	if diff := cmp.Diff(want.resources, got.resources); diff != "" {
		t.Errorf("%s; the account differs (-undisturbed +crashed):\n%s", what, diff)
	}
	if diff := cmp.Diff(strings.Split(want.doc, "\n"), strings.Split(got.doc, "\n")); diff != "" {
		t.Errorf("%s; the run document differs (-undisturbed +crashed):\n%s", what, diff)
	}
	return crashed
}

func beforeOrAfter(after bool) string {
	if after {
		return "after"
	}
	return "before"
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func keys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
