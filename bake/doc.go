// Package bake turns a source image into a candidate: an image with exactly the
// packages of a patch lock, not yet judged by the gate.
//
// Plan only reads: it finds the source image, makes the candidate's name from what
// is known before the bake, and says whether a bake would change anything. Packer
// and RunCommand then give a durable unit that bakes: the first drives Packer with
// our plugin as external work (docs/architecture.md, "Durable work"), the second starts an instance of its own
// and patches it through Run Command.
package bake
