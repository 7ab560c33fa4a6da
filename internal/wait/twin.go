package wait

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// ClientHeader names, on every call to a twin, the client that takes its time from
// there. A call without it comes from a client with a clock of its own.
const ClientHeader = "X-Rehydrate-Client"

const (
	// detectLimit is how long an endpoint may take to say whether it is a twin.
	detectLimit = 10 * time.Second
	// awayLimit is how long a twin may be unreachable, as while it is started again.
	awayLimit = 30 * time.Second
	// retryEvery is the pause between tries meanwhile.
	retryEvery = 200 * time.Millisecond
)

// TwinClock is the time of a twin, asked over its admin endpoint.
type TwinClock struct {
	endpoint string
	client   string
	http     *http.Client

	mu   sync.Mutex
	last time.Time // virtual
	wall time.Time // when last was heard
}

// twinTime is what the twin says about its clock.
type twinTime struct {
	Twin bool      `json:"twin"`
	Now  time.Time `json:"now"`
	Due  bool      `json:"due"` // a sleep has ended
}

// Detect asks an endpoint whether it is a twin, and returns its clock if so. An
// endpoint that does not answer, or answers anything else, is none.
func Detect(ctx context.Context, endpoint string) (*TwinClock, bool) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, false
	}
	c := &TwinClock{
		endpoint: strings.TrimSuffix(endpoint, "/"), client: "rehydrate-" + strings.ToLower(rand.Text()[:12]),
		http: &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: detectLimit}).DialContext}},
	}
	ctx, cancel := context.WithTimeout(ctx, detectLimit)
	defer cancel()
	t, err := c.ask(ctx, http.MethodGet, "/_twin/clock", nil)
	if err != nil || !t.Twin {
		return nil, false
	}
	return c, true
}

// Endpoint is the twin's address.
func (c *TwinClock) Endpoint() string { return c.endpoint }

// Close ends the clock's own connections. A twin forgets a client that has none, and
// does not wait for it any more.
func (c *TwinClock) Close() { c.http.CloseIdleConnections() }

// Client is the id that calls of this client carry in ClientHeader.
func (c *TwinClock) Client() string { return c.client }

// Now asks the twin. While it is away, time runs on from its last answer.
func (c *TwinClock) Now() time.Time {
	ctx, cancel := context.WithTimeout(context.Background(), detectLimit)
	defer cancel()
	t, err := c.ask(ctx, http.MethodGet, "/_twin/clock", nil)
	if err == nil {
		return t.Now
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last.Add(time.Since(c.wall))
}

// Sleep waits at the twin, which may jump to until when nothing keeps it from
// doing so. A twin that is away for longer than 30 s is an error.
func (c *TwinClock) Sleep(ctx context.Context, until time.Time) error {
	q := url.Values{"client": {c.client}, "until": {until.UTC().Format(time.RFC3339Nano)}}
	var away time.Time
	for {
		t, err := c.ask(ctx, http.MethodPost, "/_twin/clock/sleep", q)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && t.Due:
			return nil
		case err == nil:
			away = time.Time{}
			continue
		}
		if away.IsZero() {
			away = time.Now()
		}
		if time.Since(away) > awayLimit {
			return fault.As(fmt.Errorf("sleep at the twin %s until %s: %w", c.endpoint, until.UTC().Format(time.RFC3339), err),
				fault.Failed, "start it again with: rehydrate twin serve")
		}
		if err := (Wall{}).Sleep(ctx, time.Now().Add(retryEvery)); err != nil {
			return err
		}
	}
}

// Hold keeps the twin's time at the wall's pace until release is called or this
// process ends; reason is shown by the twin.
func (c *TwinClock) Hold(ctx context.Context, reason string) (release func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	resp, err := c.send(ctx, http.MethodPost, "/_twin/hold", url.Values{"reason": {reason}, "while": {"connected"}})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("hold the twin's clock at %s: %w", c.endpoint, err)
	}
	// The hold stands when the first line has come.
	first := make([]byte, 1)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		resp.Body.Close()
		cancel()
		return nil, fmt.Errorf("hold the twin's clock at %s: %w", c.endpoint, err)
	}
	return func() {
		cancel()
		resp.Body.Close()
	}, nil
}

func (c *TwinClock) send(ctx context.Context, method, path string, q url.Values) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.endpoint+path+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set(ClientHeader, c.client)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("%s answered %s", path, resp.Status)
	}
	return resp, nil
}

func (c *TwinClock) ask(ctx context.Context, method, path string, q url.Values) (twinTime, error) {
	var t twinTime
	resp, err := c.send(ctx, method, path, q)
	if err != nil {
		return t, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&t); err != nil {
		return t, fmt.Errorf("%s: %w", path, err)
	}
	c.mu.Lock()
	c.last, c.wall = t.Now, time.Now()
	c.mu.Unlock()
	return t, nil
}

// Transport adds the client id to every request on its way to next.
func (c *TwinClock) Transport(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set(ClientHeader, c.client)
		return next.RoundTrip(r)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
