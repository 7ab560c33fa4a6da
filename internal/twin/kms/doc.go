// Package kms is the twin's Key Management Service as far as images, launches and
// attestations need it: keys with policies and grants, aliases, signatures. Nothing
// is encrypted: what matters to a fleet is who may use a key.
package kms
