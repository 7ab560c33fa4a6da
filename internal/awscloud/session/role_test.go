package session_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
)

const roleARN = "arn:aws:iam::222222222222:role/ops/rehydrate"

// desk is an STS that writes down what it was asked, and by which key.
type desk struct {
	asked  []url.Values
	by     []string
	ends   time.Time
	refuse func(url.Values) string // an error message; "" admits
}

func (d *desk) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	d.by = append(d.by, r.Header.Get("Authorization"))
	if form.Get("Action") == "GetCallerIdentity" {
		return answer(200, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>222222222222</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`), nil
	}
	d.asked = append(d.asked, form)
	if d.refuse != nil {
		if why := d.refuse(form); why != "" {
			return answer(403, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>`+why+`</Message></Error></ErrorResponse>`), nil
		}
	}
	return answer(200, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA2</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>`+
		d.ends.UTC().Format(time.RFC3339)+`</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`), nil
}

func home(t *testing.T, d *desk) *session.Session {
	t.Helper()
	bare(t)
	s, err := session.Open(t.Context(), session.Options{Region: "eu-central-1", Endpoint: "http://127.0.0.1:9", Key: "AKIA1", Secret: "b", HTTP: d})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestARoleIsTakenOnOnceByNameTagsAndExternalID(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	d := &desk{ends: now.Add(time.Hour)}
	s, err := home(t, d).Assume(t.Context(), session.Role{ARN: roleARN, ExternalID: "x-1", Run: "20260301-a b", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	there := s.In("us-east-1")
	for range 3 {
		if account, err := there.Account(t.Context()); err != nil || account != "222222222222" {
			t.Fatalf("%s, %v", account, err)
		}
	}
	if len(d.asked) != 1 {
		t.Fatalf("the role was taken on %d times", len(d.asked))
	}
	for field, want := range map[string]string{"RoleArn": roleARN, "ExternalId": "x-1", "RoleSessionName": "rehydrate-20260301-a-b", "DurationSeconds": "3600",
		"Tags.member.1.Key": "run", "Tags.member.1.Value": "20260301-a b", "Tags.member.2.Key": "tool", "Tags.member.2.Value": "rehydrate"} {
		if got := d.asked[0].Get(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	if last := d.by[len(d.by)-1]; !strings.Contains(last, "ASIA2/") || !strings.Contains(last, "/us-east-1/") {
		t.Errorf("the call was signed as %s", last)
	}
	now = now.Add(51 * time.Minute) // less than the spare time is left
	if _, err := there.Account(t.Context()); err != nil || len(d.asked) != 2 {
		t.Errorf("taken on %d times, %v", len(d.asked), err)
	}
}

func TestARoleThatDoesNotAdmitTagsIsTakenOnWithout(t *testing.T) {
	d := &desk{ends: time.Now().Add(time.Hour), refuse: func(f url.Values) string {
		if f.Has("Tags.member.1.Key") {
			return "User: x is not authorized to perform: sts:TagSession on resource: " + roleARN
		}
		return ""
	}}
	if _, err := home(t, d).Assume(t.Context(), session.Role{ARN: roleARN}); err != nil || len(d.asked) != 2 {
		t.Errorf("%d calls, %v", len(d.asked), err)
	}
}

func TestARoleThatCannotBeTakenOnSaysWhatItNeeds(t *testing.T) {
	for id, hint := range map[string]string{"": "without an external id", "x-1": "with the external id"} {
		d := &desk{refuse: func(url.Values) string {
			return "User: x is not authorized to perform: sts:AssumeRole on resource: " + roleARN
		}}
		_, err := home(t, d).Assume(t.Context(), session.Role{ARN: roleARN, ExternalID: id})
		if fault.KindOf(err) != fault.Denied || !strings.HasPrefix(err.Error(), "take on role "+roleARN+": AccessDenied") {
			t.Fatalf("got %v", err)
		}
		h := fault.HintOf(err)
		for _, want := range []string{"account 222222222222", "ops/rehydrate", "sts:TagSession", hint} {
			if !strings.Contains(h, want) {
				t.Errorf("hint %q does not say %q", h, want)
			}
		}
		if strings.Contains(h+err.Error(), "x-1") {
			t.Error("the external id is told")
		}
	}
}
