package imagelife

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

// denied is what AWS answers to whoever may not, in the form of the request's protocol.
func denied(r *http.Request) *http.Response {
	body := `<ErrorResponse><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors><Error><Code>AccessDenied</Code></Error></ErrorResponse>`
	if r.Header.Get("X-Amz-Target") != "" {
		body = `{"__type":"AccessDeniedException"}`
	}
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// aged is a fleet of two groups, one of them empty, and a group that is nobody's. Of four
// instances two run an image that is gone, one the image before and one the current one.
func aged(t *testing.T) (a *account, status func() *record.FleetStatus) {
	a = open(t)
	a.add(1, 95, nil)
	a.add(2, 40, nil)
	a.add(4, 2, nil)
	a.put(channel, 2, "20260101-000002-abcdef")
	a.pass(24 * time.Hour)
	a.put(channel, 4, "20260101-000004-abcdef")
	template := a.template(1)
	a.version(template, 1, 2)
	a.version(template, 2, 4)
	a.group(template, "1")
	a.save(template, "2")
	a.resize(3)
	a.save(template, "3")
	a.resize(4)
	a.must(a.ec2.DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: aws.String(id(1))}))
	for _, name := range []string{"empty", "nobodys"} {
		a.must(a.asg.CreateAutoScalingGroup(t.Context(), &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: &name, MinSize: aws.Int32(0), MaxSize: aws.Int32(4),
			AvailabilityZones: []string{wiretest.Region + "a"}, LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: &template, Version: aws.String("3")}}))
	}
	cfg, err := config.Parse("rehydrate.hcl", []byte(configuration+`
fleet "web" {
  follows   = image.web
  ring      = "dev"
  asg_names = ["web", "empty"]
  refresh {
  }
}
`))
	if err != nil {
		t.Fatal(err)
	}
	return a, func() *record.FleetStatus {
		t.Helper()
		in := a.in()
		s, err := app.FleetStatus(t.Context(), app.FleetRequest{Config: cfg, Cloud: in.Cloud, Events: in.Events})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Fleets) != 1 {
			t.Fatalf("%+v", s)
		}
		return s
	}
}

func TestTheStatusCountsWhatAFleetRuns(t *testing.T) {
	a, status := aged(t)
	s := status()
	f := s.Fleets[0]
	if len(s.Unknown) != 0 || f.Groups != 2 || f.Instances != 4 || f.Current != 1 || f.Stale != 3 || f.Undetermined != 0 || f.Unknown != 2 || f.Revoked != 0 {
		t.Errorf("%+v", s)
	}
	if f.Median != 3 || f.P95 != 41 || f.Oldest != 41 { // of the two whose age is known
		t.Errorf("ages %+v", f)
	}
	if d := s.At.Sub(f.SupersededSince); d < 20*time.Minute || d > 2*time.Hour {
		t.Errorf("superseded for %s", d)
	}
	for n, want := range []record.Deadline{{Days: 14, Passed: 3}, {Days: 30, Passed: 3}, {Days: 60, Passed: 2}, {Days: 90, Passed: 2}} {
		if got := f.Deadlines[n]; got.Days != want.Days || got.Passed != want.Passed || got.Next.IsZero() || got.Within != 0 {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	for _, u := range f.Images {
		if want := map[string]int{id(1): 2, id(2): 1, id(4): 1}[u.Image]; u.Instances != want || (u.State == "") != (u.Image == id(1)) {
			t.Errorf("%+v", u)
		}
	}
	a.must(a.ec2.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{id(2)}, Tags: tagged("rehydrate:revoked", "2026-01-01T00:00:00Z")}))
	if f := status().Fleets[0]; f.Revoked != 1 {
		t.Errorf("%d are revoked", f.Revoked)
	}
}

// What a role may not read is unknown: neither current nor stale, neither young nor gone.
func TestWhatTheStatusMayNotReadIsUnknown(t *testing.T) {
	a, status := aged(t)
	for op, want := range map[string]record.FleetAges{
		"DescribeAutoScalingGroups": {Unread: []string{wiretest.Account + "/" + wiretest.Region}},
		"DescribeInstances":         {Instances: 4, Undetermined: 4, Unknown: 4},
		"DescribeImages":            {Instances: 4, Current: 1, Stale: 3, Unknown: 4},
		"GetParameterHistory":       {Instances: 4, Undetermined: 4, Unknown: 2},
	} {
		a.line.deny = op
		s := status()
		f := s.Fleets[0]
		if len(s.Unknown) == 0 || f.Instances != want.Instances || f.Current != want.Current || f.Stale != want.Stale || f.Undetermined != want.Undetermined ||
			f.Unknown != want.Unknown || strings.Join(f.Unread, " ") != strings.Join(want.Unread, " ") {
			t.Errorf("%s is denied: %+v", op, s)
		}
		for _, u := range f.Images {
			if gone := u.State == ""; gone != (op == "GetParameterHistory" && u.Image == id(1)) {
				t.Errorf("%s is denied: %+v", op, u)
			}
		}
	}
}

// A ring is rolled to what was published; its own channel follows by a promotion.
func TestWhatARingWasRolledToBeforeItsChannelWasPromotedIsNotStale(t *testing.T) {
	a, status := aged(t)
	a.put("/golden/web/dev", 2, "20260101-000002-abcdef")
	f := status().Fleets[0]
	if f.Current != 2 || f.Stale != 2 { // the channel's image and the line's; not the two that neither has
		t.Errorf("%+v", f)
	}
	a.put("/golden/web/dev", 4, "20260101-000004-abcdef")
	if f := status().Fleets[0]; f.Current != 1 || f.Stale != 3 || f.SupersededSince.IsZero() {
		t.Errorf("promoted: %+v", f)
	}
	a.put("/golden/web/dev", 2, "20260101-000005-abcdef") // and back: the ring's channel has lost it
	if f := status().Fleets[0]; f.Current != 1 || f.Stale != 3 {
		t.Errorf("taken back: %+v", f)
	}
}
