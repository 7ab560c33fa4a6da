// Package ebs is the twin's EBS direct API: it reads and writes the blocks of snapshots
// in their raw disk image files.
package ebs
