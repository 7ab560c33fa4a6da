package twin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	adminPrefix = "/_twin/"
	// pollLimit is how long a sleeping client is kept before it has to ask again.
	pollLimit = 20 * time.Second
	// settleLimit is how long in all a step of the clock lets machines end their work.
	settleLimit = 10 * time.Second
	// stepPiece is how much of a step of the clock goes by before the client who asked
	// for it is looked for again.
	stepPiece = 6 * time.Hour
	maxAdmin  = 1 << 20 // bytes of a request
)

// lastTime is as far as clients move the clock: a year has four digits on the wire, and
// some things end years after they began.
var lastTime = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

// newAdmin serves the twin's own endpoint:
//
//	GET  health                          who this is
//	GET  clock                           time, mode, what keeps it from jumping, and who is at work
//	PUT  clock?mode=                     auto, real, manual or rate=3600
//	POST clock/sleep?client=&until=      answers when that time has come
//	POST clock/step?by= or ?to=          moves the clock; work under way ends before, within bounds
//	POST hold?reason=[&for=][&while=connected], POST release?id=
//	GET  events?since=[&kind=]           the log after event number since
//	GET  state[?values=true]             ids by table; a table is account/region/kind
//	GET, PUT (or POST), DELETE faults    the fault plan
//	POST stop                            ends the twin
func (t *Twin) newAdmin() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /_twin/health", t.health)
	m.HandleFunc("GET /_twin/clock", t.clock)
	m.HandleFunc("POST /_twin/clock/sleep", t.sleep)
	m.HandleFunc("POST /_twin/clock/step", t.step)
	m.HandleFunc("PUT /_twin/clock", t.setClock)
	m.HandleFunc("POST /_twin/hold", t.hold)
	m.HandleFunc("POST /_twin/release", t.release)
	m.HandleFunc("GET /_twin/events", t.events)
	m.HandleFunc("GET /_twin/state", t.state)
	m.HandleFunc("GET /_twin/faults", func(w http.ResponseWriter, _ *http.Request) { answer(w, t.faults.list()) })
	m.HandleFunc("POST /_twin/faults", t.setFaults)
	m.HandleFunc("PUT /_twin/faults", t.setFaults)
	m.HandleFunc("DELETE /_twin/faults", func(w http.ResponseWriter, _ *http.Request) { t.takeUp(w, []Rule{}) })
	m.HandleFunc("POST /_twin/stop", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"twin": true, "stopping": true})
		t.halt.Do(func() { close(t.stop) })
	})
	for pattern, h := range t.built.Admin {
		m.Handle(pattern, h)
	}
	return guard(m)
}

// guard keeps other machines and web pages away from the admin endpoint.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil || !net.ParseIP(host).IsLoopback() {
			refuse(w, http.StatusForbidden, "the admin endpoint answers this machine only")
			return
		}
		if r.Header.Get("Origin") != "" || !addressed(r.Host) {
			refuse(w, http.StatusForbidden, "the admin endpoint does not answer web pages")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// addressed says that a request names this machine by its address or as localhost. A
// page whose own name has been pointed here sends no Origin, but that name.
func addressed(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "" || host == "localhost" || net.ParseIP(strings.Trim(host, "[]")) != nil
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client has gone; there is nobody to tell
}

func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": fmt.Sprintf(format, args...)})
}

