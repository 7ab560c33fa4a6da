package rehearse

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// The plot's size in its own units; the page scales it.
const (
	plotWidth, plotHeight                      = 860.0, 250.0
	plotLeft, plotRight, plotTop, plotBelowing = 56.0, 12.0, 14.0, 30.0
)

// frame maps values to places in the plot.
type frame struct {
	axis
	top float64 // at the upper edge
}

func (f frame) y(n float64) float64 {
	return plotHeight - plotBelowing - (plotHeight-plotTop-plotBelowing)*n/math.Max(f.top, 1)
}

func num(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// steps is a line that holds each value until the next.
func (f frame) steps(points []Point, value func(Point) int, close bool) string {
	if len(points) == 0 {
		return ""
	}
	var b strings.Builder
	if close {
		fmt.Fprintf(&b, "M%s %s V%s", num(f.x(points[0].At)), num(f.y(0)), num(f.y(float64(value(points[0])))))
	} else {
		fmt.Fprintf(&b, "M%s %s", num(f.x(points[0].At)), num(f.y(float64(value(points[0])))))
	}
	last := math.NaN()
	for _, p := range points[1:] {
		y := f.y(float64(value(p)))
		if y == last {
			continue // the line goes on
		}
		last = y
		fmt.Fprintf(&b, "H%s V%s", num(f.x(p.At)), num(y))
	}
	fmt.Fprintf(&b, "H%s", num(f.x(f.until)))
	if close {
		fmt.Fprintf(&b, "V%sZ", num(f.y(0)))
	}
	return b.String()
}

// ticks are round values up to the top, about n of them.
func ticks(top float64, n int) []float64 {
	if top <= 0 {
		return []float64{0}
	}
	step := math.Pow(10, math.Floor(math.Log10(top/float64(n))))
	for _, m := range []float64{1, 2, 5, 10} {
		if top/(step*m) <= float64(n) {
			step *= m
			break
		}
	}
	step = math.Max(step, 1)
	var out []float64
	for v := 0.0; v <= top+step/1000; v += step {
		out = append(out, v)
	}
	return out
}

// plot is capacity over time as a picture: in service, of these on the new image, what is
// wanted, and the waits, of those of one ring or, with "", of all. Its text comes from
// numbers, and from words of ours.
func plot(s Series, until float64, label string, waits []Wait, ring string) template.HTML {
	if len(s.Points) == 0 {
		return ""
	}
	top := float64(s.Desired)
	for _, p := range s.Points {
		top = math.Max(top, math.Max(float64(p.InService), float64(p.Desired)))
	}
	f := frame{axis: axisOf(math.Max(until, s.Points[len(s.Points)-1].At), waits, plotLeft, plotWidth-plotRight), top: top * 1.06}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %s %s" role="img" aria-label="%s">`, num(plotWidth), num(plotHeight), template.HTMLEscapeString(label))
	for _, v := range ticks(f.top, 5) {
		y := num(f.y(v))
		fmt.Fprintf(&b, `<line class="grid" x1="%s" x2="%s" y1="%s" y2="%s"/><text x="%s" y="%s" text-anchor="end">%s</text>`,
			num(plotLeft), num(plotWidth-plotRight), y, y, num(plotLeft-8), num(f.y(v)+4), num(v))
	}
	for _, v := range f.marks() {
		x, anchor := num(f.x(v)), "middle"
		if f.x(v) > plotWidth-plotRight-20 {
			anchor = "end"
		}
		fmt.Fprintf(&b, `<line class="grid" x1="%s" x2="%s" y1="%s" y2="%s"/><text x="%s" y="%s" text-anchor="%s">%s</text>`,
			x, x, num(plotTop), num(plotHeight-plotBelowing), x, num(plotHeight-10), anchor, seconds(v))
	}
	fmt.Fprintf(&b, `<path class="serving" d="%s"/>`, f.steps(s.Points, func(p Point) int { return p.InService }, true))
	fmt.Fprintf(&b, `<path class="fresh" d="%s"/>`, f.steps(s.Points, func(p Point) int { return min(p.OnNew, p.InService) }, true))
	fmt.Fprintf(&b, `<path class="edge" d="%s"/>`, f.steps(s.Points, func(p Point) int { return p.InService }, false))
	fmt.Fprintf(&b, `<path class="wanted" d="%s"/>`, f.steps(s.Points, func(p Point) int { return p.Desired }, false))
	f.waits(&b, waits, ring)
	if s.Lowest < s.Desired {
		fmt.Fprintf(&b, `<circle class="low" cx="%s" cy="%s" r="4"><title>%d of %d, %s into it</title></circle>`, num(f.x(s.LowestAt)), num(f.y(float64(s.Lowest))), s.Lowest, s.Desired, seconds(s.LowestAt))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // numbers, and an escaped label
}

// waits shades the times in which the ring waits, and marks what is cut out.
func (f frame) waits(b *strings.Builder, waits []Wait, ring string) {
	top, height := num(plotTop), num(plotHeight-plotTop-plotBelowing)
	for _, w := range waits {
		if w.To <= w.From || ring != "" && w.Ring != ring {
			continue
		}
		class := "wait"
		if w.For == ForSoak {
			class = "soak"
		}
		from, to := f.x(w.From), f.x(w.To)
		fmt.Fprintf(b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`, class, num(from), top, num(to-from), height, template.HTMLEscapeString(w.words()))
	}
	for _, c := range f.cuts {
		from, middle := f.x(c.from), num((f.x(c.from)+f.x(c.to))/2)
		fmt.Fprintf(b, `<rect class="cut" x="%s" y="%s" width="%s" height="%s"/><text class="said" x="%s" y="%s" text-anchor="middle">%s</text>`,
			num(from), top, num(f.x(c.to)-from), height, middle, num(plotHeight-plotBelowing-8), days(c.to-c.from))
	}
}

// days is a long span in a few letters.
func days(s float64) string {
	switch {
	case s < 3*3600:
		return seconds(math.Round(s/60) * 60)
	case s < 72*3600:
		return num(math.Round(s/3600)) + "h"
	}
	return num(math.Round(s/86400)) + "d"
}

// spark is a group's capacity as a small picture.
func spark(s Series, until float64, waits []Wait) template.HTML {
	if len(s.Points) == 0 {
		return ""
	}
	const w, h = 160.0, 26.0
	top := float64(s.Desired)
	for _, p := range s.Points {
		top = math.Max(top, float64(p.InService))
	}
	a := axisOf(until, waits, 0, w)
	x := func(at float64) string { return num(a.x(at)) }
	y := func(n int) string { return num(h - 1 - (h-2)*float64(n)/math.Max(top, 1)) }
	line := func(value func(Point) int) string {
		var b strings.Builder
		for i, p := range s.Points {
			if i == 0 {
				fmt.Fprintf(&b, "M%s %s", x(p.At), y(value(p)))
				continue
			}
			fmt.Fprintf(&b, "H%sV%s", x(p.At), y(value(p)))
		}
		return b.String() + "H" + num(w)
	}
	return template.HTML(fmt.Sprintf(`<svg class="spark" viewBox="0 0 %s %s" aria-hidden="true"><path class="fresh" d="%sV%sH0Z"/><path class="edge" d="%s"/></svg>`, //nolint:gosec // numbers
		num(w), num(h), line(func(p Point) int { return min(p.OnNew, p.InService) }), num(h), line(func(p Point) int { return p.InService })))
}
