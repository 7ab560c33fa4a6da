// Package ssm is the twin's AWS Systems Manager: Parameter Store, command documents,
// Run Command and compliance items.
//
// Commands really run: on a real root by its shell as root, on a modelled instance by
// an agent that understands one thing, a step that runs rehydrate-node, and answers
// 127 to everything else. Not modelled, and refused rather than ignored: documents
// owned by Amazon other than AWS-RunShellScript, plugins other than
// aws:runShellScript and aws:downloadContent, parameter policies.
package ssm
