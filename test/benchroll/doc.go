// Command benchroll measures our roller: how long a plan of a large fleet takes, what a
// process needs that rolls all of it, how many calls that makes, and how long a rehearsal
// takes.
//
//	go run ./test/benchroll [-accounts 20 -regions 4 -groups 10 -instances 50]
//
// The fleet is in a twin in a process of its own, as everything here is: one process
// plans and rolls, another one rehearses, and each is measured by itself. While the groups
// roll, calls meet token buckets such as EC2 describes. The exit code is 1 when the roll
// did not end as it should, or (but with -bars=false) a bar was missed. Every figure
// printed was measured in this run.
package main
