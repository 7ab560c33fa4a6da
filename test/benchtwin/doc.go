// Command benchtwin measures the twin: how long a large world takes to load, how long
// a rolling refresh of all its groups takes in virtual time, a page of instances, and
// simple requests on loopback.
//
//	go run ./test/benchtwin [-accounts 20 -regions 4 -groups 10 -instances 50]
//
// While the groups roll, invariants are checked at every event: a group never serves
// with fewer instances than its minimum or than the refresh's floor, and a group whose
// refresh has succeeded runs one template version. Afterwards the state is read over
// the wire. The exit code is 1 when an invariant broke, an answer was wrong, or (but
// with -bars=false) a bar was missed. Every figure printed was measured in this run.
package main
