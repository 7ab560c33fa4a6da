package ssm

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/goldenami/rehydrate/internal/twin/cursor"
	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// byName is the scope of pageBy's tokens.
const byName = "name"

// pageBy is page for a list in the order of its names, which goes on behind a name that may
// be gone: who deletes page by page has deleted it.
func pageBy[T any](all []T, name func(T) string, token *string, limit *int32, most int32) ([]T, *string, error) {
	if token != nil && *token != "" {
		last, ours := cursor.Open(*token, byName)
		if !ours {
			return nil, nil, badToken()
		}
		all = slices.DeleteFunc(slices.Clone(all), func(t T) bool { return name(t) <= last })
	}
	cut, next, err := page(all, nil, limit, most)
	if next != nil {
		next = aws.String(cursor.Seal(name(cut[len(cut)-1]), byName))
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
	some, next, ok := cursor.Cut(all, token, int(n))
	if !ok {
		return nil, nil, badToken()
	}
	return some, next, nil
}

func badToken() error {
	return wire.Errorf("InvalidNextToken", "The specified token isn't valid.")
}
