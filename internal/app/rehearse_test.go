package app

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/rehearse"
	"github.com/goldenami/rehydrate/internal/twin/replica"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
	"github.com/goldenami/rehydrate/rollout"
)

const modelledExample = "../../examples/modelled"

// rehearsal is the modelled example's fleet, with an alarm, as a request.
func rehearsal(t *testing.T) RehearseRequest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(modelledExample, "rehydrate.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(`rollback    = true`), []byte("rollback = true\n    alarms = [\"errors\"]"), 1)
	cfg, err := config.Parse(filepath.Join(modelledExample, "rehydrate.hcl"), text)
	if err != nil {
		t.Fatal(err)
	}
	line, _ := cfg.ImageNamed("web")
	return RehearseRequest{Config: cfg, Line: line, File: World{File: filepath.Join(modelledExample, "world.json")}, Seed: 7, Events: event.Discard}
}

func TestRehearse_tells_what_becomes_of_capacity(t *testing.T) {
	for name, c := range map[string]struct {
		presets []string
		outcome string
		check   func(*testing.T, *rehearse.Report)
	}{
		"no fault": {nil, rollout.Done, func(t *testing.T, r *rehearse.Report) {
			if r.Replaced != 8 || r.Seconds < 900 || r.Seconds > 3600 || r.Rings[1].From < r.Rings[0].To+600 {
				t.Errorf("%d replaced in %g s; rings %+v", r.Replaced, r.Seconds, r.Rings)
			}
		}},
		"no capacity": {[]string{"capacity"}, rollout.Done, func(t *testing.T, r *rehearse.Report) {
			if r.Seconds < 35*60 { // the trouble lasts until then
				t.Errorf("done after %g s", r.Seconds)
			}
		}},
		"a sick image": {[]string{"health=web-prod"}, rollout.RolledBack, func(t *testing.T, r *rehearse.Report) {
			last := r.Rings[1].Points[len(r.Rings[1].Points)-1]
			if r.Rings[1].Failed != 1 || last.OnNew != 0 || last.InService != 6 {
				t.Errorf("ring %+v ends with %+v", r.Rings[1].Name, last)
			}
		}},
		"an alarm": {[]string{"alarm=errors@40"}, rollout.RolledBack, func(t *testing.T, r *rehearse.Report) {
			if r.Rings[0].Failed != 0 || r.Rings[1].Failed != 1 || r.Replaced >= 8 {
				t.Errorf("%d replaced, rings %+v", r.Replaced, r.Rings)
			}
		}},
		"throttling": {[]string{"throttle"}, rollout.Done, func(*testing.T, *rehearse.Report) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := rehearsal(t)
			in.Presets = c.presets
			r, err := Rehearse(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if r.Outcome != c.outcome || !r.StandIn || r.Modelled == "" || len(r.Faults) != len(c.presets) {
				t.Errorf("outcome %s, %s; %v", r.Outcome, r.Message, r.Faults)
			}
			for _, g := range r.Groups {
				if g.Lowest < g.Min {
					t.Errorf("%s had %d in service of at least %d", g.Group, g.Lowest, g.Min)
				}
			}
			c.check(t, r)
		})
	}
}

