package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

func TestAFailureIsJSONWhereTheResultWasToBe(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  string
		want bool
	}{
		{[]string{"x", "--output", "json"}, "", true},
		{[]string{"x", "--output=json"}, "", true},
		{[]string{"x", "-output=json"}, "", true},
		{[]string{"x"}, "json", true},
		{[]string{"x", "--output", "table"}, "json", false},
		{[]string{"x", "json"}, "", false},
		{[]string{"x", "--output"}, "", false},
		{[]string{"x", "--output", "md"}, "", false},
	} {
		t.Setenv("REHYDRATE_OUTPUT", c.env)
		if got := wantsJSON(c.args); got != c.want {
			t.Errorf("%v with %q: %v", c.args, c.env, got)
		}
	}
	t.Setenv("REHYDRATE_OUTPUT", "")
	code, out, errs := try(t, "report", "--state", t.TempDir(), "--output", "json", "nosuch")
	var got struct {
		Error, Hint string
		Code        int
	}
	if err := json.Unmarshal([]byte(errs), &got); err != nil || code != 1 || got.Code != 1 || out != "" ||
		!strings.HasPrefix(got.Error, "there is no run nosuch") || got.Hint != "`rehydrate history` lists the runs" {
		t.Errorf("%d, %q, %q: %v", code, out, errs, err)
	}
}

func TestTheEnvironmentOfOneRunIsNotTheNextOnes(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("REHYDRATE_OUTPUT", "json")
	if code, out, errs := try(t, "history", "--state", dir); code != 0 || strings.TrimSpace(out) != "[]" {
		t.Fatalf("%d, %q, %q", code, out, errs)
	}
	os.Unsetenv("REHYDRATE_OUTPUT") // until the test ends
	if code, out, errs := try(t, "history", "--state", dir); code != 0 || json.Valid([]byte(out)) {
		t.Errorf("%d, %q, %q", code, out, errs)
	}
}

func TestAVariableThatIsSetToNothingIsNotSet(t *testing.T) {
	t.Setenv("REHYDRATE_OUTPUT", "")
	t.Setenv("REHYDRATE_STATE", t.TempDir())
	unsetEmpty()
	if code, _, errs := try(t, "history"); code != 0 {
		t.Errorf("%d, %q", code, errs)
	}
	if os.Getenv("REHYDRATE_STATE") == "" {
		t.Error("one that is set to something is forgotten")
	}
}

func TestResumeMayStandAlone(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"run --resume", "run --resume=latest"},
		{"run --resume --due", "run --resume=latest --due"},
		{"run --resume 20260102-030405-abcdef web", "run --resume 20260102-030405-abcdef web"},
		{"run --resume=x --due", "run --resume=x --due"},
	} {
		in := strings.Fields(c.in)
		if got := resumeNewest(in); !slices.Equal(got, strings.Fields(c.want)) || strings.Join(in, " ") != c.in {
			t.Errorf("%s: %v", c.in, got)
		}
	}
}

func TestOnlyYesIsYes(t *testing.T) {
	for answer, want := range map[string]bool{"yes\n": true, "y\n": false, "no\n": false, "": false, "\n": false, "YES\n": false, "yes please\n": false} {
		var out strings.Builder
		err := ask(t.Context(), strings.NewReader(answer), &out, "run web")
		if (err == nil) != want || !want && fault.KindOf(err).ExitCode() != 130 {
			t.Errorf("%q: %v", answer, err)
		}
		if out.String() != "run web. Go on? Type yes: " {
			t.Errorf("asked %q", out.String())
		}
	}
}

func TestAnInterruptIsANo(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ask(ctx, r, io.Discard, "run web"); fault.KindOf(err) != fault.Interrupted {
		t.Errorf("got %v", err)
	}
}

func TestAWaitingRunGoesOnWhenItsTimeHasCome(t *testing.T) {
	now := time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)
	cloud := &app.Cloud{Account: "111122223333", Region: "eu-west-1"}
	for name, c := range map[string]struct {
		change func(*record.Run)
		want   string
	}{
		"due":             {func(*record.Run) {}, ""},
		"not yet":         {func(r *record.Run) { r.Due = now.Add(time.Second) }, "it waits until"},
		"for an approval": {func(r *record.Run) { r.Due, r.Message = time.Time{}, "roll waits for approval of x" }, "approval of x"},
		"other account":   {func(r *record.Run) { r.Account = "444455556666" }, "of account 444455556666"},
		"other region":    {func(r *record.Run) { r.Region = "us-east-1" }, "region us-east-1"},
	} {
		r := &record.Run{Account: cloud.Account, Region: cloud.Region, Due: now}
		c.change(r)
		if got := notNow(r, cloud, now); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestTheGravestFailureDecides(t *testing.T) {
	err := func(k fault.Kind) error { return fault.New(k, "hint", "kind %d", k) }
	for _, c := range []struct {
		in   []error
		want fault.Kind
	}{
		{[]error{err(fault.Failed), err(fault.Halted), err(fault.RolledBack)}, fault.Halted},
		{[]error{err(fault.Failed), err(fault.Partial)}, fault.Partial},
		{[]error{err(fault.Waiting), err(fault.Failed)}, fault.Failed},
		{[]error{err(fault.Waiting)}, fault.Waiting},
		{[]error{err(fault.NotFound), err(fault.GateSaysNo)}, fault.GateSaysNo},
	} {
		got := gravest(c.in)
		if fault.KindOf(got) != c.want {
			t.Errorf("%v: kind %d, want %d", c.in, fault.KindOf(got), c.want)
		}
		for _, e := range c.in {
			if !errors.Is(got, e) {
				t.Errorf("%v is lost", e)
			}
		}
	}
	if gravest(nil) != nil {
		t.Error("no failure is one")
	}
}

func TestSuggestionsAreNear(t *testing.T) {
	names := []string{"run", "roll", "validate", "v", "max-wait"}
	for word, want := range map[string]string{"rnu": `; did you mean "run"?`, "vallidat": `; did you mean "validate"?`, "max-wiat": `; did you mean "max-wait"?`,
		"frobnicate": "", "x": "", "ROLL": `; did you mean "roll"?`} {
		if got := nearest(word, names); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

func TestTheConfigurationNamesTheWorld(t *testing.T) {
	a := New(nil, io.Discard, io.Discard)
	var got app.World
	for _, c := range a.Commands {
		if c.Name == "plan" {
			c.Action = func(c *cli.Context) error { got = worldOf(c, withTwin); return nil }
		}
	}
	if err := a.Run([]string{"rehydrate", "plan", "--set", "c=3"}); err != nil || got.File != "w.json" || !slices.Equal(got.Set, []string{"a=1", "b=2", "c=3"}) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := a.Run([]string{"rehydrate", "plan", "--world", "x.json"}); err != nil || got.File != "x.json" || len(got.Set) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

var withTwin = &config.Config{Twin: &config.Twin{World: "w.json", Set: map[string]string{"b": "2", "a": "1"}}}
