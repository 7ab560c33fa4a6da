package notify_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/notify"
)

const hook = "https://tenant-hunter2.example.com/hunter2/in?token=hunter2"

// What the transport says of a failed request can hold any part of the address.
func TestNoFailureOfAWebhookTellsItsAddress(t *testing.T) {
	for name, err := range map[string]error{
		"no such host":      &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "tenant-hunter2.example.com", IsNotFound: true}},
		"refused":           &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 443}, Err: errors.New("connect: connection refused")},
		"a certificate":     errors.New("tls: failed to verify certificate: x509: certificate is valid for example.com, not tenant-hunter2.example.com"),
		"a bad redirection": errors.New(`failed to parse Location header "https://tenant-hunter2.example.com/hunter2/in?token=hunter2": bad`),
		"an odd answer":     errors.New("malformed HTTP response"),
	} {
		w := notify.Webhook{URL: hook, Transport: answer(func(*http.Request) (*http.Response, error) { return nil, err })}
		got := w.Send(t.Context(), notify.NewMessage(event.Event{Stage: "roll", Kind: event.Failed}))
		if got == nil || strings.Contains(got.Error(), "hunter2") || strings.Contains(got.Error(), "203.0.113") || !strings.HasPrefix(got.Error(), "post to the webhook: ") {
			t.Errorf("%s: %v", name, got)
		}
		if k := fault.KindOf(got); k != fault.Failed {
			t.Errorf("%s: kind %v is not tried again", name, k)
		}
	}
}

// endless is an answer's body that never ends: at once, or a byte every second.
type endless struct {
	pause time.Duration
	read  int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.pause > 0 {
		time.Sleep(e.pause)
		p = p[:1]
	}
	e.read += len(p)
	return len(p), nil
}

func (e *endless) Close() error { return nil }

func TestAHugeAnswerIsNotReadToItsEnd(t *testing.T) {
	body := &endless{}
	w := notify.Webhook{URL: hook, Transport: answer(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: body, Header: http.Header{}}, nil
	})}
	if err := w.Send(t.Context(), notify.Message{}); err != nil || body.read > 1<<20 {
		t.Errorf("%v after %d bytes", err, body.read)
	}
}

// A server that takes the request and never answers, one that answers by drips, and one
// that is not there cost their own time only.
func TestSlowServersAreLeftAfterABoundedTime(t *testing.T) {
	for name, c := range map[string]struct {
		answer answer
		most   time.Duration
		lost   int
	}{
		"it never answers": {func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }, 47 * time.Second, 1},
		"it drips": {func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: &endless{pause: time.Second}, Header: http.Header{}}, nil
		}, 30 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				n := notify.New(t.Context(), []notify.Target{{Name: "chat", Kinds: []string{"failed"}, Sender: notify.Webhook{URL: hook, Transport: c.answer}}})
				n.Emit(event.Event{Kind: event.Failed, Text: "x"})
				if took := time.Since(begun); took != 0 {
					t.Errorf("the run waited %s", took)
				}
				loss := n.Close(15 * time.Second)[0]
				if took := time.Since(begun); took > 15*time.Second || loss.Lost() != c.lost {
					t.Errorf("the end took %s, %+v", took, loss)
				}
				time.Sleep(20 * time.Hour) // the drips end with the limit of what is read
			})
		})
	}
}

// The shape is what receivers were written for; fields are only ever added.
func TestTheMessageOnTheWireIsAsDocumented(t *testing.T) {
	var got []byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		if r.Header.Get("Content-Type") != "application/json" || r.Header.Get(notify.HeaderSignature) != "" || r.Header.Get(notify.HeaderTimestamp) == "" {
			t.Errorf("headers %v", r.Header)
		}
	}))
	defer s.Close()
	m := notify.NewMessage(event.Event{Time: time.Date(2026, 11, 20, 13, 0, 0, 0, time.FixedZone("", 3600)), Run: "20261120-130000-abcdef", Stage: "roll", Unit: "roll/web", Kind: event.Progress,
		Text: "2 of 4 <done>", Done: 2, Total: 4})
	if err := (notify.Webhook{URL: s.URL}).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want := `{"version":1,"id":"` + m.ID + `","time":"2026-11-20T12:00:00Z","run":"20261120-130000-abcdef","stage":"roll","unit":"roll/web","kind":"progress","text":"2 of 4 \u003cdone\u003e","done":2,"total":4}`
	if string(got) != want || len(m.ID) != 32 {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestATimeThatJSONCannotSayHarmsNobody(t *testing.T) {
	for _, year := range []int{-5, 10000, 300000} {
		if m := notify.NewMessage(event.Event{Time: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), Stage: "roll", Kind: event.Failed}); len(m.JSON()) == 0 || !m.Time.IsZero() {
			t.Errorf("year %d: %+v", year, m)
		}
	}
}
