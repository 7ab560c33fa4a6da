// Package world is the twin's kernel: typed tables in accounts and regions, one
// transaction at a time, deterministic ids, timers in virtual time, an event log,
// and a state file that a kill cannot hurt.
//
// Handlers run inside World.Do with a Tx. A Tx that returns an error leaves the
// world as it was. A Tx that succeeds is written to the state file before Do
// returns, so whatever a client was told has happened survives kill -9 (the bytes
// are with the kernel by then; only a power cut could lose them).
//
// What takes time is a timer: Tx.At names a kind registered with World.OnTimer,
// and a payload. Timers live in the state like everything else.
//
// Values in tables are copied in and out shallowly: treat what Get returns as
// read-only below its top level, change a copy, and Put it back.
package world
