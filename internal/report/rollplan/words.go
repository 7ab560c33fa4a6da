package rollplan

import "fmt"

// capacity is what a group keeps, in a few words.
func capacity(g Group) string {
	if g.Nothing {
		return fmt.Sprintf("%d, nothing to do", g.Desired)
	}
	what := ""
	if g.Units {
		what = " units"
	}
	return fmt.Sprintf("%d to %d of %d%s", g.Floor, g.Ceiling, g.Desired, what)
}

// Keeps is what a group keeps at the worst moment, in a sentence.
func (g Group) Keeps() string {
	what := "instances"
	if g.Units {
		what = "units of capacity"
	}
	return fmt.Sprintf("at least %d and at most %d %s for %d wanted; %d if a zone fails then", g.Floor, g.Ceiling, what, g.Desired, g.WithoutZone)
}
