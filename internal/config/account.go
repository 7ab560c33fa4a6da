package config

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// Account is an AWS account in which images are used.
type Account struct {
	Label string
	ID    string // twelve digits
	// Role is the ARN of the role to take on there; empty: the session's own account,
	// without a role.
	Role       string
	ExternalID string
	Regions    []string // at least one
	// Concurrency is how many groups roll at a time in each Region; 0: no bound.
	Concurrency int
}

// The modes of Distribute and its ServiceRoles.
const (
	ModeShare = "share" // one image in each Region, shared with the other accounts
	ModeCopy  = "copy"  // an image of its own for every account and Region

	ServiceRolesGrant  = "grant"  // make the grants that are missing
	ServiceRolesPolicy = "policy" // the key policy must hold it already
)

// Distribute says where an image line is used.
type Distribute struct {
	Accounts []*Account
	Regions  []string // empty: each account's own
	Mode     string   // share or copy
	// KMSKey encrypts the copies: an alias, which each Region resolves for itself, or a
	// key's ARN; empty: copies of unencrypted images stay so.
	KMSKey        string
	Organizations []string // ARNs
	Units         []string // ARNs of organizational units
	// Completion is within what time EBS is to have made a copy; 0: as it comes.
	Completion   time.Duration
	ServiceRoles string // grant or policy
	// Canary is the instance type that is launched once in every account and Region
	// before the channel moves; empty: none is.
	Canary string
}

// RegionsOf are the Regions in which an account gets the image.
func (d *Distribute) RegionsOf(a *Account) []string {
	if len(d.Regions) == 0 {
		return a.Regions
	}
	return slices.DeleteFunc(slices.Clone(a.Regions), func(r string) bool { return !slices.Contains(d.Regions, r) })
}

// AccountNamed finds an account block.
func (c *Config) AccountNamed(label string) (*Account, bool) {
	for _, a := range c.Accounts {
		if a.Label == label {
			return a, true
		}
	}
	return nil, false
}

type accountSchema struct {
	Label       string    `hcl:"label,label"`
	ID          string    `hcl:"id"`
	Role        string    `hcl:"role,optional"`
	ExternalID  string    `hcl:"external_id,optional"`
	Regions     []string  `hcl:"regions,optional"`
	Concurrency int       `hcl:"concurrency,optional"`
	Range       hcl.Range `hcl:",def_range"`
}

type distributeSchema struct {
	Accounts      []string  `hcl:"accounts"`
	Regions       []string  `hcl:"regions,optional"`
	Mode          string    `hcl:"mode,optional"`
	KMSKey        string    `hcl:"kms_key,optional"`
	Organizations []string  `hcl:"organizations,optional"`
	Units         []string  `hcl:"units,optional"`
	Completion    string    `hcl:"completion,optional"`
	ServiceRoles  string    `hcl:"service_roles,optional"`
	Canary        string    `hcl:"canary,optional"`
	Range         hcl.Range `hcl:",def_range"`
}

// accountForms are the forms of what account and distribute blocks name. They are
// slow to compile, which commands without such blocks should not pay for.
type accountForms struct {
	account, roleName, roleARN, externalID, region, organization, unit, key *regexp.Regexp
}

var forms = sync.OnceValue(func() accountForms {
	return accountForms{
		account:  regexp.MustCompile(`^[0-9]{12}$`),
		roleName: regexp.MustCompile(`^(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,64}$`),
		roleARN:  regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):role/(?:[\x21-\x7e]+/)?[\w+=,.@-]{1,64}$`),
		// AssumeRole's pattern of ExternalId; its limit is 1224 characters.
		externalID:   regexp.MustCompile(`^[\w+=,.@:/-]{2,1000}$`),
		region:       regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`),
		organization: regexp.MustCompile(`^arn:aws[a-z-]*:organizations::[0-9]{12}:organization/o-[a-z0-9]{10,32}$`),
		unit:         regexp.MustCompile(`^arn:aws[a-z-]*:organizations::[0-9]{12}:ou/o-[a-z0-9]{10,32}/ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}$`),
		key:          regexp.MustCompile(`^(alias/[\w/-]{1,250}|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[\w/-]+)$`),
	}
})

func (r *resolver) account(s *accountSchema) {
	for _, a := range r.cfg.Accounts {
		switch {
		case a.Label == s.Label:
			r.fault(s.Range, "Duplicate account", "An account named %q stands above.", s.Label)
			return
		case a.ID == s.ID:
			r.fault(s.Range, "Duplicate account", "Account %s is %q above; one block has all its Regions.", s.ID, a.Label)
			return
		}
	}
	a := &Account{Label: s.Label, ID: s.ID, Role: s.Role, ExternalID: s.ExternalID, Regions: s.Regions, Concurrency: s.Concurrency}
	if !forms().account.MatchString(a.ID) {
		r.fault(s.Range, "Wrong account id", "id is %q; write the account's twelve digits.", a.ID)
	}
	switch m := forms().roleARN.FindStringSubmatch(a.Role); {
	case a.Role == "":
		if a.ExternalID != "" {
			r.fault(s.Range, "External id without a role", "account %q has an external_id, and no role to give it to.", s.Label)
		}
	case m != nil && m[1] != a.ID:
		r.fault(s.Range, "Role of another account", "The role of account %q (%s) is one of account %s.", s.Label, a.ID, m[1])
	case m != nil:
	case forms().roleName.MatchString(a.Role):
		a.Role = "arn:aws:iam::" + a.ID + ":role/" + a.Role
	default:
		r.fault(s.Range, "Wrong role", "role is %q; write the name of a role in the account, or its ARN.", a.Role)
	}
	if a.ExternalID != "" && !forms().externalID.MatchString(a.ExternalID) {
		r.fault(s.Range, "Wrong external id", "external_id has characters that STS does not take, or fewer than two.")
	}
	if len(a.Regions) == 0 && r.cfg.Region != "" {
		a.Regions = []string{r.cfg.Region}
	}
	if len(a.Regions) == 0 {
		r.fault(s.Range, "No Region", "account %q needs regions, or the file a region.", s.Label)
	}
	r.regions(s.Range, a.Regions)
	if a.Concurrency < 0 {
		r.fault(s.Range, "Wrong concurrency", "concurrency is %d; write how many groups may roll at a time in a Region, or leave it out.", a.Concurrency)
	}
	r.cfg.Accounts = append(r.cfg.Accounts, a)
}

