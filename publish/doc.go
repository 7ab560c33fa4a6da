// Package publish moves channels to images that have passed the gate.
//
// A channel is a Parameter Store name of data type aws:ec2:image, such as
// /golden/demo/latest, in one or several cells (accounts and Regions). Beside it,
// builds/<id> holds every published image once and for ever. Plan only reads: it
// refuses what has no passing verdict for exactly this image, and what would put an
// older build over a newer one. Unit then writes all the builds entries, and only when
// AWS has validated every one of them moves the pointers; what cannot be finished is
// put back.
//
// PutParameter has no compare-and-set and answers 200 before an aws:ec2:image value
// is validated ("Native parameter support for Amazon Machine Image IDs", Parameter
// Store user guide). So a value counts as published only when it can be read back, and
// who wins is decided by an order that everybody computes alike from the history
// (rank): every publisher looks at a pointer again after its write, and writes the
// version that ranks highest over one that does not. The lease keeps publishers apart;
// it guards and does not decide.
//
// What a parameter of data type aws:ec2:image cannot hold (which run, which lock,
// how new) is written in the description of the same PutParameter call: it belongs
// to the version, is atomic with the value and shows in GetParameterHistory. See
// Envelope; the same stands as JSON in the parameter EnvelopeName.
//
// PlanPromotion, PlanRollback, History and Verify do the rest of docs/publish.md.
package publish
