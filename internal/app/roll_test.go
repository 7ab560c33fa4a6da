package app

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout"
)

func TestRollInput_takes_the_groups_that_follow_the_line(t *testing.T) {
	web := &config.Image{Label: "web", Rings: []string{"dev", "qa", "prod"}}
	db := &config.Image{Label: "db", Rings: []string{"dev"}}
	refresh := func(soak, warmup time.Duration) *config.Refresh {
		return &config.Refresh{MinHealthy: 90, MaxHealthy: 110, Soak: soak, Warmup: warmup, Checkpoints: []int{50, 100}, CheckpointDelay: time.Minute,
			Alarms: []string{"errors"}, Rollback: true}
	}
	c := &config.Config{Fleets: []*config.Fleet{
		{Label: "prod", Image: web, Ring: "prod", ASGNames: []string{"web-prod"}, Refresh: refresh(0, 0)},
		{Label: "dev-a", Image: web, Ring: "dev", ASGTags: map[string]string{"App": "web"}, Refresh: refresh(10*time.Minute, 90*time.Second)},
		{Label: "dev-b", Image: web, Ring: "dev", ASGNames: []string{"web-b"}, Refresh: refresh(30*time.Minute, 0)},
		{Label: "nodes", Image: web, NodeTags: map[string]string{"a": "b"}, InPlace: &config.InPlace{Batch: 1}},
		{Label: "other", Image: db, Ring: "dev", ASGNames: []string{"db"}, Refresh: refresh(time.Hour, 0)},
	}}
	got := rollInput(c, web, "ami-new")
	// A ring without groups is left out; the longest soak of a ring's fleets counts.
	rings := []rollout.Ring{{Name: "dev", Soak: 30 * time.Minute}, {Name: "prod"}}
	if d := cmp.Diff(rings, got.Rings); d != "" || got.Image != "ami-new" {
		t.Errorf("image %s, rings:\n%s", got.Image, d)
	}
	var names []string
	for _, f := range got.Fleets {
		names = append(names, f.Name)
	}
	if d := cmp.Diff([]string{"prod", "dev-a", "dev-b"}, names); d != "" {
		t.Fatal(d)
	}
	a := got.Fleets[1]
	low, high, warmup := 90, 110, 90*time.Second
	want := rollout.Preferences{MinHealthy: &low, MaxHealthy: &high, Warmup: &warmup, Checkpoints: []int{50, 100}, CheckpointDelay: time.Minute,
		Alarms: []string{"errors"}, Rollback: true}
	if d := cmp.Diff(want, a.Refresh); d != "" {
		t.Error(d)
	}
	if got.Fleets[0].Refresh.Warmup != nil {
		t.Error("a warmup that nobody set replaces the group's own")
	}
	if a.Tags["App"] = "changed"; c.Fleets[1].ASGTags["App"] != "web" {
		t.Error("the plan shares the configuration's tags")
	}
}

func TestRolled_says_how_many_run_the_image(t *testing.T) {
	got := rolled([]record.Roll{{Group: "a", OnImage: 2, Of: 2, To: "ami-1"}, {Group: "b", OnImage: 1, Of: 6, To: "ami-1"}})
	if want := "a 2 of 2 on ami-1, b 1 of 6 on ami-1"; got != want {
		t.Errorf("%q", got)
	}
}

func TestRolled_names_the_place_where_there_are_several_and_does_not_list_a_whole_fleet(t *testing.T) {
	got := rolled([]record.Roll{{Group: "a", Account: "111122223333", Region: "eu-west-1", OnImage: 2, Of: 2, To: "ami-1"},
		{Group: "a", Account: "444455556666", Region: "eu-west-1", OnImage: 1, Of: 6, To: "ami-2"}})
	if want := "a in 111122223333/eu-west-1 2 of 2 on ami-1, a in 444455556666/eu-west-1 1 of 6 on ami-2"; got != want {
		t.Errorf("%q", got)
	}
	all := make([]record.Roll, 800)
	for i := range all {
		all[i] = record.Roll{Group: "a", OnImage: 49, Of: 50, To: "ami-1"}
	}
	if got := rolled(all); len(got) > 1000 || !strings.HasSuffix(got, "and 780 more groups: 39200 of 40000 instances in all") {
		t.Errorf("%d characters: %q", len(got), got)
	}
}
