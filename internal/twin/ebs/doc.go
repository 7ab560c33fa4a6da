// Package ebs is the twin's EBS direct API: it serves the blocks of snapshots from
// their raw disk image files.
package ebs
