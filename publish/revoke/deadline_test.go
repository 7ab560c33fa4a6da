package revoke

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/publish/usage"
)

func TestTheDeadlineCountsFromTheFirstRevocation(t *testing.T) {
	w, c := standard()
	c.instances = []usage.Instance{{ID: "i-1", Image: id(3), State: "running"}}
	ask := func(within time.Duration) *Plan {
		in := input()
		in.By, in.Within = time.Time{}, within
		w.calls = nil
		return planned(t, w, in)
	}
	deadline := func(p *Plan, want time.Time) {
		t.Helper()
		if !p.Input.By.Equal(want) || len(p.Drain) == 0 || !p.Drain[0].By.Equal(want) {
			t.Errorf("it is %s, drain %+v; want %s", p.Input.By, p.Drain, want)
		}
	}
	deadline(ask(0), now.Add(Week))
	first := ask(72 * time.Hour)
	deadline(first, now.Add(72*time.Hour))
	if _, err := w.stage().Apply(t.Context(), first, run); err != nil || c.images[id(3)].Tags[usage.TagDeadline] != "2026-06-04T12:00:00Z" {
		t.Fatalf("%v, tags %v", err, c.images[id(3)].Tags)
	}

	w.at = now.Add(24 * time.Hour)
	for _, within := range []time.Duration{0, 72 * time.Hour} {
		again := ask(within)
		if deadline(again, now.Add(72*time.Hour)); !again.Nothing() || slices.ContainsFunc(again.Notes, func(n string) bool { return strings.Contains(n, "passed") }) {
			t.Errorf("repeated with %s: %s", within, again.Text())
		}
	}
	other := ask(96 * time.Hour)
	if deadline(other, now.Add(96*time.Hour)); other.Nothing() {
		t.Error("another deadline is not written")
	}
	if _, err := w.stage().Apply(t.Context(), other, run); err != nil || !slices.Equal(w.calls, []string{"tag " + id(3)}) {
		t.Errorf("%v, %q", err, w.calls)
	}
	if tags := c.images[id(3)].Tags; tags[usage.TagRevoked] != "2026-06-01T12:00:00Z" || tags[usage.TagDeadline] != "2026-06-05T12:00:00Z" || tags[usage.TagReason] != "CVE-2026-1" {
		t.Errorf("tags %v", tags)
	}

	w.at = now.Add(10 * 24 * time.Hour)
	if late := ask(0); !slices.Contains(late.Notes, "the deadline has passed; still on it: 1") {
		t.Errorf("notes %q", late.Notes)
	}
}

func TestAGroupStandsInTheDrainPlanOnce(t *testing.T) {
	w, c := standard()
	c.versions = []usage.TemplateVersion{{Template: "lt-1", Number: 1, Image: id(3), Default: true}}
	c.groups = []usage.Group{{Name: "web", Template: usage.Template{ID: "lt-1", Version: "1"}}}
	for _, i := range []string{"i-1", "i-2"} {
		c.instances = append(c.instances, usage.Instance{ID: i, Image: id(3), State: "running", Group: "web"})
	}
	var groups []Drain
	for _, d := range planned(t, w, input()).Drain {
		if d.Kind == usage.Groups {
			groups = append(groups, d)
		}
	}
	if len(groups) != 1 || groups[0].ID != "web" || groups[0].Instances != 2 || !groups[0].Launches || !strings.Contains(groups[0].Do, "2 of its instances run it, to "+id(2)) {
		t.Errorf("got %+v", groups)
	}
}

// A publication that encrypts leaves the image of the bake and its copy in one Region, and
// the channel names the copy.
func TestTheImageThatACopyWasMadeOfGoesToo(t *testing.T) {
	w, _ := standard()
	w.add(home, 4, func(i *usage.Image) { i.Tags[usage.TagRun] = "run-3" })
	w.add(home, 3, func(i *usage.Image) { i.Source = id(4) })
	p := planned(t, w, input())
	if m, ok := p.member(home, id(4)); !ok || !m.Disable || m.Via != "from the run that made "+id(3) {
		t.Errorf("got %+v", p.Images)
	}
}
