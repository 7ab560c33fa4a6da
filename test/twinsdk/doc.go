// Package twinsdk runs every paginator and waiter that AWS's SDK for Go has for the
// operations of the twin against the twin: whatever the SDK loops over comes to an end,
// complete and without doubles, and in virtual time.
package twinsdk
