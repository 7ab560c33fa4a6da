// Package dpkg reads a Debian-like root: what is installed, which archives are
// configured, and what those offer for the packages that are there.
//
// It reads files only, through an fs.FS, so it serves the running system, a folder
// and a disk image alike. It is strict where leniency would look like compliance: a
// configured archive whose metadata cannot be read, a list that is not the one its
// Release file names, an empty database and an unfinished dpkg run are errors.
package dpkg
