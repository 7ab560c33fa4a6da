package spread

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
)

// What whoever launches or copies must be allowed to do with a key, without kms: (How
// Amazon EBS encryption works, EBS User Guide): for a volume with its snapshot's own
// key, from and to another key, and for what was not encrypted before.
var (
	sameKey  = []string{"DescribeKey", "CreateGrant", "Decrypt"}
	fromKey  = []string{"DescribeKey", "CreateGrant", "Decrypt", "ReEncryptFrom"}
	toKey    = []string{"DescribeKey", "CreateGrant", "ReEncryptTo"}
	freshKey = []string{"DescribeKey", "CreateGrant", "GenerateDataKeyWithoutPlaintext"}
)

// granted are the operations of the grants that we make: what the guides name for
// launches from encrypted images.
var granted = []string{"CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"}

// autoScaling is who launches for an account's groups ("Service-linked roles", Auto
// Scaling User Guide).
func autoScaling(account string) string {
	return "arn:aws:iam::" + account + serviceRole + "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
}

// need is what a principal must be able to do with a key.
type need struct {
	key        string // ARN
	principal  string // ARN of a role
	operations []string
}

// lack is a need that is not met.
type lack struct {
	need
	missing []string
	doubt   []string
}

// lacking asks keys and grants which needs are not met, in the order of the needs.
// doubts are statements of policies whose conditions cannot be judged.
func (s *Stage) lacking(ctx context.Context, needs []need) (out []lack, doubts []string, err error) {
	policies := map[string]keyPolicy{}
	for _, n := range merged(needs) {
		at := Cell{accountOf(n.key), regionOf(n.key)}
		ports, err := s.open(ctx, at)
		if err != nil {
			return nil, nil, fmt.Errorf("ask key %s: %w", n.key, err)
		}
		p, ok := policies[n.key]
		if !ok {
			text, err := ports.Keys.Policy(ctx, n.key)
			if err == nil {
				p, err = parsePolicy(text)
			}
			if err != nil {
				return nil, nil, fmt.Errorf("whether accounts may use key %s: %w", n.key, err)
			}
			policies[n.key] = p
		}
		l, err := ports.lacks(ctx, p, n)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range l.doubt {
			if d = d + " of the policy of key " + n.key; !slices.Contains(doubts, d) {
				doubts = append(doubts, d)
			}
		}
		if len(l.missing) > 0 {
			out = append(out, l)
		}
	}
	return out, doubts, nil
}

// merged has one need for each principal of each key.
func merged(needs []need) []need {
	var out []need
	for _, n := range needs {
		i := slices.IndexFunc(out, func(o need) bool { return o.key == n.key && o.principal == n.principal })
		if i < 0 {
			out = append(out, need{n.key, n.principal, slices.Clone(n.operations)})
			continue
		}
		for _, op := range n.operations {
			if !slices.Contains(out[i].operations, op) {
				out[i].operations = append(out[i].operations, op)
			}
		}
	}
	return out
}

func (p Ports) lacks(ctx context.Context, policy keyPolicy, n need) (lack, error) {
	l := lack{need: n}
	var open []string
	for _, op := range n.operations {
		v := policy.judge(use{n.principal, "kms:" + op, n.key, regionOf(n.key)})
		for _, d := range v.doubt {
			if !slices.Contains(l.doubt, d) {
				l.doubt = append(l.doubt, d)
			}
		}
		switch {
		case v.denied:
			l.missing = append(l.missing, op)
		case !v.allowed:
			open = append(open, op)
		}
	}
	if len(open) == 0 {
		return l, nil
	}
	grants, err := p.Keys.Grants(ctx, n.key, n.principal)
	if err != nil {
		return l, fmt.Errorf("list the grants of key %s to %s: %w", n.key, n.principal, err)
	}
	for _, op := range open {
		if !slices.ContainsFunc(grants, func(g Grant) bool { return !g.Bound && slices.Contains(g.Operations, op) }) {
			l.missing = append(l.missing, op)
		}
	}
	return l, nil
}

// grantPlan is a grant to make.
func (l lack) grant() GrantPlan {
	name := "rehydrate-" + accountOf(l.principal) + "-use"
	if strings.Contains(l.principal, serviceRole) {
		name = "rehydrate-" + accountOf(l.principal) + "-autoscaling"
	}
	return GrantPlan{In: Cell{accountOf(l.key), regionOf(l.key)}, Key: l.key, Grant: Grant{Name: name, Grantee: l.principal, Operations: granted}}
}

// refused says what stands in no policy and no grant, and what to add.
func refused(image string, lacks []lack) error {
	var what []string
	roles := map[string][]string{}
	var keys []string
	for _, l := range lacks {
		text := fmt.Sprintf("%s may not %s with key %s", l.principal, strings.Join(l.missing, ", "), l.key)
		if len(l.doubt) > 0 {
			text += " (conditions of " + strings.Join(l.doubt, ", ") + " cannot be judged from here)"
		}
		what = append(what, text)
		if roles[l.key] == nil {
			keys = append(keys, l.key)
		}
		roles[l.key] = append(roles[l.key], l.principal)
	}
	hint := `let the plan make grants with service_roles = "grant", or add to the policy of`
	for n, k := range keys {
		if n > 0 {
			hint += "; and of"
		}
		hint += fmt.Sprintf(" %s: %s", k, Statements(roles[k]))
	}
	if image != "" {
		image = "image " + image
	} else {
		image = "an image"
	}
	return fault.New(fault.Denied, hint, "%s could not be launched where it is to go: %s", image, strings.Join(what, "; "))
}

// Statements are the key policy statements that let roles launch from what a key
// encrypts, as JSON objects separated by a comma.
func Statements(roles []string) string {
	type statement struct {
		Sid       string
		Effect    string
		Principal map[string][]string
		Action    []string
		Resource  string
		Condition map[string]map[string]string `json:",omitempty"`
	}
	who := map[string][]string{"AWS": roles}
	var out []string
	for _, st := range []statement{
		{Sid: "RehydrateUse", Effect: "Allow", Principal: who, Resource: "*",
			Action: []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"}},
		{Sid: "RehydrateAttach", Effect: "Allow", Principal: who, Resource: "*", Action: []string{"kms:CreateGrant"},
			Condition: map[string]map[string]string{"Bool": {"kms:GrantIsForAWSResource": "true"}}},
	} {
		text, err := json.Marshal(st)
		if err != nil { // texts only
			panic(err)
		}
		out = append(out, string(text))
	}
	return strings.Join(out, ",")
}

// usable refuses a key that EBS cannot encrypt with.
func (k Key) usable() error {
	switch {
	case k.State != Enabled:
		return fault.New(fault.Conflict, "enable it, or name another key", "key %s is %s", k.ARN, k.State)
	case !k.Symmetric:
		return fault.New(fault.Usage, "name a symmetric key for encryption", "key %s cannot encrypt volumes: EBS takes symmetric keys only", k.ARN)
	}
	return nil
}
