package ssm

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// pageBy is page for a list in the order of its names, which goes on behind a name that may
// be gone: who deletes page by page has deleted it.
func pageBy[T any](all []T, name func(T) string, token *string, limit *int32, most int32) ([]T, *string, error) {
	if token != nil && *token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		last, ours := strings.CutPrefix(string(raw), "after:")
		if err != nil || !ours {
			return nil, nil, wire.Errorf("InvalidNextToken", "The specified token isn't valid.")
		}
		all = slices.DeleteFunc(slices.Clone(all), func(t T) bool { return name(t) <= last })
	}
	cut, next, err := page(all, nil, limit, most)
	if next != nil {
		next = aws.String(base64.RawURLEncoding.EncodeToString([]byte("after:" + name(cut[len(cut)-1]))))
	}
	return cut, next, err
}

// sound refuses filters that there are not, whether or not there is anything to filter: a
// request is looked at before what there is.
func sound[F any](filters []F, one func(F) (bool, error)) error {
	for _, f := range filters {
		if _, err := one(f); err != nil {
			return err
		}
	}
	return nil
}

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
