// Package publish moves a channel to an image that has passed the gate.
//
// A channel is a Parameter Store name of data type aws:ec2:image, such as
// /golden/demo/latest. Beside it, builds/<id> holds every published image once and
// for ever. Plan only reads: it refuses what has no passing verdict for exactly
// this image, and what would put an older build over a newer one. Unit then writes
// the builds entry, moves the pointer, waits until AWS has validated the value and
// reads it back.
//
// PutParameter has no compare-and-set and answers 200 before an aws:ec2:image value
// is validated ("Native parameter support for Amazon Machine Image IDs", Parameter
// Store user guide). So the version that a write returns is checked against
// the history, and a value counts as published only when it can be read back at our
// own version.
//
// What a parameter of data type aws:ec2:image cannot hold (which run, which lock,
// how new) is written in the description of the same PutParameter call: it belongs
// to the version, is atomic with the value and shows in GetParameterHistory. See
// Envelope.
package publish
