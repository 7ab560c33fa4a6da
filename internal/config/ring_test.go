package config

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// gated is the whole configuration with every block about gates.
var gated = strings.Replace(whole, `rings         = ["dev", "prod"]`, `rings         = ["dev", "prod"]

  ring "prod" {
    soak         = "1h"
    alarms       = ["web-5xx", "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:web-latency"]
    approval     = "change board"
    concurrency  = 20
    per_region   = 2
    max_failures = 1
    drift_sample = true

    window {
      schedule    = "cron(0 22 ? * TUE#2 *)"
      offset_days = 2
      duration    = "6h"
      timezone    = "Europe/Berlin"
    }

    health_check "home" {
      http   = "https://web.example.com/health"
      status = 204
    }

    health_check "targets" {
      target_group = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/web/0123456789abcdef"
      healthy      = "90%"
      timeout      = "5s"
    }

    health_check "orders" {
      command  = ["./orders.sh", "--probe"]
      every    = "1m"
      failures = 2
    }
  }`, 1) + `
freeze "year end" {
  from = "2026-12-20T00:00:00+01:00"
  to   = "2027-01-03T00:00:00Z"
}

notify "ops" {
  sns   = "arn:aws:sns:eu-west-1:111122223333:ops"
  kinds = ["failed", "warned"]
}

notify "chat" {
  webhook    = "https://chat.example.com/hook"
  secret_env = "HOOK_SECRET"
}

notify "bus" {
  event_bus = "default"
}
`

func TestRing_freeze_and_notify_are_read(t *testing.T) {
	c, err := Parse("rehydrate.hcl", []byte(gated))
	if err != nil {
		t.Fatal(err)
	}
	i := c.Images[0]
	r := i.Ring("prod")
	if r.Soak != time.Hour || len(r.Alarms) != 2 || r.Approval != "change board" || r.Concurrency != 20 || r.PerRegion != 2 || r.MaxFailures != 1 || !r.DriftSample || r.DriftFails {
		t.Errorf("ring %+v", r)
	}
	if w := r.Windows[0]; w.String() != "2 days after cron(0 22 ? * TUE#2 *) for 6h0m0s in Europe/Berlin" {
		t.Errorf("window %s", w)
	}
	home, targets, orders := r.Checks[0], r.Checks[1], r.Checks[2]
	if home.HTTP == "" || home.Status != 204 || home.Timeout != 10*time.Second || home.Every != 30*time.Second || home.Failures != 3 {
		t.Errorf("home %+v", home)
	}
	if targets.Healthy != 90 || targets.Timeout != 5*time.Second || orders.Command[1] != "--probe" || orders.Every != time.Minute || orders.Failures != 2 {
		t.Errorf("targets %+v, orders %+v", targets, orders)
	}
	if dev := i.Ring("dev"); dev.Name != "dev" || dev.Approval != "" || dev.Windows != nil {
		t.Errorf("a ring without a block: %+v", dev)
	}
	cal := c.Calendar(i, "prod")
	if len(cal.Windows) != 1 || len(cal.Freezes) != 1 || !cal.Freezes[0].From.Equal(time.Date(2026, 12, 19, 23, 0, 0, 0, time.UTC)) {
		t.Errorf("calendar %+v", cal)
	}
	if n := c.Notify; len(n) != 3 || n[0].SNS == "" || len(n[0].Kinds) != 2 || n[1].SecretEnv != "HOOK_SECRET" || !slices.Equal(n[1].Kinds, DefaultKinds) || n[2].EventBus != "default" {
		t.Errorf("notify %+v", n)
	}
}

