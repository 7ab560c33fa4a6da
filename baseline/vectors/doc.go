// Package vectors runs test vectors against the baseline engine: files in the
// format of patch-vectors.json, whose five kinds are evaluate, match, resolve,
// validate and reboot.
//
// The same format is how users test their own policies in CI. A file is one JSON
// object with an optional "_meta" and a list "vectors"; every vector has an id, a
// kind and an expected object, and nothing but fields that this package knows: an
// unknown one is refused by name, because a misspelt input would quietly test
// something else. Expectations may leave fields out; what is there is compared.
package vectors
