package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// counter counts the calls that a process makes, by service and operation, and those that
// came too quickly. It looks at requests and answers alone.
type counter struct {
	next http.RoundTripper

	mu        sync.Mutex
	calls     map[string]int
	throttled int
}

var (
	service = regexp.MustCompile(`/\d{8}/[^/]+/([a-z0-9]+)/aws4_request`)
	refusal = regexp.MustCompile(`RequestLimitExceeded|Throttling|SlowDown`)
)

// RoundTrip implements http.RoundTripper.
func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	op := r.Header.Get("X-Amz-Target")
	op = op[strings.LastIndex(op, ".")+1:]
	if op == "" && r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if form, err := url.ParseQuery(string(body)); err == nil {
			op = form.Get("Action")
		}
	}
	if m := service.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		op = m[1] + " " + op
	}
	resp, err := c.next.RoundTrip(r)
	refused := false
	if err == nil && resp.StatusCode >= 400 {
		body, rerr := io.ReadAll(resp.Body)
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(body))
		refused = rerr == nil && refusal.Match(body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[op]++
	if refused {
		c.throttled++
	}
	return resp, err
}

// take gives what was counted and begins anew.
func (c *counter) take() (calls map[string]int, all, throttled int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls, throttled = c.calls, c.throttled
	c.calls, c.throttled = map[string]int{}, 0
	for _, n := range calls {
		all += n
	}
	return calls, all, throttled
}
