package cli

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/internal/wait"
)

// waiting makes a state folder with a run whose units wait for approvals, and goes to
// its parent.
func waiting(t *testing.T, units ...string) (s app.State, resume func(string) (by string, err error)) {
	t.Helper()
	t.Chdir(t.TempDir())
	s, err := app.OpenState("")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Save(&record.Run{Schema: record.Schema, ID: "r1", Line: "web", Outcome: "waiting", Message: "roll/dev/before waits for approval of ring dev by the board"}); err != nil {
		t.Fatal(err)
	}
	l := &engine.Local{Journal: journal.Open(s.Store(), "r1"), Clock: wait.Wall{}}
	resume = func(name string) (string, error) {
		raw, err := l.Run(t.Context(), name, unit.Func("test.gate", func(ctx context.Context, by *string) (unit.Next, error) {
			d, ok := unit.DecisionOf(ctx)
			if !ok {
				return unit.Next{Approval: "ring " + name + " by the board"}, nil
			}
			*by = d.Words()
			return unit.Done(), nil
		}))
		return string(raw), err
	}
	for _, u := range units {
		if _, err := resume(u); fault.KindOf(err) != fault.Waiting {
			t.Fatal(err)
		}
	}
	return s, resume
}

func TestApproveLetsTheRunGoOnAndSaysWho(t *testing.T) {
	s, resume := waiting(t, "roll/dev/before")
	if ok, err := app.Answered(t.Context(), s, "r1"); ok || err != nil {
		t.Fatalf("answered before: %v, %v", ok, err)
	}
	code, out, errs := try(t, "approve", "--by", "ann", "--comment", "CHG-1", "r1")
	if code != 0 || out != "approved: ring roll/dev/before by the board. Go on with: rehydrate run --resume r1\n" {
		t.Fatalf("%d, %q, %q", code, out, errs)
	}
	if ok, err := app.Answered(t.Context(), s, "r1"); !ok || err != nil {
		t.Errorf("answered: %v, %v", ok, err)
	}
	if code, out, errs := try(t, "history"); code != 0 || !strings.Contains(out, " answered ") {
		t.Errorf("history: %d, %q, %q", code, out, errs)
	}
	by, err := resume("roll/dev/before")
	if err != nil || !strings.Contains(by, "approved by ann at 2") || !strings.Contains(by, "(CHG-1)") {
		t.Errorf("%s, %v", by, err)
	}
	if ok, err := app.Answered(t.Context(), s, "r1"); ok || err != nil {
		t.Errorf("answered when it has gone on: %v, %v", ok, err)
	}
}

func TestRefuseIsAnAnswerToo(t *testing.T) {
	_, resume := waiting(t, "roll/dev/before")
	code, out, errs := try(t, "refuse", "--output", "json", "--by", "ann", "r1")
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); code != 0 || err != nil || got["approved"] != false || got["unit"] != "roll/dev/before" {
		t.Fatalf("%d, %q, %q", code, out, errs)
	}
	if by, err := resume("roll/dev/before"); err != nil || !strings.Contains(by, "refused by ann") {
		t.Errorf("%s, %v", by, err)
	}
}

