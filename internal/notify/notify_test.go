package notify_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/notify"
)

// box keeps what it is sent, and answers with errs first.
type box struct {
	mu   sync.Mutex
	got  []notify.Message
	errs []error
	wait func(context.Context)
}

func (b *box) Send(ctx context.Context, m notify.Message) error {
	if b.wait != nil {
		b.wait(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, m)
	if len(b.errs) > 0 {
		err := b.errs[0]
		b.errs = b.errs[1:]
		return err
	}
	return nil
}

func (b *box) ids() (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.got {
		all = append(all, m.ID)
	}
	return all
}

func emit(n *notify.Notifier, kind event.Kind, texts ...string) {
	for _, text := range texts {
		n.Emit(event.Event{Time: time.Now(), Run: "r1", Stage: "roll", Unit: "roll/dev", Kind: kind, Text: text, Data: map[string]any{"x": 1}})
	}
}

func target(b *box) []notify.Target {
	return []notify.Target{{Name: "ops", Kinds: []string{"changed", "failed"}, Sender: b}}
}

func TestTargetsHearTheirKindsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &box{}
		n := notify.New(t.Context(), target(b))
		emit(n, event.Changed, "one", "two")
		emit(n, event.Output, "apt says")
		emit(n, event.Failed, "three")
		loss := n.Close(time.Minute)
		var texts []string
		for _, m := range b.got {
			texts = append(texts, m.Text)
		}
		if fmt.Sprint(texts) != "[one two three]" || loss[0] != (notify.Loss{Target: "ops", Told: 3}) {
			t.Errorf("%v, %+v", texts, loss)
		}
		ids := b.ids()
		slices.Sort(ids)
		if len(slices.Compact(ids)) != 3 {
			t.Errorf("ids %v", ids)
		}
	})
}

func TestAMessageIsTriedAgainUnderTheSameID(t *testing.T) {
	for name, c := range map[string]struct {
		errs  []error
		tries int
		loss  int
		took  time.Duration
	}{
		"throttled twice":         {[]error{fault.New(fault.Throttled, "", "busy"), errors.New("reset")}, 3, 0, 3 * time.Second},
		"throttled for ever":      {slices.Repeat([]error{fault.New(fault.Throttled, "", "busy")}, 9), 4, 1, 7 * time.Second},
		"refused":                 {[]error{fault.New(fault.Denied, "", "no")}, 1, 1, 0},
		"a topic that is no more": {[]error{fault.New(fault.NotFound, "", "gone")}, 1, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, begun := &box{errs: c.errs}, time.Now()
				n := notify.New(t.Context(), target(b))
				emit(n, event.Failed, "x")
				loss := n.Close(time.Minute)[0]
				ids := b.ids()
				if len(ids) != c.tries || len(slices.Compact(ids)) != 1 || loss.Failed != c.loss || (loss.Cause == nil) != (c.loss == 0) || time.Since(begun) != c.took {
					t.Errorf("%d tries in %s, %+v", len(ids), time.Since(begun), loss)
				}
			})
		})
	}
}

// A listener never blocks the run: not one that hangs, not one that ignores being told
// to stop, not a thousand events in a moment.
func TestAHangingTargetCostsTheRunNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		hang := &box{wait: func(context.Context) { <-never }}
		b := &box{}
		n := notify.New(t.Context(), append(target(b), notify.Target{Name: "dead", Kinds: []string{"changed"}, Sender: hang}))
		begun := time.Now()
		for i := range 1000 {
			emit(n, event.Changed, fmt.Sprint(i))
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("the run waited %s", took)
		}
		loss := n.Close(10 * time.Second)
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("the end took %s", took)
		}
		if loss[0].Told != 1000 || loss[0].Lost() != 0 || loss[1].Told != 1000 || loss[1].Lost() != 1000 {
			t.Errorf("%+v", loss)
		}
		close(never)
	})
}

func TestWhatIsEmittedAfterTheEndIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := notify.New(t.Context(), target(&box{}))
		n.Close(time.Second)
		emit(n, event.Failed, "late")
		if loss := n.Close(time.Second)[0]; loss.Told != 1 || loss.Dropped != 1 {
			t.Errorf("%+v", loss)
		}
		var nobody notify.Notifier
		nobody.Emit(event.Event{Kind: event.Failed})
		if loss := nobody.Close(time.Hour); loss != nil {
			t.Errorf("%+v", loss)
		}
	})
}

