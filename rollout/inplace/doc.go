// Package inplace patches the nodes that cannot be replaced, with the same lock and
// bundle that made the image.
//
// A node gets our own static binary, a request and the bundle through S3, and runs
// them by a Run Command document of ours; AWS-RunPatchBaseline would be weaker than
// the lock ("Using the InstallOverrideList parameter", Patch Manager user guide). Two verdicts come back: whether the node now honours the
// lock, and what the baseline says today.
package inplace