func TestApproveSaysWhatIsWrong(t *testing.T) {
	two := []string{"roll/dev/before", "roll/qa/before"}
	for name, c := range map[string]struct {
		units []string
		first []string // a command before
		args  []string
		code  int
		want  string
	}{
		"no run":               {two, nil, []string{"approve", "--by", "ann"}, 2, "no run is named"},
		"an unknown run":       {two, nil, []string{"approve", "--by", "ann", "r9"}, 1, "there is no run r9"},
		"a path for a run":     {two, nil, []string{"approve", "--by", "ann", "../r1"}, 1, "there is no run"},
		"nobody":               {two[:1], nil, []string{"approve", "r1"}, 2, "nobody is named"},
		"a name of two lines":  {two[:1], nil, []string{"approve", "--by", "ann\nbob", "r1"}, 2, "cannot be printed"},
		"a long comment":       {two[:1], nil, []string{"approve", "--by", "ann", "--comment", strings.Repeat("x", 501), "r1"}, 2, "at most 500"},
		"which of two":         {two, nil, []string{"approve", "--by", "ann", "r1"}, 2, "waits for 2 approvals"},
		"an unknown unit":      {two, nil, []string{"approve", "--by", "ann", "--unit", "roll/prod/before", "r1"}, 1, "no unit \"roll/prod/before\""},
		"the other of two":     {two, []string{"approve", "--by", "ann", "--unit", two[0], "r1"}, []string{"approve", "--by", "bob", "r1"}, 0, ""},
		"nothing is asked":     {nil, nil, []string{"approve", "--by", "ann", "r1"}, 2, "waits for no approval"},
		"approved already":     {two[:1], []string{"approve", "--by", "ann", "r1"}, []string{"approve", "--by", "bob", "r1"}, 11, "roll/dev/before of run r1 is approved by ann at"},
		"refused, then wanted": {two[:1], []string{"refuse", "--by", "ann", "r1"}, []string{"approve", "--by", "bob", "r1"}, 11, "is refused by ann at"},
		"a flag too late":      {two[:1], nil, []string{"approve", "r1", "--by", "ann"}, 2, "stands after an argument"},
	} {
		t.Run(name, func(t *testing.T) {
			waiting(t, c.units...)
			if c.first != nil {
				if code, _, errs := try(t, c.first...); code != 0 {
					t.Fatal(errs)
				}
			}
			code, out, errs := try(t, c.args...)
			if code != c.code || !strings.Contains(errs, c.want) || (code == 0) != (out != "") {
				t.Errorf("exit code %d, %q, %q; want %d, %q", code, out, errs, c.code, c.want)
			}
		})
	}
}

// A wrong configuration may name a bucket: the answer must not go elsewhere.
func TestApproveWithAWrongConfigurationAnswersNothing(t *testing.T) {
	s, _ := waiting(t, "roll/dev/before")
	if err := os.WriteFile("rehydrate.hcl", []byte("journal {"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := try(t, "approve", "--by", "ann", "r1"); code != 2 || !strings.Contains(errs, "rehydrate.hcl line 1") {
		t.Errorf("%d, %q", code, errs)
	}
	if ok, err := app.Answered(t.Context(), s, "r1"); ok || err != nil {
		t.Errorf("answered: %v, %v", ok, err)
	}
}

func TestScheduleNextListsInBothZones(t *testing.T) {
	code, out, errs := try(t, "schedule", "next", "--timezone", "Europe/Berlin", "--offset-days", "2", "--count", "2", "--after", "2027-02-12T00:00:00Z", "cron(0 22 ? * TUE#2 *)")
	want := "2027-03-11 22:00:00 +01:00 Thu  2027-03-11T21:00:00Z\n2027-04-15 22:00:00 +02:00 Thu  2027-04-15T20:00:00Z\n"
	if code != 0 || out != want {
		t.Errorf("%d, %q, %q", code, out, errs)
	}
	code, out, errs = try(t, "schedule", "next", "--output", "json", "--after", "2026-01-01T00:00:00Z", "at(2026-11-20T13:00:00)")
	if code != 0 || strings.Join(strings.Fields(out), "") != `{"schedule":"at(2026-11-20T13:00:00)","times":["2026-11-20T13:00:00Z"]}` {
		t.Errorf("%d, %q, %q", code, out, errs)
	}
	for _, args := range [][]string{{"cron(0 22 * * *)"}, {}, {"--timezone", "Mars/Phobos", "rate(1 day)"}, {"--count", "0", "rate(1 day)"}, {"--offset-days", "7", "rate(1 day)"}} {
		if code, out, errs := try(t, append([]string{"schedule", "next"}, args...)...); code != 2 || out != "" || errs == "" {
			t.Errorf("%v: %d, %q, %q", args, code, out, errs)
		}
	}
}
