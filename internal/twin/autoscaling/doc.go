// Package autoscaling is the twin's Amazon EC2 Auto Scaling: groups on launch
// templates that keep their capacity, replace what is unhealthy, and roll by
// instance refresh.
//
// An API call only changes what is wanted and sets the group's tick; the tick, a
// timer in virtual time, is where the group moves: health, then the refresh, then
// capacity. So nothing is re-entered and a killed twin goes on where it was.
//
// Every change of capacity is logged as the event "group.capacity" with the keys
// group, min, max, desired, inService (lifecycle state InService), serving (healthy
// and warmed up), total (pending and in service), floor and ceiling (what a running
// refresh keeps to; floor 0 and ceiling -1 without one) and cause. Tests check their
// invariants on it.
//
// Not modelled, and refused with UnsupportedOperation rather than ignored: launch
// configurations, instance weights, lifecycle hooks, warm pools, attribute-based
// instance selection and the ReplaceRootVolume strategy.
package autoscaling
