// Package scenario tells what a roll does when things go wrong, on the embedded twin in
// virtual time: one test a scenario, named by its promise. Invariants watches, at every
// event of a world, what must never happen; other test suites use it too.
package scenario
