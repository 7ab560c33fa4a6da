package autoscaling

// bounds are the serving instances that a refresh keeps at least, and the instances
// that it lets the group have at most.
type bounds struct{ floor, ceiling int }

// limits turns percentages of the desired capacity into instances. maxPct is nil
// when neither the preferences nor the instance maintenance policy give one.
//
// The minimum is rounded up ("rounded up to the nearest integer", API reference of
// 2020). Without a maximum, Auto Scaling terminates and launches at the same time,
// at least one by one: the smallest step that the percentage allows is none, so the
// floor gives way to desired-1. With a maximum that leaves no room, a new instance
// is launched before an old one is terminated, past the desired capacity
// (RefreshPreferences.MaxHealthyPercentage, API reference).
func limits(desired, minPct int, maxPct *int) bounds {
	b := bounds{floor: (desired*minPct + 99) / 100, ceiling: desired}
	if maxPct == nil {
		b.floor = max(0, min(b.floor, desired-1))
		return b
	}
	b.ceiling = desired * *maxPct / 100
	if b.ceiling <= desired && b.floor >= desired && desired > 0 {
		b.ceiling = desired + 1
	}
	return b
}
