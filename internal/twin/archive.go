package twin

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Archive is a package archive of the world: a folder served over HTTP on a
// loopback address of its own, so that it can be reached by name from instances
// and by address from here.
type Archive struct {
	Listen string `json:"listen"` // such as 127.7.0.80:80
	Dir    string `json:"dir"`
}

func archives(tx *world.Tx) *world.Rows[Archive] {
	return world.Table[Archive](tx.In("-", "-"), "twin/archives")
}

// AddArchive puts an archive into the world; it is served from the next start on,
// which for Fill is this one.
func AddArchive(tx *world.Tx, a Archive) error {
	at, err := netip.ParseAddrPort(a.Listen)
	if err != nil || !at.Addr().IsLoopback() {
		return fmt.Errorf("archive %s: listen is a loopback address and port, such as 127.7.0.80:80", a.Listen)
	}
	if st, err := os.Stat(a.Dir); err != nil || !st.IsDir() {
		return fmt.Errorf("archive %s: %s is not a folder", a.Listen, a.Dir)
	}
	archives(tx).Put(a.Listen, a)
	return nil
}

// ServeArchives serves the world's archives until stop is called.
func (t *Twin) ServeArchives() (stop func(), err error) {
	var all []Archive
	err = t.world.Do("-", "-", func(tx *world.Tx) error {
		for _, a := range archives(tx).All() {
			all = append(all, a)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var servers []*http.Server
	stop = func() {
		for _, s := range servers {
			_ = s.Close() // whoever still reads an archive is part of what ends
		}
	}
	for _, a := range all {
		l, err := net.Listen("tcp", a.Listen)
		if err != nil {
			stop()
			return nil, fmt.Errorf("serve archive: %w", err)
		}
		s := &http.Server{Handler: t.logged(a, http.FileServer(http.Dir(a.Dir))), ReadHeaderTimeout: 10 * time.Second}
		servers = append(servers, s)
		go func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				t.event("twin.archive.failed", map[string]any{"listen": a.Listen, "error": err.Error()})
			}
		}()
	}
	return stop, nil
}

// logged adds each request to the event log.
func (t *Twin) logged(a Archive, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		t.event("archive", map[string]any{"listen": a.Listen, "method": r.Method, "path": r.URL.Path, "status": seen.status, "from": r.RemoteAddr})
	})
}

func (t *Twin) event(kind string, data map[string]any) {
	t.world.Log(world.Event{Time: t.world.Clock().Now(), Kind: kind, Data: data})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the standard library copy files the quick way.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