// Health is what a twin says about itself.
type Health struct {
	Twin    bool      `json:"twin"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Dir     string    `json:"dir"`
	Version string    `json:"version,omitempty"`
	// Signed says that only known access keys are answered.
	Signed bool `json:"signed,omitempty"`
}

func (t *Twin) health(w http.ResponseWriter, _ *http.Request) {
	answer(w, Health{Twin: true, PID: os.Getpid(), Started: t.started.UTC(), Dir: t.o.Dir, Version: t.o.Version, Signed: len(t.o.Secrets) > 0})
}

// clockAnswer is the clock's state and what a client needs to know.
type clockAnswer struct {
	Twin bool `json:"twin"`
	Due  bool `json:"due"`
	world.Status
	// AtWork names who would miss the twin; of GET clock only.
	AtWork []string `json:"atWork,omitempty"`
}

func (t *Twin) clock(w http.ResponseWriter, _ *http.Request) {
	answer(w, clockAnswer{Twin: true, Status: t.world.Clock().Status(), AtWork: t.atWork()})
}

func (t *Twin) sleep(w http.ResponseWriter, r *http.Request) {
	client := r.URL.Query().Get("client")
	until, err := time.Parse(time.RFC3339Nano, r.URL.Query().Get("until"))
	if err != nil || client == "" || until.After(lastTime) {
		refuse(w, http.StatusBadRequest, "give client and until, a time such as 2026-03-01T12:00:00Z")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), pollLimit)
	defer cancel()
	defer context.AfterFunc(stopping{t.stop}, cancel)()
	err = t.world.Clock().Sleep(ctx, client, until)
	if r.Context().Err() != nil {
		return
	}
	answer(w, clockAnswer{Twin: true, Due: err == nil, Status: t.world.Clock().Status()})
}

// stopping is a context that ends with the twin.
type stopping struct{ c <-chan struct{} }

func (s stopping) Deadline() (time.Time, bool) { return time.Time{}, false }
func (s stopping) Done() <-chan struct{}       { return s.c }
func (s stopping) Value(any) any               { return nil }
func (s stopping) Err() error {
	select {
	case <-s.c:
		return context.Canceled
	default:
		return nil
	}
}

func (t *Twin) step(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c := t.world.Clock()
	ctx, cancel := context.WithTimeout(r.Context(), settleLimit)
	defer cancel()
	defer context.AfterFunc(stopping{t.stop}, cancel)()
	to, err := time.Parse(time.RFC3339Nano, q.Get("to"))
	if by, bad := time.ParseDuration(q.Get("by")); bad == nil && by >= 0 {
		to, err = c.Now().Add(by), nil
	}
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "give by, such as 90s, or to, such as 2026-03-01T12:00:00Z")
	case to.After(lastTime):
		refuse(w, http.StatusBadRequest, "the twin's time goes to %s", lastTime.Format(time.RFC3339))
	default:
		// In pieces: a step over years, in which something fails every minute, ends with
		// the client who asked for it, and with the twin.
		for now := c.Now(); ; now = c.Now() {
			c.StepSettled(ctx, earlier(to, now.Add(stepPiece)))
			if !c.Now().Before(to) || r.Context().Err() != nil || (stopping{t.stop}).Err() != nil {
				break
			}
		}
		t.clock(w, r)
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// setClock changes how time passes.
func (t *Twin) setClock(w http.ResponseWriter, r *http.Request) {
	m, rate, err := ParseClock(r.URL.Query().Get("mode"))
	if err == nil {
		err = t.world.Clock().SetMode(m, rate)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	t.clock(w, r)
}

func (t *Twin) events(w http.ResponseWriter, r *http.Request) {
	since, err := strconv.Atoi(or(r.URL.Query().Get("since"), "0"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "since is the number of an event")
		return
	}
	kind := r.URL.Query().Get("kind")
	out := []world.Event{}
	for _, e := range t.world.EventsSince(since) {
		if kind == "" || e.Kind == kind {
			out = append(out, e)
		}
	}
	answer(w, out)
}

// state lists the ids of every table but the kernel's own.
func (t *Twin) state(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query().Get("values") == "true"
	ids, rows := map[string][]string{}, map[string]map[string]json.RawMessage{}
	err := t.world.Rows(func(table, key string, v json.RawMessage) error {
		if strings.HasPrefix(table, "-/-/kernel/") || strings.HasPrefix(table, "-/-/twin/") {
			return nil
		}
		ids[table] = append(ids[table], key)
		if values {
			if rows[table] == nil {
				rows[table] = map[string]json.RawMessage{}
			}
			rows[table][key] = v
		}
		return nil
	})
	switch {
	case err != nil:
		refuse(w, http.StatusInternalServerError, "%v", err)
	case values:
		answer(w, rows)
	default:
		answer(w, ids)
	}
}

func (t *Twin) setFaults(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxRules+1))
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	rules, err := ParseRules(text)
	if err != nil {
		err = fmt.Errorf("read fault plan: %w", err)
	}
	if err == nil {
		err = checkNames(t.aws, rules)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	t.takeUp(w, rules)
}

// takeUp makes rules the plan, and answers them.
func (t *Twin) takeUp(w http.ResponseWriter, rules []Rule) {
	if err := t.plan(rules); err != nil {
		refuse(w, http.StatusInternalServerError, "%v", err)
		return
	}
	answer(w, rules)
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
