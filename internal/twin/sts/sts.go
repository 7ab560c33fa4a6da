// Package sts is the twin's Security Token Service: who is calling, and sessions in
// other accounts.
package sts

import (
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
		Account: aws.String(tx.Account), Arn: aws.String("arn:aws:iam::" + tx.Account + ":user/twin"), UserId: aws.String("AIDATWIN" + tx.Account),
	}
	if tx.Caller != "" {
		out.Arn = aws.String(tx.Caller)
		// AROA...:session; the name is the last part of the ARN.
		role, session, _ := strings.Cut(strings.TrimPrefix(tx.Caller, "arn:aws:sts::"+tx.Account+":assumed-role/"), "/")
		out.UserId = aws.String(roleID(tx.Account, role) + ":" + session)
	}
	return out, nil
}

// roleARN is arn:aws:iam::account:role/path/name.
var roleARN = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/(?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64})$`)

const defaultDuration = time.Hour // "AssumeRole", STS API Reference: DurationSeconds

// assumeRole makes a session in the role's account. The twin has no IAM: every
// role of every account exists and trusts everyone.
func assumeRole(tx *world.Tx, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	m := roleARN.FindStringSubmatch(*in.RoleArn)
	if m == nil {
		return nil, wire.Errorf("ValidationError", "%s is invalid", *in.RoleArn)
	}
	account, role, session := m[1], m[2], *in.RoleSessionName
	life := defaultDuration
	if in.DurationSeconds != nil {
		life = time.Duration(*in.DurationSeconds) * time.Second
	}
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

// roleID is the role's unique id: the same for the same role.
func roleID(account, role string) string {
	sum := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(account + "/" + role) {
		sum = (sum ^ uint64(b)) * 1099511628211
	}
	return fmt.Sprintf("AROA%017d", sum%1e17)
}