func (r *resolver) regions(at hcl.Range, list []string) {
	for n, region := range list {
		switch {
		case !forms().region.MatchString(region):
			r.fault(at, "Wrong Region", "regions names %q; write Regions such as eu-west-1.", region)
		case slices.Contains(list[:n], region):
			r.fault(at, "Region twice", "regions names %q twice.", region)
		}
	}
}

// maxCompletion is the longest completion time of a snapshot copy; it goes in steps of
// completionStep ("Time-based copies", EBS User Guide).
const (
	maxCompletion  = 48 * time.Hour
	completionStep = 15 * time.Minute
)

// distribute reads an image's block; nil without one.
func (r *resolver) distribute(s *distributeSchema) *Distribute {
	if s == nil {
		return nil
	}
	d := &Distribute{Regions: s.Regions, Mode: s.Mode, KMSKey: s.KMSKey, Organizations: s.Organizations, Units: s.Units,
		ServiceRoles: s.ServiceRoles, Canary: s.Canary, Completion: r.duration(s.Range, "completion", s.Completion, maxCompletion)}
	setDefault(&d.Mode, ModeShare)
	setDefault(&d.ServiceRoles, ServiceRolesPolicy)
	r.oneOf(s.Range, "mode", d.Mode, ModeShare, ModeCopy)
	r.oneOf(s.Range, "service_roles", d.ServiceRoles, ServiceRolesGrant, ServiceRolesPolicy)
	if d.Completion%completionStep != 0 {
		r.fault(s.Range, "Wrong completion", "completion is %s; EBS takes steps of 15 minutes, up to 48 hours.", d.Completion)
	}
	r.receivers(s, d)
	r.regions(s.Range, d.Regions)
	if d.KMSKey != "" && !forms().key.MatchString(d.KMSKey) {
		r.fault(s.Range, "Wrong kms_key", "kms_key is %q; write an alias such as alias/golden, or a key's ARN.", d.KMSKey)
	}
	if strings.HasPrefix(d.KMSKey, "alias/aws/") && d.Mode == ModeShare {
		r.fault(s.Range, "Key that cannot be shared", "kms_key is %s, a key that AWS manages: what it encrypts can be shared with nobody. Name a key of your own, or use mode = \"copy\".", d.KMSKey)
	}
	for _, arn := range d.Organizations {
		if !forms().organization.MatchString(arn) {
			r.fault(s.Range, "Wrong organization", "organizations names %q; write ARNs such as arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5.", arn)
		}
	}
	for _, arn := range d.Units {
		if !forms().unit.MatchString(arn) {
			r.fault(s.Range, "Wrong unit", "units names %q; write ARNs such as arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/ou-ab12-11111111.", arn)
		}
	}
	if d.Mode == ModeCopy && len(d.Organizations)+len(d.Units) > 0 {
		r.fault(s.Range, "Nothing to share", "With mode = \"copy\" every account has its own image; organizations and units are for mode = \"share\".")
	}
	return d
}

// receivers finds the accounts that a distribute block names, and what of them gets
// nothing.
func (r *resolver) receivers(s *distributeSchema, d *Distribute) {
	var labels []string
	for _, a := range r.cfg.Accounts {
		labels = append(labels, a.Label)
	}
	for n, label := range s.Accounts {
		a, ok := r.cfg.AccountNamed(label)
		switch {
		case !ok:
			r.fault(s.Range, "Unknown account", "There is no account block named %q.%s", label, nearest(label, labels))
		case slices.Contains(s.Accounts[:n], label):
			r.fault(s.Range, "Account twice", "accounts names %q twice.", label)
		case len(d.RegionsOf(a)) == 0:
			r.fault(s.Range, "Account without a Region", "None of the regions is one of account %q (%s).", label, strings.Join(a.Regions, ", "))
		default:
			d.Accounts = append(d.Accounts, a)
		}
	}
	for _, region := range d.Regions {
		if !slices.ContainsFunc(d.Accounts, func(a *Account) bool { return slices.Contains(a.Regions, region) }) && len(d.Accounts) > 0 {
			r.fault(s.Range, "Region without an account", "regions names %q, in which no account of the block is.", region)
		}
	}
	if len(s.Accounts) == 0 {
		r.fault(s.Range, "No account", "accounts names the account blocks in which the image is used.")
	}
}
