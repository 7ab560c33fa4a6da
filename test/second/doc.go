// Package second holds the twin against programs that share no code with it: the AWS
// CLI, a client with a codec of its own, and moto, a server with an AWS of its own.
//
// moto is a second opinion and no oracle: it is asked only what it is known to answer as
// AWS does, and testdata/lies.json lists, step by step, where it does not. A lie that it
// no longer tells fails the test, so that the list stays true.
//
// Both are optional: without them the tests say that they are skipped and why, unless
// REQUIRE_AWSCLI=1 or REQUIRE_MOTO=1 insists.
package second
