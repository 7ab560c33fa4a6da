package spread

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// policyLimit is the most that a key policy may be (KMS Developer Guide, "Quotas":
// 32 KB); what is longer is not read.
const policyLimit = 64 << 10

// keyPolicy is a key's policy.
type keyPolicy struct{ Statement []statement }

// statement is one statement of a policy.
type statement struct {
	Sid                     string
	Effect                  string
	Principal, NotPrincipal principals
	Action, NotAction       words
	Resource                words
	Condition               map[string]map[string]words
}

// words is a text or a list of texts; booleans are texts too.
type words []string

// UnmarshalJSON reads either form.
func (w *words) UnmarshalJSON(data []byte) error {
	var one any
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	list, ok := one.([]any)
	if !ok {
		list = []any{one}
	}
	for _, v := range list {
		switch v := v.(type) {
		case string:
			*w = append(*w, v)
		case bool:
			*w = append(*w, fmt.Sprint(v))
		default:
			return fmt.Errorf("%v is no text", v)
		}
	}
	return nil
}

// principals are the AWS principals that a statement names; services and federations
// are left out.
type principals struct {
	set bool
	aws words
}

// UnmarshalJSON reads "*" and {"AWS": …}.
func (p *principals) UnmarshalJSON(data []byte) error {
	p.set = true
	var all string
	if json.Unmarshal(data, &all) == nil {
		p.aws = words{all}
		return nil
	}
	var by map[string]words
	if err := json.Unmarshal(data, &by); err != nil {
		return err
	}
	p.aws = by["AWS"]
	return nil
}

func parsePolicy(text string) (keyPolicy, error) {
	var p keyPolicy
	if len(text) > policyLimit {
		return p, fmt.Errorf("read the key policy: it has %d bytes, more than KMS takes", len(text))
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("read the key policy: %w", err)
	}
	return p, nil
}

// use is a principal's wish: an action with a key, through EC2.
type use struct {
	principal string // ARN of a role
	action    string // such as kms:Decrypt
	key       string // ARN
	region    string
}

// verdict is what a policy says of a use.
type verdict struct {
	allowed bool
	denied  bool
	// doubt names statements whose conditions cannot be judged from here.
	doubt []string
}

// judge reads the policy for one use. A statement that allows under a condition that
// cannot be judged allows nothing; one that denies so is a doubt.
func (p keyPolicy) judge(u use) verdict {
	var v verdict
	for n, st := range p.Statement {
		if !st.concerns(u) {
			continue
		}
		holds, known := st.holds(u)
		name := st.Sid
		if name == "" {
			name = fmt.Sprintf("statement %d", n+1)
		}
		switch {
		case st.Effect == "Deny" && known && holds:
			v.denied = true
		case st.Effect == "Allow" && known && holds:
			v.allowed = true
		case !known:
			v.doubt = append(v.doubt, name)
		}
	}
	v.allowed = v.allowed && !v.denied
	return v
}

func (st statement) concerns(u use) bool {
	deny := st.Effect == "Deny"
	switch {
	case st.NotPrincipal.set && (!deny || names(st.NotPrincipal.aws, u.principal, deny)):
		return false // an Allow for everybody but some is not relied on
	case !st.NotPrincipal.set && !names(st.Principal.aws, u.principal, deny):
		return false
	}
	any := func(patterns []string, s string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return like(strings.ToLower(p), strings.ToLower(s)) })
	}
	if len(st.NotAction) > 0 {
		if any(st.NotAction, u.action) {
			return false
		}
	} else if !any(st.Action, u.action) {
		return false
	}
	return len(st.Resource) == 0 || any(st.Resource, u.key)
}

// serviceRole is in the ARN of every service-linked role.
const serviceRole = ":role/aws-service-role/"

// names says whether a list of principals means a role. Its account means it too,
// unless it is a service-linked role and the statement allows: such a role has no
// policies of its own account that could pass the permission on.
func names(list []string, role string, deny bool) bool {
	account := accountOf(role)
	for _, p := range list {
		switch p {
		case "*", role:
			return true
		case account, "arn:aws:iam::" + account + ":root":
			if deny || !strings.Contains(role, serviceRole) {
				return true
			}
		}
	}
	return false
}

// holds says whether the conditions are met, and whether that can be known here.
func (st statement) holds(u use) (holds, known bool) {
	holds = true
	for operator, keys := range st.Condition {
		for key, want := range keys {
			have, ok := u.value(key)
			if !ok {
				return false, false
			}
			met, ok := compare(operator, have, want)
			if !ok {
				return false, false
			}
			holds = holds && met
		}
	}
	return holds, true
}

// value is what a condition key will be when EC2 makes a volume for the principal.
func (u use) value(key string) (string, bool) {
	switch strings.ToLower(key) {
	case "kms:grantisforawsresource":
		return "true", true
	case "kms:viaservice":
		return "ec2." + u.region + ".amazonaws.com", true
	case "kms:calleraccount", "aws:principalaccount":
		return accountOf(u.principal), true
	case "aws:principalarn":
		return u.principal, true
	}
	return "", false
}

func compare(operator, have string, want words) (met, known bool) {
	equal := func(w string) bool { return w == have }
	switch operator {
	case "Bool", "StringEquals":
	case "StringEqualsIgnoreCase":
		equal = func(w string) bool { return strings.EqualFold(w, have) }
	case "StringLike", "ArnLike", "ArnEquals":
		equal = func(w string) bool { return like(w, have) }
	case "StringNotEquals":
		return !slices.Contains(want, have), true
	case "StringNotLike", "ArnNotLike", "ArnNotEquals":
		return !slices.ContainsFunc(want, func(w string) bool { return like(w, have) }), true
	default:
		return false, false
	}
	return slices.ContainsFunc(want, equal), true
}

// like matches the wildcards * and ? of policies.
func like(pattern, s string) bool {
	// path.Match gives * no slash, and brackets a meaning that policies do not know.
	clean := strings.NewReplacer("/", "\x00", "[", `\[`, `\`, `\\`).Replace
	ok, err := path.Match(clean(pattern), strings.ReplaceAll(s, "/", "\x00"))
	return ok && err == nil
}

func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

func regionOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[3]
	}
	return ""
}
