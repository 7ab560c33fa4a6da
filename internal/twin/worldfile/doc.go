// Package worldfile reads the description of a small world — accounts, public
// images, launch templates, Auto Scaling groups, instances, archives — and makes it
// in a twin through the services' own API, each thing once.
//
// The file is JSON and strict: an unknown field is refused with its path. ${name}
// in a string is replaced by what `-set name=value` gives; a relative path is
// relative to the file's folder.
package worldfile
