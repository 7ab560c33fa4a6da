package twin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// A rule about a call that nobody can make would wait for ever.
func TestFaultsOfCallsThatThereAreNotAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	w := open(t, small(""))
	for rule, want := range map[string]string{
		`{"service":"nope","latency":"1s"}`:                               `rule 2: service: there is no "nope", but s3, sts`,
		`{"service":"s3","operation":"Gaga","latency":"1s"}`:              `rule 2: operation: s3 has no "Gaga"`,
		`{"service":"s3","operation":"AssumeRole","latency":"1s"}`:        `rule 2: operation: s3 has no "AssumeRole"`,
		`{"operation":"Gaga","latency":"1s"}`:                             `rule 2: operation: no service has "Gaga"`,
		`{"service":"sts","operation":"GetAccessKeyInfo","latency":"1s"}`: "", // not modelled: it can be called
		`{"operation":"AssumeRole","latency":"1s"}`:                       "",
		`{"fails":"copy"}`: "",
	} {
		plan := `[{"latency":"1s"},` + rule + `]`
		var said any
		code := admin(t, w.Client(""), http.MethodPut, "http://127.0.0.1/_twin/faults", plan, &said)
		if got, _ := said.(map[string]any); (code == http.StatusBadRequest) != (want != "") || want != "" && !strings.Contains(fmt.Sprint(got["error"]), want) {
			t.Errorf("%s: %d %v, want %q", rule, code, said, want)
		}
		o := small("")
		var err error
		if o.Faults, err = twin.ParseRules([]byte(plan)); err != nil {
			t.Fatal(err)
		}
		started, err := twin.New(o)
		if err == nil {
			err = started.Close()
		}
		if (err != nil) != (want != "") || want != "" && !strings.Contains(err.Error(), want) {
			t.Errorf("--faults with %s: %v, want %q", rule, err, want)
		}
	}
}

func TestFaultsAreSetOverTheAdminEndpoint(t *testing.T) {
	t.Parallel()
	w := open(t, small(""))
	c := w.Client("")
	const at = "http://127.0.0.1/_twin/faults"
	if code := admin(t, c, http.MethodPost, at, `[{"oops":1}]`, nil); code != http.StatusBadRequest {
		t.Errorf("a bad plan: %d", code)
	}
	if code := admin(t, c, http.MethodPost, at, `[{"operation":"CreateBucket","times":-1,"error":{"code":"SlowDown","status":503}}]`, nil); code != 200 {
		t.Fatal(code)
	}
	cfg := w.Config(region, "test")
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	if err := makeBucket(cfg, "box"); err == nil || !strings.Contains(err.Error(), "SlowDown") {
		t.Errorf("err = %v", err)
	}
	var rules []twin.Rule
	admin(t, c, http.MethodGet, at, "", &rules)
	if len(rules) != 1 || rules[0].Seen != 1 {
		t.Errorf("rules = %+v", rules)
	}
	admin(t, c, http.MethodDelete, at, "", &rules)
	if err := makeBucket(cfg, "box"); err != nil {
		t.Error(err)
	}
}

func TestAStepEndsWithTheClientWhoAskedForIt(t *testing.T) {
	t.Parallel()
	o := small("")
	o.Mode = world.Manual
	w := open(t, o)
	gone, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequestWithContext(gone, http.MethodPost, "http://127.0.0.1/_twin/clock/step?by=876000h", nil)
	r.RemoteAddr = "127.0.0.1:1"
	w.ServeHTTP(httptest.NewRecorder(), r)
	if d := w.World().Clock().Now().Sub(start); d > 24*time.Hour {
		t.Errorf("time has gone %s on for nobody", d)
	}
	var clock struct{ Now time.Time }
	admin(t, w.Client(""), http.MethodPost, "http://127.0.0.1/_twin/clock/step?by=8760h", "", &clock)
	if d := clock.Now.Sub(start); d < 8760*time.Hour {
		t.Errorf("time has gone %s on, not a year", d)
	}
}

