package rollplan

import "time"

// The pictures are drawn in units that the page scales to its width.
const (
	width    = 600 // of a picture
	maxLanes = 40  // groups that are drawn; the table has all
)

// bar is a ring on the line of time, in units.
type bar struct {
	Text               string
	From, Likely, High float64 // where it begins, and how long it lasts
	Late               bool
}

// line is the line of time.
type line struct {
	Width int
	Bars  []bar
	Ticks []string // at equal distances
}

// timeline draws the rings one after the other, each beginning when the one before
// has likely ended and soaked.
func timeline(p Page) line {
	var whole, at time.Duration
	for _, r := range p.Rings {
		whole = max(whole, at+r.Took.High, at+r.Took.Likely+r.Soak)
		at += r.Took.Likely + r.Soak
	}
	l := line{Width: width}
	if whole == 0 {
		return l
	}
	x := func(d time.Duration) float64 { return float64(d) / float64(whole) * width }
	at = 0
	for _, r := range p.Rings {
		l.Bars = append(l.Bars, bar{Text: r.Name + ", " + Round(r.Took.Likely), From: x(at), Likely: x(r.Took.Likely), High: x(r.Took.High), Late: r.Late})
		at += r.Took.Likely + r.Soak
	}
	const ticks = 4
	for i := range ticks + 1 {
		l.Ticks = append(l.Ticks, Round(whole*time.Duration(i)/ticks))
	}
	return l
}

// lane is a group's capacity, in units.
type lane struct {
	Name        string
	Floor, Span float64 // the band in which the capacity moves
	Desired     float64
	Zone        float64 // what is left without the largest zone
	Text        string
	Tone        string
}

type lanePicture struct {
	Width int
	Lanes []lane
	More  int
}

// lanes draws what each group of a ring keeps. Every lane has a scale of its own: a
// group of three is as easy to read as one of three hundred. Where groups of the page have
// one name, as the same stack in several accounts, the cell stands before it.
func lanes(page Page, r Ring) lanePicture {
	p := lanePicture{Width: width}
	named := map[string]int{}
	for _, r := range page.Rings {
		for _, g := range r.Groups {
			named[g.Name]++
		}
	}
	for n, g := range r.Groups {
		if n == maxLanes {
			p.More = len(r.Groups) - n + r.More
			break
		}
		whole := float64(max(g.Ceiling, g.Desired, 1))
		x := func(n int) float64 { return float64(n) / whole * width }
		tone := "band"
		switch {
		case g.Refused():
			tone = "refused"
		case g.Nothing:
			tone = "rest"
		}
		name := g.Name
		if named[name] > 1 && g.Cell != "" {
			name = g.Cell + " " + name
		}
		p.Lanes = append(p.Lanes, lane{Name: name, Floor: x(g.Floor), Span: max(2, x(g.Ceiling)-x(g.Floor)), Desired: x(g.Desired),
			Zone: x(g.WithoutZone), Tone: tone, Text: capacity(g)})
	}
	if r.More > 0 && p.More == 0 {
		p.More = r.More
	}
	return p
}
