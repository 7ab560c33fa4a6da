package kms

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/twin/policydoc"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// statement is a statement of a key policy.
type statement struct {
	Sid       string                     `json:"Sid"`
	Effect    string                     `json:"Effect"`
	Principal json.RawMessage            `json:"Principal"`
	Action    policydoc.Strings          `json:"Action"`
	Resource  policydoc.Strings          `json:"Resource"`
	Condition map[string]json.RawMessage `json:"Condition"`
	// These are refused.
	NotPrincipal json.RawMessage `json:"NotPrincipal"`
	NotAction    json.RawMessage `json:"NotAction"`
	NotResource  json.RawMessage `json:"NotResource"`
}

// defaultPolicy gives the account, and through it its IAM, full access ("Default key
// policy", KMS Developer Guide).
func defaultPolicy(account string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:*","Resource":"*"}]}`, account)
}

func parsePolicy(text string) ([]statement, error) {
	var p struct {
		Statement policydoc.Statements[statement]
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil || len(p.Statement) == 0 {
		return nil, wire.Errorf("MalformedPolicyDocumentException", "The policy is not a policy document")
	}
	for _, st := range p.Statement {
		if st.NotPrincipal != nil || st.NotAction != nil || st.NotResource != nil {
			return nil, wire.Errorf("UnsupportedOperationException", "The twin does not model NotPrincipal, NotAction and NotResource in key policies.")
		}
		if st.Effect == "Deny" && len(st.Condition) > 0 { // to leave it out would allow what AWS denies
			return nil, wire.Errorf("UnsupportedOperationException", "The twin does not model conditions of statements that deny.")
		}
		if st.Effect != "Allow" && st.Effect != "Deny" || len(st.Action) == 0 || len(st.Resource) == 0 || st.principals() == nil {
			return nil, wire.Errorf("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals or without an effect, action or resource.")
		}
	}
	return p.Statement, nil
}

// principals are the AWS principals, "*" for everyone; services and federations are
// left out. nil is a statement without any.
func (st statement) principals() []string {
	var all string
	if json.Unmarshal(st.Principal, &all) == nil && all == "*" {
		return []string{"*"}
	}
	var by map[string]policydoc.Strings
	if json.Unmarshal(st.Principal, &by) != nil || len(by) == 0 {
		return nil
	}
	return slices.Concat([]string{}, by["AWS"])
}

// Allowed reports whether principal, an ARN of IAM or STS, may do action with k
// through another service of AWS such as EBS: by the key's policy or by a grant.
// There is no IAM here: a policy that trusts an account trusts every principal of it,
// but for service-linked roles, whose own policies give no keys ("Required AWS KMS key
// policy for use with encrypted volumes", Auto Scaling User Guide). A statement with a
// condition other than kms:GrantIsForAWSResource allows nothing, which is the
// strictest reading.
func (s *Service) Allowed(tx *world.Tx, k Key, principal, action string) bool {
	return s.allowed(tx, k, principal, action, nil, true)
}

// allowed is Allowed in an encryption context; service says that a service of AWS asks on
// the principal's behalf, which is what kms:GrantIsForAWSResource is about.
func (s *Service) allowed(tx *world.Tx, k Key, principal, action string, context map[string]string, service bool) bool {
	if k.Manager == types.KeyManagerTypeAws {
		// "AWS managed keys", KMS Developer Guide: all of the account, and nobody else.
		return accountOf(principal) == k.Account
	}
	statements, err := parsePolicy(k.Policy)
	if err != nil {
		return false
	}
	allowed := false
	for _, st := range statements {
		if !slices.ContainsFunc(st.Action, func(a string) bool { return covers(a, action) }) ||
			!slices.ContainsFunc(st.principals(), func(p string) bool {
				return isPrincipal(p, principal) || st.Effect == "Deny" && isAccount(p, principal)
			}) {
			continue
		}
		switch {
		case st.Effect == "Deny":
			return false
		case st.Effect == "Allow" && conditionHolds(st.Condition, service):
			allowed = true
		}
	}
	return allowed || s.granted(tx, k, principal, action, context)
}

// conditionHolds knows one condition key.
func conditionHolds(c map[string]json.RawMessage, service bool) bool {
	for operator, raw := range c {
		var keys map[string]any
		if operator != "Bool" || json.Unmarshal(raw, &keys) != nil || len(keys) != 1 || fmt.Sprint(keys["kms:GrantIsForAWSResource"]) != fmt.Sprint(service) {
			return false
		}
	}
	return true
}

// covers reports whether a policy's action, with wildcards at its end, names action.
func covers(pattern, action string) bool {
	pattern, action = strings.ToLower(pattern), strings.ToLower(action)
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(action, prefix)
	}
	return pattern == action
}

// isPrincipal reports whether a policy's principal means who.
func isPrincipal(p, who string) bool {
	if isAccount(p, who) {
		return !strings.Contains(who, ":role/aws-service-role/")
	}
	return p == "*" || p == who || p == roleOf(who)
}

// isAccount reports whether a policy's principal is the account of who.
func isAccount(p, who string) bool {
	account := accountOf(who)
	return p == account || p == "arn:aws:iam::"+account+":root"
}

func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return arn
}

// roleOf is the role of a session: policies name the role. The session's ARN has no
// path, so a role with one is only met through its account.
func roleOf(arn string) string {
	rest, ok := strings.CutPrefix(arn, "arn:aws:sts::")
	account, session, cut := strings.Cut(rest, ":assumed-role/")
	if !ok || !cut {
		return arn
	}
	role, _, _ := strings.Cut(session, "/")
	return "arn:aws:iam::" + account + ":role/" + role
}

// caller is who asks.
func caller(tx *world.Tx) string {
	if tx.Caller != "" {
		return tx.Caller
	}
	return "arn:aws:iam::" + tx.Account + ":user/twin"
}

// GetKeyPolicy gives a key's policy; it has only the one called default.
func (s *Service) GetKeyPolicy(tx *world.Tx, in *kms.GetKeyPolicyInput) (*kms.GetKeyPolicyOutput, error) {
	k, err := s.use(tx, in.KeyId, "kms:GetKeyPolicy")
	if err != nil {
		return nil, err
	}
	if k.Account != tx.Account || in.PolicyName != nil && *in.PolicyName != "default" {
		return nil, notFound("No such policy exists")
	}
	return &kms.GetKeyPolicyOutput{Policy: &k.Policy, PolicyName: aws.String("default")}, nil
}

// keepsWriter refuses a policy that would not let its writer change it again.
func (s *Service) keepsWriter(tx *world.Tx, k Key, bypass bool) error {
	if !bypass && !s.allowed(tx, k, caller(tx), "kms:PutKeyPolicy", nil, false) {
		return wire.Errorf("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.")
	}
	return nil
}

// PutKeyPolicy replaces a key's policy. One that would lock the caller out of
// changing it again is refused ("Safety check", PutKeyPolicy).
func (s *Service) PutKeyPolicy(tx *world.Tx, in *kms.PutKeyPolicyInput) (*kms.PutKeyPolicyOutput, error) {
	k, err := s.own(tx, in.KeyId, "kms:PutKeyPolicy")
	if err != nil {
		return nil, err
	}
	if _, err := parsePolicy(*in.Policy); err != nil {
		return nil, err
	}
	k.Policy = *in.Policy
	if err := s.keepsWriter(tx, k, in.BypassPolicyLockoutSafetyCheck); err != nil {
		return nil, err
	}
	s.put(tx, k)
	return &kms.PutKeyPolicyOutput{}, nil
}