func TestRehearse_of_a_saved_fleet_is_that_of_the_fleet(t *testing.T) {
	in := rehearsal(t)
	in.Save = filepath.Join(t.TempDir(), "fleet.json")
	first, err := Rehearse(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.File, in.Save = World{File: in.Save}, ""
	again, err := Rehearse(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if again.Outcome != first.Outcome || again.Replaced != first.Replaced || again.All.Lowest != first.All.Lowest || !strings.Contains(again.Source, "of world file") {
		t.Errorf("first %+v\nagain %+v", first.All, again.All)
	}
}

// recorder keeps which operations a program asks a twin for.
type recorder struct {
	to   *http.Client
	mu   sync.Mutex
	seen []string
}

func (r *recorder) Do(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	op := req.Header.Get("X-Amz-Target") // JSON and CBOR
	if op != "" {
		op = op[strings.LastIndex(op, ".")+1:]
	}
	if m := regexp.MustCompile(`/operation/(\w+)$`).FindStringSubmatch(req.URL.Path); m != nil {
		op = m[1]
	}
	if form, err := url.ParseQuery(string(body)); op == "" && err == nil {
		op = form.Get("Action")
	}
	if op == "" {
		op = req.Method + " " + req.URL.Path
	}
	r.mu.Lock()
	r.seen = append(r.seen, op)
	r.mu.Unlock()
	return r.to.Do(req)
}

var reading = regexp.MustCompile(`^(Describe|Get|List)[A-Z]`)

func TestRehearse_only_reads_the_real_side(t *testing.T) {
	in := rehearsal(t)
	file, err := worldfile.Read(in.File.File, nil)
	if err != nil {
		t.Fatal(err)
	}
	real, err := replica.OpenFile(file, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := real.Close(); err != nil {
			t.Error(err)
		}
	}()
	rec := &recorder{to: real.Client("real")}
	s, err := session.Open(t.Context(), session.Options{Region: file.Region, Endpoint: "http://127.0.0.1", HTTP: rec, Key: file.Account, Secret: "x"})
	if err != nil {
		t.Fatal(err)
	}
	before, _ := real.World().Events()
	in.File = World{}
	in.Cloud = &Cloud{Session: s, Account: file.Account, Region: file.Region, Clock: real.Clock("real")}
	r, err := Rehearse(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if r.Outcome != rollout.Done || r.Replaced != 8 || !strings.Contains(r.Source, file.Account) {
		t.Errorf("outcome %s of %s, %d replaced", r.Outcome, r.Source, r.Replaced)
	}
	if len(rec.seen) < 2 {
		t.Errorf("the real side was asked for %q only", rec.seen)
	}
	for _, op := range rec.seen {
		if !reading.MatchString(op) {
			t.Errorf("the real side was asked for %s", op)
		}
	}
	after, _ := real.World().Events()
	for _, e := range after[len(before):] {
		if e.Kind != "call" {
			t.Errorf("something changed on the real side: %s %v", e.Kind, e.Data)
		}
	}
	slices.Sort(rec.seen)
	t.Logf("asked of the real side: %q", slices.Compact(rec.seen))
}

func TestRehearse_says_what_is_wrong_with_a_fault_plan_and_in_which_file(t *testing.T) {
	for text, says := range map[string]string{
		`[{"fails":"flood"}]`: `rule 1`,
		`[{"service":"ec2","operation":"NoSuchThing","error":{"code":"InternalError"}}]`: `rule 1: operation: ec2 has no "NoSuchThing"`,
	} {
		in := rehearsal(t)
		in.Faults = filepath.Join(t.TempDir(), "faults.json")
		if err := os.WriteFile(in.Faults, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Rehearse(t.Context(), in)
		if err == nil || !strings.Contains(err.Error(), "read fault plan "+in.Faults+": ") || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "{") {
			t.Errorf("%s: says %v", text, err)
		}
		if fault.KindOf(err) != fault.Usage || fault.HintOf(err) == "" {
			t.Errorf("%s: kind %d, hint %q", text, fault.KindOf(err), fault.HintOf(err))
		}
	}
}

func TestRehearse_refuses_what_makes_no_sense(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) string {
		name := filepath.Join(dir, "file.json")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, change := range map[string]func(*RehearseRequest){
		"preset":       func(in *RehearseRequest) { in.Presets = []string{"flood"} },
		"group":        func(in *RehearseRequest) { in.Presets = []string{"health=other"} },
		"fault file":   func(in *RehearseRequest) { in.Faults = filepath.Join(dir, "none") },
		"fault plan":   func(in *RehearseRequest) { in.Faults = write(`[{"fails":"flood"}]`) },
		"no file":      func(in *RehearseRequest) { in.File.File = filepath.Join(dir, "none") },
		"damaged file": func(in *RehearseRequest) { in.File.File = write(`{`) },
		"other fleet": func(in *RehearseRequest) {
			in.File.File = write(`{"schema":1,"groups":[{"account":"111122223333","region":"eu-west-1","fleet":"other","name":"a","desired":1,"max":1}]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := rehearsal(t)
			change(&in)
			if r, err := Rehearse(t.Context(), in); fault.KindOf(err) != fault.Usage {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}
