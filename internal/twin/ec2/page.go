package ec2

import (
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/goldenami/rehydrate/internal/twin/cursor"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// page cuts one page out of what answers a Describe request. key names a row: pages are
// in the order of their rows' keys, so that none is left out because others have gone
// between two of them. low and high bound MaxResults as the operation's reference
// states; without MaxResults everything comes at once, in the order that it has.
//
// A token belongs to the account, the region and the request that it was given for:
// with another one, or made up, it is refused in EC2's words. AWS does not document how
// long one lives; here it does not expire.
func page[T any](tx *world.Tx, in any, all []T, key func(T) string, low, high int32) ([]T, *string, error) {
	request := reflect.ValueOf(in).Elem()
	limit, _ := request.FieldByName("MaxResults").Interface().(*int32)
	token, _ := request.FieldByName("NextToken").Interface().(*string)
	if limit != nil && *limit < low {
		return nil, nil, badValue("Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than or equal to %d", *limit, low)
	}
	if limit == nil && aws.ToString(token) == "" { // EC2 takes an empty one for none (boto3 issue 2673)
		return all, nil, nil
	}
	last := ""
	if aws.ToString(token) != "" {
		var ok bool
		if last, ok = cursor.Open(*token, tokenScope(tx, request)...); !ok {
			return nil, nil, badToken(*token)
		}
	}
	var order []named
	for k := range all {
		if name := key(all[k]); name > last {
			order = append(order, named{name, k})
		}
	}
	slices.SortFunc(order, func(a, b named) int { return strings.Compare(a.key, b.key) })
	var next *string
	if limit != nil && len(order) > int(min(*limit, high)) {
		order = order[:min(*limit, high)]
		next = aws.String(cursor.Seal(order[len(order)-1].key, tokenScope(tx, request)...))
	}
	var out []T
	for _, n := range order {
		out = append(out, all[n.at])
	}
	return out, next, nil
}

// named is a row's key, with where the row is.
type named struct {
	key string
	at  int
}

// tokenScope is all that must be the same when the next page is asked for; how long a
// page is may change.
func tokenScope(tx *world.Tx, request reflect.Value) []any {
	bare := reflect.New(request.Type()).Elem()
	bare.Set(request)
	for _, name := range []string{"MaxResults", "NextToken", "DryRun"} {
		bare.FieldByName(name).SetZero()
	}
	return []any{tx.Account, tx.Region, request.Type().Name(), bare.Interface()}
}