func TestAMessageHoldsNoSecretAndNoData(t *testing.T) {
	t.Setenv("DEPLOY_TOKEN", "open-sesame")
	m := notify.NewMessage(event.Event{Time: time.Unix(0, 0), Stage: "roll", Kind: event.Warned, Text: "got open-sesame\n\x1b[31mand " + strings.Repeat("é", 3000), Data: map[string]any{"k": "hidden"}})
	body := string(m.JSON())
	if strings.Contains(body, "sesame") || strings.Contains(body, "hidden\"}") || len([]rune(m.Text)) != 2001 || !strings.HasPrefix(m.Text, "got (hidden) [31mand é") {
		t.Errorf("%s", body[:100])
	}
	if !strings.HasPrefix(body, `{"version":1,"id":"`+m.ID+`","time":"1970-01-01T00:00:00Z","stage":"roll","kind":"warned","text":`) {
		t.Errorf("%s", body[:150])
	}
	if s := (notify.Message{Kind: "failed", Stage: "roll", Unit: "roll/dév\n" + strings.Repeat("x", 200)}).Subject(); len(s) != 100 || !strings.HasPrefix(s, "rehydrate: failed in roll (roll/d?v?x") {
		t.Errorf("subject %q", s)
	}
}

func TestAWebhookIsSignedAndSaysNothingOfItsAddress(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a message went to another host") }))
	defer elsewhere.Close()
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/ok":
			if want := notify.Sign([]byte("open-sesame"), r.Header.Get(notify.HeaderTimestamp), body); r.Header.Get(notify.HeaderSignature) != want || r.Method != http.MethodPost {
				t.Errorf("%s with signature %q, want %q", r.Method, r.Header.Get(notify.HeaderSignature), want)
			}
			got = append(got, r.Header.Get(notify.HeaderID)+" "+string(body))
		case "/here":
			http.Redirect(w, r, "/ok", http.StatusTemporaryRedirect)
		case "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case "/get":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusTemporaryRedirect)
		case "/busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/no":
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer s.Close()
	m := notify.NewMessage(event.Event{Stage: "roll", Kind: event.Failed, Text: "x"})
	for path, c := range map[string]struct {
		kind fault.Kind
		want string
	}{
		"/ok":   {0, ""},
		"/here": {0, ""},
		"/away": {fault.Denied, "another host"},
		"/get":  {fault.Failed, "loses the message"},
		"/loop": {fault.Failed, "too often"},
		"/busy": {fault.Throttled, "answered 503"},
		"/no":   {fault.Denied, "answered 403"},
	} {
		err := notify.Webhook{URL: s.URL + path + "?token=hunter2", Secret: []byte("open-sesame")}.Send(t.Context(), m)
		switch {
		case (err == nil) != (c.want == ""):
			t.Errorf("%s: %v", path, err)
		case err != nil && (fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "sesame")):
			t.Errorf("%s: kind %d, %v", path, fault.KindOf(err), err)
		}
	}
	if want := m.ID + " " + string(m.JSON()); len(got) != 2 || got[0] != want || got[1] != want {
		t.Errorf("got %q", got)
	}
	s.Close()
	if err := (notify.Webhook{URL: s.URL + "?token=hunter2"}).Send(t.Context(), m); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "post to the webhook: dial") {
		t.Errorf("nobody there: %v", err)
	}
}

// 500s for ever end after a bounded number of tries, and are said.
func TestAWebhookThatAnswers500IsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		posts := 0
		w := notify.Webhook{URL: "https://hooks.example.com/x", Transport: answer(func(*http.Request) (*http.Response, error) {
			posts++
			return &http.Response{StatusCode: 500, Body: http.NoBody, Header: http.Header{}}, nil
		})}
		n := notify.New(t.Context(), []notify.Target{{Name: "chat", Kinds: []string{"failed"}, Sender: w}})
		emit(n, event.Failed, "x")
		loss := n.Close(time.Minute)[0]
		if posts != 4 || loss.Failed != 1 || !strings.Contains(loss.Cause.Error(), "answered 500") {
			t.Errorf("%d posts, %+v", posts, loss)
		}
	})
}

type answer func(*http.Request) (*http.Response, error)

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }
