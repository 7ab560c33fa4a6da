// Package revoke takes a bad image, its copies and what was made from it out of
// circulation without breaking a fleet.
//
// The order is what makes it safe. First the images are marked, and the versions of
// channels that hold them. Then every channel that holds one goes back to the newest
// earlier version that is good, by the same guarded move as a publication. Only then
// are the images disabled, and only those that nothing would launch any more: a group
// whose saved template, launch configuration or parameter still names a disabled image
// cannot scale out or replace an instance. What still runs on the images, or names
// them, is the drain plan: what to roll to which image, by when.
//
// Every step looks first, so that the command can be repeated, after a crash or once
// the groups have been rolled.
package revoke
