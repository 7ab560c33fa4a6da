package autoscaling

import (
	"github.com/goldenami/rehydrate/internal/twin/cursor"
	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// page cuts one page out of a list in a stable order. size is the page without
// MaxRecords, most the greatest MaxRecords, as the operation's reference states.
func page[T any](all []T, token *string, limit *int32, size, most int32) ([]T, *string, error) {
	n := size
	if limit != nil {
		n = *limit
		if n < 1 || n > most {
			return nil, nil, invalid("1 validation error detected: Value '%d' at 'maxRecords' failed to satisfy constraint: Member must have value between 1 and %d", n, most)
		}
	}
	some, next, ok := cursor.Cut(all, token, int(n))
	if !ok {
		return nil, nil, wire.Errorf("InvalidNextToken", "The token '%s' is invalid.", *token)
	}
	return some, next, nil
}
