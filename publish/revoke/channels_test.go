package revoke

import (
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/publish/usage"
)

// Else the places of a channel would hold different publications, without need.
func TestAChannelGoesBackToTheSamePublicationEverywhere(t *testing.T) {
	lacking := func(n int) func(*world, *cell) {
		return func(_ *world, there *cell) { delete(there.images, id(n)) }
	}
	for name, x := range map[string]struct {
		there func(w *world, there *cell)
		to    []string // home's and there's
		notes int
	}{
		"the one before":                  {func(*world, *cell) {}, []string{id(2), id(12)}, 0},
		"one that is gone in one place":   {lacking(12), []string{id(1), id(11)}, 0},
		"one that one place never had":    {func(_ *world, there *cell) { there.hold(channel, 11, 13); there.named(1, "run-3") }, []string{id(1), id(11)}, 0},
		"none that is good in all places": {func(w *world, there *cell) { lacking(12)(w, there); delete(w.cells[home].images, id(1)) }, []string{id(2), id(11)}, 1},
		"only one place holds it":         {func(_ *world, there *cell) { delete(there.images, id(11)); there.hold(channel, 11, 12) }, []string{id(2)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := standard()
			there := w.cell(other)
			for n := 1; n <= 3; n++ {
				w.add(other, 10+n, func(i *usage.Image) { i.Tags[usage.TagRun] = w.cells[home].images[id(n)].Tags[usage.TagRun] })
			}
			there.hold(channel, 11, 12, 13)
			x.there(w, there)
			in := input()
			in.Cells = append(in.Cells, other)
			p := planned(t, w, in)
			var to []string
			for _, m := range p.Moves {
				to = append(to, m.To)
			}
			if !slices.Equal(to, x.to) || len(p.Refused) > 0 {
				t.Errorf("to %v, want %v; refused %v", to, x.to, p.Refused)
			}
			apart := slices.DeleteFunc(slices.Clone(p.Notes), func(n string) bool { return !strings.Contains(n, "goes back to different publications") })
			if len(apart) != x.notes {
				t.Errorf("notes %q", p.Notes)
			}
		})
	}
}

// named has a version of the channel be of a run.
func (c *cell) named(version int, run string) {
	c.parameters[channel][version].Description = "rehydrate/1 run=" + run
}
