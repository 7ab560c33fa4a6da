// Package spread publishes and rolls through the whole program in three accounts and
// two Regions of the twin, with roles that trust, keys of the customer's own and faults.
package spread
