package twin_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestAnAnswersRootIsNamedAsS3sIs looks at the text, for the SDK takes any name.
func TestAnAnswersRootIsNamedAsS3sIs(t *testing.T) {
	t.Parallel()
	w := open(t, small(t.TempDir()))
	for _, c := range []struct{ call, root string }{
		{"PUT /box", ""}, {"POST /box/key?uploads", "InitiateMultipartUploadResult"}, {"GET /box?list-type=2", "ListBucketResult"},
		{"GET /box?versions", "ListVersionsResult"}, {"GET /box", "ListBucketResult"}, {"GET /box?uploads", "ListMultipartUploadsResult"}, {"GET /box?location", "LocationConstraint"}, {"GET /", "ListAllMyBucketsResult"},
		{"PUT /box?versioning <VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>", ""}, {"GET /box?versioning", "VersioningConfiguration"},
		{"POST /box?delete <Delete><Object><Key>a</Key></Object></Delete>", "DeleteResult"},
	} {
		method, path, _ := strings.Cut(c.call, " ")
		path, body, _ := strings.Cut(path, " ")
		req, err := http.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260301/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00")
		resp, err := w.Client("test").Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || c.root != "" && !strings.Contains(string(text), "?>\n<"+c.root+` xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`) {
			t.Errorf("%s: %s, %v, want the root %s: %s", c.call, resp.Status, err, c.root, text)
		}
	}
}
