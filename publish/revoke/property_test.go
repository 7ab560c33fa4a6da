package revoke

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/publish/usage"
)

// launches is an oracle of its own: which group would launch the image now.
func (c *cell) launches(image string) string {
	value := func(name string) string {
		h := c.parameters[name]
		if len(h) == 0 {
			return ""
		}
		return h[len(h)-1].Value
	}
	for _, g := range c.groups {
		if g.LaunchConfiguration != "" {
			for _, x := range c.configs {
				if x.Name == g.LaunchConfiguration && x.Image == image {
					return g.Name
				}
			}
			continue
		}
		var latest, standard usage.TemplateVersion
		var saved *usage.TemplateVersion
		for _, v := range c.versions {
			if v.Template != g.Template.ID {
				continue
			}
			if v.Number > latest.Number {
				latest = v
			}
			if v.Default {
				standard = v
			}
			if fmt.Sprint(v.Number) == g.Template.Version {
				saved = &v
			}
		}
		switch g.Template.Version {
		case "$Latest":
			saved = &latest
		case "", "$Default":
			saved = &standard
		}
		if saved != nil && (saved.Image == image || value(strings.TrimPrefix(saved.Image, "resolve:ssm:")) == image) {
			return g.Name
		}
	}
	return ""
}

// Whatever the world and whatever call fails: without force, no image is disabled that
// a group launches, that a channel holds, or that is not ours.
func TestNothingThatAGroupLaunchesIsEverDisabled(t *testing.T) {
	disabled := 0
	rapid.Check(t, func(t *rapid.T) {
		some := func(label string, most int) int { return rapid.IntRange(0, most).Draw(t, label) }
		count := 2 + some("images", 4)
		any := func(label string) string { return id(1 + some(label, count-1)) }
		w := &world{cells: map[usage.Cell]*cell{}, at: now}
		c := w.cell(home)
		for n := 1; n <= count; n++ {
			w.add(home, n, func(i *usage.Image) {
				switch some("kind", 6) {
				case 0:
					i.Owner = "999988887777"
				case 1:
					i.State = usage.StateDisabled
				case 2, 3:
					i.Tags[usage.TagSource] = any("source")
				}
			})
		}
		for _, name := range []string{channel, ring} {
			var held []int
			for range some("held", 4) {
				held = append(held, 1+some("holds", count-1))
			}
			if len(held) > 0 {
				c.hold(name, held...)
			}
		}
		for l := range 1 + some("templates", 1) {
			template := fmt.Sprintf("lt-%d", l)
			for v := range 1 + some("versions", 2) {
				image := any("version")
				if some("alias", 2) == 0 {
					image = "resolve:ssm:" + rapid.SampledFrom([]string{channel, ring, "/else"}).Draw(t, "through")
				}
				c.versions = append(c.versions, usage.TemplateVersion{Template: template, Number: int64(v + 1), Default: v == 0, Image: image})
			}
			for g := range some("groups", 2) {
				c.groups = append(c.groups, usage.Group{Name: fmt.Sprintf("%s-%d", template, g), Template: usage.Template{ID: template,
					Version: rapid.SampledFrom([]string{"", "$Latest", "1", "2", "9"}).Draw(t, "saved")}})
			}
		}
		c.hold("/else", 1+some("else", count-1))
		if some("old", 2) == 0 {
			c.configs = []usage.LaunchConfiguration{{Name: "lc", Image: any("configuration")}}
			c.groups = append(c.groups, usage.Group{Name: "old", LaunchConfiguration: "lc"})
		}
		in := input()
		in.Image = any("bad")
		p, err := w.stage().Plan(t.Context(), in)
		if err != nil {
			return // nothing of ours among the family
		}
		fail, calls := rapid.IntRange(0, 60).Draw(t, "failing call"), 0
		w.hook = func(call string) error {
			if calls++; calls == fail {
				return fmt.Errorf("no answer")
			}
			image, ok := strings.CutPrefix(call, "disable ")
			if !ok {
				return nil
			}
			disabled++
			if g := c.launches(image); g != "" {
				t.Errorf("%s, which group %s launches", call, g)
			}
			for _, name := range []string{channel, ring} {
				if h := c.parameters[name]; len(h) > 0 && h[len(h)-1].Value == image {
					t.Errorf("%s, which %s holds", call, name)
				}
			}
			if i := c.images[image]; i.Owner != home.Account || i.Tags[usage.TagRevoked] == "" {
				t.Errorf("%s, which is not ours or not marked: %+v", call, i)
			}
			return nil
		}
		_, _ = w.stage().Apply(t.Context(), p, run) // whatever comes of it
	})
	if disabled == 0 && !testing.Short() { // twenty worlds, as -short draws, may all be such
		t.Error("no image was ever disabled: the worlds are too narrow")
	}
}
