// Package twin is an AWS of our own: the real wire protocols over a world in
// virtual time, with faults on demand. It is used in-process by tests and as a
// separate process on loopback by "rehydrate … --twin" and "rehydrate twin serve".
//
// It is modelled: nothing here says anything about AWS itself beyond what its
// documentation says (docs/twin.md).
package twin
