package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/sync/semaphore"
)

// ClientHeader carries the id of a client that takes its time from the twin.
const ClientHeader = "X-Rehydrate-Client"

// request is an HTTP request, read and understood as far as every protocol goes.
type request struct {
	http   *http.Request
	body   []byte
	form   url.Values // query protocols
	query  url.Values // of the address
	path   string     // escaped, S3 in path style
	labels map[string]string
	cred   credential
	client string
	read   error // why the body could not be read

	rc     *http.ResponseController // nil without a connection
	memory *semaphore.Weighted      // for the bodies of all requests; nil is without bounds
	taken  int64                    // of it
}

// credential is what a signature says about its maker.
type credential struct {
	key, region, service string
	presigned            bool
	old                  bool // of a version before SigV4
}

func newRequest(r *http.Request) *request {
	out := &request{http: r, query: r.URL.Query(), path: r.URL.EscapedPath(), client: r.Header.Get(ClientHeader)}
	out.cred = credentialOf(r, out.query)
	return out
}

// credentialOf reads the credential scope of a SigV4 or SigV4a signature, in the
// header or (presigned) in the query. Of the older signatures it knows S3's, which the
// AWS CLI still presigns with unless told otherwise.
func credentialOf(r *http.Request, query url.Values) credential {
	text, presigned := "", false
	if auth := r.Header.Get("Authorization"); strings.HasPrefix(auth, "AWS4-") {
		if _, after, ok := strings.Cut(auth, "Credential="); ok {
			text, _, _ = strings.Cut(after, ",")
		}
	} else if c := query.Get("X-Amz-Credential"); c != "" {
		text, presigned = c, true
	} else if id, _, ok := strings.Cut(strings.TrimPrefix(auth, "AWS "), ":"); ok && strings.HasPrefix(auth, "AWS ") {
		return credential{key: id, region: "us-east-1", service: "s3", old: true}
	} else if id := query.Get("AWSAccessKeyId"); id != "" && query.Has("Signature") && !query.Has("Action") {
		return credential{key: id, region: "us-east-1", service: "s3", presigned: true, old: true}
	}
	parts := strings.Split(strings.TrimSpace(text), "/")
	switch {
	case len(parts) == 5:
		return credential{key: parts[0], region: parts[2], service: parts[3], presigned: presigned}
	case len(parts) == 4: // SigV4a has no region in its scope
		return credential{key: parts[0], region: or(r.Header.Get("X-Amz-Region-Set"), "us-east-1"), service: parts[2], presigned: presigned}
	}
	return credential{}
}

// parseForm reads the parameters of a query protocol: the body of a POST, the
// address of a GET.
func (r *request) parseForm() error {
	if r.http.Method == http.MethodGet {
		r.form = r.query
		return nil
	}
	form, err := parseForm(string(r.body))
	if err != nil {
		return err
	}
	r.form = form
	return nil
}

// parseForm is url.ParseQuery without its bound of ten thousand parameters, which a
// request for the metrics that CloudWatch allows can pass.
func parseForm(text string) (url.Values, error) {
	form, n := url.Values{}, 0
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		if n++; n > maxValues/4 {
			return nil, malformed("too many parameters")
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, malformed("the parameters are not form encoded")
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, malformed("the parameters are not form encoded")
		}
		form[name] = append(form[name], value)
	}
	return form, nil
}

// bodyHash is the SHA-256 of the body in hexadecimal.
func (r *request) bodyHash() string {
	sum := sha256.Sum256(r.body)
	return hex.EncodeToString(sum[:])
}
