package wire

import (
	"regexp"
	"strings"
)

// service finds which service a request is for: by its signature's scope, its
// target header, its host, or the action in its body.
func (h *Handler) service(r *request) *bound {
	if b := h.byName[r.cred.service]; b != nil {
		return b
	}
	if target := r.http.Header.Get("X-Amz-Target"); target != "" {
		prefix, _, _ := strings.Cut(target, ".")
		for _, b := range h.services {
			if b.m.Metadata.TargetPrefix == prefix {
				return b
			}
		}
	}
	host := strings.Split(r.http.Host, ".")
	for i, label := range host {
		if b := h.byName[label]; b != nil && i < len(host)-1 {
			return b
		}
	}
	if r.cred.service != "" {
		return nil
	}
	return h.byAction(r)
}

// byAction serves clients that do not sign: only a query action tells.
func (h *Handler) byAction(r *request) *bound {
	action := r.query.Get("Action")
	if action == "" && strings.HasPrefix(r.http.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if r.read = r.readBody(maxBody, grown); r.read != nil {
			return nil
		}
		form, err := parseForm(string(r.body))
		if err != nil {
			return nil
		}
		action = form.Get("Action")
	}
	for _, b := range h.services {
		if (b.protocol == "ec2" || b.protocol == "query") && b.m.Operations[action] != nil {
			return b
		}
	}
	return nil
}

// prepare names the request's operation and reads it.
func (x *exchange) prepare() error {
	if err := x.h.known(x.r); err != nil {
		return err
	}
	limit, weight := int64(maxBody), int64(grown)
	if x.b.rest() {
		if x.b.Name == "s3" {
			x.r.path = pathStyle(x.r.http.Host, x.r.path)
		}
		x.op, x.r.labels = x.b.find(x.r.http.Method, x.r.path, x.r.query, x.r.http.Header)
		if x.b.carries(x.op) {
			limit, weight = maxRESTBody, 1
		}
	}
	if x.r.body == nil && x.r.read == nil {
		x.r.read = x.r.readBody(limit, weight)
	}
	if x.r.read != nil {
		return x.r.read
	}
	switch {
	case x.b.rest():
	case x.b.protocol == "json":
		prefix, op, _ := strings.Cut(x.r.http.Header.Get("X-Amz-Target"), ".")
		if x.op = op; prefix != x.b.m.Metadata.TargetPrefix {
			return x.unknownOperation()
		}
	case x.b.protocol == rpcCBOR:
		x.op = cborOperation(x.r.path)
	default:
		if err := x.r.parseForm(); err != nil {
			return err
		}
		x.op = x.r.form.Get("Action")
	}
	if x.b.m.Operations[x.op] == nil {
		return x.unknownOperation()
	}
	if err := x.h.authenticate(x.r); err != nil {
		return err
	}
	if !IsRegion(x.r.cred.region) {
		return &problem{what: isForeign, value: x.r.cred.region}
	}
	return x.version()
}

// regionForm is that of all regions ("Regions and Availability Zones"); which of them
// are there, each service knows.
var regionForm = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]{1,16}){1,3}-\d{1,2}$`)

// IsRegion says whether a name has a region's form.
func IsRegion(name string) bool { return regionForm.MatchString(name) }

// version refuses the API of another date than the model's: what it would ask and be
// answered is not known here. Without one it is the model's.
func (x *exchange) version() error {
	v := x.r.form.Get("Version")
	switch {
	case v == "" || v == x.b.m.Metadata.APIVersion:
		return nil
	case x.b.protocol == "ec2" && v >= "2006-06-26" && v < x.b.m.Metadata.APIVersion: // EC2's first; AWS takes many of those since
		return &Error{Code: "UnsupportedOperation", Message: "The twin models version " + x.b.m.Metadata.APIVersion + " of this API, not " + v + ".", Status: 400}
	case x.b.protocol == "ec2": // "Error codes for the Amazon EC2 API"
		return &Error{Code: "NoSuchVersion", Message: "The specified API version does not exist: " + v, Status: 400}
	}
	return &Error{Code: "InvalidAction", Message: "Could not find operation " + x.op + " for version " + v, Status: 400}
}

// unknownOperation answers for what AWS has not either, as its protocols do: what AWS
// has and the twin does not model is unsupported, with its name.
func (x *exchange) unknownOperation() error {
	switch {
	case x.b.protocol == "json" || x.b.protocol == rpcCBOR:
		return &Error{Code: "UnknownOperationException", Message: "The request names no operation that this service has.", Status: 400}
	case x.op != "":
		return &Error{Code: "InvalidAction", Message: "The action " + x.op + " is not valid for this web service.", Status: 400}
	}
	return &Error{Code: "InvalidAction", Message: "The request names no operation that this service has.", Status: 400}
}

// cborOperation is the last part of /service/NAME/operation/NAME.
func cborOperation(path string) string {
	parts := split(path)
	if len(parts) != 4 || parts[0] != "service" || parts[2] != "operation" {
		return ""
	}
	return parts[3]
}

// pathStyle puts the bucket of bucket.s3.region.host or bucket.127.0.0.1 in front
// of the path. An address that begins with digits has no bucket.
func pathStyle(host, path string) string {
	name, _, _ := strings.Cut(host, ":")
	for _, mark := range []string{".s3.", ".s3-", ".127.", ".localhost"} {
		if bucket, _, ok := strings.Cut(name, mark); ok && strings.Trim(bucket, "0123456789.") != "" {
			return "/" + bucket + path
		}
	}
	return path
}

func (x *exchange) call() Call {
	c := Call{Service: x.b.Name, Operation: x.op, Account: x.account, Region: x.r.cred.region, Request: x.r.body,
		Protocol: x.b.protocol, Now: x.h.o.World.Clock().Now()}
	if x.b.rest() {
		c.Request = []byte(x.r.http.URL.RequestURI())
	}
	return c
}
