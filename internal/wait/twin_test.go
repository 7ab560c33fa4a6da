package wait_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/wait"
)

// twin answers as a twin does, with sleeps that end at the second poll.
func twin(t *testing.T, now time.Time) (endpoint string, seen func() []url.Values) {
	t.Helper()
	var sleeps []url.Values
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/_twin/clock":
			fmt.Fprintf(w, `{"twin":true,"now":%q}`, now.Format(time.RFC3339Nano))
		case "/_twin/clock/sleep":
			sleeps = append(sleeps, r.URL.Query())
			fmt.Fprintf(w, `{"twin":true,"now":%q,"due":%v}`, now.Format(time.RFC3339Nano), len(sleeps) > 1)
		case "/_twin/hold":
			fmt.Fprintln(w, `{}`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			fmt.Fprint(w, r.Header.Get(wait.ClientHeader))
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []url.Values { return sleeps }
}

func TestATwinsClockIsDetectedAndAsked(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	at, seen := twin(t, now)
	c, ok := wait.Detect(context.Background(), at)
	if !ok {
		t.Fatal("not detected")
	}
	if got := c.Now(); !got.Equal(now) {
		t.Errorf("now = %v", got)
	}
	until := now.Add(time.Hour)
	if err := c.Sleep(context.Background(), until); err != nil {
		t.Fatal(err)
	}
	q := seen()
	if len(q) != 2 || q[0].Get("until") != until.Format(time.RFC3339Nano) || q[0].Get("client") != c.Client() {
		t.Errorf("sleeps = %v", q)
	}
}

func TestCallsCarryTheClientID(t *testing.T) {
	t.Parallel()
	at, _ := twin(t, time.Now())
	c, ok := wait.Detect(context.Background(), at)
	if !ok {
		t.Fatal("not detected")
	}
	var sent *http.Request
	h := c.Transport(roundTrip(func(r *http.Request) (*http.Response, error) { sent = r; return nil, errors.New("stop") }))
	req, _ := http.NewRequest(http.MethodGet, at, nil)
	_, _ = h.RoundTrip(req)
	if sent.Header.Get(wait.ClientHeader) != c.Client() || req.Header.Get(wait.ClientHeader) != "" {
		t.Errorf("sent %q; the caller's request has %q", sent.Header.Get(wait.ClientHeader), req.Header.Get(wait.ClientHeader))
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNothingElseIsATwin(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch n.Add(1) {
		case 1:
			http.NotFound(w, nil)
		case 2:
			fmt.Fprint(w, "<html>")
		default:
			fmt.Fprint(w, "{}")
		}
	}))
	defer s.Close()
	for _, at := range []string{s.URL, s.URL, s.URL, "", "127.0.0.1:1", "http://", "http://127.0.0.1:1", "ftp://127.0.0.1", "%"} {
		if _, ok := wait.Detect(context.Background(), at); ok {
			t.Errorf("%q passes for a twin", at)
		}
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	t.Parallel()
	at, _ := twin(t, time.Now())
	c, _ := wait.Detect(context.Background(), at)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Sleep(ctx, time.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestATwinThatComesBackIsWaitedFor(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/_twin/clock/sleep" && n.Add(1) < 3 {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, `{"twin":true,"now":%q,"due":true}`, time.Now().Format(time.RFC3339Nano))
	}))
	defer s.Close()
	c, _ := wait.Detect(context.Background(), s.URL)
	if err := c.Sleep(context.Background(), time.Now().Add(time.Hour)); err != nil || n.Load() < 3 {
		t.Errorf("err = %v after %d tries", err, n.Load())
	}
}

func TestWhileTheTwinIsAwayTimeRunsOn(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"twin":true,"now":%q}`, now.Format(time.RFC3339Nano))
	}))
	c, ok := wait.Detect(context.Background(), s.URL)
	s.Close()
	if got := c.Now(); !ok || got.Before(now) || got.After(now.Add(time.Minute)) {
		t.Errorf("now = %v", got)
	}
}

func TestAHoldLastsUntilItsRelease(t *testing.T) {
	t.Parallel()
	held := make(chan bool, 2)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/_twin/hold" {
			fmt.Fprint(w, `{"twin":true}`)
			return
		}
		held <- r.URL.Query().Get("reason") == "packer"
		fmt.Fprintln(w, "{}")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		held <- false
	}))
	defer s.Close()
	c, _ := wait.Detect(context.Background(), s.URL)
	release, err := c.Hold(context.Background(), "packer")
	if err != nil || !<-held {
		t.Fatal(err)
	}
	select {
	case <-held:
		t.Error("released early")
	case <-time.After(20 * time.Millisecond):
	}
	release()
	if <-held {
		t.Error("held again")
	}
}
