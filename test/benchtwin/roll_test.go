package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// TestEveryGroupOfALargeWorldRolls is the benchmark's scenario at 2,000 instances, for
// what is right and not for how quick it is.
func TestEveryGroupOfALargeWorldRollsWithinItsBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("rolls 2,000 instances: some seconds")
	}
	s := shape{accounts: 5, regions: 2, groups: 4, instances: 50}
	file, err := s.file()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "twin")
	made, _, err := open(dir, s, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Close(); err != nil {
		t.Fatal(err)
	}
	w, c, err := open(dir, s, nil) // what was made is there again
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	virtual, err := roll(context.Background(), w, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range c.broken {
		t.Error(bad)
	}
	if c.wrong > 0 || c.finished["Successful"] != s.allGroups() {
		t.Errorf("%d invariants were broken; refreshes: %v", c.wrong, c.finished)
	}
	// Every instance is replaced once: one leaves through two states, one comes through two.
	if n := c.transitions["ec2.instance.state"]; n != 4*s.all() || c.instances["terminated"] != s.all() || c.instances["running"] != s.all() {
		t.Errorf("%d instance transitions of %d: %v", n, 4*s.all(), c.instances)
	}
	groups, instances, err := sample(context.Background(), w, s)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%s of virtual time, %v; %d capacities checked; read over the wire: %d groups, %d instances", virtual, c.transitions, c.checked, groups, instances)
}

// TestTheChecksSeeWhatIsWrong feeds events that break each invariant.
func TestTheChecksSeeWhatIsWrong(t *testing.T) {
	capacity := func(change func(map[string]any)) world.Event {
		data := map[string]any{"group": "g", "min": 9, "inService": 10, "serving": 9, "floor": 9, "total": 10, "ceiling": 10, "cause": "test"}
		change(data)
		return world.Event{Kind: "group.capacity", Data: data}
	}
	for name, test := range map[string]struct {
		e    world.Event
		want int
	}{
		"as it should be":  {capacity(func(map[string]any) {}), 0},
		"no bounds":        {capacity(func(d map[string]any) { d["floor"], d["ceiling"], d["total"] = 0, -1, 20 }), 0},
		"below the min":    {capacity(func(d map[string]any) { d["inService"] = 8 }), 1},
		"below the floor":  {capacity(func(d map[string]any) { d["serving"] = 8 }), 1},
		"over the ceiling": {capacity(func(d map[string]any) { d["total"] = 11 }), 1},
		"a failed timer":   {world.Event{Kind: "twin.timer.failed"}, 1},
		"a failed refresh": {world.Event{Kind: "refresh.status", Data: map[string]any{"status": "Failed", "group": "g"}}, 1},
	} {
		c := newChecks(shape{1, 1, 1, 10})
		c.rolling = true
		if c.see(nil, test.e); c.wrong != test.want {
			t.Errorf("%s: %d broken: %v", name, c.wrong, c.broken)
		}
	}
	c := newChecks(shape{1, 1, 1, 10})
	c.rolling = true
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		c.adopt("g", id)
	}
	for n, id := range []string{"a", "b"} {
		c.see(nil, world.Event{Kind: "ec2.instance.state", Data: map[string]any{"instance": id, "state": "shutting-down"}})
		if c.wrong != n {
			t.Errorf("%d of ten are gone, of nine that must run: %d broken", n+1, c.wrong)
		}
	}
}
