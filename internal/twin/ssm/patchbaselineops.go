package ssm

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// CreatePatchBaseline makes a baseline. A second request with the same token gives the
// first one's id, if it asks for the same ("ClientToken", API reference).
func (s *Service) CreatePatchBaseline(tx *world.Tx, in *ssm.CreatePatchBaselineInput) (*ssm.CreatePatchBaselineOutput, error) {
	policy, err := policyOf(in)
	if err != nil {
		return nil, err
	}
	asked, err := json.Marshal(struct {
		Policy baseline.Baseline
		Tags   map[string]string
	}{policy, tagMap(in.Tags)})
	if err != nil {
		return nil, fmt.Errorf("read patch baseline: %w", err)
	}
	token := aws.ToString(in.ClientToken)
	for id, b := range patchBaselines(tx).All() {
		switch {
		case token == "" || b.Token != token:
		case b.Asked == string(asked):
			return &ssm.CreatePatchBaselineOutput{BaselineId: &id}, nil
		default:
			return nil, wire.Errorf("IdempotentParameterMismatch", "Error returned when an idempotent operation is retried and the parameters don't match the original call to the API with the same idempotency token.")
		}
	}
	policy = filled(policy)
	if err := policy.Validate(); err != nil {
		return nil, invalid("%v", err)
	}
	if patchBaselines(tx).Len() >= maxBaselines {
		return nil, wire.Errorf("ResourceLimitExceededException", "You have reached the limit of %d patch baselines.", maxBaselines)
	}
	if len(in.Tags) > maxTags { // the model allows a request of 1000, the service 50 of a resource
		return nil, invalid("A patch baseline can have at most %d tags.", maxTags)
	}
	b := patchBaseline{ID: tx.ID("pb-"), Policy: policy, Created: tx.Now, Modified: tx.Now, Tags: tagMap(in.Tags), Token: token, Asked: string(asked)}
	patchBaselines(tx).Put(b.ID, b)
	tx.Event("baseline.created", map[string]any{"id": b.ID, "name": policy.Name, "os": string(policy.OperatingSystem)})
	return &ssm.CreatePatchBaselineOutput{BaselineId: &b.ID}, nil
}

// UpdatePatchBaseline changes a baseline of the account: what is left out stays, or
// with Replace goes (specification §16.1). AWS's own cannot be changed.
func (s *Service) UpdatePatchBaseline(tx *world.Tx, in *ssm.UpdatePatchBaselineInput) (*ssm.UpdatePatchBaselineOutput, error) {
	b, err := ownBaseline(tx, aws.ToString(in.BaselineId))
	if err != nil {
		return nil, err
	}
	asked, err := policyOf(&ssm.CreatePatchBaselineInput{
		Name: in.Name, ApprovalRules: in.ApprovalRules, ApprovedPatches: in.ApprovedPatches, ApprovedPatchesComplianceLevel: in.ApprovedPatchesComplianceLevel,
		ApprovedPatchesEnableNonSecurity: in.ApprovedPatchesEnableNonSecurity, AvailableSecurityUpdatesComplianceStatus: in.AvailableSecurityUpdatesComplianceStatus,
		Description: in.Description, GlobalFilters: in.GlobalFilters, RejectedPatches: in.RejectedPatches, RejectedPatchesAction: in.RejectedPatchesAction, Sources: in.Sources,
	})
	if err != nil {
		return nil, err
	}
	if aws.ToBool(in.Replace) {
		if asked.Name == "" {
			return nil, invalid("Name is required when Replace is true.")
		}
		asked.OperatingSystem = b.Policy.OperatingSystem // cannot be changed
		b.Policy = asked
	} else {
		b.Policy = merged(b.Policy, asked)
	}
	b.Policy = filled(b.Policy)
	if err := b.Policy.Validate(); err != nil {
		return nil, invalid("%v", err)
	}
	b.Modified = tx.Now
	patchBaselines(tx).Put(b.ID, b)
	tx.Event("baseline.updated", map[string]any{"id": b.ID, "name": b.Policy.Name})
	full, err := b.shown(nil)
	if err != nil {
		return nil, err
	}
	return &ssm.UpdatePatchBaselineOutput{
		BaselineId: full.BaselineId, Name: full.Name, OperatingSystem: full.OperatingSystem, GlobalFilters: full.GlobalFilters, ApprovalRules: full.ApprovalRules,
		ApprovedPatches: full.ApprovedPatches, ApprovedPatchesComplianceLevel: full.ApprovedPatchesComplianceLevel, ApprovedPatchesEnableNonSecurity: full.ApprovedPatchesEnableNonSecurity,
		RejectedPatches: full.RejectedPatches, RejectedPatchesAction: full.RejectedPatchesAction, CreatedDate: full.CreatedDate, ModifiedDate: full.ModifiedDate,
		Description: full.Description, Sources: full.Sources, AvailableSecurityUpdatesComplianceStatus: full.AvailableSecurityUpdatesComplianceStatus,
	}, nil
}

