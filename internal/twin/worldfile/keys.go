package worldfile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Key is a customer key that encrypts volumes.
type Key struct {
	Place
	Alias string `json:"alias"` // such as alias/golden
	// Users are the ARNs of principals, beside the key's own account, that may encrypt
	// with it: accounts' roots do not stand for their service-linked roles.
	Users []string `json:"users"`
}

// Keys makes keys.
type Keys interface {
	Make(tx *world.Tx, alias string, users []string) (arn string, err error)
}

func (f *File) checkKeys() error {
	seen := map[string]bool{}
	for n, k := range f.Keys {
		at := k.Account + "/" + k.Region + "/" + k.Alias
		switch {
		case !strings.HasPrefix(k.Alias, "alias/") || strings.HasPrefix(k.Alias, "alias/aws/"):
			return fmt.Errorf("keys[%d]: alias is %q; write it like alias/golden", n, k.Alias)
		case seen[at]:
			return fmt.Errorf("keys[%d] (%s): account %s has it twice in %s", n, k.Alias, k.Account, k.Region)
		}
		for _, u := range k.Users {
			if !strings.HasPrefix(u, "arn:") {
				return fmt.Errorf("keys[%d] (%s): user %q is no ARN", n, k.Alias, u)
			}
		}
		seen[at] = true
	}
	return nil
}

func (l *Loader) keys(tx *world.Tx, f *File) (int, error) {
	return each(f.Keys, func(k Key) (int, error) {
		return once(tx, k.Place, "key", k.Alias, func(tx *world.Tx) (string, error) {
			if l.Keys == nil {
				return "", errors.New("this twin has no KMS")
			}
			return l.Keys.Make(tx, k.Alias, k.Users)
		})
	})
}
