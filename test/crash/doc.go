// Package crash ends runs without warning and takes them up again: at every record of
// the journal, in the middle of a roll, and at many moments inside a real Packer. What
// then stands in the (modelled) account must be what an undisturbed run leaves.
package crash
