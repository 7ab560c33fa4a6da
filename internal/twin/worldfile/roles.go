package worldfile

import (
	"fmt"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Role is a role that may be assumed. An account with a role in the file has only the
// roles of the file; in all others every role exists and trusts everyone.
type Role struct {
	Account string  `json:"account"` // empty: the file's
	Name    string  `json:"name"`
	Trusts  []Trust `json:"trusts"` // empty: nobody
	// MaxSession is the longest session, from one hour (0) to twelve.
	MaxSession Duration `json:"maxSession"`
}

// Trust is one statement of a role's trust policy.
type Trust struct {
	// Principal is an account, the ARN of a role, a session or a user, or *.
	Principal  string `json:"principal"`
	ExternalID string `json:"externalId"` // must be given, if not empty
}

// longestSession is MaxSessionDuration's limit (CreateRole, IAM API Reference).
const longestSession = 12 * time.Hour

func (f *File) checkRoles() error {
	seen := map[string]bool{}
	for k, r := range f.Roles {
		at := fmt.Sprintf("roles[%d] (%s)", k, r.Name)
		p := Place{Account: r.Account, Region: "-"}
		if err := p.check(); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		d := time.Duration(r.MaxSession)
		switch {
		case r.Name == "" || strings.ContainsAny(r.Name, "/ :"):
			return fmt.Errorf("%s: a name without a path is needed", at)
		case seen[r.Account+"/"+r.Name]:
			return fmt.Errorf("%s: account %s has it twice", at, r.Account)
		case d != 0 && (d < time.Hour || d > longestSession):
			return fmt.Errorf("%s: maxSession is from 1h to %s, not %s", at, longestSession, d)
		}
		for _, t := range r.Trusts {
			if t.Principal == "" {
				return fmt.Errorf("%s: a trust without a principal", at)
			}
		}
		seen[r.Account+"/"+r.Name] = true
	}
	return nil
}

func (l *Loader) roles(tx *world.Tx, f *File) (int, error) {
	return each(f.Roles, func(r Role) (int, error) {
		return once(tx, Place{Account: r.Account, Region: "-"}, "role", r.Name, func(tx *world.Tx) (string, error) {
			role := sts.Role{Account: r.Account, Name: r.Name, MaxSession: time.Duration(r.MaxSession)}
			for _, t := range r.Trusts {
				role.Trusts = append(role.Trusts, sts.Trust{Principal: t.Principal, ExternalID: t.ExternalID})
			}
			sts.DeclareRole(tx, role)
			return r.Name, nil
		})
	})
}
