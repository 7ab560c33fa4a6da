package twincoverage

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

// TestEverythingElseIsRefusedByName tries every operation of every model that the twin
// does not have.
func TestEverythingElseIsRefusedByName(t *testing.T) {
	all := services(t)
	var wires []*wire.Service
	for _, s := range all {
		wires = append(wires, s.Service)
	}
	h := wiretest.Handler(t, wiretest.World(t), wires...)
	total := 0
	for _, s := range all {
		have := s.Operations()
		for _, op := range slices.Sorted(maps.Keys(s.model.Operations)) {
			if slices.Contains(have, op) || slices.Contains(have, s.older(op)) {
				continue
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, s.request(op))
			body := w.Body.String()
			if w.Code != http.StatusBadRequest || !strings.Contains(body, unsupported) && s.model.Metadata.Protocol != "rest-xml" {
				t.Errorf("%s %s: %d %s", s.Name, op, w.Code, body)
			}
			if s.request(op).Method != http.MethodHead && !strings.Contains(body, op+" of "+s.Name) && !strings.Contains(body, s.older(op)+" of "+s.Name) {
				t.Errorf("%s %s is not named: %s", s.Name, op, body)
			}
			total++
		}
	}
	t.Logf("%d operations are refused by name", total)
	if total < 500 {
		t.Errorf("only %d operations were tried: the models are not whole", total)
	}
}

// older is an operation whose requests cannot be told from those of op, as S3 has a
// few: ListBuckets and ListDirectoryBuckets differ in nothing but the host name. It is
// op where there is none.
func (s service) older(op string) string {
	for _, other := range slices.Sorted(maps.Keys(s.model.Operations)) {
		if s.model.Metadata.Protocol == "rest-xml" && other != op && s.model.Operations[other].HTTP == s.model.Operations[op].HTTP && s.alike(other, op) {
			return other
		}
	}
	return op
}

// alike says whether two operations need the same headers and parameters.
func (s service) alike(a, b string) bool {
	return slices.Equal(s.needs(a), s.needs(b))
}

var label = regexp.MustCompile(`\{[A-Za-z]+\+?\}`)

// request is the least request that names an operation.
func (s service) request(op string) *http.Request {
	m := s.model.Operations[op]
	var r *http.Request
	switch s.model.Metadata.Protocol {
	case "ec2", "query":
		r = httptest.NewRequest(http.MethodPost, "/", strings.NewReader("Action="+op))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case "json":
		r = httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
		r.Header.Set("X-Amz-Target", s.model.Metadata.TargetPrefix+"."+op)
	case "smithy-rpc-v2-cbor":
		r = httptest.NewRequest(http.MethodPost, "/service/"+s.model.Metadata.TargetPrefix+"/operation/"+op, nil)
		r.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
	default:
		r = httptest.NewRequest(m.HTTP.Method, label.ReplaceAllString(m.HTTP.RequestURI, "x"), nil)
		q := r.URL.Query()
		for _, need := range s.needs(op) { // they tell REST operations apart
			where, name, _ := strings.Cut(need, " ")
			if where == "header" {
				r.Header.Set(name, "x")
			} else {
				q.Set(name, "x")
			}
		}
		r.URL.RawQuery = q.Encode()
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260301/eu-west-1/"+s.Name+"/aws4_request, SignedHeaders=host, Signature=00")
	return r
}

// needs are the required headers and parameters of an operation, as "location name".
func (s service) needs(op string) (out []string) {
	var in struct {
		Required []string
		Members  map[string]struct{ Location, LocationName string }
	}
	text, ok := s.model.Shapes[s.model.Operations[op].Input.Shape]
	if !ok || json.Unmarshal(text, &in) != nil {
		return nil
	}
	for _, name := range in.Required {
		if m := in.Members[name]; m.Location == "header" || m.Location == "querystring" {
			out = append(out, m.Location+" "+m.LocationName)
		}
	}
	slices.Sort(out)
	return out
}
