// Package twincoverage makes docs/twin-coverage.md: for every operation of the twin
// which tests call it over the wire and with which outcomes, and what is not modelled.
//
// The tests themselves tell what they call (wiretest.Record); what none of them shows
// is not claimed. An operation without a scenario, or without a negative one, fails the
// test unless exceptions_test.go says why.
//
//	go test ./test/twincoverage -update
package twincoverage
