package rollout

import "time"

// Bounds are what a refresh leaves of a group's capacity at its worst moment.
type Bounds struct {
	Floor   int `json:"floor"`   // instances in service that are kept at least
	Ceiling int `json:"ceiling"` // instances that there may be at most
	// WithoutZone is what is left of Floor when the Availability Zone with most
	// instances fails at that moment.
	WithoutZone int `json:"withoutZone"`
	// Units says that the instances have weights: the numbers are units of capacity.
	Units bool `json:"units,omitempty"`
}

// minHealthyDefault is the API's own where neither preferences nor an instance
// maintenance policy say otherwise (RefreshPreferences.MinHealthyPercentage).
const minHealthyDefault = 90

// boundsOf turns percentages of the desired capacity into instances the way Auto
// Scaling does. The minimum is rounded up, the maximum down. Without a maximum, or
// where minimum and maximum leave no room, it still moves one instance: without a
// maximum by ending one first, with one by launching one first. A group of one that
// may not grow is counted as empty meanwhile, to be safe.
func boundsOf(g Group, p Preferences) Bounds {
	least, most := p.MinHealthy, p.MaxHealthy
	if least == nil && most == nil {
		least, most = g.PolicyMin, g.PolicyMax
	}
	percent := minHealthyDefault
	if least != nil {
		percent = *least
	}
	b := Bounds{Floor: (g.Desired*percent + 99) / 100, Ceiling: g.Desired, Units: g.MaxWeight > 0}
	switch {
	case most == nil:
		b.Floor = max(0, min(b.Floor, g.Desired-1))
	default:
		b.Ceiling = max(g.Desired, g.Desired**most/100)
		if b.Ceiling <= g.Desired && b.Floor >= g.Desired && g.Desired > 0 {
			b.Ceiling = g.Desired + 1
		}
		if g.Desired == 1 && *most <= 100 {
			b.Floor = 0
		}
	}
	if b.Units && g.MaxWeight > 1 {
		// An instance counts for its whole weight, either way.
		b.Floor, b.Ceiling = max(0, b.Floor-(g.MaxWeight-1)), b.Ceiling+g.MaxWeight-1
	}
	zones := map[string]int{}
	largest := 0
	for _, m := range g.Instances {
		zones[m.Zone]++
		largest = max(largest, zones[m.Zone])
	}
	if _, unknown := zones[""]; unknown || len(zones) == 0 {
		largest = b.Floor // nothing is known of where they are
	}
	if _, unknown := zones[""]; b.Units && !unknown {
		largest *= max(1, g.MaxWeight) // each may be the heaviest
	}
	b.WithoutZone = max(0, b.Floor-largest)
	return b
}

// checkpointDelay is how long a refresh stops at a checkpoint that we chose: long
// enough for the stop switch, which is read every 30 s at least, to be seen there.
const checkpointDelay = 2 * time.Minute

// checkpoints are those of a group for which none were chosen: after a first few
// instances, and at half. They are there so that a roll can be paused; a percentage
// that the group's size makes pass together with the next one is left out. One
// instance has no checkpoint before its end.
func checkpoints(size int) []int {
	var out []int
	at := 0
	for _, percent := range []int{10, 50} {
		if n := (size*percent + 99) / 100; n > at && n < size {
			out, at = append(out, percent), n
		}
	}
	return append(out, 100)
}
