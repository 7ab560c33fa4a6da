// Package awscloud maps what AWS answers to fault kinds. Its subpackages make every
// AWS call of the program, one a port family, over the session package. A call's
// error says what was asked; what it was for is added by the caller.
package awscloud

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Hints of several codes.
const (
	hintCredentials = "check AWS_PROFILE or the credentials in the environment (aws sts get-caller-identity), or log in: aws sso login"
	hintDenied      = "give the role this permission, or use another role"
	hintThrottled   = "try again in a while"
)

type meaning struct {
	kind fault.Kind
	hint string
}

// codes are the error codes whose kind does not show in their name.
var codes = map[string]meaning{
	// credentials and permissions
	"AccessDenied":                {fault.Denied, hintDenied},
	"AccessDeniedException":       {fault.Denied, hintDenied},
	"UnauthorizedOperation":       {fault.Denied, hintDenied},
	"AuthFailure":                 {fault.Denied, hintCredentials},
	"InvalidClientTokenId":        {fault.Denied, hintCredentials},
	"UnrecognizedClientException": {fault.Denied, hintCredentials},
	"SignatureDoesNotMatch":       {fault.Denied, hintCredentials},
	"ExpiredToken":                {fault.Denied, "the credentials have expired; log in again"},
	"ExpiredTokenException":       {fault.Denied, "the credentials have expired; log in again"},
	"RequestExpired":              {fault.Denied, "the credentials have expired, or this machine's clock is wrong"},
	"OptInRequired":               {fault.Denied, "the account is not subscribed to this"},
	"Forbidden":                   {fault.Denied, hintDenied},

	// what was named does not exist
	"ParameterNotFound":                  {fault.NotFound, ""},
	"ParameterVersionNotFound":           {fault.NotFound, ""},
	"InvalidDocument":                    {fault.NotFound, ""},
	"InvocationDoesNotExist":             {fault.NotFound, ""},
	"InvalidCommandId":                   {fault.NotFound, ""},
	"NoSuchKey":                          {fault.NotFound, ""},
	"NoSuchBucket":                       {fault.NotFound, "create the bucket, or name another"},
	"NotFound":                           {fault.NotFound, ""},
	"ResourceNotFoundException":          {fault.NotFound, ""},
	"NoSuchResourceException":            {fault.NotFound, ""},
	"ActiveInstanceRefreshNotFound":      {fault.NotFound, ""},
	"InvalidLaunchTemplateId.Malformed":  {fault.NotFound, ""},
	"InvalidAMIID.Malformed":             {fault.NotFound, ""},
	"InvalidInstanceID.Malformed":        {fault.NotFound, ""},
	"InvalidAMIID.Unavailable":           {fault.NotFound, "the image is not available to this account"},
	"InvalidLaunchTemplateName.NotFound": {fault.NotFound, ""},

	// a parameter that others have written or labelled
	"HierarchyTypeMismatchException":   {fault.Conflict, "a parameter keeps its type: delete it first, or choose another name"},
	"ParameterMaxVersionLimitExceeded": {fault.Failed, "its oldest version has a label: aws ssm unlabel-parameter-version"},

	// something is there already, or in use
	"ParameterAlreadyExists":      {fault.Conflict, ""},
	"DocumentAlreadyExists":       {fault.Conflict, ""},
	"PreconditionFailed":          {fault.Conflict, ""},
	"ConditionalRequestConflict":  {fault.Conflict, ""},
	"InvalidAMIName.Duplicate":    {fault.Conflict, ""},
	"DependencyViolation":         {fault.Conflict, "something still uses it"},
	"InvalidSnapshot.InUse":       {fault.Conflict, "something still uses it"},
	"VolumeInUse":                 {fault.Conflict, "something still uses it"},
	"IncorrectInstanceState":      {fault.Conflict, ""},
	"IncorrectState":              {fault.Conflict, ""},
	"InstanceRefreshInProgress":   {fault.Conflict, "wait until the refresh has ended"},
	"IrreversibleInstanceRefresh": {fault.Conflict, ""},
	"IdempotentParameterMismatch": {fault.Conflict, "a call with the same token asked for something else"},
	"ScalingActivityInProgress":   {fault.Conflict, ""},
	"ResourceInUse":               {fault.Conflict, ""},
	"OperationNotPermitted":       {fault.Conflict, ""},

	// asked too often
	"Throttling":                   {fault.Throttled, hintThrottled},
	"ThrottlingException":          {fault.Throttled, hintThrottled},
	"ThrottledException":           {fault.Throttled, hintThrottled},
	"RequestLimitExceeded":         {fault.Throttled, hintThrottled},
	"RequestThrottled":             {fault.Throttled, hintThrottled},
	"RequestThrottledException":    {fault.Throttled, hintThrottled},
	"TooManyRequestsException":     {fault.Throttled, hintThrottled},
	"TooManyUpdates":               {fault.Throttled, hintThrottled},
	"SlowDown":                     {fault.Throttled, hintThrottled},
	"ResourceContention":           {fault.Throttled, hintThrottled},
	"ServiceUnavailable":           {fault.Throttled, hintThrottled},
	"Unavailable":                  {fault.Throttled, hintThrottled},
	"InternalError":                {fault.Throttled, hintThrottled},
	"InternalServerError":          {fault.Throttled, hintThrottled},
	"InternalFailure":              {fault.Throttled, hintThrottled},
	"InsufficientInstanceCapacity": {fault.Throttled, "try another instance type or zone"},

	// the endpoint cannot do this
	"UnsupportedOperation":      {fault.Unsupported, "the endpoint does not offer this operation"},
	"UnknownOperationException": {fault.Unsupported, "the endpoint does not offer this operation"},
	"InvalidAction":             {fault.Unsupported, "the endpoint does not offer this operation"},
	"NotImplemented":            {fault.Unsupported, "the endpoint does not offer this operation"},
}

