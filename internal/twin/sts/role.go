package sts

import (
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Role is a role that a world declares. An account with a declared role has only its
// declared roles; in all others every role exists and trusts everyone.
type Role struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	// Trusts says who may assume it; empty is nobody.
	Trusts []Trust `json:"trusts"`
	// MaxSession is the longest session; zero is IAM's default of one hour.
	MaxSession time.Duration `json:"maxSession,omitempty"`
}

// Trust is one statement of a role's trust policy.
type Trust struct {
	// Principal is an account ("444455556666" or arn:aws:iam::444455556666:root), the ARN
	// of a role (arn:aws:iam::444455556666:role/Pipeline: every session of it), of a
	// session or of a user, or "*".
	Principal string `json:"principal"`
	// ExternalID, if not empty, must be given (sts:ExternalId, StringEquals).
	ExternalID string `json:"externalId,omitempty"`
}

func roles(tx *world.Tx, account string) *world.Rows[Role] {
	return world.Table[Role](tx.In(account, "-"), "sts/roles")
}

// DeclareRole adds or replaces a role of a world.
func DeclareRole(tx *world.Tx, r Role) { roles(tx, r.Account).Put(r.Name, r) }

// accounts are those that the world declares, of all regions.
func accounts(tx *world.Tx) *world.Rows[bool] {
	return world.Table[bool](tx.In("-", "-"), "sts/accounts")
}

// DeclareAccount says that there is an account. A world that declares any has no others.
func DeclareAccount(tx *world.Tx, account string) {
	if there, _ := accounts(tx).Get(account); !there {
		accounts(tx).Put(account, true)
	}
}

// Declared says whether the world declares its accounts.
func Declared(tx *world.Tx) bool { return accounts(tx).Len() > 0 }

// allowed holds a caller against the role's trust. A role that does not exist, perhaps of
// an account that does not, is denied in the same words ("Troubleshooting IAM roles", IAM
// User Guide). It returns the role's longest session.
func allowed(tx *world.Tx, account, name, arn, externalID string) (time.Duration, error) {
	there, _ := accounts(tx).Get(account)
	there = there || account == tx.Account || !Declared(tx)
	if there && roles(tx, account).Len() == 0 {
		return maxSession, nil
	}
	who := identity(tx)
	r, ok := roles(tx, account).Get(name)
	if !ok || !slices.ContainsFunc(r.Trusts, func(t Trust) bool { return t.admits(tx.Account, who, externalID) }) {
		return 0, &wire.Error{Code: "AccessDenied", Message: "User: " + who + " is not authorized to perform: sts:AssumeRole on resource: " + arn, Status: 403}
	}
	if r.MaxSession > 0 {
		return r.MaxSession, nil
	}
	return defaultDuration, nil
}

// admits says whether a statement lets a caller in. A trust without an external id does
// not ask for one, so that one which is given does no harm.
func (t Trust) admits(account, who, externalID string) bool {
	if t.ExternalID != "" && t.ExternalID != externalID {
		return false
	}
	switch t.Principal {
	case "*", account, "arn:aws:iam::" + account + ":root", who:
		return true
	}
	role, ok := strings.CutPrefix(t.Principal, "arn:aws:iam::"+account+":role/")
	if !ok {
		return false
	}
	name := role[strings.LastIndex(role, "/")+1:] // sessions do not show the path
	return strings.HasPrefix(who, "arn:aws:sts::"+account+":assumed-role/"+name+"/")
}

// identity is the caller's ARN.
func identity(tx *world.Tx) string {
	if tx.Caller != "" {
		return tx.Caller
	}
	return "arn:aws:iam::" + tx.Account + ":user/twin"
}
