// Package dpkg reads a Debian-like root: what is installed, which archives are
// configured, and what those offer for the packages that are there.
//
// It reads files only, through an fs.FS, so it serves the running system, a folder
// and a disk image alike. It is strict where leniency would look like compliance: a
// configured archive whose metadata cannot be read, a list that is not the one its
// Release file names, an empty database, an unfinished dpkg run, and apt settings
// that keep these files elsewhere are errors.
//
// Of every source, whatever its address, the lists that apt keeps are read:
//
//	http, https, ftp, copy, mirror, tor+…  apt's copies, under the name of the address
//	file    the archive's own lists, to which apt's folder holds links
//	cdrom   what apt-cdrom took in; a disc that apt does not know is an error
//
// What is reported and does not change the answer (Patch Manager's semantics): holds,
// pins, phased updates, indices past their Valid-Until unless a maximum age was asked
// for, signatures that could not be verified, and packages that an archive has moved
// between architecture "all" and another.
package dpkg
