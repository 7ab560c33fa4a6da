// Package baseline is the domain: patch baselines in the shape of the SSM API,
// their evaluation against what a node has and could have, and the patch lock.
//
// Everything here is pure: no AWS, no files, no clock. One evaluator serves the
// Packer provisioner, the offline gate, in-place patching and the twin's patch
// agent, so that an image and a long-lived node are judged by the same code.
//
// The rules follow the specification of Patch Manager's semantics in
// docs/patch-semantics.md; comments name its section (§) or ambiguity (AMB-nn), and
// testdata/patch-vectors.json has its vectors.
package baseline
