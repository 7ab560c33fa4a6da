package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// The headers of a webhook's request. The signature is "sha256=" and the HMAC-SHA-256, in
// hex, of the timestamp, a dot and the body, keyed by the secret. Receivers check it, and
// that the timestamp is not old.
const (
	HeaderID        = "X-Rehydrate-Delivery"
	HeaderTimestamp = "X-Rehydrate-Timestamp" // seconds since 1970, of this delivery
	HeaderSignature = "X-Rehydrate-Signature"
)

// Webhook posts messages to an address. What it says of itself never holds the address,
// which may be a secret, nor the secret.
type Webhook struct {
	URL    string
	Secret []byte // empty: not signed
	// Transport makes the requests; nil is http.DefaultTransport.
	Transport http.RoundTripper
}

// The bounds of a request.
const (
	webhookLimit = 10 * time.Second
	maxRedirects = 3
	maxAnswer    = 64 << 10 // bytes read of an answer, so that the connection can be used again
)

// Send implements Sender.
func (w Webhook) Send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, webhookLimit)
	defer cancel()
	body := m.JSON()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return fault.New(fault.Usage, "", "post to the webhook: its address cannot be read")
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "rehydrate")
	req.Header.Set(HeaderID, m.ID)
	req.Header.Set(HeaderTimestamp, at)
	if len(w.Secret) > 0 {
		req.Header.Set(HeaderSignature, Sign(w.Secret, at, body))
	}
	c := http.Client{Transport: w.Transport, CheckRedirect: sameHost}
	resp, err := c.Do(req)
	if err != nil {
		return posted(err, req.URL)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // the status is what counts
	switch s := resp.StatusCode; {
	case s/100 == 2:
		return nil
	case s == http.StatusTooManyRequests, s/100 == 5:
		return fault.New(fault.Throttled, "", "post to the webhook: it answered %d", s)
	default:
		return fault.New(fault.Denied, "", "post to the webhook: it answered %d", s)
	}
}

// Sign is the value of HeaderSignature.
func Sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

var errElsewhere = errors.New("it redirects to another host")

// sameHost follows redirects only where the message may go.
func sameHost(req *http.Request, via []*http.Request) error {
	from := via[0].URL
	if req.URL.Host != from.Host || req.URL.Scheme != from.Scheme {
		return errElsewhere
	}
	if req.Method != http.MethodPost {
		return errors.New("it redirects and loses the message; 307 and 308 would keep it")
	}
	if len(via) > maxRedirects {
		return errors.New("it redirects too often")
	}
	return nil
}

// posted is an error without the address.
func posted(err error, address *url.URL) error {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return fault.New(fault.Throttled, "", "post to the webhook: no answer within %s", webhookLimit)
		}
		err = u.Err
	}
	var op *net.OpError
	switch {
	case errors.Is(err, errElsewhere):
		return fault.New(fault.Denied, "", "post to the webhook: %s", err)
	case errors.As(err, new(*net.DNSError)):
		return errors.New("post to the webhook: its host's name cannot be resolved")
	case errors.As(err, &op):
		err = fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	for _, part := range []string{address.RequestURI(), address.Path, address.RawQuery, address.Host, address.Hostname()} {
		if len(part) > 1 && strings.Contains(err.Error(), part) {
			return errors.New("post to the webhook: the request failed, in words that hold the address")
		}
	}
	return fmt.Errorf("post to the webhook: %w", err)
}
