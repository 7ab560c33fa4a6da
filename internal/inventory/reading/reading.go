// Package reading holds the choices that every reader of a root understands.
package reading

import (
	"io"
	"time"
)

// Options are the choices of a reading.
type Options struct {
	// Now is when signatures, validity and age are judged; zero is the epoch, so set it.
	Now time.Time
	// Names are further packages whose offers are wanted, installed or not.
	Names []string
	// Times reads when each package was installed where that costs one more file to
	// stat per package: cheap on a running system and dear on a disk image.
	Times bool
	// MaxAge is how old a source's index may be by its own date, at Now; an older one
	// is an error that names the source. Zero sets no limit.
	MaxAge time.Duration
	// Keyrings are pinned OpenPGP keyrings, armoured or binary. When there is any, an
	// index counts as verified by these keys only, whatever the root itself trusts.
	Keyrings [][]byte
	// Cache is a folder for parsed metadata, keyed by the digest of the index that
	// vouches for it; empty keeps nothing.
	Cache string
	// Fetch reads the address of repository metadata that the root itself does not hold;
	// what is not there gives fs.ErrNotExist. It is called from several goroutines at
	// once. nil: nothing is ever fetched.
	Fetch func(address string) (io.ReadCloser, error)
}
