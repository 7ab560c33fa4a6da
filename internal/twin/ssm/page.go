package ssm

import (
	"encoding/base64"
	"strconv"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// page cuts one page out of a list in a stable order. most is both the page without
// MaxResults and the greatest MaxResults, as the operation's reference states.
func page[T any](all []T, token *string, limit *int32, most int32) ([]T, *string, error) {
	n := most
	if limit != nil {
		if *limit < 1 || *limit > most {
			return nil, nil, invalid("1 validation error detected: Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and %d", *limit, most)
		}
		n = *limit
	}
	at := 0
	if token != nil && *token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err == nil {
			at, err = strconv.Atoi(string(raw))
		}
		if err != nil || at < 0 {
			return nil, nil, wire.Errorf("InvalidNextToken", "The specified token isn't valid.")
		}
	}
	all = append([]T{}, all[min(at, len(all)):]...) // a list that is empty is not absent
	if len(all) <= int(n) {
		return all, nil, nil
	}
	next := base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(at + int(n))))
	return all[:n], &next, nil
}
