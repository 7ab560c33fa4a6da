package wire

import (
	"strconv"
	"time"
)

// longestPresigned is how many seconds a presigned address lasts at most: seven days
// ("Authenticating Requests: Using Query Parameters", S3 API Reference).
const longestPresigned = 7 * 24 * 60 * 60

// lasts refuses a presigned address of S3 whose time is over, by the wall: it was signed by
// a client's own clock. What is not presigned passes.
func (r *request) lasts(now time.Time) error {
	if !r.cred.presigned || r.cred.service != "s3" {
		return nil
	}
	bad := func(text string) error {
		return &Error{Code: "AuthorizationQueryParametersError", Message: text, Status: 400}
	}
	seconds, err := strconv.Atoi(r.query.Get("X-Amz-Expires"))
	switch {
	case err != nil:
		return bad("X-Amz-Expires should be a number")
	case seconds < 0:
		return bad("X-Amz-Expires must be non-negative")
	case seconds > longestPresigned:
		return bad("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds")
	}
	signed, err := time.Parse("20060102T150405Z", r.query.Get("X-Amz-Date"))
	switch {
	case err != nil:
		return bad(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
	case now.After(signed.Add(time.Duration(seconds) * time.Second)):
		return &Error{Code: "AccessDenied", Message: "Request has expired", Status: 403}
	case signed.After(now.Add(signatureLife)):
		return &Error{Code: "AccessDenied", Message: "Request is not valid yet", Status: 403}
	}
	return nil
}