func TestTheClockIsSteppedHeldAndAskedOverTheAdminEndpoint(t *testing.T) {
	t.Parallel()
	o := small("")
	o.Mode = world.Manual
	w := open(t, o)
	c := w.Client("")
	const at = "http://127.0.0.1/_twin/"
	var clock struct {
		Twin  bool
		Now   time.Time
		Mode  string
		Due   bool
		Holds []string
	}
	admin(t, c, http.MethodPost, at+"clock/step?by=90s", "", &clock)
	if !clock.Twin || !clock.Now.Equal(start.Add(90*time.Second)) || clock.Mode != "manual" {
		t.Errorf("clock = %+v", clock)
	}
	admin(t, c, http.MethodPost, at+"clock/step?to=2026-03-01T13:00:00Z", "", &clock)
	if !clock.Now.Equal(start.Add(time.Hour)) {
		t.Errorf("clock = %+v", clock)
	}
	admin(t, c, http.MethodPut, at+"clock?mode=rate%3D3600", "", &clock)
	if clock.Mode != "rate" || clock.Now.Sub(start) < time.Hour {
		t.Errorf("clock = %+v", clock)
	}
	for _, bad := range []string{"", "fast", "rate", "rate%3D0", "rate%3DNaN", "auto%3D1"} {
		if code := admin(t, c, http.MethodPut, at+"clock?mode="+bad, "", nil); code != http.StatusBadRequest {
			t.Errorf("mode %q: %d", bad, code)
		}
	}
	admin(t, c, http.MethodPut, at+"clock?mode=manual", "", &clock)
	if clock.Mode != "manual" {
		t.Errorf("clock = %+v", clock)
	}
	admin(t, c, http.MethodPost, at+"clock/sleep?client=a&until=2026-03-01T12:30:00Z", "", &clock)
	if !clock.Due {
		t.Error("a past time is due at once")
	}
	var hold struct {
		ID       int
		Released bool
	}
	admin(t, c, http.MethodPost, at+"hold?reason=packer&for=1m", "", &hold)
	admin(t, c, http.MethodGet, at+"clock", "", &clock)
	if len(clock.Holds) != 1 || clock.Holds[0] != "packer" {
		t.Errorf("holds = %v", clock.Holds)
	}
	for _, want := range []bool{true, false} {
		admin(t, c, http.MethodPost, fmt.Sprintf("%srelease?id=%d", at, hold.ID), "", &hold)
		if hold.Released != want {
			t.Errorf("released = %v, want %v", hold.Released, want)
		}
	}
	for _, bad := range []string{"clock/step", "clock/step?by=-1s", "clock/step?to=9999-01-01T00:00:00Z", "clock/sleep?client=a&until=9999-01-01T00:00:00Z", "clock/sleep?client=a", "clock/sleep?until=2026-03-01T12:30:00Z", "hold?for=x", "hold?for=99h", "release"} {
		if code := admin(t, c, http.MethodPost, at+bad, "", nil); code != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, code)
		}
	}
	if code := admin(t, c, http.MethodGet, at+"nothing", "", nil); code != http.StatusNotFound {
		t.Errorf("an unknown path: %d", code)
	}
}

func TestTheAdminEndpointAnswersThisMachineOnly(t *testing.T) {
	t.Parallel()
	w := open(t, small(""))
	for name, change := range map[string]func(r *http.Request){
		"another machine": func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1234" },
		"a web page":      func(r *http.Request) { r.RemoteAddr = "127.0.0.1:1"; r.Header.Set("Origin", "http://evil") },
		"a name that a web page has pointed here": func(r *http.Request) { r.RemoteAddr, r.Host = "127.0.0.1:1", "evil.example:80" },
	} {
		req, _ := http.NewRequest(http.MethodPost, "http://127.0.0.1/_twin/stop", nil)
		change(req)
		rec := &recorder{header: http.Header{}}
		w.ServeHTTP(rec, req)
		if rec.status != http.StatusForbidden {
			t.Errorf("%s: %d", name, rec.status)
		}
	}
	select {
	case <-w.Stopped():
		t.Error("stopped")
	default:
	}
}

type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }

func (r *recorder) WriteHeader(status int) { r.status = status }
