package session_test

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
)

type client func(*http.Request) (*http.Response, error)

func (c client) Do(r *http.Request) (*http.Response, error) { return c(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// bare is an environment without AWS in it.
func bare(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for k, v := range map[string]string{"AWS_CONFIG_FILE": dir + "/config", "AWS_SHARED_CREDENTIALS_FILE": dir + "/credentials",
		"AWS_PROFILE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_ENDPOINT_URL": "", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CA_BUNDLE": "",
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": ""} {
		t.Setenv(k, v)
	}
}

func TestTheAccountIsAskedAtTheEndpointWithOurName(t *testing.T) {
	bare(t)
	var seen *http.Request
	s, err := session.Open(t.Context(), session.Options{Region: "eu-central-1", Endpoint: "http://127.0.0.1:9", Key: "a", Secret: "b", Version: "1.2",
		HTTP: client(func(r *http.Request) (*http.Response, error) {
			seen = r
			return answer(200, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`), nil
		})})
	if err != nil {
		t.Fatal(err)
	}
	account, err := s.Account(t.Context())
	if err != nil || account != "123456789012" {
		t.Errorf("account %q, %v", account, err)
	}
	if seen.URL.Host != "127.0.0.1:9" || !strings.Contains(seen.UserAgent(), "rehydrate/1.2") {
		t.Errorf("asked %s as %s", seen.URL, seen.UserAgent())
	}
	if s.Endpoint() != "http://127.0.0.1:9" || !s.PathStyle() || s.Region() != "eu-central-1" {
		t.Errorf("endpoint %s, path style %t, region %s", s.Endpoint(), s.PathStyle(), s.Region())
	}
}

func TestTheEndpointOfTheEnvironmentCounts(t *testing.T) {
	bare(t)
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:7")
	s, err := session.Open(t.Context(), session.Options{Region: "eu-central-1"})
	if err != nil || s.Endpoint() != "http://127.0.0.1:7" || !s.PathStyle() {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestAClientOfOursWorksBesideACABundle(t *testing.T) {
	bare(t)
	bundle := t.TempDir() + "/ca.pem"
	if err := os.WriteFile(bundle, certificate(t), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	_, err := session.Open(t.Context(), session.Options{Region: "eu-central-1",
		HTTP: client(func(*http.Request) (*http.Response, error) { return nil, io.EOF })})
	if err != nil {
		t.Error(err)
	}
}

// certificate is a self-signed one, in PEM.
func certificate(t *testing.T) []byte {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		o    session.Options
		says string
	}{
		{"region", session.Options{}, "no region"},
		{"profile", session.Options{Profile: "nobody", Region: "eu-central-1"}, "nobody"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bare(t)
			_, err := session.Open(t.Context(), c.o)
			if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), c.says) || fault.HintOf(err) == "" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNoNetworkAndNoCredentialsAreSaidSoon(t *testing.T) {
	for _, c := range []struct {
		name string
		o    session.Options
		kind fault.Kind
		says string
		hint string
	}{
		{"nobody answers", session.Options{Endpoint: "http://127.0.0.1:1", Key: "a", Secret: "b"}, fault.Failed,
			"ask STS for the account: dial tcp 127.0.0.1:1: connect", "network"},
		{"no credentials", session.Options{}, fault.Denied,
			"ask STS for the account: no credentials were found in the environment, a profile or an instance role", "AWS_PROFILE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bare(t)
			c.o.Region = "eu-central-1"
			s, err := session.Open(t.Context(), c.o)
			if err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			_, err = s.Account(t.Context())
			if fault.KindOf(err) != c.kind || !strings.HasPrefix(err.Error(), c.says) || !strings.Contains(fault.HintOf(err), c.hint) {
				t.Errorf("says %v; next: %s", err, fault.HintOf(err))
			}
			if took := time.Since(begun); took > time.Minute {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestDeniedIsNotTriedAgain(t *testing.T) {
	bare(t)
	calls := 0
	s, err := session.Open(t.Context(), session.Options{Region: "eu-central-1", Key: "a", Secret: "b",
		HTTP: client(func(*http.Request) (*http.Response, error) {
			calls++
			return answer(403, `<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>The token is invalid.</Message></Error></ErrorResponse>`), nil
		})})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Account(context.WithoutCancel(t.Context()))
	if fault.KindOf(err) != fault.Denied || fault.HintOf(err) == "" || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
	if want := "ask STS for the account: InvalidClientTokenId: The token is invalid."; err == nil || err.Error() != want {
		t.Errorf("says %q", err)
	}
}
