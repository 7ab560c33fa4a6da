package app

import (
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/schedule"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

// measured is an overview whose ring takes seven minutes.
func measured(w *rollout.Window) *Overview {
	o := settled()
	m := time.Minute
	o.Roll.Rings[0].Groups[0].Nothing = false
	o.Roll.Rings[0].Measured = &rollout.RingMeasured{Duration: estimate.Span{Low: 5 * m, Likely: 7 * m, High: 15 * m}, Window: w}
	return o
}

func TestThePlanSaysHowLongARingSoaksBesideItsTime(t *testing.T) {
	for name, c := range map[string]struct {
		plan, gates time.Duration
		text, page  string
	}{
		"none":              {0, 0, "ring dev takes 7 min (5 min to 15 min), surge none\n", ""},
		"before the next":   {10 * time.Minute, 10 * time.Minute, "ring dev takes 7 min (5 min to 15 min), then soaks 10 min, surge none\n", "10 min"},
		"of the last one":   {0, time.Hour, "ring dev takes 7 min (5 min to 15 min), then soaks 1 h, surge none\n", "1 h"},
		"of a fleet longer": {time.Hour, 10 * time.Minute, ", then soaks 1 h,", "1 h"},
	} {
		o := measured(nil)
		o.Roll.Rings[0].Soak, o.soaks = c.plan, map[string]time.Duration{"dev": c.gates}
		if text := o.Text(); !strings.Contains(text, c.text) {
			t.Errorf("%s:\n%s", name, text)
		}
		var b strings.Builder
		if err := o.HTML(&b); err != nil {
			t.Fatal(err)
		}
		if want := "<span>Soaks afterwards</span>" + c.page; strings.Contains(b.String(), "<span>Soaks afterwards</span>") != (c.page != "") || c.page != "" && !strings.Contains(b.String(), want) {
			t.Errorf("%s: the page does not say %q", name, c.page)
		}
	}
}

func TestTheSoakOfTheLastRingIsTheOneThatTheRunWaitsFor(t *testing.T) {
	web := &config.Image{Label: "web", RingBlocks: []*config.Ring{{Name: "dev", Soak: 10 * time.Minute}, {Name: "prod", Soak: time.Hour}}}
	p := &pipeline{Request: Request{Config: &config.Config{}, Image: web, Cloud: &Cloud{}}, parts: &parts{cells: &Cells{}}}
	got := p.soaks(&rollout.Plan{Rings: []rollout.RingPlan{{Name: "dev", Soak: 10 * time.Minute}, {Name: "prod"}}})
	if got["dev"] != 10*time.Minute || got["prod"] != time.Hour {
		t.Errorf("%v", got)
	}
}

func TestAWindowIsShownOnlyWhereSomethingKeepsTheRing(t *testing.T) {
	now := time.Date(2026, 3, 10, 6, 17, 0, 0, time.UTC)
	later := now.Add(time.Hour)
	for name, c := range map[string]struct {
		calendar schedule.Calendar
		want     string
	}{
		"a freeze of another time": {schedule.Calendar{Freezes: []schedule.Freeze{{Name: "x", From: now.Add(-2 * time.Hour), To: now.Add(-time.Hour)}}}, ""},
		"a freeze that comes":      {schedule.Calendar{Freezes: []schedule.Freeze{{Name: "x", From: later, To: later.Add(time.Hour)}}}, "open until 2026-03-10 07:17 UTC"},
		"a freeze that holds":      {schedule.Calendar{Freezes: []schedule.Freeze{{Name: "x", From: now.Add(-time.Hour), To: later}}}, "opens 2026-03-10 07:17 UTC"},
	} {
		opens, closes := c.calendar.Opening(now)
		w := &rollout.Window{Opens: opens, Closes: closes, Open: !opens.After(now), Fits: true, Likely: true}
		o := measured(w)
		var b strings.Builder
		if err := o.HTML(&b); err != nil {
			t.Fatal(err)
		}
		for form, text := range map[string]string{"text": o.Text(), "page": b.String()} {
			head := map[string]string{"text": "window: ", "page": "<span>Window</span>"}[form]
			if strings.Contains(text, head) != (c.want != "") || !strings.Contains(text, c.want) {
				t.Errorf("%s: the %s is\n%s", name, form, text)
			}
		}
	}
}
