package probe

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/gate"
)

func TestHTTPIsGoodWithAGoodStatusOnly(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/no":
			w.WriteHeader(503)
		case "/moved":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/slow":
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		case "/endless":
			for r.Context().Err() == nil {
				_, _ = w.Write(make([]byte, 1<<10))
			}
		}
	}))
	defer s.Close()
	defer close(hang)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	// Only what does not end by itself gets a short limit: the others may be slow.
	const short, long = 200 * time.Millisecond, 2 * time.Minute
	for name, c := range map[string]struct {
		url    string
		status int
		limit  time.Duration
		want   gate.Health
		text   string
	}{
		"200":                     {s.URL + "/?token=hunter2", 0, long, gate.Good, "answered 200"},
		"200 where 204 is wanted": {s.URL + "/?token=hunter2", 204, long, gate.Bad, "answered 200"},
		"503":                     {s.URL + "/no?token=hunter2", 0, long, gate.Bad, "answered 503"},
		"503 wanted":              {s.URL + "/no", 503, long, gate.Good, "answered 503"},
		"a redirect":              {s.URL + "/moved", 0, long, gate.Bad, "answered 302"},
		"no answer in time":       {s.URL + "/slow?token=hunter2", 0, short, gate.Bad, "no answer within 200ms"},
		"an endless answer":       {s.URL + "/endless", 0, long, gate.Good, "answered 200"},
		"nobody there":            {"http://" + closed.Addr().String() + "/?token=hunter2", 0, long, gate.Bad, "no answer: dial tcp"},
		"no address":              {"http://%zz/?token=hunter2", 0, long, gate.Hidden, "cannot be read"},
	} {
		got, text := HTTP{URL: c.url, Status: c.status, Timeout: c.limit}.Look(t.Context())
		if got != c.want || !strings.Contains(text, c.text) || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %s, %s; want %s, %s", name, got, text, c.want, c.text)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, _ := (HTTP{URL: s.URL, Timeout: time.Second}).Look(ctx); got != gate.Hidden {
		t.Errorf("interrupted: %s", got)
	}
}

type groups struct {
	states map[string]int
	err    error
	cell   gate.Cell
}

func (g *groups) Health(_ context.Context, c gate.Cell, _ string) (map[string]int, error) {
	g.cell = c
	return g.states, g.err
}

func TestTargetsCountThoseThatAreToStay(t *testing.T) {
	const arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/web/0123456789abcdef"
	for name, c := range map[string]struct {
		g    groups
		want gate.Health
		text string
	}{
		"all":                {groups{states: map[string]int{"healthy": 10}}, gate.Good, "10 of 10"},
		"just enough":        {groups{states: map[string]int{"healthy": 9, "initial": 1}}, gate.Good, "9 of 10"},
		"one too few":        {groups{states: map[string]int{"healthy": 8, "unhealthy": 1, "initial": 1}}, gate.Bad, "8 of 10 targets are healthy, 90 % are wanted (8 healthy, 1 initial, 1 unhealthy)"},
		"those that drain":   {groups{states: map[string]int{"healthy": 9, "draining": 9}}, gate.Good, "9 of 9"},
		"only such":          {groups{states: map[string]int{"draining": 9}}, gate.Bad, "no targets"},
		"nobody":             {groups{}, gate.Bad, "no targets"},
		"a state of its own": {groups{states: map[string]int{"healthy": 1, "unknown": 1}}, gate.Bad, "1 of 2"},
		"throttled":          {groups{err: fault.New(fault.Throttled, "", "Rate exceeded")}, gate.Hidden, "Rate exceeded"},
	} {
		got, text := Targets{Groups: &c.g, ARN: arn, Healthy: 90, Timeout: time.Second}.Look(t.Context())
		if got != c.want || !strings.Contains(text, c.text) || c.g.cell != (gate.Cell{Account: "111122223333", Region: "eu-west-1"}) {
			t.Errorf("%s: %s, %s in %s; want %s, %s", name, got, text, c.g.cell, c.want, c.text)
		}
	}
}

func TestTargetsThatDoNotExistAreToldFromThoseThatCannotBeRead(t *testing.T) {
	gone := Targets{Groups: &groups{err: fault.New(fault.NotFound, "", "TargetGroupNotFound")}, ARN: "x", Timeout: time.Second}
	if missing, err := gone.Exists(t.Context()); missing != "there is no target group x" || err != nil {
		t.Errorf("%q, %v", missing, err)
	}
	cut := Targets{Groups: &groups{err: errors.New("denied")}, ARN: "x", Timeout: time.Second}
	if missing, err := cut.Exists(t.Context()); missing != "" || err == nil {
		t.Errorf("%q, %v", missing, err)
	}
}
