package freshness_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout/freshness"
)

var now = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func ago(days int) time.Time { return now.AddDate(0, 0, -days) }

func key(image string) freshness.Key { return freshness.Key{Region: "eu-west-1", Image: image} }

func instances(images ...string) []freshness.Instance {
	var out []freshness.Instance
	for _, i := range images {
		out = append(out, freshness.Instance{Region: "eu-west-1", Image: i})
	}
	return out
}

func TestAFleetIsAsOldAsItsImages(t *testing.T) {
	images := map[freshness.Key]freshness.Image{
		key("new"):  {CreatedAt: ago(2), State: "available", Current: true},
		key("old"):  {CreatedAt: ago(40), State: "available", SupersededSince: ago(2)},
		key("bad"):  {CreatedAt: ago(95), State: "disabled", Revoked: true, SupersededSince: ago(40)},
		key("gone"): {},
	}
	f := freshness.Fleet{Name: "web", Line: "web", Ring: "prod", Groups: 2, Instances: instances("new", "new", "old", "bad", "gone")}
	got := freshness.Of([]freshness.Fleet{f}, images, now, []int{14, 60, 90})
	want := []record.FleetAges{{Fleet: "web", Line: "web", Ring: "prod", Groups: 2, Instances: 5, Current: 2, Stale: 3, Revoked: 1, Unknown: 1,
		Median: 2, P95: 95, Oldest: 95, SupersededSince: ago(40),
		Images: []record.ImageUse{
			{Image: "bad", Region: "eu-west-1", Instances: 1, CreatedAt: ago(95), State: "disabled", Revoked: true, SupersededSince: ago(40)},
			{Image: "old", Region: "eu-west-1", Instances: 1, CreatedAt: ago(40), State: "available", SupersededSince: ago(2)},
			{Image: "new", Region: "eu-west-1", Instances: 2, CreatedAt: ago(2), State: "available", Current: true},
			{Image: "gone", Region: "eu-west-1", Instances: 1}},
		Spread: []record.AgeBucket{{Days: 0, Instances: 2}, {Days: 14}, {Days: 30, Instances: 1}, {Days: 60}, {Days: 90, Instances: 1}},
		Deadlines: []record.Deadline{
			{Days: 14, Passed: 3, Next: ago(-12), All: ago(-12)},
			{Days: 60, Passed: 2, Next: ago(-20), All: ago(-58)},
			{Days: 90, Passed: 2, Next: ago(-50), All: ago(-88)}},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestWhatAWithdrawnImageHasNotReplacedIsNotStale(t *testing.T) {
	images := map[freshness.Key]freshness.Image{key("before"): {CreatedAt: ago(9), Unled: true}, key("withdrawn"): {CreatedAt: ago(1)}}
	got := freshness.Of([]freshness.Fleet{{Instances: instances("before", "before", "withdrawn")}}, images, now, nil)[0]
	if got.Current != 0 || got.Stale != 1 || got.Withdrawn != 2 || got.Undetermined != 0 {
		t.Errorf("%+v", got)
	}
}

func TestWhatPassesADeadlineSoonIsCounted(t *testing.T) {
	images := map[freshness.Key]freshness.Image{key("a"): {CreatedAt: ago(25)}, key("b"): {CreatedAt: ago(20)}}
	got := freshness.Of([]freshness.Fleet{{Instances: instances("a", "a", "b")}}, images, now, []int{30})[0].Deadlines[0]
	if got.Within != 2 || got.Passed != 0 || !got.Next.Equal(ago(-5)) || !got.All.Equal(ago(-10)) {
		t.Errorf("%+v", got)
	}
}

func TestAFleetOfNothingAndOneOfUnknownImages(t *testing.T) {
	got := freshness.Of([]freshness.Fleet{{Name: "empty"}, {Name: "dark", Instances: instances("x", "")}}, nil, now, freshness.Deadlines())
	if got[0].Instances != 0 || got[0].Deadlines[0].Passed != 0 {
		t.Errorf("%+v", got[0])
	}
	if got[1].Unknown != 2 || got[1].Undetermined != 2 || got[1].Stale != 0 || got[1].Deadlines[0].Passed != 2 || got[1].Spread != nil {
		t.Errorf("what is unknown counts as young: %+v", got[1])
	}
}

func TestWhatNobodyCouldReadIsNeitherCurrentNorStale(t *testing.T) {
	images := map[freshness.Key]freshness.Image{key("a"): {CreatedAt: ago(5), State: "available", Untold: true}, key("b"): {CreatedAt: ago(5), State: "available", Current: true}}
	got := freshness.Of([]freshness.Fleet{{Instances: instances("a", "b", ""), Unread: []string{"1/eu-west-1"}}}, images, now, nil)[0]
	if got.Current != 1 || got.Stale != 0 || got.Undetermined != 2 || got.Unknown != 1 || len(got.Unread) != 1 {
		t.Errorf("%+v", got)
	}
	for _, u := range got.Images {
		if want := map[string]string{"a": "available", "b": "available", "": "unknown"}[u.Image]; u.State != want {
			t.Errorf("image %q is %q", u.Image, u.State)
		}
	}
}

func TestTheClockOfAnImageStartsWhenTheChannelLeavesIt(t *testing.T) {
	h := []freshness.Version{{"a", ago(30)}, {"a", ago(29)}, {"b", ago(20)}, {"a", ago(10)}, {"c", ago(5)}}
	for image, want := range map[string]struct {
		since   time.Time
		current bool
	}{"a": {ago(5), false}, "b": {ago(10), false}, "c": {time.Time{}, true}, "x": {time.Time{}, false}} {
		since, current := freshness.Superseded(h, image)
		if !since.Equal(want.since) || current != want.current {
			t.Errorf("%s: %s, %t", image, since, current)
		}
	}
}

func TestEveryInstanceIsCountedOnceAndPercentilesAscend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		images := map[freshness.Key]freshness.Image{}
		f := freshness.Fleet{}
		for range rapid.IntRange(0, 50).Draw(t, "instances") {
			name := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "image")
			if _, ok := images[key(name)]; !ok && rapid.Bool().Draw(t, "known") {
				images[key(name)] = freshness.Image{CreatedAt: now.Add(-time.Duration(rapid.IntRange(-5, 3000).Draw(t, "hours")) * time.Hour), Current: rapid.Bool().Draw(t, "current")}
			}
			f.Instances = append(f.Instances, instances(name)...)
		}
		got := freshness.Of([]freshness.Fleet{f}, images, now, freshness.Deadlines())[0]
		counted, used := 0, 0
		for _, b := range got.Spread {
			counted += b.Instances
		}
		for _, i := range got.Images {
			used += i.Instances
		}
		if counted+got.Unknown != len(f.Instances) || got.Current+got.Stale+got.Undetermined != len(f.Instances) || used != len(f.Instances) ||
			got.Median > got.P95 || got.P95 > got.Oldest {
			t.Fatalf("%+v", got)
		}
		for n, d := range got.Deadlines {
			if n > 0 && d.Passed > got.Deadlines[n-1].Passed || d.Within > len(f.Instances)-d.Passed {
				t.Fatalf("%+v", got.Deadlines)
			}
		}
	})
}
