package wire_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

func TestASignatureIsRefusedInTheServicesOwnWords(t *testing.T) {
	t.Parallel()
	const key, secret = "AKIAIOSFODNN7EXAMPLE", "secretsecretsecret"
	h, err := wire.NewHandler(wire.Options{World: wiretest.World(t), Services: thin(), Secrets: map[string]string{key: secret}})
	if err != nil {
		t.Fatal(err)
	}
	session := "ASIA" + wiretest.Account + strings.Repeat("F", 12)
	for service, c := range map[string]struct {
		method, path, body, target    string
		unsigned, unknown, wrong, old string
	}{
		"ec2": {"POST", "/", "Action=DescribeInstances", "", "MissingAuthenticationToken 403", "AuthFailure 401", "AuthFailure 401", "RequestExpired 400"},
		"s3":  {"GET", "/box", "", "", "AccessDenied 403", "InvalidAccessKeyId 403", "SignatureDoesNotMatch 403", "RequestTimeTooSkewed 403"},
		"ssm": {"POST", "/", `{"Name":"x"}`, "AmazonSSM.GetParameter", "MissingAuthenticationTokenException 400", "UnrecognizedClientException 400", "InvalidSignatureException 400", "InvalidSignatureException 400"},
		"sts": {"POST", "/", "Action=GetCallerIdentity", "", "MissingAuthenticationToken 403", "InvalidClientTokenId 403", "SignatureDoesNotMatch 403", "SignatureDoesNotMatch 403"},
	} {
		ask := func(id, with string, when time.Time) string {
			r := httptest.NewRequest(c.method, "http://127.0.0.1"+c.path, strings.NewReader(c.body))
			if r.Host = service + ".eu-west-1.amazonaws.com"; c.target != "" {
				r.Header.Set("X-Amz-Target", c.target)
			} else if c.body != "" {
				r.Header.Set("Content-Type", form)
			}
			if id != "" {
				sum := sha256.Sum256([]byte(c.body))
				if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: with}, r, hex.EncodeToString(sum[:]), service, "eu-west-1", when); err != nil {
					t.Fatal(err)
				}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return fmt.Sprint(codeOf(w), " ", w.Code)
		}
		now := time.Now()
		for what, got := range map[string][2]string{
			"unsigned": {ask("", "", now), c.unsigned}, "of an unknown key": {ask("AKIAOTHER", secret, now), c.unknown}, "of no session": {ask(session, secret, now), c.unknown},
			"with another secret": {ask(key, "another", now), c.wrong}, "an hour old": {ask(key, secret, now.Add(-time.Hour)), c.old}, "of tomorrow": {ask(key, secret, now.AddDate(0, 0, 1)), c.old},
		} {
			if got[0] != got[1] {
				t.Errorf("%s, %s: %s, want %s", service, what, got[0], got[1])
			}
		}
	}
}

func TestAnOldSignatureOfS3IsToldWhatToUse(t *testing.T) {
	t.Parallel()
	h, err := wire.NewHandler(wire.Options{World: wiretest.World(t), Services: thin()})
	if err != nil {
		t.Fatal(err)
	}
	byHeader := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/box/a", nil)
	byHeader.Header.Set("Authorization", "AWS AKIAIOSFODNN7EXAMPLE:c2lnbmF0dXJl")
	for what, r := range map[string]*http.Request{
		"header":    byHeader,
		"presigned": httptest.NewRequest(http.MethodGet, "http://127.0.0.1/box/a?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=c2ln&Expires=4102444800", nil),
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Body.String(); codeOf(w) != "InvalidRequest" || !strings.Contains(got, "AWS4-HMAC-SHA256") {
			t.Errorf("%s: %d %s", what, w.Code, got)
		}
	}
}

func TestAFormMayHaveMoreThanTenThousandParameters(t *testing.T) {
	t.Parallel()
	h, err := wire.NewHandler(wire.Options{World: wiretest.World(t), Services: thin()})
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Builder{}
	body.WriteString("Action=DescribeInstances")
	for k := range 12000 {
		fmt.Fprintf(&body, "&InstanceId.%d=i-%017x", k+1, k)
	}
	if w := (raw{scope: "ec2", ctype: form, body: body.String()}).send(h); w.Code != http.StatusOK {
		t.Errorf("%d %.300s", w.Code, w.Body)
	}
	for _, bad := range []string{"Action=DescribeInstances&A=%zz", "Action=DescribeInstances&%=1", strings.Repeat("A=1&", 1<<17)} {
		if w := (raw{scope: "ec2", ctype: form, body: bad}).send(h); codeOf(w) != "MalformedQueryString" {
			t.Errorf("%.40s: %d %.300s", bad, w.Code, w.Body)
		}
	}
}
