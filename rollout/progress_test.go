package rollout

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
)

// members are instances in service on the version before and on the target, and those on
// the target that have not come yet.
func members(before, after, coming int) (out []Member) {
	add := func(n int, version, state string) {
		for range n {
			out = append(out, Member{ID: fmt.Sprint(len(out)), State: state, Template: Template{ID: "lt", Version: version}})
		}
	}
	add(before, "1", InService)
	add(after, "2", InService)
	add(coming, "2", "Pending")
	return out
}

func TestTheProgressOfOneRefreshOnlyGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		desired int
		looks   [][]Member
		want    []int
	}{
		"an instance goes before one comes": {2, [][]Member{members(1, 0, 1), members(1, 1, 0), members(0, 1, 1), members(0, 2, 0)}, []int{0, 50, 100}},
		"one comes before an instance goes": {2, [][]Member{members(2, 0, 1), members(2, 1, 0), members(1, 1, 1), members(1, 2, 0), members(0, 2, 0)}, []int{0, 50, 66, 100}},
		"one of six more than wanted":       {6, [][]Member{members(1, 5, 0), members(1, 5, 1), members(1, 6, 0), members(0, 6, 0)}, []int{83, 85, 100}},
		"a new one is replaced once more":   {2, [][]Member{members(1, 1, 0), members(1, 0, 1), members(0, 2, 0)}, []int{50, 100}},
		"the group grows meanwhile":         {2, [][]Member{members(2, 2, 0), members(0, 4, 0)}, []int{50, 100}},
		"none is wanted":                    {0, [][]Member{members(1, 1, 0), members(0, 1, 0)}, []int{50, 100}},
	} {
		t.Run(name, func(t *testing.T) {
			var told []int
			m := &groupMover{x: &Execution{}, plan: GroupPlan{Group: "web", Template: Template{ID: "lt"}}}
			m.Stage = &Stage{Clock: stopped(time.Now()), Events: event.Func(func(e event.Event) { told = append(told, e.Done) })}
			st := &groupState{Target: "2"}
			for _, l := range c.looks {
				m.look(st, Group{Desired: c.desired, Instances: l}, time.Now())
			}
			if !slices.Equal(told, c.want) {
				t.Errorf("told %v, not %v", told, c.want)
			}
		})
	}
}

func TestTheProgressOfARefreshThatRollsBackGoesBack(t *testing.T) {
	var told []int
	m := &groupMover{x: &Execution{}, plan: GroupPlan{Group: "web", Template: Template{ID: "lt"}}}
	m.Stage = &Stage{Clock: stopped(time.Now()), Events: event.Func(func(e event.Event) { told = append(told, e.Done) })}
	st := &groupState{Target: "2"}
	m.look(st, Group{Desired: 2, Instances: members(1, 1, 0)}, time.Now())
	m.progress(st, Refresh{Status: rollbackInProgress})
	m.look(st, Group{Desired: 2, Instances: members(2, 0, 1)}, time.Now())
	m.follow(st, "the next one")
	m.look(st, Group{Desired: 2, Instances: members(1, 0, 1)}, time.Now())
	if !slices.Equal(told, []int{50, 50, 0, 0}) {
		t.Errorf("told %v", told)
	}
}
