package app

import (
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/rehearse"
	"github.com/goldenami/rehydrate/internal/schedule"
	"github.com/goldenami/rehydrate/rollout"
)

var _ rollout.Gates = rehearsedGates{}

// rehearsalWithGates is the example's rehearsal, begun on a Monday, with gates around the ring prod.
func rehearsalWithGates(t *testing.T) RehearseRequest {
	t.Helper()
	in := rehearsal(t)
	in.Start = time.Date(2030, 1, 7, 9, 0, 0, 0, time.UTC)
	in.Line.RingBlocks = []*config.Ring{{Name: "dev", Soak: 10 * time.Minute}, {Name: "prod", Soak: time.Hour, Approval: "board", Concurrency: 1,
		Alarms: []string{"web-5xx", "arn:aws:cloudwatch:us-east-1:444455556666:alarm:far"},
		Checks: []config.HealthCheck{{Name: "home", Command: []string{"/bin/false"}, Every: time.Minute, Failures: 3}}}}
	return in
}

func waitsOf(r *rehearse.Report) (out []string) {
	for _, w := range r.Waits {
		out = append(out, w.Ring+" "+w.For+" "+(time.Duration(w.To-w.From)*time.Second).String())
	}
	return out
}

func TestRehearse_waits_for_what_a_run_waits_for(t *testing.T) {
	in := rehearsalWithGates(t)
	in.ApproveAfter = 3 * time.Hour
	e, err := schedule.Parse("cron(0 22 ? * TUE *)")
	if err != nil {
		t.Fatal(err)
	}
	in.Line.RingBlocks[1].Windows = []schedule.Window{{Opens: e, Duration: 4 * time.Hour}}
	in.Config.Freezes = []schedule.Freeze{{Name: "stock", From: in.Start.Add(24 * time.Hour), To: in.Start.Add(48 * time.Hour)}}
	r, err := Rehearse(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	// Tuesday's window lies in the freeze until nine on Wednesday; so it is the next one's.
	prod := r.Rings[1]
	begins := r.Began.Add(time.Duration(prod.From) * time.Second)
	if want := time.Date(2030, 1, 15, 22, 0, 0, 0, time.UTC); r.Outcome != rollout.Done || begins.Before(want) || begins.After(want.Add(time.Minute)) {
		t.Errorf("%s %s; prod begins at %s", r.Outcome, r.Message, begins)
	}
	got := strings.Join(waitsOf(r), "; ")
	if !strings.HasPrefix(got, "dev soak 10m0s; prod approval 3h0m0s; prod window 20") || !strings.HasSuffix(got, "prod soak 1h0m0s") {
		t.Errorf("waits: %s", got)
	}
	if r.Seconds < prod.To+3600 {
		t.Errorf("the last ring did not soak: %g s, prod until %g", r.Seconds, prod.To)
	}
}

func TestRehearse_ends_as_gates_would_end_the_run(t *testing.T) {
	for name, c := range map[string]struct {
		presets []string
		outcome string
		onNew   int // instances of prod at the end
		says    string
	}{
		"refused":              {[]string{"refuse=prod"}, rehearse.GateSaysNo, 0, "refused by the rehearsal"},
		"an alarm before":      {[]string{"alarm=web-5xx@20"}, rehearse.GateSaysNo, 0, "does not begin under an alarm"},
		"an alarm in the roll": {[]string{"alarm=web-5xx@60"}, rollout.RolledBack, 0, "web-5xx"},
		"an alarm in the soak": {[]string{"alarm=far@100"}, rollout.RolledBack, 0, "far"},
		"a check that fails":   {[]string{"check=home"}, rollout.RolledBack, 0, "check home was bad 3 times in a row"},
		"nothing goes wrong":   {nil, rollout.Done, 6, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := rehearsalWithGates(t)
			in.Presets = c.presets
			r, err := Rehearse(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			points := r.Rings[1].Points
			if last := points[len(points)-1]; r.Outcome != c.outcome || last.OnNew != c.onNew || !strings.Contains(r.Message, c.says) || last.InService != 6 {
				t.Errorf("%s with %+v: %s", r.Outcome, last, r.Message)
			}
			if c.outcome == rehearse.GateSaysNo && r.Rings[1].Moved {
				t.Error("the ring moved")
			}
		})
	}
}
