// Command mutation plants deliberate faults into a copy of the baseline engine,
// one at a time, runs the engine's tests and prints each fault with the test that
// caught it. At least one fault stands for every section of the specification that
// states rules, and one for every compatibility switch. It ends with 1 if fewer
// than 95 % are caught.
//
//	go run ./baseline/internal/mutation [-only text]
package main
