package wire

import (
	"fmt"
	"strings"
)

// problem is what is wrong with a request before any handler sees it. Each
// protocol has codes of its own for it.
type problem struct {
	what   what
	path   string // the member
	detail string
	limit  string // of a constraint, in the words AWS uses
	value  string
}

type what uint8

const (
	isMalformed  what = iota // cannot be parsed
	isUnknown                // a member that the operation does not have
	isWrongValue             // a value of the wrong type
	isMissing                // a required member is absent
	isInvalid                // a constraint is broken
	isTooLarge
	isCut     // there is less of the body than was said
	isSlow    // the client did not send it
	isForeign // the signature is for no region
	// These have answers of their own (denied.go).
	isUnsigned // there is no signature
	isStranger // the access key is not known
	isForged   // the signature is another one
	isSkewed   // it is of another time
	isOver     // the session of the key has ended
)

func (p *problem) Error() string { return p.path + ": " + p.detail }

func malformed(format string, args ...any) error {
	return &problem{what: isMalformed, detail: fmt.Sprintf(format, args...)}
}

func cut(detail string) error { return &problem{what: isCut, detail: detail} }

func unknownMember(path string) error { return &problem{what: isUnknown, path: path} }

func badValue(path, detail string) error {
	return &problem{what: isWrongValue, path: path, detail: detail}
}

// wireError words a problem as the protocol's services do.
//
// EC2: "EC2 API error codes", common client errors. Query and JSON services:
// "Common Errors" of Auto Scaling and Systems Manager, and the messages that
// their validation framework writes.
func (p *problem) wireError(protocol string) *Error {
	if e, ok := denials(p.what)[style(protocol)]; ok {
		return &e
	}
	e := &Error{Status: 400}
	switch p.what {
	case isTooLarge, isCut, isSlow, isForeign:
		return p.outside(protocol)
	case isMalformed:
		e.Code = map[string]string{"ec2": "MalformedQueryString", "query": "MalformedQueryString", "rest-xml": "MalformedXML"}[protocol]
		if e.Code == "" {
			e.Code = "SerializationException"
		}
		e.Message = "The request is malformed: " + p.detail + "."
		return e
	}
	if protocol == "ec2" {
		p.ec2(e)
		return e
	}
	e.Code = map[string]string{"query": "ValidationError", rpcCBOR: "ValidationError", "rest-xml": "InvalidRequest"}[protocol]
	if e.Code == "" {
		e.Code = "ValidationException"
	}
	member := lower(p.path)
	if p.what == isMissing && protocol == "rest-xml" && strings.Contains(p.path, ".") {
		// What lacks is in the document itself ("List of error codes", S3 API Reference).
		e.Code, e.Message = "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"
		return e
	}
	switch p.what {
	case isUnknown:
		e.Message = fmt.Sprintf("1 validation error detected: '%s' is not a member of this request", p.path)
	case isWrongValue:
		if e.Code == "ValidationException" {
			e.Code = "SerializationException"
		}
		e.Message = fmt.Sprintf("Value at '%s': %s", member, p.detail)
	case isMissing:
		e.Message = fmt.Sprintf("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
	default:
		e.Message = fmt.Sprintf("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must %s", p.value, member, p.limit)
	}
	return e
}

// outside words what is wrong with a request as such, whatever it asks for: "List of
// error codes" of the S3 API Reference, and what Signature Version 4 says of a scope.
func (p *problem) outside(protocol string) *Error {
	s3 := protocol == "rest-xml"
	switch {
	case p.what == isTooLarge && s3:
		return &Error{Code: "EntityTooLarge", Message: "Your proposed upload exceeds the maximum allowed object size", Status: 400}
	case p.what == isTooLarge:
		return &Error{Code: "RequestEntityTooLarge", Message: "The request is larger than the service accepts.", Status: 413}
	case p.what == isSlow:
		return &Error{Code: "RequestTimeout", Message: "Your socket connection to the server was not read from or written to within the timeout period.", Status: 400}
	case p.what == isCut && s3:
		return &Error{Code: "IncompleteBody", Message: "The request body is incomplete: " + p.detail + ".", Status: 400}
	case p.what == isCut:
		return (&problem{what: isMalformed, detail: p.detail}).wireError(protocol)
	}
	e := &Error{Code: "SignatureDoesNotMatch", Message: fmt.Sprintf("Credential should be scoped to a valid region, not '%s'.", p.value), Status: 403}
	switch protocol {
	case "rest-xml":
		e.Code, e.Status = "AuthorizationHeaderMalformed", 400
	case "json", "rest-json", rpcCBOR:
		e.Code, e.Status = "InvalidSignatureException", 400
	}
	return e
}

func (p *problem) ec2(e *Error) {
	switch p.what {
	case isUnknown:
		e.Code, e.Message = "UnknownParameter", fmt.Sprintf("The parameter %s is not recognized", p.path)
	case isMissing:
		e.Code, e.Message = "MissingParameter", fmt.Sprintf("The request must contain the parameter %s", p.path)
	case isWrongValue:
		e.Code, e.Message = "InvalidParameterValue", fmt.Sprintf("Invalid value for %s: %s", p.path, p.detail)
	default:
		e.Code = "InvalidParameterValue"
		if p.path == "LaunchTemplateName" || strings.HasSuffix(p.path, ".LaunchTemplateName") {
			e.Code = "InvalidLaunchTemplateName.MalformedException" // the one member whose form has a code of its own
		}
		e.Message = fmt.Sprintf("Value (%s) for parameter %s is invalid. It must %s.", p.value, p.path, p.limit)
	}
}
