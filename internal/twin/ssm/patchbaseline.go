package ssm

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// maxBaselines and maxGroups are quotas ("AWS Systems Manager endpoints and quotas",
// General Reference): patch baselines of an account and region, patch groups of a
// baseline.
const (
	maxBaselines = 50
	maxGroups    = 25
)

// patchBaseline is a patch baseline of the account, or one that AWS ships.
type patchBaseline struct {
	ID       string            `json:"id"`
	Policy   baseline.Baseline `json:"policy"`
	Created  time.Time         `json:"created"`
	Modified time.Time         `json:"modified"`
	Tags     map[string]string `json:"tags,omitempty"`
	Token    string            `json:"token,omitempty"`
	// Asked is the request that a token stands for.
	Asked string `json:"asked,omitempty"`
	// Shipped says that it is the default that AWS ships for its operating system.
	Shipped bool `json:"-"`
	AWS     bool `json:"-"`
}

func patchBaselines(tx *world.Tx) *world.Rows[patchBaseline] {
	return world.Table[patchBaseline](tx, "ssm/baselines")
}

func noBaseline(id string) error {
	return wire.Errorf("DoesNotExistException", "Patch Baseline %s does not exist.", id)
}

// customID is an id that CreatePatchBaseline gives out.
var customID = regexp.MustCompile(`^pb-[0-9a-f]{17}$`)

// ownBaseline finds a baseline of the account by its id or ARN; those of AWS and of
// other accounts are not there.
func ownBaseline(tx *world.Tx, id string) (patchBaseline, error) {
	short := id
	if rest, ok := strings.CutPrefix(id, "arn:aws:ssm:"+tx.Region+":"+tx.Account+":patchbaseline/"); ok {
		short = rest
	} else if strings.HasPrefix(id, "arn:") {
		return patchBaseline{}, noBaseline(id)
	}
	if !customID.MatchString(short) {
		return patchBaseline{}, wire.Errorf("InvalidResourceId", "The resource ID %s isn't valid. Verify that you entered the correct ID and try again.", id)
	}
	b, ok := patchBaselines(tx).Get(short)
	if !ok {
		return b, noBaseline(id)
	}
	return b, nil
}

// anyBaseline finds a baseline of the account, or one of AWS in this region by its ARN.
func anyBaseline(tx *world.Tx, id string) (patchBaseline, error) {
	if strings.HasPrefix(id, "arn:") {
		all, err := shippedBaselines(tx.Region)
		if err != nil {
			return patchBaseline{}, err
		}
		for _, b := range all {
			if b.ID == id {
				return b, nil
			}
		}
	}
	return ownBaseline(tx, id)
}

// policyOf is a request's baseline in the domain's shape. The SDK's types have the
// API's own member names, and so has the domain.
func policyOf(in *ssm.CreatePatchBaselineInput) (baseline.Baseline, error) {
	copied := *in
	copied.Tags, copied.ClientToken = nil, nil
	var out baseline.Baseline
	text, err := json.Marshal(copied)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		return out, fmt.Errorf("read patch baseline: %w", err)
	}
	return out, nil
}

// filled states the defaults of what a baseline leaves out (CreatePatchBaseline and
// PatchRule, API reference).
func filled(b baseline.Baseline) baseline.Baseline {
	b.OperatingSystem = orElse(b.OperatingSystem, baseline.Windows)
	b.ApprovedPatchesComplianceLevel = orElse(b.ApprovedPatchesComplianceLevel, baseline.LevelUnspecified)
	b.RejectedPatchesAction = orElse(b.RejectedPatchesAction, baseline.AllowAsDependency)
	if b.ApprovedPatchesEnableNonSecurity == nil {
		b.ApprovedPatchesEnableNonSecurity = aws.Bool(false)
	}
	if b.GlobalFilters == nil {
		b.GlobalFilters = &baseline.PatchFilterGroup{PatchFilters: []baseline.PatchFilter{}}
	}
	rules := &baseline.PatchRuleGroup{PatchRules: []baseline.PatchRule{}}
	if b.ApprovalRules != nil {
		for _, r := range b.ApprovalRules.PatchRules {
			r.ComplianceLevel = orElse(r.ComplianceLevel, baseline.LevelUnspecified)
			if r.EnableNonSecurity == nil {
				r.EnableNonSecurity = aws.Bool(false)
			}
			rules.PatchRules = append(rules.PatchRules, r)
		}
	}
	b.ApprovalRules = rules
	return b
}

// shown is a baseline as GetPatchBaseline shows it.
func (b patchBaseline) shown(groups []string) (*ssm.GetPatchBaselineOutput, error) {
	text, err := json.Marshal(b.Policy)
	out := &ssm.GetPatchBaselineOutput{}
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		return nil, fmt.Errorf("show patch baseline %s: %w", b.ID, err)
	}
	out.BaselineId, out.CreatedDate, out.ModifiedDate = aws.String(b.ID), aws.Time(b.Created), aws.Time(b.Modified)
	out.PatchGroups = append([]string{}, groups...)
	// What is empty is shown empty, not left out (raw answers in the specification's
	// predefined baselines).
	out.ApprovedPatches = append([]string{}, out.ApprovedPatches...)
	out.RejectedPatches = append([]string{}, out.RejectedPatches...)
	out.Sources = append([]types.PatchSource{}, out.Sources...)
	return out, nil
}

func (b patchBaseline) identity(isDefault bool) types.PatchBaselineIdentity {
	out := types.PatchBaselineIdentity{
		BaselineId: aws.String(b.ID), BaselineName: aws.String(b.Policy.Name), OperatingSystem: types.OperatingSystem(b.Policy.OperatingSystem), DefaultBaseline: isDefault,
	}
	if b.Policy.Description != "" {
		out.BaselineDescription = aws.String(b.Policy.Description)
	}
	return out
}