// merged is a baseline with those members replaced that are stated; a list that is
// stated empty empties.
func merged(b, by baseline.Baseline) baseline.Baseline {
	b.Name = orElse(by.Name, b.Name)
	b.Description = orElse(by.Description, b.Description)
	b.ApprovedPatchesComplianceLevel = orElse(by.ApprovedPatchesComplianceLevel, b.ApprovedPatchesComplianceLevel)
	b.RejectedPatchesAction = orElse(by.RejectedPatchesAction, b.RejectedPatchesAction)
	b.AvailableSecurityUpdatesComplianceStatus = orElse(by.AvailableSecurityUpdatesComplianceStatus, b.AvailableSecurityUpdatesComplianceStatus)
	b.ApprovedPatchesEnableNonSecurity = orElse(by.ApprovedPatchesEnableNonSecurity, b.ApprovedPatchesEnableNonSecurity)
	b.GlobalFilters = orElse(by.GlobalFilters, b.GlobalFilters)
	b.ApprovalRules = orElse(by.ApprovalRules, b.ApprovalRules)
	if by.ApprovedPatches != nil {
		b.ApprovedPatches = by.ApprovedPatches
	}
	if by.RejectedPatches != nil {
		b.RejectedPatches = by.RejectedPatches
	}
	if by.Sources != nil {
		b.Sources = by.Sources
	}
	return b
}

// GetPatchBaseline reads a baseline of the account, or one of AWS's by its ARN.
func (s *Service) GetPatchBaseline(tx *world.Tx, in *ssm.GetPatchBaselineInput) (*ssm.GetPatchBaselineOutput, error) {
	b, err := anyBaseline(tx, aws.ToString(in.BaselineId))
	if err != nil {
		return nil, err
	}
	return b.shown(groupsOf(tx, b.ID))
}

// DeletePatchBaseline removes a baseline that nothing is registered with. The model
// gives it no error for a baseline that is not there: it answers the id again.
func (s *Service) DeletePatchBaseline(tx *world.Tx, in *ssm.DeletePatchBaselineInput) (*ssm.DeletePatchBaselineOutput, error) {
	b, err := anyBaseline(tx, aws.ToString(in.BaselineId))
	if err != nil {
		return &ssm.DeletePatchBaselineOutput{BaselineId: in.BaselineId}, nil
	}
	isDefault, err := defaultBaseline(tx, b.Policy.OperatingSystem)
	if err != nil {
		return nil, err
	}
	switch {
	case b.AWS: // AWS is silent on its own: the strictest reading
		return nil, invalid("The patch baseline %s belongs to AWS and cannot be deleted.", b.ID)
	case len(groupsOf(tx, b.ID)) > 0:
		return nil, wire.Errorf("ResourceInUseException", "The patch baseline %s is registered with a patch group.", b.ID)
	case isDefault.ID == b.ID: // the reference names patch groups only; a default that is gone would leave a hole
		return nil, wire.Errorf("ResourceInUseException", "The patch baseline %s is the default patch baseline of %s.", b.ID, b.Policy.OperatingSystem)
	}
	patchBaselines(tx).Delete(b.ID)
	tx.Event("baseline.deleted", map[string]any{"id": b.ID})
	return &ssm.DeletePatchBaselineOutput{BaselineId: &b.ID}, nil
}

// tagBaseline is tagged's part for patch baselines.
func tagBaseline(tx *world.Tx, id string) (map[string]string, func(map[string]string), bool) {
	b, err := ownBaseline(tx, id)
	if err != nil {
		return nil, nil, false
	}
	return maps.Clone(b.Tags), func(t map[string]string) { b.Tags = t; patchBaselines(tx).Put(b.ID, b) }, true
}
