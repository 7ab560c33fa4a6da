// Package retire takes old images of a line out of use: deprecate, disable, then
// deregister them with what came with them.
//
// Nothing happens to an image without proof that nobody uses it: live instances,
// every version of every launch template, launch configurations, groups, instance
// refreshes and parameters of every cell (package usage), the channels' current and
// previous versions and as many more as the policy keeps for rollbacks, the rolls in
// the journal, runs that have not ended, and the configuration's own sources. What
// could not be read keeps the image. Only images that carry the line's tag and belong
// to the account are looked at.
//
// What names an image goes before it, and its snapshots after it, marked first, so
// that whoever is killed in between can plan again and finish.
package retire
