package twin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// ServeOptions say how a twin is served.
type ServeOptions struct {
	// Listen is an address and port; port 0 takes a free one, after a kill the one from
	// before if it is free. The name localhost is 127.0.0.1. Another address than loopback needs Secrets.
	Listen string
	// Idle ends the twin after this long without a request; 0 never.
	Idle time.Duration
	// Ready is called once with the address when the twin answers.
	Ready func(endpoint string)
}

const (
	endpointName  = "endpoint.json"
	shutdownLimit = 5 * time.Second
	findLimit     = 10 * time.Second // a busy machine takes its time
	// lockLimit is how long a new twin waits for the lock of one that is just ending, or
	// has been killed and not yet been taken apart by the system.
	lockLimit = 5 * time.Second
	lockEvery = 20 * time.Millisecond
	// idleLimit is how long a connection may stand unused.
	idleLimit = 3 * time.Minute
)

// endpointFile is how a client finds a running twin again.
type endpointFile struct {
	Endpoint string    `json:"endpoint"`
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	Version  string    `json:"version,omitempty"`
}

// Serve opens a twin and answers on a socket until ctx ends, POST /_twin/stop
// comes, or it is idle.
func Serve(ctx context.Context, o Options, s ServeOptions) error {
	s.Listen = loopbackName(s.Listen)
	if err := mayListen(s.Listen, len(o.Secrets) > 0); err != nil {
		return err
	}
	t, err := New(o)
	if err != nil {
		return err
	}
	return errors.Join(t.serve(ctx, s), t.Close())
}

// loopbackName takes the name localhost for what it says, whatever the machine's
// resolver makes of it (RFC 6761, section 6.3).
func loopbackName(address string) string {
	if host, port, err := net.SplitHostPort(address); err == nil && strings.EqualFold(host, "localhost") {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

// mayListen refuses to open a machine to the network without credentials.
func mayListen(address string, secrets bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fault.New(fault.Usage, "write it as 127.0.0.1:4599", "serve twin: bad address %q", address)
	}
	if ip := net.ParseIP(host); (ip == nil || !ip.IsLoopback()) && !secrets {
		return fault.New(fault.Usage, "listen on 127.0.0.1, or give a file of access keys with --credentials", "serve twin: %q is not a loopback address, and no credentials are set", address)
	}
	return nil
}

func (t *Twin) serve(ctx context.Context, o ServeOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l, err := t.listen(o.Listen)
	if err != nil {
		return fmt.Errorf("serve twin: %w", err)
	}
	endpoint := "http://" + l.Addr().String()
	srv := &http.Server{Handler: noPages(t), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: idleLimit, BaseContext: func(net.Listener) context.Context { return ctx }}
	t.presence.watch(srv)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	remove, err := t.announce(endpoint)
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	defer remove()
	if o.Ready != nil {
		o.Ready(endpoint)
	}
	select {
	case err := <-done:
		return fmt.Errorf("serve twin: %w", err)
	case <-ctx.Done():
	case <-t.stop:
	case <-t.idle(ctx, o.Idle):
	}
	t.halt.Do(func() { close(t.stop) })
	grace, end := context.WithTimeout(context.Background(), shutdownLimit)
	defer end()
	if err := srv.Shutdown(grace); err != nil {
		return srv.Close() // somebody holds a connection open; the twin ends all the same
	}
	return nil
}

// noPages keeps web pages away: a browser lets every page send a form to this machine,
// and says which page it is from. No client of AWS's sends that.
func noPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			refuse(w, http.StatusForbidden, "the twin does not answer web pages")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// listen opens the socket. A twin that was killed comes back where it was, so that
// who spoke with it, such as a Packer that is cleaning up, can go on.
func (t *Twin) listen(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if before, ok := readEndpoint(t.o.Dir); ok && err == nil && port == "0" {
		u, err := url.Parse(before.Endpoint)
		if err == nil && u.Hostname() == host {
			if l, err := net.Listen("tcp", u.Host); err == nil {
				return l, nil
			}
		}
	}
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fault.As(err, fault.Conflict, "port 0 takes a free one")
	}
	return l, err
}

// readEndpoint reads how to find the twin of a state folder: one that runs, or one
// that was killed.
func readEndpoint(dir string) (e endpointFile, ok bool) {
	text, err := os.ReadFile(filepath.Join(dir, endpointName))
	return e, dir != "" && err == nil && json.Unmarshal(text, &e) == nil && e.Endpoint != ""
}

// announce writes the endpoint file; remove takes it away again.
func (t *Twin) announce(endpoint string) (remove func(), err error) {
	if t.o.Dir == "" {
		return func() {}, nil
	}
	text, err := json.Marshal(endpointFile{Endpoint: endpoint, PID: os.Getpid(), Started: t.started.UTC(), Version: t.o.Version})
	if err != nil {
		return nil, err
	}
	name := filepath.Join(t.o.Dir, endpointName)
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return nil, fmt.Errorf("serve twin: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return nil, fmt.Errorf("serve twin: %w", err)
	}
	return func() { _ = os.Remove(name) }, nil // left behind, it names a port where nobody answers
}

// idle is closed when nobody has asked anything for d.
func (t *Twin) idle(ctx context.Context, d time.Duration) <-chan struct{} {
	out := make(chan struct{})
	if d <= 0 {
		return out
	}
	start := time.Now()
	go func() {
		for {
			left := d - t.busy.idle(start)
			if left <= 0 {
				close(out)
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-t.stop:
				return
			case <-time.After(max(min(left, time.Second), time.Millisecond)):
			}
		}
	}()
	return out
}

// Find returns the endpoint of the twin that serves a state folder, if one answers
// and says that the folder is its own.
func Find(dir string) (endpoint string, ok bool) {
	e, ok := readEndpoint(dir)
	if !ok {
		return "", false
	}
	h, err := Ask(context.Background(), e.Endpoint)
	if err != nil || !h.Twin || !sameFile(h.Dir, dir) {
		return "", false
	}
	return e.Endpoint, true
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// adminClient never goes through a proxy: a twin is on this machine.
func adminClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: findLimit}
}

// Ask asks the endpoint of a twin who it is.
func Ask(ctx context.Context, endpoint string) (Health, error) {
	var h Health
	err := admin(ctx, http.MethodGet, endpoint+"/_twin/health", &h)
	return h, err
}

// Stop tells a twin to end. It does not wait for its end.
func Stop(ctx context.Context, endpoint string) error {
	return admin(ctx, http.MethodPost, endpoint+"/_twin/stop", nil)
}

func admin(ctx context.Context, method, url string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return fmt.Errorf("ask the twin: %w", err)
	}
	resp, err := adminClient().Do(req)
	if err != nil {
		return fmt.Errorf("ask the twin: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the twin at %s: %s", url, resp.Status)
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAdmin)).Decode(out); err != nil {
		return fmt.Errorf("ask the twin at %s: %w", url, err)
	}
	return nil
}
