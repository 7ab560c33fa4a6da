package estimate_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

func minutes(n int) *time.Duration {
	d := time.Duration(n) * time.Minute
	return &d
}

func TestARefreshIsEstimatedStepByStep(t *testing.T) {
	m := estimate.Model{Launch: estimate.Exactly(time.Minute)}
	for _, c := range []struct {
		name  string
		in    estimate.Group
		steps int
		lasts time.Duration
		surge float64
	}{
		{"nothing", estimate.Group{Desired: 10, Floor: 9, Ceiling: 10}, 0, 0, 0},
		{"one at a time", estimate.Group{Desired: 10, Replace: 10, Floor: 9, Ceiling: 10}, 10, 10 * time.Minute, 0},
		{"no room takes steps of one", estimate.Group{Desired: 3, Replace: 3, Floor: 3, Ceiling: 3}, 3, 3 * time.Minute, 0},
		{"surge", estimate.Group{Desired: 60, Replace: 60, Floor: 60, Ceiling: 90}, 2, 2 * time.Minute, 1},
		{"warm-up", estimate.Group{Desired: 2, Replace: 2, Floor: 1, Ceiling: 2, Warmup: minutes(2)}, 2, 6 * time.Minute, 0},
		{"checkpoints", estimate.Group{Desired: 10, Replace: 10, Floor: 5, Ceiling: 10, Checkpoints: []int{10, 50, 100},
			CheckpointDelay: time.Hour, Soak: time.Hour}, 3, 3*time.Hour + 3*time.Minute, 0},
		{"checkpoints that so few instances pass over", estimate.Group{Desired: 2, Replace: 2, Floor: 1, Ceiling: 2, Checkpoints: []int{10, 20, 60, 100},
			CheckpointDelay: time.Hour}, 2, time.Hour + 2*time.Minute, 0},
	} {
		got := m.Of(c.in)
		if got.Steps != c.steps || got.Duration != estimate.Exactly(c.lasts) || got.Surge.Likely != c.surge {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestBoundsKeepTheirOrderAndMoreInstancesTakeNoLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 2000).Draw(t, "desired")
		g := estimate.Group{Desired: n, Replace: rapid.IntRange(0, n).Draw(t, "replace"), Floor: rapid.IntRange(0, n).Draw(t, "floor"),
			Ceiling: rapid.IntRange(n, 2*n).Draw(t, "ceiling"), Balanced: rapid.Bool().Draw(t, "balanced"),
			Checkpoints: []int{10, 50, 100}, CheckpointDelay: 2 * time.Minute}
		r := estimate.Default().Of(g)
		if d := r.Duration; d.Low > d.Likely || d.Likely > d.High || r.Surge.Low > r.Surge.Likely || r.Surge.Likely > r.Surge.High || r.Surge.Low < 0 {
			t.Fatalf("%+v", r)
		}
		more := g
		more.Replace, more.Desired, more.Ceiling = g.Replace+1, n+1, g.Ceiling+1
		more.Floor++
		if estimate.Default().Of(more).Duration.Likely < r.Duration.Likely {
			t.Fatalf("one instance more is faster: %+v", g)
		}
	})
}

func TestARingLastsAsItsLimitsLetIt(t *testing.T) {
	var groups []estimate.Placed
	for i := range 4 {
		groups = append(groups, estimate.Placed{Cell: []string{"a", "b"}[i/2], Duration: estimate.Exactly(time.Hour)})
	}
	for _, c := range []struct {
		overall, perCell int
		want             time.Duration
	}{{0, 0, time.Hour}, {1, 0, 4 * time.Hour}, {2, 0, 2 * time.Hour}, {0, 1, 2 * time.Hour}, {3, 1, 2 * time.Hour}, {3, 0, 2 * time.Hour}} {
		if got := estimate.Ring(groups, c.overall, c.perCell); got != estimate.Exactly(c.want) {
			t.Errorf("%d at a time, %d in a cell: %v", c.overall, c.perCell, got)
		}
	}
	if got := estimate.Ring(nil, 1, 1); got != (estimate.Span{}) {
		t.Errorf("nothing takes %v", got)
	}
}

func TestAPriceIsNeverInvented(t *testing.T) {
	p, err := estimate.ParsePrices([]byte(`{"currency":"EUR","perHour":{"eu-west-1":{"t3.small":0.02},"*":{"t3.small":0.03,"t3.large":0.1}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		region string
		types  []string
		want   float64
		ok     bool
	}{
		{"eu-west-1", []string{"t3.small"}, 0.02, true}, {"us-east-1", []string{"t3.small", "t3.large"}, 0.1, true},
		{"eu-west-1", []string{"t3.small", "m5.large"}, 0, false}, {"eu-west-1", nil, 0, false},
	} {
		if got, ok := p.Hourly(c.region, c.types); got != c.want || ok != c.ok {
			t.Errorf("%s %v: %v, %v", c.region, c.types, got, ok)
		}
	}
	if _, ok := (*estimate.Prices)(nil).Hourly("eu-west-1", []string{"t3.small"}); ok {
		t.Error("no table has a price")
	}
	if got := p.Cost(estimate.Hours{Low: 1, Likely: 2, High: 3}, 0.5); got.Low != 0.5 || got.String() != "1.00 EUR" || got.High != 1.5 {
		t.Errorf("%+v", got)
	}
	if got := p.Cost(estimate.Hours{Low: 0.1, Likely: 0.2, High: 0.3}, 0.01); got.String() != "less than 0.01 EUR" {
		t.Errorf("%s of %+v", got, *got)
	}
	for _, bad := range []string{``, `{}`, `{"currency":"EUR"} {}`, `{"currency":"EUR","perHour":{"x":{"y":-1}}}`, `{"currency":"EUR","hourly":{}}`, `[]`} {
		if _, err := estimate.ParsePrices([]byte(bad)); fault.KindOf(err) != fault.Usage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParsePrices(f *testing.F) {
	f.Add([]byte(`{"currency":"EUR","perHour":{"*":{"t3.small":0.02}}}`))
	f.Add([]byte(`{"currency":"EUR","perHour":{"*":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := estimate.ParsePrices(data)
		if err != nil {
			if fault.KindOf(err) != fault.Usage {
				t.Fatal(err)
			}
			return
		}
		if price, _ := p.Hourly("eu-west-1", []string{"t3.small"}); price < 0 {
			t.Fatal(price)
		}
	})
}
