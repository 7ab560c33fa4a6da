package ec2

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// memberships says which organization and organizational units an account is in, by
// their ARNs. There is no AWS Organizations here: the world's file says it.
func memberships(tx *world.Tx) *world.Rows[[]string] {
	return world.Table[[]string](tx.In("-", "-"), "ec2/memberships")
}

// Join puts an account into organizations and units: every unit above it counts, so
// all of them are to be named.
func (s *Service) Join(tx *world.Tx, account string, arns ...string) error {
	for _, arn := range arns {
		if err := checkOrg(arn); err != nil {
			return err
		}
	}
	memberships(tx).Put(account, arns)
	return nil
}

// granted says whether an account was given the image explicitly.
func (i Image) granted(tx *world.Tx, account string) bool {
	if slices.Contains(i.Users, account) {
		return true
	}
	if len(i.Orgs) == 0 {
		return false
	}
	in, _ := memberships(tx).Get(account)
	return slices.ContainsFunc(in, func(arn string) bool { return slices.Contains(i.Orgs, arn) })
}

// checkOrg takes ARNs of organizations and units ("Resource types defined by AWS
// Organizations", Service Authorization Reference).
func checkOrg(arn string) error {
	rest, ok := strings.CutPrefix(arn, "arn:aws:organizations::")
	account, kind, _ := strings.Cut(rest, ":")
	org := strings.HasPrefix(kind, "organization/o-")
	unit := strings.HasPrefix(kind, "ou/o-") && strings.Contains(kind, "/ou-")
	if !ok || len(account) != 12 || strings.Trim(account, "0123456789") != "" || !org && !unit {
		return wire.Errorf("InvalidAMIAttributeItemValue", "Invalid attribute item value \"%s\" for organization or organizational unit item type.", arn)
	}
	return nil
}

// grant is a change of launch permissions: accounts and the group all apart from
// ARNs of organizations and units.
type grant struct{ who, orgs []string }

func (g grant) empty() bool { return len(g.who)+len(g.orgs) == 0 }

// add reads one entry of the structured form.
func (g *grant) add(p types.LaunchPermission) {
	if who := aws.ToString(p.UserId) + string(p.Group); who != "" {
		g.who = append(g.who, who)
	}
	g.orgs = append(g.orgs, one(aws.ToString(p.OrganizationArn)+aws.ToString(p.OrganizationalUnitArn))...)
}

func (g grant) check() error {
	if _, err := checkGrantees(g.who); err != nil {
		return err
	}
	for _, arn := range g.orgs {
		if err := checkOrg(arn); err != nil {
			return err
		}
	}
	return nil
}
