package twin

import (
	"context"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// presence knows which clients hold a connection. One that has none any more has
// ended, or been killed: the clock need not wait until its silence tells.
type presence struct {
	clock *world.Clock
	mu    sync.Mutex
	conns map[string]int // client to connections that it has used
}

// seenOn are the clients that one connection has carried.
type seenOn struct {
	mu      sync.Mutex
	clients map[string]bool
}

type seenKey struct{}

// watch hooks presence into a server.
func (p *presence) watch(srv *http.Server) {
	var conns sync.Map // net.Conn to *seenOn
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		s := &seenOn{clients: map[string]bool{}}
		conns.Store(c, s)
		return context.WithValue(ctx, seenKey{}, s)
	}
	srv.ConnState = func(c net.Conn, state http.ConnState) {
		if state != http.StateClosed && state != http.StateHijacked {
			return
		}
		if s, ok := conns.LoadAndDelete(c); ok {
			p.gone(s.(*seenOn))
		}
	}
}

// note says that a request came over its connection from its client.
func (p *presence) note(r *http.Request) {
	s, ok := r.Context().Value(seenKey{}).(*seenOn)
	name := r.Header.Get(wire.ClientHeader)
	if !ok || name == "" {
		return
	}
	s.mu.Lock()
	known := s.clients[name]
	s.clients[name] = true
	s.mu.Unlock()
	if !known {
		p.mu.Lock()
		p.conns[name]++
		p.mu.Unlock()
	}
}

// connected are the clients that hold a connection.
func (p *presence) connected() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.conns))
}

// gone is the end of a connection; its last request has been answered.
func (p *presence) gone(s *seenOn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	for name := range s.clients {
		if p.conns[name]--; p.conns[name] <= 0 {
			delete(p.conns, name)
			p.clock.Forget(name)
		}
	}
}
