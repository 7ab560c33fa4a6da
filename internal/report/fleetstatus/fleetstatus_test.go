package fleetstatus

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func ago(days int) time.Time { return now.AddDate(0, 0, -days) }

func example() *record.FleetStatus {
	return &record.FleetStatus{Schema: 1, At: now, Account: "111122223333", Region: "eu-west-1", Modelled: []string{"the twin"},
		Unknown: []string{"222233334444/us-east-1: take the role on: access denied"},
		Fleets: []record.FleetAges{
			{Fleet: "web-dev", Line: "web", Ring: "dev", Groups: 1, Instances: 2, Current: 2, Median: 1.5, P95: 1.5, Oldest: 1.5,
				Images:    []record.ImageUse{{Image: "ami-new", Region: "eu-west-1", Instances: 2, CreatedAt: ago(2), State: "available", Current: true}},
				Spread:    []record.AgeBucket{{Days: 0, Instances: 2}, {Days: 14}, {Days: 30}, {Days: 60}, {Days: 90}},
				Deadlines: []record.Deadline{{Days: 14, Next: ago(-12), All: ago(-12)}, {Days: 30, Next: ago(-28), All: ago(-28)}}},
			{Fleet: "web-prod", Line: "web", Ring: "prod", Groups: 3, Instances: 10, Current: 6, Stale: 4, Revoked: 1, Unknown: 1, Median: 12, P95: 95, Oldest: 95, SupersededSince: ago(40),
				Images: []record.ImageUse{{Image: "ami-bad", Region: "eu-west-1", Instances: 1, CreatedAt: ago(95), State: "disabled", Revoked: true, SupersededSince: ago(40)},
					{Image: "ami-new", Region: "eu-west-1", Instances: 6, CreatedAt: ago(2), State: "available", Current: true}, {Image: "ami-gone", Region: "eu-west-1", Instances: 1}},
				Spread:    []record.AgeBucket{{Days: 0, Instances: 6}, {Days: 14, Instances: 1}, {Days: 30, Instances: 1}, {Days: 60}, {Days: 90, Instances: 1}},
				Deadlines: []record.Deadline{{Days: 14, Passed: 4, Next: ago(-12), All: ago(-12), Within: 0}, {Days: 30, Passed: 3, Next: ago(-3), All: ago(-28), Within: 1}}},
			{Fleet: "dark", Line: "web", Ring: "prod", Groups: 1, Instances: 3, Current: 1, Undetermined: 2, Unknown: 1, Unread: []string{"222233334444/us-east-1"}, Median: 2, P95: 2, Oldest: 2,
				Images: []record.ImageUse{{Image: "ami-new", Region: "eu-west-1", Instances: 2, CreatedAt: ago(2), State: "available"}, {Region: "eu-west-1", Instances: 1, State: "unknown"}},
				Spread: []record.AgeBucket{{Days: 0, Instances: 2}, {Days: 14}, {Days: 30}, {Days: 60}, {Days: 90}}, Deadlines: []record.Deadline{{Days: 14, Passed: 1, Next: ago(-12), All: ago(-12)}, {Days: 30, Passed: 1, Next: ago(-28), All: ago(-28)}}},
			{Fleet: "unseen", Line: "web", Ring: "prod", Unread: []string{"222233334444/us-east-1"}, Deadlines: []record.Deadline{{Days: 14}, {Days: 30}}},
			{Fleet: "empty", Line: "web", Ring: "prod", Deadlines: []record.Deadline{{Days: 14}, {Days: 30}}},
		}}
}

func TestEveryFormatIsAsItWasLookedAt(t *testing.T) {
	for format, name := range map[string]string{"table": "status.txt", "html": "status.html"} {
		var b strings.Builder
		if err := Write(&b, format, example()); err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); d != "" {
			t.Errorf("%s: %s", format, d)
		}
	}
}

func TestAFleetWithStaleInstancesIsNeverToldToBeNotSuperseded(t *testing.T) {
	for want, f := range map[string]record.FleetAges{
		"no":                                   {Instances: 4, Current: 4},
		"for 2.0 d":                            {Instances: 4, Stale: 4, SupersededSince: now.AddDate(0, 0, -2)},
		"for 1.0 d":                            {Instances: 4, Stale: 4, SupersededSince: now.AddDate(0, 0, -1)},
		"for 23 h":                             {Instances: 4, Stale: 4, SupersededSince: now.Add(time.Minute).AddDate(0, 0, -1)},
		"for less than 1 h":                    {Instances: 4, Stale: 4, SupersededSince: now.Add(-time.Minute)},
		"since unknown":                        {Instances: 4, Stale: 4},
		"no, the channel's image is withdrawn": {Instances: 4, Withdrawn: 4},
		"unknown":                              {Instances: 4, Stale: 1, Undetermined: 3},
	} {
		if got := supersededOf(f, now); got != want {
			t.Errorf("%+v: %q, not %q", f, got, want)
		}
	}
}

func TestTheJSONFormLosesNothing(t *testing.T) {
	var b strings.Builder
	var back record.FleetStatus
	if err := Write(&b, "json", example()); err != nil || json.Unmarshal([]byte(b.String()), &back) != nil || cmp.Diff(*example(), back) != "" {
		t.Errorf("%v %s", err, cmp.Diff(*example(), back))
	}
	if err := Write(&b, "pdf", example()); fault.KindOf(err) != fault.Usage {
		t.Error(err)
	}
}

func TestThePageNeedsNothingFromOutsideAndHostileNamesStayText(t *testing.T) {
	s := example()
	s.Fleets[0].Fleet = "\x1b[2J<script>\u202e\n"
	for _, format := range []string{"html", "table"} {
		var b strings.Builder
		if err := Write(&b, format, s); err != nil {
			t.Fatal(err)
		}
		for _, no := range []string{"<script>", "http://", "https://", "url(", "src="} {
			if format == "html" && strings.Contains(b.String(), no) {
				t.Errorf("the page has %q", no)
			}
		}
		if format == "table" && strings.ContainsAny(b.String(), "\x1b\u202e") {
			t.Errorf("%q", b.String())
		}
	}
}
