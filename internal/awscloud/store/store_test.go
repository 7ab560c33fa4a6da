package store_test

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/awscloud/store"
	"github.com/goldenami/rehydrate/internal/fault"
)

type client func(*http.Request) (*http.Response, error)

func (c client) Do(r *http.Request) (*http.Response, error) { return c(r) }

// over is a store whose requests f answers with a status and a body.
func over(t *testing.T, f func(*http.Request) (int, string)) store.Store {
	t.Helper()
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	s, err := session.Open(t.Context(), session.Options{Region: "eu-central-1", Endpoint: "http://127.0.0.1:9", Key: "a", Secret: "b", MaxAttempts: 1,
		HTTP: client(func(r *http.Request) (*http.Response, error) {
			status, body := f(r)
			return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})})
	if err != nil {
		t.Fatal(err)
	}
	return store.New(s, "bucket")
}

const sum = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" // of foo

func TestPutCreatesOnceAndLetsS3CheckTheDigest(t *testing.T) {
	var seen *http.Request
	var body []byte
	status, text := 200, ""
	s := over(t, func(r *http.Request) (int, string) {
		seen = r
		body, _ = io.ReadAll(r.Body)
		return status, text
	})
	if err := s.Put(t.Context(), "kits/x/node", strings.NewReader("foo"), sum); err != nil {
		t.Fatal(err)
	}
	raw, _ := hex.DecodeString(sum)
	if seen.Method != "PUT" || seen.URL.Path != "/bucket/kits/x/node" || seen.Header.Get("If-None-Match") != "*" ||
		seen.Header.Get("X-Amz-Checksum-Sha256") != base64.StdEncoding.EncodeToString(raw) || string(body) != "foo" {
		t.Errorf("%s %s %v %q", seen.Method, seen.URL, seen.Header, body)
	}
	status, text = 412, `<Error><Code>PreconditionFailed</Code><Message>it is there</Message></Error>`
	if err := s.Put(t.Context(), "kits/x/node", strings.NewReader("foo"), sum); err != nil {
		t.Errorf("an object that exists: %v", err)
	}
	status, text = 403, `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`
	if err := s.Put(t.Context(), "kits/x/node", strings.NewReader("foo"), sum); fault.KindOf(err) != fault.Denied {
		t.Errorf("denied: %v", err)
	}
	if err := s.Put(t.Context(), "kits/x/node", strings.NewReader("foo"), "zz"); err == nil {
		t.Error("a digest that is none was sent")
	}
}

func TestGetReadsWholeUpToALimit(t *testing.T) {
	s := over(t, func(r *http.Request) (int, string) {
		if strings.HasSuffix(r.URL.Path, "none") {
			return 404, `<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>`
		}
		return 200, "foobar"
	})
	if b, err := s.Get(t.Context(), "a", 6); err != nil || string(b) != "foobar" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := s.Get(t.Context(), "a", 5); err == nil {
		t.Error("more than the limit was read")
	}
	if _, err := s.Get(t.Context(), "none", 6); fault.KindOf(err) != fault.NotFound {
		t.Errorf("missing: %v", err)
	}
}

func TestListReadsEveryPage(t *testing.T) {
	s := over(t, func(r *http.Request) (int, string) {
		q := r.URL.Query()
		if q.Get("prefix") != "kits/" {
			return 400, ""
		}
		if q.Get("continuation-token") == "" {
			return 200, `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><Contents><Key>kits/a</Key><Size>1</Size></Contents></ListBucketResult>`
		}
		return 200, `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>kits/b</Key><Size>2</Size></Contents></ListBucketResult>`
	})
	got, err := s.List(t.Context(), "kits/")
	if err != nil || len(got) != 2 || got["kits/a"] != 1 || got["kits/b"] != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if s.Bucket() != "bucket" || s.Region() != aws.ToString(aws.String("eu-central-1")) {
		t.Errorf("%s in %s", s.Bucket(), s.Region())
	}
}
