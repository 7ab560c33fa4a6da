package ec2

import (
	"encoding/base64"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// page cuts one page out of a list that is in a stable order. low and high bound
// MaxResults as the operation's reference states; without MaxResults everything
// comes at once.
func page[T any](all []T, limit *int32, token *string, low, high int32) ([]T, *string, error) {
	at := 0
	if t := aws.ToString(token); t != "" {
		raw, err := base64.RawURLEncoding.DecodeString(t)
		if err == nil {
			at, err = strconv.Atoi(string(raw))
		}
		if err != nil || at < 0 {
			return nil, nil, badToken(t)
		}
	}
	if at > len(all) {
		at = len(all) // what was there has been removed since
	}
	all = all[at:]
	if limit == nil || *limit == 0 {
		return all, nil, nil
	}
	if *limit < low {
		return nil, nil, badValue("Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than or equal to %d", *limit, low)
	}
	n := int(min(*limit, high))
	if len(all) <= n {
		return all, nil, nil
	}
	next := base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(at + n)))
	return all[:n], &next, nil
}