// A run is refused when its image line has changed since; one whose configuration has
// no ring block must not be.
func TestRing_blocks_are_part_of_what_a_run_is_of(t *testing.T) {
	c, err := Parse("rehydrate.hcl", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	g, err := Parse("rehydrate.hcl", []byte(gated))
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := json.Marshal(c.Images[0])
	with, _ := json.Marshal(g.Images[0])
	if strings.Contains(string(plain), "RingBlocks") || !strings.Contains(string(with), `"opens":"cron(0 22 ? * TUE#2 *)"`) {
		t.Errorf("without %s\nwith %s", plain, with)
	}
}

func TestRing_freeze_and_notify_refuse_with_the_place(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		want     []string
	}{
		"an unknown ring":           {`ring "prod" {`, `ring "prd" {`, []string{"rehydrate.hcl line", "Unknown ring", `Did you mean "prod"`}},
		"a ring twice":              {`ring "prod" {`, "ring \"prod\" {}\n  ring \"prod\" {", []string{"Duplicate ring"}},
		"a soak in words":           {`"1h"`, `"an hour"`, []string{"soak", `"30m"`}},
		"a soak of a month":         {`"1h"`, `"800h"`, []string{"Duration too long"}},
		"a soak below zero":         {`"1h"`, `"-1h"`, []string{"Wrong duration"}},
		"an empty approval":         {`"change board"`, `" "`, []string{"Wrong approval"}},
		"no groups at a time":       {"concurrency  = 20", "concurrency  = 0", []string{"concurrency is 0", "1 to 10000"}},
		"failures below zero":       {"max_failures = 1", "max_failures = -1", []string{"max_failures is -1"}},
		"an alarm's wrong ARN":      {":alarm:web-latency", ":metric:web-latency", []string{"Wrong alarm"}},
		"an alarm twice":            {`"web-5xx",`, `"web-5xx", "web-5xx",`, []string{"named twice"}},
		"drift without a sample":    {"drift_sample = true", "drift_fails = true", []string{"drift_sample"}},
		"a wrong schedule":          {"TUE#2", "TUE#6", []string{"Wrong schedule", "1 to 5", "line"}},
		"a window by rate":          {`"cron(0 22 ? * TUE#2 *)"`, `"rate(1 day)"`, []string{"Wrong window", "cron(...) or at(...)"}},
		"a window every minute":     {"cron(0 22", "cron(* 22", []string{"name one minute"}},
		"a window without length":   {`"6h"`, `"0s"`, []string{"Wrong window", "10m"}},
		"an unknown zone":           {"Europe/Berlin", "Europe/Bern", []string{"Unknown time zone", "Europe/Bern"}},
		"the machine's own zone":    {"Europe/Berlin", "Local", []string{"Local"}},
		"an offset of weeks":        {"offset_days = 2", "offset_days = 14", []string{"0 to 6"}},
		"a check of two things":     {"status = 204", `command = ["true"]`, []string{"exactly one of http, command and target_group"}},
		"a check of nothing":        {`command  = ["./orders.sh", "--probe"]`, "", []string{"exactly one of"}},
		"a check twice":             {`health_check "targets"`, `health_check "home"`, []string{"Duplicate health check"}},
		"a password in an address":  {"https://web.", "https://u:p@web.", []string{"Password in an address"}},
		"an address of a file":      {"https://web.example.com/health", "file:///etc/passwd", []string{"Wrong address"}},
		"a status of no kind":       {"status = 204", "status = 999", []string{"100 to 599"}},
		"a percentage of a command": {"every    = \"1m\"", `healthy = "50%"`, []string{"healthy with target_group"}},
		"a look each second":        {`"1m"`, `"1s"`, []string{"too often"}},
		"a wrong target group":      {"targetgroup/web/0123456789abcdef", "loadbalancer/web", []string{"Wrong target group"}},
		"a freeze backwards":        {"2027-01-03", "2025-01-03", []string{"ends before it begins"}},
		"a freeze for good":         {"2027-01-03", "2127-01-03", []string{"longer than a year"}},
		"a freeze without a zone":   {"2027-01-03T00:00:00Z", "2027-01-03", []string{"Wrong time", "2026-12-20T00:00:00Z"}},
		"a freeze twice":            {`notify "bus"`, "freeze \"year end\" {\n  from = \"x\"\n  to = \"y\"\n}\nnotify \"bus\"", []string{"Duplicate freeze"}},
		"a topic that is none":      {"arn:aws:sns:eu-west-1:111122223333:ops", "ops", []string{"Wrong topic"}},
		"an unknown kind":           {`"warned"]`, `"warnt"]`, []string{"Unknown kind", `"warned"`}},
		"output of tools":           {`"warned"]`, `"output"]`, []string{"Unknown kind"}},
		"nobody to notify":          {`event_bus = "default"`, "", []string{"Notify whom"}},
		"two to notify":             {`event_bus = "default"`, "event_bus = \"default\"\n  webhook = \"https://x.example.com\"", []string{"exactly one of sns, event_bus and webhook"}},
		"a secret for a topic":      {`event_bus = "default"`, "event_bus = \"default\"\n  secret_env = \"X\"", []string{"webhook only"}},
		"two secrets":               {`secret_env = "HOOK_SECRET"`, "secret_env = \"HOOK_SECRET\"\n  secret_file = \"x\"", []string{"Two secrets"}},
	} {
		text := strings.Replace(gated, c.old, c.new, 1)
		if text == gated {
			t.Fatalf("%s: %q is not in the configuration", name, c.old)
		}
		_, err := Parse("rehydrate.hcl", []byte(text))
		if fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: got %v, want a usage error", name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q is not in:\n%v", name, w, err)
			}
		}
	}
}
