// Package rpmmd reads the metadata of RPM repositories: repomd.xml, primary,
// updateinfo and modules.
//
// What it reads was written by others, so everything is bounded: the size that
// repomd.xml states, a hard limit above it, the depth of the document and the length
// of one tag. Document types and entities of one's own are refused. A file whose
// digest is not the one that repomd.xml states gives an error and no data.
package rpmmd
