package cli

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/app"
)

func TestTheStatusOfARollHasWhatGroupsRunAndTheReasonsThatAWSGives(t *testing.T) {
	var b strings.Builder
	var st app.RollStatus
	if err := json.Unmarshal([]byte(`{"run": "r1", "line": "web", "outcome": "running", "groups": [
		{"ring": "dev", "group": "web-dev", "state": "moving", "refresh": "r-1", "status": "InProgress", "percent": 50, "between": ["ami-1", "ami-2"],
			"reason": "Waiting for an instance", "alone": "goes on"},
		{"ring": "prod", "cell": {"account": "1", "region": "eu"}, "group": "web", "state": "moving", "refresh": "r-2", "status": "Pending", "reason": "queued"},
		{"ring": "prod", "group": "web-prod", "state": "not begun", "image": "ami-1"}]}`), &st); err != nil {
		t.Fatal(err)
	}
	if err := statusTable(&b, &st); err != nil {
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
