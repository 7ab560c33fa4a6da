package rehearse

import (
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
)

func TestPresetsAreReadAndSaidInWords(t *testing.T) {
	for text, want := range map[string]string{
		"capacity":             "no capacity for any instance from 5m into the roll, for 30m",
		"capacity=m5.large":    "no capacity for m5.large from 5m into the roll, for 30m",
		"health=web-1":         "new instances of web-1 fail their health checks",
		"alarm":                "alarm  fires when 40 % of all instances are replaced",
		"alarm=errors@25":      "alarm errors fires when 25 % of all instances are replaced",
		"alarm=errors@25%":     "alarm errors fires when 25 % of all instances are replaced",
		"alarm=errors":         "alarm errors fires when 40 % of all instances are replaced",
		"zone=eu-west-1a":      "zone eu-west-1a is lost from 5m into the roll, for 30m",
		"throttle":             "calls are throttled by token buckets as EC2 and Auto Scaling have them",
		"flood":                "",
		"":                     "",
		"health":               "",
		"zone":                 "",
		"capacity=":            "",
		"throttle=x":           "",
		"alarm=errors@many":    "",
		"alarm=errors@101":     "",
		"alarm=errors@-1":      "",
		"health=web-1,health2": "new instances of web-1,health2 fail their health checks",
	} {
		p, err := ParsePreset(text)
		switch {
		case want == "" && (fault.KindOf(err) != fault.Usage || fault.HintOf(err) == ""):
			t.Errorf("%q: %+v, %v", text, p, err)
		case want != "" && (err != nil || p.String() != want):
			t.Errorf("%q says %q, %v", text, p, err)
		}
	}
}

func FuzzParsePreset(f *testing.F) {
	for _, p := range Presets {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := ParsePreset(text); err == nil && (p.Percent < 0 || p.Percent > 100 || p.String() == "") {
			t.Errorf("%q is %+v", text, p)
		}
	})
}

func TestTheRulesOfPresetsAreSuchAsTheTwinTakes(t *testing.T) {
	all := rules([]Preset{{Kind: "capacity"}, {Kind: "capacity", What: "m5.large"}, {Kind: "zone", What: "eu-west-1a"}, {Kind: "throttle"}, {Kind: "health", What: "x"}}, time.Now())
	text, err := marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	back, err := twin.ParseRules(text)
	if err != nil || len(back) != len(all) || len(back) < 5 {
		t.Errorf("%d rules of %d, %v", len(back), len(all), err)
	}
	if text, err := marshal(nil); err != nil || string(text) != "[]" {
		t.Errorf("%s, %v", text, err)
	}
}

func TestPresetsAboutWhatIsNotThereAreRefused(t *testing.T) {
	in := web()
	in.Fleets[0].Refresh.Alarms = []string{"errors", "latency"}
	c, err := copyOf(small(), in, "")
	if err != nil {
		t.Fatal(err)
	}
	fine := []Preset{{Kind: "alarm"}, {Kind: "alarm", What: "latency"}, {Kind: "health", What: "web-2"}}
	if err := c.check(fine); err != nil || fine[0].What != "errors" {
		t.Errorf("%+v, %v", fine, err)
	}
	for _, p := range []Preset{{Kind: "alarm", What: "other"}, {Kind: "health", What: "other"}} {
		if err := c.check([]Preset{p}); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "other") {
			t.Errorf("%+v: %v", p, err)
		}
	}
	c.input.Fleets[0].Refresh.Alarms = nil
	if err := c.check([]Preset{{Kind: "alarm"}}); fault.KindOf(err) != fault.Usage {
		t.Errorf("no alarm: %v", err)
	}
}

func TestAFaultPlanThatIsWrongIsAUsageError(t *testing.T) {
	if _, err := ParseFaults([]byte(`[{"fails":"flood"}]`)); fault.KindOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
	if rules, err := ParseFaults([]byte(`[{"fails":"capacity"}]`)); err != nil || len(rules) != 1 {
		t.Errorf("%v, %v", rules, err)
	}
}
