package ec2

import (
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// checkAccounts refuses what is neither an account id nor one of the words that a list
// of owners or users takes ("Owners" and "ExecutableUsers", DescribeImages; "OwnerIds"
// and "RestorableByUserIds", DescribeSnapshots).
func checkAccounts(list []string, words ...string) error {
	for _, who := range list {
		if !accountID(who) && !slices.Contains(words, who) {
			return wire.Errorf("InvalidUserID.Malformed", "Invalid user id: \"%s\"", who)
		}
	}
	return nil
}

func accountID(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }
