// Package autoscaling is the twin's Amazon EC2 Auto Scaling: groups on launch
// templates (or configurations) that keep their capacity, replace what is unhealthy or
// too old, register with target groups, wait for lifecycle hooks, and roll by instance
// refresh.
//
// An API call only changes what is wanted and sets the group's tick; the tick, a
// timer in virtual time, is where the group moves: what waits, then health, then the
// refresh, then lifetimes, then capacity. So nothing is re-entered and a killed twin
// goes on where it was.
//
// Every change of capacity is logged as the event "group.capacity" with the keys
// group, min, max, desired, inService (lifecycle state InService), serving (healthy
// and warmed up), total (pending, in service, between two root volumes), floor and ceiling (what a running
// refresh keeps to; floor 0 and ceiling -1 without one) and cause; with instance
// weights these are units of capacity. Tests check their invariants on it.
//
// Scaling policies, scheduled actions and warm pools are kept and told but never
// carried out. Not modelled, and refused with UnsupportedOperation rather than
// ignored: attribute-based instance selection.
// Availability Zones are filled in turn and not rebalanced. Spot and On-Demand are not
// told apart: of a mixed instances policy the first type with capacity is launched.
package autoscaling
