package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/notify"
	"github.com/goldenami/rehydrate/internal/record"
)

// hook is a webhook that keeps what it is told.
type hook struct {
	mu   sync.Mutex
	told []notify.Message
}

func (h *hook) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var m notify.Message
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		m.Text = err.Error()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, m)
}

// A promotion and a rollback are runs: who is told of a publication is told that it was
// taken back.
func TestChannels_tell_who_listens_that_they_were_moved(t *testing.T) {
	in := channels(t)
	h := &hook{}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	for age := range 2 {
		published(t, in, age)
	}
	in.Config.Notify = []*config.Notify{{Label: "ops", Webhook: s.URL, Kinds: config.DefaultKinds}}
	m, err := PlanRollback(t.Context(), in, "latest", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Carry(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	moved := 0
	for _, x := range h.told {
		if x.Run != m.Run || x.Time.IsZero() {
			t.Errorf("whose, and when: %+v", x)
		}
		if strings.HasPrefix(x.Text, "moved /golden/web/latest (") {
			moved++
		}
	}
	if moved != 2 || h.told[len(h.told)-1].Text != record.KindRollback+" of web (run "+m.Run+"): done" {
		t.Errorf("told %+v", h.told)
	}
}

// Units say what they do and nothing of the run; whoever is told has nothing else to go
// by.
func TestEveryMessageSaysWhoseItIsAndWhen(t *testing.T) {
	in := channels(t)
	h := &hook{}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	in.Config.Notify = []*config.Notify{{Label: "ops", Webhook: s.URL, Kinds: config.DefaultKinds}}
	l, err := listen(in.Config, in.Cloud, event.Discard, "run-1")
	if err != nil {
		t.Fatal(err)
	}
	l.events.Emit(event.Event{Stage: "publish", Unit: "publish", Kind: event.Changed, Text: "moved"})
	l.end()
	if len(h.told) != 1 || h.told[0].Run != "run-1" || !h.told[0].Time.Equal(in.Cloud.Clock.Now()) {
		t.Errorf("told %+v", h.told)
	}
}
