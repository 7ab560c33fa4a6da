// Package sts is the twin's Security Token Service: who is calling, and sessions in
// other accounts.
package sts

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// New is the service with its operations.
func New() *wire.Service {
	w := wire.NewService("sts")
	wire.Op(w, "GetCallerIdentity", getCallerIdentity)
	wire.Op(w, "AssumeRole", assumeRole)
	return w
}

// getCallerIdentity names the session, or the account's only user.
func getCallerIdentity(tx *world.Tx, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	out := &sts.GetCallerIdentityOutput{
		Account: aws.String(tx.Account), Arn: aws.String(identity(tx)), UserId: aws.String("AIDATWIN" + tx.Account),
	}
	if tx.Caller != "" {
		// AROA...:session; the name is the last part of the ARN.
		role, session, _ := strings.Cut(strings.TrimPrefix(tx.Caller, "arn:aws:sts::"+tx.Account+":assumed-role/"), "/")
		out.UserId = aws.String(roleID(tx.Account, role) + ":" + session)
	}
	return out, nil
}

// roleARN is arn:aws:iam::account:role/path/name.
var roleARN = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/(?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64})$`)

const (
	defaultDuration = time.Hour      // "AssumeRole", STS API Reference: DurationSeconds
	maxSession      = 12 * time.Hour // the longest that a role can allow
	maxTags         = 50             // session tags (same page)
)

// assumeRole makes a session in the role's account, if a declared role's trust allows
// it. There are no policies: a session may do everything in its account.
func assumeRole(tx *world.Tx, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	m := roleARN.FindStringSubmatch(*in.RoleArn)
	if m == nil {
		return nil, wire.Errorf("ValidationError", "%s is invalid", *in.RoleArn)
	}
	account, role, session := m[1], m[2], *in.RoleSessionName
	longest, err := allowed(tx, account, role, *in.RoleArn, aws.ToString(in.ExternalId))
	if err != nil {
		return nil, err
	}
	if err := checkPolicies(in); err != nil {
		return nil, err
	}
	tags, err := sessionTags(in.Tags, in.TransitiveTagKeys)
	if err != nil {
		return nil, err
	}
	life := defaultDuration
	if in.DurationSeconds != nil {
		life = time.Duration(*in.DurationSeconds) * time.Second
	}
	switch {
	case tx.Caller != "" && life > defaultDuration: // "Role chaining", IAM User Guide
		return nil, wire.Errorf("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case life > longest:
		return nil, wire.Errorf("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role")
	}
	tx.Event("role.assumed", map[string]any{"role": *in.RoleArn, "session": session, "by": identity(tx), "externalId": aws.ToString(in.ExternalId), "tags": tags})
	s := wire.Session{
		ARN: fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account, role, session), UserID: roleID(account, role) + ":" + session,
		Account: account, Secret: tx.Hex(40), Expires: tx.Now.Add(life),
	}
	key := wire.SessionKey(tx, account)
	wire.PutSession(tx, key, s)
	return &sts.AssumeRoleOutput{
		AssumedRoleUser: &types.AssumedRoleUser{Arn: &s.ARN, AssumedRoleId: &s.UserID},
		Credentials:     &types.Credentials{AccessKeyId: &key, SecretAccessKey: &s.Secret, SessionToken: aws.String("twin-" + tx.Hex(32)), Expiration: &s.Expires},
	}, nil
}

// checkPolicies reads session policies only far enough to refuse what is none ("Policy"
// and "PolicyArns", AssumeRole: at most ten managed ones): nothing here decides by them.
func checkPolicies(in *sts.AssumeRoleInput) error {
	if len(in.PolicyArns) > 10 {
		return wire.Errorf("ValidationError", "At most 10 managed session policies can be passed.")
	}
	var document map[string]json.RawMessage
	if in.Policy != nil && (json.Unmarshal([]byte(*in.Policy), &document) != nil || document["Statement"] == nil) {
		return wire.Errorf("MalformedPolicyDocument", "The session policy is not a policy document.")
	}
	return nil
}

// sessionTags checks the tags of a session: keys are unique whatever their case
// ("Passing session tags", IAM User Guide). Nothing here decides by them; the event of
// the assumption shows them.
func sessionTags(tags []types.Tag, transitive []string) (map[string]string, error) {
	if len(tags) > maxTags {
		return nil, wire.Errorf("ValidationError", "You can pass up to %d session tags.", maxTags)
	}
	out, seen := map[string]string{}, map[string]bool{}
	for _, t := range tags {
		key := strings.ToLower(aws.ToString(t.Key))
		switch {
		case seen[key]:
			return nil, wire.Errorf("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		case strings.HasPrefix(key, "aws:"):
			return nil, wire.Errorf("ValidationError", "Tag keys cannot begin with aws:")
		}
		seen[key] = true
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	for _, k := range transitive {
		if !seen[strings.ToLower(k)] {
			return nil, wire.Errorf("ValidationError", "The specified transitive tag key must be included in the requested tags.")
		}
	}
	return out, nil
}

// roleID is the role's unique id: the same for the same role.
func roleID(account, role string) string {
	sum := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(account + "/" + role) {
		sum = (sum ^ uint64(b)) * 1099511628211
	}
	return fmt.Sprintf("AROA%017d", sum%1e17)
}
