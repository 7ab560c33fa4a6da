package imagelife

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/notify"
)

// hook is a webhook, and what it was told.
func hook(t *testing.T) (target *config.Notify, told func() []notify.Message) {
	t.Helper()
	all := make(chan notify.Message, 256)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m notify.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			m.Text = err.Error()
		}
		all <- m
	}))
	t.Cleanup(s.Close)
	return &config.Notify{Label: "ops", Webhook: s.URL, Kinds: config.DefaultKinds}, func() (out []notify.Message) {
		for len(all) > 0 {
			out = append(out, <-all)
		}
		return out
	}
}

// checkTold looks whether a change was told, and the end last.
func checkTold(t *testing.T, all []notify.Message, change, end, outcome string) {
	t.Helper()
	changed := false
	for _, m := range all {
		changed = changed || m.Kind == "changed" && strings.Contains(m.Text, change)
		if m.Run == "" || m.Run != all[0].Run || m.Time.IsZero() {
			t.Errorf("whose, and when: %+v", m)
		}
	}
	if !changed || all[len(all)-1].Text != end+" (run "+all[0].Run+"): "+outcome {
		t.Errorf("told %+v", all)
	}
}

func TestWhoListensIsToldOfARevocation(t *testing.T) {
	a, _ := three(t)
	target, told := hook(t)
	a.cfg.Notify = []*config.Notify{target}
	if _, _, err := a.revoke(3, func(r *app.RevokeRequest) { r.Force = true }); err != nil {
		t.Fatal(err)
	}
	checkTold(t, told(), "disabled "+id(3), "revocation of "+id(3), "done")
}

func TestWhoListensIsToldOfARetirement(t *testing.T) {
	a := five(t)
	target, told := hook(t)
	a.cfg.Notify = []*config.Notify{target}
	if _, _, err := a.retire(nil); err != nil {
		t.Fatal(err)
	}
	checkTold(t, told(), id(1), "retirement of images of web", "done")
}

func TestARevocationGoesOnWhereNobodyCanBeTold(t *testing.T) {
	a, _ := three(t)
	a.cfg.Notify = []*config.Notify{{Label: "ops", Webhook: "https://127.0.0.1:1", SecretEnv: "REHYDRATE_TEST_NO_SECRET", Kinds: config.DefaultKinds}}
	var said []string
	_, _, err := a.revoke(3, func(r *app.RevokeRequest) {
		r.Force = true
		r.Events = event.Func(func(e event.Event) {
			if e.Kind == event.Warned {
				said = append(said, e.Text)
			}
		})
	})
	if err != nil || a.state(3) != "disabled" || len(said) == 0 || !strings.Contains(said[0], "nobody is told: ") || !strings.Contains(said[0], "REHYDRATE_TEST_NO_SECRET") {
		t.Errorf("%v, the image is %s, said %q", err, a.state(3), said)
	}
}
