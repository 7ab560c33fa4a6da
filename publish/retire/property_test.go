package retire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/publish/usage"
)

// inUse is an oracle of its own over the world's raw data: what a person would say.
func (w *world) inUse(image string) string {
	for _, i := range w.instances {
		if i.Image == image {
			return "instance " + i.ID
		}
	}
	number := func(t usage.Template) int64 {
		var latest, standard int64
		for _, v := range w.versions {
			if v.Template == t.ID {
				latest = max(latest, v.Number)
				if v.Default {
					standard = v.Number
				}
			}
		}
		switch t.Version {
		case "$Latest":
			return latest
		case "$Default", "":
			return standard
		}
		n, _ := strconv.ParseInt(t.Version, 10, 64)
		return n
	}
	for _, g := range w.groups {
		for _, v := range w.versions {
			means := v.Image
			if p := w.parameters[strings.TrimPrefix(v.Image, "resolve:ssm:")]; p != nil {
				means = p[len(p)-1].Value
			}
			if v.Template == g.Template.ID && v.Number == number(g.Template) && means == image {
				return "group " + g.Name
			}
		}
	}
	for _, v := range w.versions {
		if v.Image == image && !strings.HasPrefix(v.Description, "rehydrate: ") {
			return "a version of " + v.Template
		}
	}
	for _, c := range w.configs {
		if c.Image == image {
			return "launch configuration " + c.Name
		}
	}
	for name, p := range w.parameters {
		if !strings.HasPrefix(name, "/golden/web/builds/") && p[len(p)-1].Value == image {
			return "parameter " + name
		}
	}
	var last []string
	for _, p := range slices.Backward(w.parameters[channel]) {
		if !slices.Contains(last, p.Value) {
			last = append(last, p.Value)
		}
		if len(last) <= 1+policy.RollbackDepth && p.Value == image {
			return "the channel's history"
		}
	}
	for _, r := range w.runs {
		if !r.Ended && slices.Contains(append(slices.Clone(r.Uses), r.Image), image) {
			return "run " + r.ID
		}
	}
	if len(w.shared[image]) > 0 {
		return "shared"
	}
	return ""
}

// draw makes any world: images of any age in any state, and uses of any of them.
func draw(t *rapid.T) *world {
	w := empty()
	count := rapid.IntRange(1, 8).Draw(t, "images")
	any := func(label string) string { return id(rapid.IntRange(1, count).Draw(t, label)) }
	some := func(label string, most int) int { return rapid.IntRange(0, most).Draw(t, label) }
	for n := 1; n <= count; n++ {
		w.add(n, some("age", 200))
		w.set(n, func(i *usage.Image) {
			switch some("state", 5) {
			case 0:
				i.State, i.Tags[TagDisabled] = usage.StateDisabled, now.AddDate(0, 0, -some("disabled", 60)).Format(time.RFC3339)
			case 1:
				i.Owner = "999988887777"
			case 2:
				i.Protected = "enabled-without-cooldown"
			}
		})
	}
	for n := range some("instances", 2) {
		w.instances = append(w.instances, usage.Instance{ID: fmt.Sprintf("i-%d", n), Image: any("runs"), State: "running"})
	}
	for l := range some("templates", 2) {
		template := fmt.Sprintf("lt-%d", l)
		for v := range 1 + some("versions", 4) {
			x := usage.TemplateVersion{Template: template, Number: int64(v + 1), Default: v == 0, Image: any("version")}
			switch some("kind", 3) {
			case 0:
				x.Image = "resolve:ssm:" + channel
			case 1, 2:
				if v > 0 {
					x.Description = fmt.Sprintf("rehydrate: version %d with image %s", 1+some("from", v-1), x.Image)
				}
			}
			w.versions = append(w.versions, x)
		}
		for g := range some("groups", 2) {
			w.groups = append(w.groups, usage.Group{Name: fmt.Sprintf("%s-%d", template, g),
				Template: usage.Template{ID: template, Version: rapid.SampledFrom([]string{"", "$Latest", "$Default", "1", "2", "3"}).Draw(t, "saved")}})
		}
	}
	for n := range some("configurations", 1) {
		w.configs = append(w.configs, usage.LaunchConfiguration{Name: fmt.Sprint(n), Image: any("configuration")})
	}
	var held []int
	for range 1 + some("held", 4) {
		held = append(held, 1+some("holds", count-1))
	}
	w.hold(held...)
	if some("parameter", 3) == 0 {
		w.parameters["/somewhere"] = []usage.Parameter{{Value: any("parameter holds")}}
	}
	if some("run", 3) == 0 {
		w.runs = []Run{{ID: "running", Line: line, Cell: home, Uses: []string{any("run uses")}}}
	}
	if some("sharing", 3) == 0 {
		if i := any("shared"); w.images[i].State == usage.StateAvailable { // a disabled image is shared with nobody
			w.shared[i] = []string{"444455556666"}
		}
	}
	return w
}

// Whatever the world, nothing in use and nothing foreign is ever disabled or
// deregistered, whatever call fails.
func TestNothingInUseIsEverTakenAway(t *testing.T) {
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t)
		p := w.plan(t, input())
		fail := rapid.IntRange(0, 60).Draw(t, "failing call")
		calls := 0
		w.hook = func(call string) error {
			if calls++; calls == fail {
				return errCut
			}
			verb, image, _ := strings.Cut(call, " ")
			if verb != "disable" && verb != "deregister" && verb != "deprecate" {
				return nil
			}
			taken++
			if use := w.inUse(image); use != "" {
				t.Errorf("%s, which is in use by %s", call, use)
			}
			if i := w.images[image]; i.Owner != home.Account || i.Tags[usage.TagLine] != line || verb == "deregister" && i.Protected != "" {
				t.Errorf("%s, which is not ours to take: %+v", call, i)
			}
			return nil
		}
		w.apply(t.Context(), p)
	})
	if taken == 0 && !testing.Short() { // twenty worlds, as -short draws, may all be such
		t.Error("no image was ever touched: the worlds are too narrow")
	}
}
