package roots

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// Claim implements backing.Claimer. Loopback addresses are the network namespace's, and
// so are abstract Unix sockets: one of the address's name says that it is taken, and goes
// with the process however that ends.
func (r *Roots) Claim(_ backing.Image, address netip.Addr) bool {
	if !address.IsValid() {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.claims[address] != nil {
		return !r.closed
	}
	l, err := net.Listen("unix", "@rehydrate-twin-"+address.String())
	if errors.Is(err, syscall.EADDRINUSE) {
		return false
	}
	if err == nil { // else, as when there are too many files open, the machine's start decides
		r.claims[address] = l
	}
	return true
}

// release gives an address back. The lock is held.
func (r *Roots) release(address netip.Addr) {
	if l := r.claims[address]; l != nil {
		_ = l.Close() // a socket that nobody speaks with
		delete(r.claims, address)
	}
}
