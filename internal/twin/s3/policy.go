package s3

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/twin/policydoc"
	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// maxPolicy is the size of a bucket policy in bytes ("Bucket policies for Amazon S3",
// S3 User Guide).
const maxPolicy = 20 << 10

// statement is a statement of a bucket policy.
type statement struct {
	Sid       string            `json:"Sid"`
	Effect    string            `json:"Effect"`
	Principal json.RawMessage   `json:"Principal"`
	Action    policydoc.Strings `json:"Action"`
	Resource  policydoc.Strings `json:"Resource"`
	// These are refused.
	Condition    json.RawMessage `json:"Condition"`
	NotPrincipal json.RawMessage `json:"NotPrincipal"`
	NotAction    json.RawMessage `json:"NotAction"`
	NotResource  json.RawMessage `json:"NotResource"`
}

func malformed(format string, args ...any) error {
	return &wire.Error{Code: "MalformedPolicy", Message: fmt.Sprintf(format, args...), Status: 400}
}

// parsePolicy reads the policy of a bucket and refuses what S3 does, and by name what the
// twin does not model. What is allowed to everyone is refused too: buckets have Block
// Public Access from the start ("Blocking public access to your Amazon S3 storage").
func parsePolicy(bucket, text string) ([]statement, error) {
	var p struct {
		Version   string                          `json:"Version"`
		ID        string                          `json:"Id"`
		Statement policydoc.Statements[statement] `json:"Statement"`
	}
	switch {
	case len(text) > maxPolicy:
		return nil, malformed("The policy is larger than the maximum of %d bytes.", maxPolicy)
	case !strings.HasPrefix(text, "{") || !json.Valid([]byte(text)):
		return nil, malformed("Policies must be valid JSON and the first byte must be '{'")
	}
	if err := policydoc.Strictly([]byte(text), &p); err != nil {
		return nil, malformed("The policy is not a policy document: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	switch {
	case p.Version != "" && p.Version != "2012-10-17" && p.Version != "2008-10-17":
		return nil, malformed("The policy must contain a valid version string")
	case len(p.Statement) == 0:
		return nil, malformed("Missing required field Statement")
	}
	for _, st := range p.Statement {
		if err := st.check(bucket); err != nil {
			return nil, err
		}
	}
	return p.Statement, nil
}

func unmodelled(what string) error {
	return wire.Errorf("UnsupportedOperation", "The twin does not model %s.", what)
}

func (st statement) check(bucket string) error {
	for _, m := range []struct {
		name  string
		given json.RawMessage
	}{{"Condition", st.Condition}, {"NotPrincipal", st.NotPrincipal}, {"NotAction", st.NotAction}, {"NotResource", st.NotResource}} {
		if m.given != nil {
			return unmodelled(m.name + " in bucket policies")
		}
	}
	who, err := st.principals()
	switch {
	case st.Effect != "Allow" && st.Effect != "Deny":
		return malformed("Invalid effect: %s", st.Effect)
	case err != nil:
		return err
	case len(st.Action) == 0:
		return malformed("Missing required field Action")
	case len(st.Resource) == 0:
		return malformed("Missing required field Resource")
	case st.Effect == "Allow" && slices.Contains(who, "*"):
		return &wire.Error{Code: "AccessDenied", Message: "User is not authorized to perform: s3:PutBucketPolicy because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.", Status: 403}
	}
	for _, r := range st.Resource {
		if whole := "arn:aws:s3:::" + bucket; r != whole && !strings.HasPrefix(r, whole+"/") && !(strings.HasSuffix(r, "*") && matches(r, whole)) {
			return malformed("Policy has invalid resource")
		}
	}
	for _, a := range st.Action {
		service, name, ok := strings.Cut(a, ":")
		if a != "*" && (!ok || !strings.EqualFold(service, "s3") || name == "") {
			return malformed("Policy has invalid action")
		}
		applies := func(r string) bool {
			if ofBuckets(name) {
				return matches(r, "arn:aws:s3:::"+bucket)
			}
			return strings.Contains(r, "/") || strings.HasSuffix(r, "*")
		}
		if !strings.ContainsAny(a, "*?") && !slices.ContainsFunc(st.Resource, applies) {
			return malformed("Action does not apply to any resource(s) in statement")
		}
	}
	return nil
}

// ofBuckets says whether an action is about a bucket, not about objects ("Actions
// defined by Amazon S3", Service Authorization Reference).
func ofBuckets(action string) bool {
	action = strings.ToLower(action) // actions are compared without case
	return strings.Contains(action, "bucket") || strings.HasSuffix(action, "configuration")
}

// anyone is what a policy calls a principal of AWS: an account, or somebody in one.
var anyone = regexp.MustCompile(`^(\*|\d{12}|arn:aws:iam::\d{12}:(root|(user|role)/[\w+=,.@/-]+)|arn:aws:sts::\d{12}:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+)$`)

// principals are the AWS principals; services and federations, which are never the
// twin's callers, are left out.
func (st statement) principals() ([]string, error) {
	var all string
	if json.Unmarshal(st.Principal, &all) == nil && all == "*" {
		return []string{"*"}, nil
	}
	var by map[string]policydoc.Strings
	switch {
	case st.Principal == nil:
		return nil, malformed("Missing required field Principal")
	case json.Unmarshal(st.Principal, &by) != nil || len(by) == 0:
		return nil, malformed("Invalid principal in policy")
	}
	for kind, names := range by {
		switch kind {
		case "Service", "Federated":
		case "CanonicalUser":
			return nil, unmodelled("CanonicalUser in bucket policies")
		case "AWS":
			for _, n := range names {
				if !anyone.MatchString(n) {
					return nil, malformed("Invalid principal in policy")
				}
			}
		default:
			return nil, malformed("Invalid principal in policy")
		}
	}
	return by["AWS"], nil
}

// matches holds a text against a pattern in which * is any text and ? any character. It
// goes back to the last * only, so that no pattern takes long.
func matches(pattern, s string) bool {
	star, from := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
