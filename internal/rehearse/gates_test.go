package rehearse

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/fault"
)

func TestWaitsForOneThingThatFollowEachOtherAreOne(t *testing.T) {
	at := func(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }
	var w Waits
	w.Add(Waiting{Ring: "dev", For: ForSoak, From: at(0), To: at(1)})
	w.Add(Waiting{Ring: "dev", For: ForSoak, From: at(1), To: at(9)})
	w.End("dev", ForSoak, at(5))
	w.Add(Waiting{Ring: "prod", For: ForApproval, From: at(5), To: at(5)})
	w.Add(Waiting{Ring: "prod", For: ForWindow, From: at(6), To: at(60)})
	w.Add(Waiting{Ring: "prod", For: ForWindow, From: at(70), To: at(200)})
	w.End("prod", ForSoak, at(1)) // there is none
	got, err := json.Marshal(w.All(noon, at(100)))
	want := `[{"ring":"dev","for":"soak","from":0,"to":300},{"ring":"prod","for":"approval","from":300,"to":300},` +
		`{"ring":"prod","for":"window","from":360,"to":3600},{"ring":"prod","for":"window","from":4200,"to":6000}]`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	if none := (*Waits)(nil).All(noon, noon); none != nil {
		t.Errorf("%v", none)
	}
}

func TestAWaitIsSaidInWords(t *testing.T) {
	for want, w := range map[string]Wait{
		"prod waits for an approval for 2h: ring prod by board": {Ring: "prod", For: ForApproval, To: 7200, Text: "ring prod by board"},
		"prod waits for an approval, which comes at once":       {Ring: "prod", For: ForApproval},
		"prod waits for its window for 1m":                      {Ring: "prod", For: ForWindow, From: 60, To: 120},
		"dev soaks for 10m":                                     {Ring: "dev", For: ForSoak, To: 600},
		"dev waits for its alarms to be read for 30s":           {Ring: "dev", For: ForAlarms, To: 30},
	} {
		if got := w.words(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestFaultsAboutGatesNameWhatTheConfigurationHas(t *testing.T) {
	c, err := copyOf(small(), web(), "")
	if err != nil {
		t.Fatal(err)
	}
	ring := c.input.Rings[0].Name
	c.gates = map[string]Gates{ring: {Alarms: []string{"arn:aws:cloudwatch:us-east-1:444455556666:alarm:far", "near"}, Checks: []string{"home"}, Approval: "board"}}
	if all := c.alarms(); len(all) != 2 || all[0].cell.Account != "444455556666" || all[0].name != "far" || all[1].cell.Account != "111122223333" {
		t.Errorf("%+v", all)
	}
	fine := []Preset{{Kind: "alarm"}, {Kind: "alarm", What: "near"}, {Kind: "alarm", What: c.gates[ring].Alarms[0]}, {Kind: "check", What: "home"}, {Kind: "refuse", What: ring}}
	if err := c.check(fine); err != nil || fine[0].What != "far" || fine[2].What != "far" {
		t.Errorf("%+v, %v", fine, err)
	}
	for _, p := range []Preset{{Kind: "alarm", What: "other"}, {Kind: "check", What: "other"}, {Kind: "refuse", What: "other"}} {
		if err := c.check([]Preset{p}); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "other") {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestALongWaitIsCutOutOfTheAxisAndTheRestKeepsItsPlace(t *testing.T) {
	const week = 7 * 86400.0
	a := axisOf(week+3600, []Wait{{Ring: "prod", For: ForWindow, From: 1800, To: week + 1800}, {Ring: "dev", For: ForSoak, From: 600, To: 900}}, 0, 1000)
	if len(a.cuts) != 1 || a.x(week+1800)-a.x(1800) != cutWidth || math.Abs(a.x(1800)-477) > 0.1 || math.Abs(a.x(week+3600)-1000) > 0.1 {
		t.Errorf("%+v: %g, %g", a, a.x(1800), a.x(week+1800))
	}
	for _, v := range a.marks() {
		if v > 1800 && v < week+1800 {
			t.Errorf("a mark at %g, in the middle of what is cut", v)
		}
	}
	if a := axisOf(3600, []Wait{{From: 600, To: 1200}}, 0, 1000); len(a.cuts) != 0 {
		t.Errorf("a short wait is cut: %+v", a)
	}
}

func TestAnAxisAscendsWithinItsEdgesWhateverIsWaitedFor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var waits []Wait
		until := rapid.Float64Range(0, 1e8).Draw(rt, "until")
		for range rapid.IntRange(0, 60).Draw(rt, "n") {
			from := rapid.Float64Range(0, until).Draw(rt, "from")
			waits = append(waits, Wait{Ring: "a", For: ForSoak, From: from, To: rapid.Float64Range(from, until).Draw(rt, "to")})
		}
		a, last := axisOf(until, waits, 50, 850), 50.0
		for i := range 200 {
			x := a.x(until * float64(i) / 199)
			if math.IsNaN(x) || x < last-1e-6 || x > 850 {
				rt.Fatalf("%g after %g", x, last)
			}
			last = x
		}
		if n := len(a.marks()); n > 60 {
			rt.Fatalf("%d marks", n)
		}
	})
}

func TestThePageShowsWhatRingsWaitFor(t *testing.T) {
	r := reported()
	r.Seconds = 90000
	r.Waits = []Wait{{Ring: "dev", For: ForSoak, From: 120, To: 180}, {Ring: "<prod>", For: ForWindow, From: 180, To: 89000, Text: "freeze <x>"}}
	var page, table strings.Builder
	if err := writeHTML(&page, r); err != nil {
		t.Fatal(err)
	}
	for want, n := range map[string]int{`class="wait"`: 2, `class="soak"`: 2, `class="cut"`: 3, "&lt;prod&gt; waits for its window for 24h40m20s: freeze &lt;x&gt;": 3, "a long wait, drawn short": 3} {
		if got := strings.Count(page.String(), want); got != n {
			t.Errorf("%s: %d times, not %d", want, got, n)
		}
	}
	if strings.Contains(page.String(), "<prod>") {
		t.Error("a name is not escaped")
	}
	if err := writeText(&table, r); err != nil || !strings.Contains(table.String(), "wait      at 3m <prod> waits for its window for 24h40m20s: freeze <x>") {
		t.Errorf("%v\n%s", err, table.String())
	}
}
