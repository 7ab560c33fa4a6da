package wire

import (
	"bytes"
	"context"
	"crypto/hmac"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// signatureLife is how far a signature's time may be from now ("Elements of an AWS API
// request signature": five minutes to fifteen).
const signatureLife = 15 * time.Minute

// verify signs the request again with the secret on file and compares. Presigned
// addresses and SigV4a are refused when signatures are checked.
func (h *Handler) verify(r *request) error {
	denied := &problem{what: isForged}
	secret, ok := h.o.Secrets[r.cred.key]
	if !ok && isSessionKey(r.cred.key) {
		_ = h.o.World.Do(h.accountOf(r.cred.key), "-", func(tx *world.Tx) error { // reads only
			s, found := FindSession(tx, r.cred.key)
			secret, ok = s.Secret, found
			return nil
		})
	}
	if !ok {
		return &problem{what: isStranger}
	}
	auth := r.http.Header.Get("Authorization")
	when, err := time.Parse("20060102T150405Z", r.http.Header.Get("X-Amz-Date"))
	if r.cred.presigned || err != nil || !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 ") {
		return denied
	}
	if late := time.Since(when); late > signatureLife || late < -signatureLife {
		// By the wall: a client signs with its own clock, or with the answers' Date.
		return &problem{what: isSkewed}
	}
	_, list, _ := strings.Cut(auth, "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	again := r.http.Clone(context.Background())
	again.Body = io.NopCloser(bytes.NewReader(nil))
	again.Header = http.Header{}
	again.ContentLength = 0
	again.URL.Host, again.URL.Scheme = r.http.Host, "http"
	for _, name := range strings.Split(list, ";") {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength, _ = strconv.ParseInt(r.http.Header.Get("Content-Length"), 10, 64)
			if again.ContentLength == 0 {
				again.ContentLength = max(r.http.ContentLength, 0)
			}
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.http.Header.Values(name)
		}
	}
	creds := aws.Credentials{AccessKeyID: r.cred.key, SecretAccessKey: secret, SessionToken: r.http.Header.Get("X-Amz-Security-Token")}
	hash := or(r.http.Header.Get("X-Amz-Content-Sha256"), r.bodyHash())
	err = v4.NewSigner().SignHTTP(context.Background(), creds, again, hash, r.cred.service, r.cred.region, when, func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = r.cred.service == "s3"
	})
	if err != nil || !hmac.Equal([]byte(signature(auth)), []byte(signature(again.Header.Get("Authorization")))) {
		return denied
	}
	if claimed := r.http.Header.Get("X-Amz-Content-Sha256"); len(claimed) == 64 && claimed != r.bodyHash() {
		return &Error{Code: "XAmzContentSHA256Mismatch", Message: "The provided 'x-amz-content-sha256' header does not match what was computed.", Status: 400}
	}
	return nil
}

func signature(auth string) string {
	_, s, _ := strings.Cut(auth, "Signature=")
	return s
}
