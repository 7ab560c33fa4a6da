// Package probe makes the health checks of the user's own: a web address, a command, the
// targets of a load balancer. What a probe says of itself holds no secret: an address is
// not repeated, and a command's output is cut and cleaned.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/goldenami/rehydrate/rollout/gate"
)

// HTTP is good when an address answers with a good status. Nobody to answer, and no
// answer in time, is bad. A redirect is an answer and is not followed.
type HTTP struct {
	URL     string
	Status  int // the one good status; 0: any from 200 to 299
	Timeout time.Duration
	// Transport makes the request; nil is http.DefaultTransport.
	Transport http.RoundTripper
}

// maxBody is how much of an answer is read, so that the connection can be used again.
const maxBody = 64 << 10

// Look implements gate.Probe.
func (h HTTP) Look(ctx context.Context) (gate.Health, string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return gate.Hidden, "the address cannot be read"
	}
	req.Header.Set("User-Agent", "rehydrate")
	c := http.Client{Timeout: h.Timeout, Transport: h.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(req)
	if err != nil {
		return h.failed(ctx, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)) // the status is what counts
	text := fmt.Sprintf("it answered %d", resp.StatusCode)
	if h.Status != 0 && resp.StatusCode == h.Status || h.Status == 0 && resp.StatusCode/100 == 2 {
		return gate.Good, text
	}
	return gate.Bad, text
}

func (h HTTP) failed(ctx context.Context, err error) (gate.Health, string) {
	if ctx.Err() != nil {
		return gate.Hidden, "interrupted"
	}
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return gate.Bad, fmt.Sprintf("no answer within %s", h.Timeout)
		}
		err = u.Err // without the address
	}
	return gate.Bad, "no answer: " + err.Error()
}
