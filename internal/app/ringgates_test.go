package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/schedule"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/gate"
	"github.com/goldenami/rehydrate/rollout/gate/probe"
)

var _ rollout.Gates = ringGates{}

func gatesOf(t *testing.T, r config.Ring, freezes ...schedule.Freeze) ringGates {
	t.Helper()
	cells, _ := someCells(t)
	r.Name = "prod"
	i := &config.Image{Label: "web", Rings: []string{"prod"}, RingBlocks: []*config.Ring{&r}}
	return newRingGates(Request{Config: &config.Config{File: filepath.Join("etc", "rehydrate.hcl"), Freezes: freezes}, Image: i, Cloud: cells.home}, cells)
}

func TestRingGates_stand_only_where_the_configuration_puts_them(t *testing.T) {
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		ring          config.Ring
		plan          time.Duration // the soak of the plan
		freezes       []schedule.Freeze
		before, after bool
	}{
		"nothing":             {},
		"an approval":         {ring: config.Ring{Approval: "the board"}, before: true},
		"a freeze":            {freezes: []schedule.Freeze{{Name: "x", From: now, To: now.Add(time.Hour)}}, before: true},
		"alarms":              {ring: config.Ring{Alarms: []string{"x"}}, before: true, after: true},
		"a soak":              {ring: config.Ring{Soak: time.Hour}, after: true},
		"a soak of its fleet": {plan: time.Hour, after: true},
		"a check":             {ring: config.Ring{Checks: []config.HealthCheck{{Name: "home", HTTP: "http://127.0.0.1"}}}, after: true},
	} {
		g, p := gatesOf(t, c.ring, c.freezes...), rollout.RingPlan{Name: "prod", Soak: c.plan}
		if b, a := g.Before(p) != nil, g.After(p, now) != nil; b != c.before || a != c.after {
			t.Errorf("%s: before %v, after %v", name, b, a)
		}
	}
}

func TestRingGates_take_over_what_the_ring_says(t *testing.T) {
	g := gatesOf(t, config.Ring{Soak: time.Hour, Alarms: []string{"x"}, Checks: []config.HealthCheck{
		{Name: "home", HTTP: "http://127.0.0.1", Status: 204, Timeout: time.Second, Every: time.Minute, Failures: 2},
		{Name: "targets", TargetGroup: "arn", Healthy: 90, Timeout: time.Second},
		{Name: "orders", Command: []string{"./orders.sh"}, Timeout: time.Second},
	}})
	x := g.planned(rollout.RingPlan{Name: "prod", Soak: 2 * time.Hour, Groups: []rollout.GroupPlan{
		{}, {}, {Cell: rollout.Cell{Account: prod, Region: "eu-west-1"}}, {Cell: g.cells.Home()}}})
	if x.Soak != 2*time.Hour || len(x.Cells) != 2 || x.Cells[0] != gate.Cell(g.cells.Home()) || x.Cells[1].Account != prod {
		t.Errorf("%+v", x)
	}
	if c := x.Checks[0]; c.Every != time.Minute || c.Failures != 2 || c.Probe != (probe.HTTP{URL: "http://127.0.0.1", Status: 204, Timeout: time.Second}) {
		t.Errorf("%+v", c)
	}
	if p, ok := x.Checks[1].Probe.(probe.Targets); !ok || p.Healthy != 90 || p.ARN != "arn" {
		t.Errorf("%+v", x.Checks[1])
	}
	if p, ok := x.Checks[2].Probe.(probe.Command); !ok || p.Dir != "etc" || strings.Join(p.Env, " ") != "REHYDRATE_RING=prod REHYDRATE_IMAGE_LINE=web" {
		t.Errorf("%+v", x.Checks[2])
	}
}

func TestRingGates_open_and_close_with_the_calendar(t *testing.T) {
	from := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	opens, err := schedule.Parse("at(2026-01-01T20:00:00)")
	if err != nil {
		t.Fatal(err)
	}
	g := gatesOf(t, config.Ring{Windows: []schedule.Window{{Opens: opens, Duration: 8 * time.Hour}}}, schedule.Freeze{Name: "x", From: from, To: from.Add(time.Hour)})
	for at, want := range map[time.Duration]time.Time{
		-5 * time.Hour:   from.Add(-4 * time.Hour),
		-time.Hour:       from.Add(-time.Hour),
		30 * time.Minute: from.Add(time.Hour),
		2 * time.Hour:    from.Add(2 * time.Hour),
		4 * time.Hour:    {},
	} {
		if got := g.Opens(rollout.RingPlan{Name: "prod"}, from.Add(at)); !got.Equal(want) {
			t.Errorf("%s after midnight: opens %s, want %s", at, got, want)
		}
	}
}

func TestRingGates_halt_on_everything_but_pass_and_rollback(t *testing.T) {
	for state, want := range map[string]string{
		`{"verdict":"pass"}`: rollout.Pass, `{"verdict":"rollback"}`: rollout.Back, `{"verdict":"unknown"}`: rollout.Halt,
		`{"verdict":"refused"}`: rollout.Halt, `{"verdict":"closed"}`: rollout.Halt, `{}`: rollout.Halt, `x`: rollout.Halt,
	} {
		if v, err := (ringGates{}).Verdict(json.RawMessage(state)); err != nil || v.Outcome != want {
			t.Errorf("%s: %+v, %v", state, v, err)
		}
	}
}

func TestNotifyTargets_need_their_secret(t *testing.T) {
	cells, _ := someCells(t)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("open-sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOOK_SECRET", "open-sesame")
	for name, c := range map[string]struct {
		n    config.Notify
		want string
	}{
		"in a variable":       {config.Notify{Webhook: "https://x", SecretEnv: "HOOK_SECRET"}, ""},
		"in a file":           {config.Notify{Webhook: "https://x", SecretFile: file}, ""},
		"no secret":           {config.Notify{Webhook: "https://x"}, ""},
		"a topic":             {config.Notify{SNS: "arn:aws:sns:us-east-1:111122223333:ops"}, ""},
		"a bus":               {config.Notify{EventBus: "default"}, ""},
		"a variable not set":  {config.Notify{Webhook: "https://x", SecretEnv: "HOOK_NONE"}, "HOOK_NONE is not set"},
		"a file that is gone": {config.Notify{Webhook: "https://x", SecretFile: file + "x"}, "no such file"},
		"a file with nothing": {config.Notify{Webhook: "https://x", SecretFile: empty}, "0 bytes"},
	} {
		c.n.Label, c.n.Kinds = "ops", config.DefaultKinds
		got, err := notifyTargets(&config.Config{Notify: []*config.Notify{&c.n}}, cells.home)
		switch {
		case c.want == "" && (err != nil || len(got) != 1 || got[0].Sender == nil):
			t.Errorf("%s: %+v, %v", name, got, err)
		case c.want != "" && (fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "sesame")):
			t.Errorf("%s: %v", name, err)
		}
	}
}
