package wire

import (
	"net/http"
	"strings"
)

// others binds the further protocols of a service. CloudWatch answers in three (its
// model's "protocols"): CBOR for AWS's newer clients, JSON for botocore's, and so the
// AWS CLI's, and the query protocol for all from before. One model serves them all.
func (b *bound) others() (map[string]*bound, error) {
	if b.protocol != rpcCBOR {
		return nil, nil
	}
	all := map[string]*bound{}
	for _, protocol := range []string{"json", "query"} {
		m, err := loadModel(b.Name)
		if err != nil {
			return nil, err
		}
		m.Metadata.Protocol = protocol
		all[protocol] = &bound{Service: b.Service, m: m, protocol: protocol, c: newCompiler(m), done: map[string]*opPlan{}, asQuery: protocol == "json"}
	}
	return all, nil
}

// spoken is the service in the protocol that a request is made in.
func (b *bound) spoken(r *http.Request) *bound {
	protocol := ""
	switch {
	case r.Header.Get("Smithy-Protocol") != "" || strings.HasPrefix(r.URL.Path, "/service/"):
	case r.Header.Get("X-Amz-Target") != "" || strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-amz-json"):
		protocol = "json"
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") || r.URL.Query().Has("Action"):
		protocol = "query"
	}
	if o := b.dialects[protocol]; o != nil {
		return o
	}
	return b
}

// queryError is the header that gives clients of another protocol the error code of
// the query protocol, which their service once spoke alone.
func queryError(h http.Header, e *Error) {
	who := "Sender"
	if e.Status >= 500 {
		who = "Receiver"
	}
	h.Set("X-Amzn-Query-Error", e.Code+";"+who)
}
