// Package cursor makes the page tokens of the twin's services: where a page ended, and
// for which request. A token of another request, and one that was made up, does not
// open. It is no secret: who can see a token may see what it names.
package cursor

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// sumSize is how much of the digest stands in a token.
const sumSize = 12

// Seal is the token of the page that ended with the row of key last. scope is whatever
// must be the same when the next page is asked for: account, Region, operation and
// what was asked. It must be JSON.
func Seal(last string, scope ...any) string {
	return base64.RawURLEncoding.EncodeToString(append(sum(last, scope), last...))
}

// Open is the key in a token that was sealed with the same scope.
func Open(token string, scope ...any) (last string, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= sumSize {
		return "", false
	}
	last = string(raw[sumSize:])
	return last, string(sum(last, scope)) == string(raw[:sumSize])
}

func sum(last string, scope []any) []byte {
	data, err := json.Marshal(append([]any{last}, scope...))
	if err != nil { // requests of the SDK are plain data
		panic("twin: a page token of what is no JSON: " + err.Error())
	}
	digest := sha256.Sum256(data)
	return digest[:sumSize]
}
