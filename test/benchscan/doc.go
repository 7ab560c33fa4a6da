//go:build linux

// Command benchscan measures our readers against the peers on this machine, as
// ratios of medians taken in one run, and compares their answers in that run.
//
//	go run ./test/benchscan [-rows debian,node] [-runs 10]
//
// A group of rows is one file (debian.go, node.go, …) with a function that prepares
// what it needs and returns its rows; groups lists them. The exit code is 1 when two
// answers differ, a bar is missed or a row could not be measured; a row whose
// prerequisite is missing says so, and fails only with REQUIRE_ALL=1.
package main
