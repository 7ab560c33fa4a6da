package ssm

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// report is what was last put for one resource and compliance type.
type report struct {
	Resource string                           `json:"resource"`
	Kind     string                           `json:"kind"` // ResourceType
	Type     string                           `json:"type"` // ComplianceType
	Summary  types.ComplianceExecutionSummary `json:"summary"`
	Items    []types.ComplianceItemEntry      `json:"items"`
}

func reports(tx *world.Tx) *world.Rows[report] { return world.Table[report](tx, "ssm/compliance") }

// PutComplianceItems replaces the items of a resource and compliance type.
func (s *Service) PutComplianceItems(tx *world.Tx, in *ssm.PutComplianceItemsInput) (*ssm.PutComplianceItemsOutput, error) {
	id, kind := aws.ToString(in.ResourceId), aws.ToString(in.ComplianceType)
	switch {
	case aws.ToString(in.ResourceType) != "ManagedInstance":
		return nil, wire.Errorf("InvalidResourceType", "")
	case kind != "Association" && kind != "Patch" && !strings.HasPrefix(kind, "Custom:"):
		return nil, invalid("The compliance type %s is not valid: Association, Patch or Custom:name.", kind)
	case in.UploadType == types.ComplianceUploadTypePartial:
		return nil, unmodelled("partial uploads of compliance items")
	case in.ExecutionSummary == nil || in.ExecutionSummary.ExecutionTime == nil:
		return nil, invalid("The execution summary needs a time.")
	}
	if _, ok := s.EC2.InstanceByID(tx, id); !ok {
		return nil, wire.Errorf("InvalidResourceId", "")
	}
	reports(tx).Put(id+"/"+kind, report{id, "ManagedInstance", kind, *in.ExecutionSummary, in.Items})
	return &ssm.PutComplianceItemsOutput{}, nil
}

// ListComplianceItems lists items by resource.
func (s *Service) ListComplianceItems(tx *world.Tx, in *ssm.ListComplianceItemsInput) (*ssm.ListComplianceItemsOutput, error) {
	var all []types.ComplianceItem
	for _, r := range reports(tx).All() {
		if len(in.ResourceIds) > 0 && !slices.Contains(in.ResourceIds, r.Resource) || len(in.ResourceTypes) > 0 && !slices.Contains(in.ResourceTypes, r.Kind) {
			continue
		}
		for _, e := range r.Items {
			ok, err := complies(in.Filters, map[string]string{"ComplianceType": r.Type, "Status": string(e.Status), "Severity": string(e.Severity), "Id": aws.ToString(e.Id), "Title": aws.ToString(e.Title)})
			if err != nil {
				return nil, err
			}
			if ok {
				all = append(all, types.ComplianceItem{
					ComplianceType: &r.Type, ResourceId: &r.Resource, ResourceType: &r.Kind, ExecutionSummary: &r.Summary,
					Id: e.Id, Title: e.Title, Status: e.Status, Severity: e.Severity, Details: e.Details,
				})
			}
		}
	}
	cut, next, err := page(all, in.NextToken, in.MaxResults, 50)
	return &ssm.ListComplianceItemsOutput{ComplianceItems: cut, NextToken: next}, err
}

func complies(filters []types.ComplianceStringFilter, have map[string]string) (bool, error) {
	for _, f := range filters {
		v, ok := have[aws.ToString(f.Key)]
		if !ok {
			return false, wire.Errorf("InvalidFilter", "The filter key %s isn't valid.", aws.ToString(f.Key))
		}
		hit := false
		switch f.Type {
		case "", types.ComplianceQueryOperatorTypeEqual:
			hit = slices.Contains(f.Values, v)
		case types.ComplianceQueryOperatorTypeNotEqual:
			hit = !slices.Contains(f.Values, v)
		case types.ComplianceQueryOperatorTypeBeginWith:
			hit = slices.ContainsFunc(f.Values, func(p string) bool { return strings.HasPrefix(v, p) })
		default:
			return false, unmodelled("the filter type " + string(f.Type))
		}
		if !hit {
			return false, nil
		}
	}
	return true, nil
}

// ListResourceComplianceSummaries counts a resource's items by status and severity.
func (s *Service) ListResourceComplianceSummaries(tx *world.Tx, in *ssm.ListResourceComplianceSummariesInput) (*ssm.ListResourceComplianceSummariesOutput, error) {
	var all []types.ResourceComplianceSummaryItem
	for _, r := range reports(tx).All() {
		var good, bad types.SeveritySummary
		nGood, nBad := int32(0), int32(0)
		worst := types.ComplianceSeverityUnspecified
		for _, e := range r.Items {
			if e.Status == types.ComplianceStatusCompliant {
				nGood++
				tally(&good, e.Severity)
				continue
			}
			nBad++
			tally(&bad, e.Severity)
			if rank(e.Severity) > rank(worst) {
				worst = e.Severity
			}
		}
		status := types.ComplianceStatusCompliant
		if nBad > 0 {
			status = types.ComplianceStatusNonCompliant
		}
		ok, err := complies(in.Filters, map[string]string{"ComplianceType": r.Type, "Status": string(status), "OverallSeverity": string(worst)})
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, types.ResourceComplianceSummaryItem{
				ComplianceType: &r.Type, ResourceId: &r.Resource, ResourceType: &r.Kind, ExecutionSummary: &r.Summary, Status: status, OverallSeverity: worst,
				CompliantSummary:    &types.CompliantSummary{CompliantCount: nGood, SeveritySummary: &good},
				NonCompliantSummary: &types.NonCompliantSummary{NonCompliantCount: nBad, SeveritySummary: &bad},
			})
		}
	}
	cut, next, err := page(all, in.NextToken, in.MaxResults, 50)
	return &ssm.ListResourceComplianceSummariesOutput{ResourceComplianceSummaryItems: cut, NextToken: next}, err
}

func rank(s types.ComplianceSeverity) int {
	return slices.Index([]types.ComplianceSeverity{types.ComplianceSeverityUnspecified, types.ComplianceSeverityInformational, types.ComplianceSeverityLow, types.ComplianceSeverityMedium, types.ComplianceSeverityHigh, types.ComplianceSeverityCritical}, s)
}

func tally(to *types.SeveritySummary, s types.ComplianceSeverity) {
	switch s {
	case types.ComplianceSeverityCritical:
		to.CriticalCount++
	case types.ComplianceSeverityHigh:
		to.HighCount++
	case types.ComplianceSeverityMedium:
		to.MediumCount++
	case types.ComplianceSeverityLow:
		to.LowCount++
	case types.ComplianceSeverityInformational:
		to.InformationalCount++
	default:
		to.UnspecifiedCount++
	}
}
