package imagelife

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/cli"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

// shell is the command line before this account's twin, which it takes for AWS: its
// clock is the wall's.
func (a *account) shell() func(args ...string) (code int, out, errs string) {
	a.t.Helper()
	server := httptest.NewServer(wiretest.Handler(a.t, a.w, a.services...))
	a.t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": wiretest.Account, "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": wiretest.Region} {
		a.t.Setenv(name, value)
	}
	file := filepath.Join(a.dir, "rehydrate.hcl")
	if err := os.WriteFile(file, []byte(configuration), 0o644); err != nil {
		a.t.Fatal(err)
	}
	return func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		all := append([]string{"rehydrate", "image", args[0], "--config", file, "--state", a.dir}, args[1:]...)
		code := cli.Run(a.t.Context(), all, strings.NewReader(""), &out, &errs)
		return code, out.String(), errs.String()
	}
}

// ages is how old an image of the twin is to be for the wall's clock to see it so.
func (a *account) ages(days int) int {
	return days - int(time.Since(a.w.Clock().Now())/(24*time.Hour))
}

func TestTheCommandLineRetiresOnlyWhenToldTo(t *testing.T) {
	a := open(t)
	for n, days := range map[int]int{1: 70, 2: 40, 3: 20, 4: 2} {
		a.add(n, a.ages(days), nil)
	}
	a.put(channel, 3, "20260101-000003-abcdef")
	a.put(channel, 4, "20260101-000004-abcdef")
	run := a.shell()
	for _, format := range []string{"table", "json", "md"} {
		code, out, errs := run("retire", "--output", format, "web")
		if code != 0 || a.state(1) != "available" || !strings.Contains(out, id(1)) || !strings.Contains(out, "disable") {
			t.Errorf("%s: exit code %d\n%s%s", format, code, out, errs)
		}
	}
	if code, _, errs := run("retire", "--apply", "web"); code != 2 || !strings.Contains(errs, "nobody is here to be asked") || a.state(1) != "available" {
		t.Errorf("without --yes: exit code %d\n%s", code, errs)
	}
	code, out, errs := run("retire", "--apply", "--yes", "--output", "json", "web")
	var results []app.Retired
	if code != 0 || a.state(1) != "disabled" || json.Unmarshal([]byte(out), &results) != nil || len(results) != 2 {
		t.Errorf("exit code %d, image 1 is %s\n%s%s", code, a.state(1), out, errs)
	}
	if code, out, errs := run("retire", "--apply", "--yes", "web"); code != 0 || !strings.Contains(out, "nothing to do") {
		t.Errorf("a second time: exit code %d\n%s%s", code, out, errs)
	}
	code, out, errs = run("list")
	if code != 0 || strings.Count(out, "\n") != 5 || !strings.Contains(out, "disabled") || !strings.Contains(out, "deprecated") {
		t.Errorf("list: exit code %d\n%s%s", code, out, errs)
	}
	code, out, errs = run("show", id(4))
	if code != 0 || !strings.Contains(out, "parameter "+channel+" holds it") {
		t.Errorf("show: exit code %d\n%s%s", code, out, errs)
	}
}

func TestTheCommandLineRevokesOnlyWhenToldTo(t *testing.T) {
	a, template := three(t)
	a.put(channel, 2, "20260101-000002-abcdef") // so that no pointer moves: the twin's time stands still
	run := a.shell()
	code, out, errs := run("revoke", "--reason", "leaked key", id(3))
	if code != 10 || !strings.Contains(out, "would break") || !strings.Contains(errs, "group web launches it") {
		t.Errorf("plan: exit code %d\n%s%s", code, out, errs)
	}
	if i := a.image(3); len(i.Tags) != 3 || i.State != "available" {
		t.Errorf("a plan changed it: %+v", i)
	}
	if code, _, _ := run("revoke", "--reason", "leaked key", "--apply", id(3)); code != 2 {
		t.Errorf("without --yes: exit code %d", code)
	}
	if code, out, errs := run("revoke", "--reason", "leaked key", "--apply", "--yes", id(3)); code != 3 || !strings.Contains(out, "was not disabled") || a.state(3) != "available" {
		t.Errorf("blocked: exit code %d\n%s%s", code, out, errs)
	}
	a.save(template, "1")
	code, out, errs = run("revoke", "--reason", "leaked key", "--apply", "--yes", "--output", "json", id(3))
	var did app.Revoked
	if code != 0 || a.state(3) != "disabled" || json.Unmarshal([]byte(out), &did) != nil || len(did.Disabled) != 1 || len(did.Drain) == 0 {
		t.Errorf("exit code %d, the image is %s\n%s%s", code, a.state(3), out, errs)
	}
	if code, out, _ := run("list", "web"); code != 0 || !strings.Contains(out, "revoked: leaked key") {
		t.Errorf("list: exit code %d\n%s", code, out)
	}
	if code, out, _ := run("lineage", id(3)); code != 0 || !strings.Contains(out, id(3)) {
		t.Errorf("lineage: exit code %d\n%s", code, out)
	}
	if code, _, errs := run("revoke", "--reason", "x", "ami-0aaaaaaaaaaaaaaaa"); code != 1 || !strings.Contains(errs, "neither it nor anything made from it") {
		t.Errorf("a stranger's image: exit code %d\n%s", code, errs)
	}
	a.must(a.ec2.EnableImage(t.Context(), &ec2.EnableImageInput{ImageId: aws.String(id(3))}))
	a.save(template, "2")
	if code, _, errs := run("revoke", "--reason", "x", "--force", "--apply", "--yes", id(3)); code != 0 || a.state(3) != "disabled" {
		t.Errorf("forced: exit code %d\n%s", code, errs)
	}
}

func TestARefusedRevocationIsSaidInTheShapeOfOne(t *testing.T) {
	a := open(t)
	a.add(1, 2, nil)
	a.put(channel, 1, "20260101-000001-abcdef") // and nothing before it
	run := a.shell()
	code, out, errs := run("revoke", "--reason", "leaked key", "--apply", "--output", "json", id(1))
	var did app.Revoked
	if err := json.Unmarshal([]byte(out), &did); err != nil || code != 10 || len(did.Refused) != 1 || did.Done == nil || strings.Contains(out, `"schema"`) {
		t.Errorf("exit code %d, %v\n%s%s", code, err, out, errs)
	}
	code, out, errs = run("revoke", "--reason", "leaked key", "--apply", id(1))
	if code != 10 || !strings.HasPrefix(out, "nothing is done about "+id(1)+"\n  refused ") || !strings.Contains(errs, "publish a good image first") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if i := a.image(1); len(i.Tags) != 3 || i.State != "available" {
		t.Errorf("it was changed: %+v", i)
	}
}
