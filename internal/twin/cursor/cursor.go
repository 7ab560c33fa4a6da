// Package cursor makes the page tokens of the twin's services: where a page ended, and
// for which request. A token of another request, and one that was made up, does not
// open. It is no secret: who can see a token may see what it names.
package cursor

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
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

// Cut is the page of n rows of a list that a token begins, nil or empty for the first, and
// the next page's token, nil if there is none; false: the token is none of Cut's. It counts
// rows: where some may go between two pages, Seal the last one's key instead.
func Cut[T any](all []T, token *string, n int) (some []T, next *string, ok bool) {
	at := 0
	if token != nil && *token != "" {
		text, sealed := Open(*token)
		var err error
		if at, err = strconv.Atoi(text); !sealed || err != nil || at < 0 {
			return nil, nil, false
		}
	}
	some = append([]T{}, all[min(at, len(all)):]...) // a list that is empty is not absent
	if len(some) > n {
		after := Seal(strconv.Itoa(at + n))
		return some[:n], &after, true
	}
	return some, nil, true
}

func sum(last string, scope []any) []byte {
	data, err := json.Marshal(append([]any{last}, scope...))
	if err != nil { // requests of the SDK are plain data
		panic("twin: a page token of what is no JSON: " + err.Error())
	}
	digest := sha256.Sum256(data)
	return digest[:sumSize]
}
