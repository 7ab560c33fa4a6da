// Package ssm is the twin's AWS Systems Manager: Parameter Store, command documents,
// Run Command, patch baselines with their groups and states, and compliance items.
//
// Commands really run: on a real root by its shell as root, on a modelled instance by
// an agent that understands two things, AWS-RunPatchBaseline and a step that runs
// rehydrate-node, and answers 127 to everything else. AWS-RunPatchBaseline patches by
// the product's own flow on both, see patchagent.go.
//
// Not modelled, and refused rather than ignored: documents owned by Amazon other than
// AWS-RunShellScript and AWS-RunPatchBaseline, plugins other than aws:runShellScript
// and aws:downloadContent, parameter policies, and what nothing here calls: inventory
// (PutInventory and its kin), associations, maintenance windows,
// DescribeAvailablePatches, DescribeEffectivePatchesForPatchBaseline and
// DescribePatchProperties.
package ssm
