package worldfile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func archives(tx *world.Tx) *world.Rows[Archive] {
	return world.Table[Archive](tx.In("-", "-"), "worldfile/archives")
}

func repositories(tx *world.Tx) *world.Rows[Repository] {
	return world.Table[Repository](tx.In("-", "-"), "worldfile/repositories")
}

func (a Archive) host() string {
	host, _, err := net.SplitHostPort(a.Listen)
	if err != nil {
		return a.Listen // check has refused it
	}
	return host
}

// Serve serves the archives that the world has until ctx ends; wait returns when it
// has stopped. Serve comes back when all of them listen, or none.
func Serve(ctx context.Context, w *world.World) (wait func(), err error) {
	var list []Archive
	err = w.Do("-", "-", func(tx *world.Tx) error {
		for _, a := range archives(tx).All() {
			list = append(list, a)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var listening []net.Listener
	for _, a := range list {
		l, err := net.Listen("tcp", a.Listen)
		if err != nil {
			for _, l := range listening {
				err = errors.Join(err, l.Close())
			}
			return nil, fmt.Errorf("serve archive %s: %w", a.Dir, err)
		}
		listening = append(listening, l)
	}
	var wg sync.WaitGroup
	for k, a := range list {
		srv := &http.Server{Handler: logged(w, a, http.FileServer(http.Dir(a.Dir))), ReadHeaderTimeout: time.Minute}
		wg.Go(func() { _ = srv.Serve(listening[k]) }) // ends by Close below
		wg.Go(func() {
			<-ctx.Done()
			_ = srv.Close() // files may be cut off: the twin is ending
		})
	}
	return wg.Wait, nil
}

// logged adds each request to the twin's event log.
func logged(w *world.World, a Archive, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: rw, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		w.Log(world.Event{Time: w.Clock().Now(), Kind: "archive", Data: map[string]any{
			"listen": a.Listen, "method": r.Method, "path": r.URL.Path, "status": seen.status, "from": r.RemoteAddr}})
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the standard library send files the quick way.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Repositories gives modelled machines what the world's repositories offer now.
func Repositories(w *world.World) func(name string) (baseline.Available, error) {
	return func(name string) (baseline.Available, error) {
		var r Repository
		err := w.Do("-", "-", func(tx *world.Tx) error {
			var ok bool
			if r, ok = repositories(tx).Get(name); !ok {
				return fmt.Errorf("the world has no repository %q", name)
			}
			return nil
		})
		if err != nil {
			return baseline.Available{}, err
		}
		a, err := readStrict[baseline.Available](r.File)
		if err != nil {
			return a, fmt.Errorf("read repository %q: %w", name, err)
		}
		return a, index(&a)
	}
}
