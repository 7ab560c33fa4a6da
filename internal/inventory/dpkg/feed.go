package dpkg

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"sync"
	"sync/atomic"
)

// feeder is a reader whose text is unpacked, digested if asked for, and read by three
// goroutines at a time, so that together they take the time of the slowest. Its memory
// is blocks × blockSize.
type feeder struct {
	blocks chan *block   // to Read
	free   chan *block   // to be filled
	quit   chan struct{} // closed by end
	works  sync.WaitGroup
	err    error // why there are no more blocks; set before blocks is closed

	now    *block // being read
	rest   []byte // of it, for Read
	digest string
	size   int64
}

type block struct {
	text  []byte
	users atomic.Int32
}

const (
	blocks    = 8
	blockSize = 128 << 10 // what two processors' caches hold
)

// feed starts to read r, with or without a digest; end ends it.
func feed(r io.Reader, digested bool) *feeder {
	f := &feeder{blocks: make(chan *block, blocks), free: make(chan *block, blocks), quit: make(chan struct{})}
	for range blocks {
		f.free <- &block{}
	}
	var digest chan *block // nil: nobody takes a digest
	if digested {
		digest = make(chan *block, blocks)
		f.works.Go(func() { f.sum(digest) })
	}
	f.works.Go(func() { f.fill(r, digest) })
	return f
}

// fill hands every block of r to its users. The channels hold all blocks that
// there are, so only a want of free blocks makes it wait.
func (f *feeder) fill(r io.Reader, digest chan<- *block) {
	defer close(f.blocks)
	users := int32(1)
	if digest != nil {
		users = 2
		defer close(digest)
	}
	for f.err == nil {
		var b *block
		select {
		case <-f.quit:
			return
		case b = <-f.free:
		}
		if b.text == nil {
			b.text = make([]byte, blockSize)
		}
		b.text, f.err = whole(r, b.text[:blockSize])
		b.users.Store(users)
		if digest != nil {
			digest <- b
		}
		f.blocks <- b
	}
}

// whole fills text as far as r goes.
func whole(r io.Reader, text []byte) ([]byte, error) {
	n, idle := 0, 0
	for n < len(text) {
		m, err := r.Read(text[n:])
		if n += m; err != nil {
			return text[:n], err
		}
		if idle++; m > 0 {
			idle = 0
		}
		if idle > 100 {
			return text[:n], io.ErrNoProgress
		}
	}
	return text, nil
}

func (f *feeder) sum(digest <-chan *block) {
	h := sha256.New()
	for b := range digest {
		h.Write(b.text)
		f.size += int64(len(b.text))
		f.done(b)
	}
	f.digest = hex.EncodeToString(h.Sum(nil))
}

func (f *feeder) done(b *block) {
	if b.users.Add(-1) == 0 {
		f.free <- b
	}
}

// next gives the next piece of the text, valid until the following call; its error
// is that of the reader it came from.
func (f *feeder) next() ([]byte, error) {
	if f.now != nil {
		f.done(f.now)
		f.now = nil
	}
	b, ok := <-f.blocks
	if !ok {
		return nil, f.err
	}
	f.now = b
	return b.text, nil
}

// Read reads the text.
func (f *feeder) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		text, err := f.next()
		if err != nil {
			return 0, err
		}
		f.rest = text
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// end waits for the work at hand and returns the digest and the size of what was
// taken from the reader: all of it, once next or Read has returned io.EOF. Both are
// empty for a feeder without a digest.
func (f *feeder) end() (digest string, size int64) {
	close(f.quit)
	f.works.Wait()
	return f.digest, f.size
}
