package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/rollout"
)

func TestTheStatusOfARollHasWhatGroupsRunAndTheReasonsThatAWSGives(t *testing.T) {
	var b strings.Builder
	st := &app.RollStatus{Run: "r1", Line: "web", Outcome: "running", Groups: []rollout.Standing{
		{Ring: "dev", Group: "web-dev", State: "moving", Refresh: "r-1", Status: "InProgress", Percent: 50, Between: []string{"ami-1", "ami-2"}, Reason: "Waiting for an instance", Alone: "goes on"},
		{Ring: "prod", Cell: rollout.Cell{Account: "1", Region: "eu"}, Group: "web", State: "moving", Refresh: "r-2", Status: "Pending", Reason: "queued"},
		{Ring: "prod", Group: "web-prod", State: "not begun", Image: "ami-1"}}}
	if err := statusTable(&b, st); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{`dev +web-dev +moving +ami-1 or ami-2 +InProgress 50% +goes on\n`, `prod +1/eu web +moving +- +`, `prod +web-prod +not begun +ami-1 +`} {
		if !regexp.MustCompile(row).MatchString(b.String()) {
			t.Errorf("no row %q", row)
		}
	}
	_, after, _ := strings.Cut(b.String(), "not begun")
	_, after, _ = strings.Cut(after, "\n")
	if want := "web-dev: refresh r-1 is InProgress: Waiting for an instance\n1/eu web: refresh r-2 is Pending: queued\n"; after != want {
		t.Errorf("below the table: %q\n%s", after, b.String())
	}
}
