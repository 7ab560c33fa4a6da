// Package rollout moves fleets of Auto Scaling groups to an image, ring by ring.
//
// Plan only reads. It finds the groups, the launch-template version each of them
// uses today, what the roll would change and what stands in its way; its hash covers
// decisions and preconditions. A group is then rolled by an instance refresh on a
// numbered launch-template version that differs from the one in use in ImageId alone
// (docs/architecture.md, "A run"), and is done only when its instances are seen to run the image.
package rollout