// Wrap says what was asked and gives the error of an AWS call its kind and hint; nil
// stays nil. Errors that are not AWS's keep the kind they have.
func Wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf(format+": %w", append(args, brief(err))...)
	m, ok := mean(err)
	if !ok {
		return err
	}
	return fault.As(err, m.kind, m.hint)
}

// Code is the error code that AWS answered; "" when it did not.
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return strings.TrimSuffix(api.ErrorCode(), "Fault")
	}
	return ""
}

func mean(err error) (meaning, bool) {
	code := Code(err)
	if m, ok := codes[code]; ok {
		return m, true
	}
	if code == "" && strings.Contains(err.Error(), noCredentials) {
		// Below it may be an answer of what stands where an instance has its role, a proxy's
		// 403 for one: it is no refusal of a permission.
		return meaning{fault.Denied, hintCredentials}, true
	}
	switch {
	case strings.HasSuffix(code, ".NotFound"):
		return meaning{fault.NotFound, ""}, true
	case strings.HasSuffix(code, ".Duplicate"), strings.HasSuffix(code, "AlreadyExists"):
		return meaning{fault.Conflict, ""}, true
	case strings.HasSuffix(code, "LimitExceeded"):
		return meaning{fault.Failed, "raise the quota, or remove what is not needed"}, true
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		switch response.HTTPStatusCode() {
		case http.StatusNotFound:
			return meaning{fault.NotFound, ""}, true
		case http.StatusForbidden, http.StatusUnauthorized:
			return meaning{fault.Denied, hintDenied}, true
		case http.StatusPreconditionFailed, http.StatusConflict:
			return meaning{fault.Conflict, ""}, true
		}
	}
	if code != "" {
		return meaning{fault.Failed, ""}, true
	}
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return meaning{fault.Failed, "is there a network, and is the endpoint right and running? see AWS_ENDPOINT_URL, HTTPS_PROXY and the region"}, true
	case errors.As(err, new(briefly)), strings.Contains(err.Error(), "get credentials"):
		return meaning{fault.Denied, hintCredentials}, true
	}
	return meaning{}, false
}

// noRole is what the SDK says at the end of its chain of credential sources.
const noRole = "no EC2 IMDS role found"

// noCredentials is what we say for it.
const noCredentials = "no credentials were found in the environment, a profile or an instance role"

// briefly is an error whose text is AWS's own sentence without the SDK's layers.
type briefly struct {
	text string
	err  error
}

func (b briefly) Error() string { return b.text }
func (b briefly) Unwrap() error { return b.err }

// brief shortens "operation error EC2: X, https response error StatusCode: 400,
// RequestID: ..., api error Code: message" to "Code: message", a connection that
// could not be made to that alone, and the want of credentials to a sentence.
func brief(err error) error {
	var api smithy.APIError
	var op *net.OpError
	switch {
	case errors.As(err, &api):
	case errors.As(err, &op) && op.Op == "dial":
		return briefly{op.Error(), err}
	case strings.Contains(err.Error(), noRole):
		return briefly{noCredentials, err}
	default:
		return err
	}
	text := Code(err)
	if m := api.ErrorMessage(); m != "" {
		text += ": " + m
	}
	return briefly{text, err}
}
