// Package ec2 is the twin's Amazon EC2: images, snapshots, instances, launch
// templates, key pairs, security groups, the default network and tags, as far as
// Packer's amazon-ebs builder, our own stages and terratest need them. Whatever
// else is asked for is an honest 400 of the wire layer.
//
// Handlers take and return the SDK's types and follow AWS's documented rules; the
// rule's source stands beside it. Where AWS is silent the strictest reading holds.
// Other services of the twin call the Go API (Launch, Terminate, Instances,
// TemplateVersion, ImageByID, SnapshotDisk, EnsureStarted, OnState) inside their
// own transactions.
//
// What takes time on AWS takes virtual time. A caller with a clock of its own
// (Tx.Registered is false) sees a pending instance or image become ready at its
// second look, once the real work behind it is done.
package ec2
