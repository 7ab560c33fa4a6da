package rollout_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/rollout"
)

// surging is a cell of groups of ten that may have five instances more each, in the
// subnets given; the part after @ is a subnet's zone.
func surging(concurrency, perCell int, free map[string]int, subnets ...[]string) (*region, rollout.Input) {
	r := newRegion()
	r.template("lt-1", "ami-old")
	in := rollout.Input{Image: "ami-new", Rings: []rollout.Ring{{Name: "a", Concurrency: concurrency, PerCell: perCell}}, Fleets: []rollout.Fleet{{Name: "f", Ring: "a",
		Refresh: rollout.Preferences{MinHealthy: n(100), MaxHealthy: n(150)}}}}
	for i, s := range subnets {
		name := fmt.Sprintf("g%d", i)
		r.group(name, "lt-1", "1", "1", 10).Subnets = s
		in.Fleets[0].Groups = append(in.Fleets[0].Groups, name)
	}
	r.free = free
	return r, in
}

func TestGroupsThatShareSubnetsWantTheirAddressesTogether(t *testing.T) {
	type free = map[string]int
	all := [][]string{{"s1"}, {"s1", "s2"}, {"s2"}, {"far"}}
	for _, c := range []struct {
		name                 string
		concurrency, perCell int
		subnets              [][]string
		free                 free
		says                 []string
	}{
		{"one at a time", 0, 0, all, free{"s1": 5, "s2": 5, "far": 5}, nil},
		{"two at a time, and the pair has room for both", 2, 0, all, free{"s1": 5, "s2": 5, "far": 5}, nil},
		{"three at a time, and the pair has not", 3, 0, all, free{"s1": 7, "s2": 7, "far": 100},
			[]string{"subnets s1, s2 (zone a) have 14 free addresses; g0, g1, g2 may want 15 more there"}},
		{"two of three, and the pair has not", 2, 0, all, free{"s1": 5, "s2": 4, "far": 100},
			[]string{"subnet s2 (zone a) has 4 free addresses; g2 may want 5", "have 9 free addresses; 2 of g0, g1, g2 at a time may want 10 more there"}},
		{"the cell lets one move", 20, 1, all, free{"s1": 5, "s2": 5, "far": 5}, nil},
		{"what one subnet lacks, another with plenty does not give", 0, 0, [][]string{{"s1"}, {"s1", "s2"}}, free{"s1": 0, "s2": 500},
			[]string{"subnet s1 (zone a) has 0 free addresses; g0 may want 5"}},
		{"what one zone lacks, another with plenty does not give", 2, 0, [][]string{{"s@x", "s@y"}, {"s@x", "s@y"}}, free{"s@x": 5, "s@y": 500},
			[]string{"subnet s@x (zone x) has 5 free addresses; g0, g1 may want 6 more there"}},
		{"zones share the surge", 2, 0, [][]string{{"s@x", "s@y"}, {"s@x", "s@y"}}, free{"s@x": 6, "s@y": 6}, nil},
		{"subnets of a zone stand in for each other", 0, 0, [][]string{{"s@x", "t@x"}}, free{"s@x": 5, "t@x": 0}, nil},
		{"an unknown subnet is not judged", 0, 0, [][]string{{"s1", "gone"}}, free{"s1": 0}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, in := surging(c.concurrency, c.perCell, c.free, c.subnets...)
			p := planOf(t, world{{}: r}, in)
			if err := p.Err(); err != nil || len(p.Findings) != len(c.says) {
				t.Fatalf("%v, %+v", err, p.Findings)
			}
			for i, says := range c.says {
				if f := p.Findings[i]; !f.Warn || f.Hint == "" || !strings.Contains(f.Text, says) {
					t.Errorf("%q, not %q", f.Text, says)
				}
			}
		})
	}
}

// TestASubnetThatIsNotWarnedOfHasRoom lets Auto Scaling place the surge of the groups
// that move at a time in their zones, each in the subnet with most room: where nothing
// was warned of, every instance finds an address.
func TestASubnetThatIsNotWarnedOfHasRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"s@x", "t@x", "u@y"}
		free := map[string]int{}
		for _, s := range names {
			free[s] = rapid.IntRange(0, 12).Draw(t, s)
		}
		var subnets [][]string
		for i := range rapid.IntRange(1, 3).Draw(t, "groups") {
			subnets = append(subnets, rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID[string]).Draw(t, fmt.Sprint("of ", i)))
		}
		r, in := surging(len(subnets), 0, free, subnets...)
		p, err := world{{}: r}.stage().Plan(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Findings) > 0 {
			return
		}
		// Groups with one subnet in the zone come first: they have no choice.
		for _, choice := range []int{1, 2} {
			for _, of := range subnets {
				zones := map[string][]string{}
				for _, s := range of {
					zones[s[2:]] = append(zones[s[2:]], s)
				}
				for _, in := range zones {
					for range (5 + len(zones) - 1) / len(zones) {
						if len(in) != choice {
							break
						}
						most := in[0]
						for _, s := range in {
							if free[s] > free[most] {
								most = s
							}
						}
						if free[most]--; free[most] < 0 {
							t.Fatalf("no address in %v: %v of %v", in, subnets, free)
						}
					}
				}
			}
		}
	})
}
