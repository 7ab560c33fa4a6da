//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

// side gives its values in turn, the unmeasured one first.
func side(name string, set []string, values ...float64) Side {
	i := -1
	return Side{Name: name, Run: func(context.Context) (Sample, error) {
		i++
		return Sample{Value: values[i%len(values)], Set: set}, nil
	}}
}

func TestARowIsJudgedByItsMediansAndItsAnswers(t *testing.T) {
	broken := Side{Name: "broken", Run: func(context.Context) (Sample, error) { return Sample{}, errors.New("no such tool") }}
	for name, c := range map[string]struct {
		row  Row
		want string
	}{
		"fast enough":          {Row{Bar: AtLeast(8), Ours: side("o", nil, 900, 10, 10, 50), Peer: side("p", nil, 1, 80, 80, 20)}, "met"},
		"too slow":             {Row{Bar: AtLeast(8), Ours: side("o", nil, 1, 10, 11, 12), Peer: side("p", nil, 900, 80, 80, 80)}, "BAR MISSED"},
		"near enough":          {Row{Bar: Within(2), Ours: side("o", nil, 20), Peer: side("p", nil, 10)}, "met"},
		"too far":              {Row{Bar: Within(2), Ours: side("o", nil, 21), Peer: side("p", nil, 10)}, "BAR MISSED"},
		"small enough":         {Row{Bar: AtMost(10), Ours: side("o", nil, 10)}, "met"},
		"too large":            {Row{Bar: AtMost(10), Ours: side("o", nil, 10.1)}, "BAR MISSED"},
		"the same, reordered":  {Row{Bar: AtLeast(1), Ours: side("o", []string{"a", "b"}, 1), Peer: side("p", []string{"b", "a"}, 1)}, "met"},
		"one more":             {Row{Bar: AtLeast(1), Ours: side("o", []string{"a"}, 1), Peer: side("p", []string{"a", "b"}, 1)}, "ANSWERS DIFFER in 1"},
		"one twice":            {Row{Bar: AtLeast(1), Ours: side("o", []string{"a", "a"}, 1), Peer: side("p", []string{"a"}, 1)}, "ANSWERS DIFFER in 1"},
		"an answer on a side":  {Row{Bar: AtLeast(1), Ours: side("o", []string{}, 1), Peer: side("p", nil, 1)}, "FAILED: only one side gives an answer to compare"},
		"a side that fails":    {Row{Bar: AtLeast(1), Ours: side("o", nil, 1), Peer: broken}, "FAILED: broken: no such tool"},
		"both find nothing":    {Row{Bar: AtLeast(1), Ours: side("o", []string{}, 1), Peer: side("p", []string{}, 1)}, "met"},
		"without a bar, shown": {Row{Ours: side("o", nil, 1)}, ""},
	} {
		r := measure(t.Context(), c.row, 3)
		if got := r.verdict(); got != c.want || r.failed() != (c.want != "met" && c.want != "") {
			t.Errorf("%s: %q, failed %v; want %q", name, got, r.failed(), c.want)
		}
	}
}

func TestTheTableNamesWhatDiffersAndWhatThePeerDoes(t *testing.T) {
	peer := side("peer", []string{"b"}, 5)
	peer.Also = "solves"
	r := measure(t.Context(), Row{Task: "count", Unit: "ms", Bar: AtLeast(2), Ours: side("ours", []string{"a"}, 2), Peer: peer}, 2)
	var out bytes.Buffer
	if err := table(&out, []*result{r}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"count", "≥ 2× faster", "ANSWERS DIFFER in 2", "peer: solves", "only ours: a", "only the peer's: b"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{1, 3}, 2}, {[]float64{1, 2, 9}, 2}} {
		if got := median(c.v); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.v, got, c.want)
		}
	}
}
