package ssm

import (
	"maps"
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
	Hash     string                           `json:"hash,omitempty"` // ItemContentHash
	// Patches says that the items are those of the node's patch state.
	Patches bool `json:"patches,omitempty"`
}

func (r report) items(tx *world.Tx) []types.ComplianceItemEntry {
	if !r.Patches {
		return r.Items
	}
	p, _ := patchStates(tx).Get(r.Resource)
	return p.complianceItems()
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
	hash := aws.ToString(in.ItemContentHash)
	if last, ok := reports(tx).Get(id + "/" + kind); ok && hash != "" && last.Hash == hash {
		return &ssm.PutComplianceItemsOutput{}, nil // "the request to put compliance information is ignored"
	}
	reports(tx).Put(id+"/"+kind, report{Resource: id, Kind: "ManagedInstance", Type: kind, Summary: *in.ExecutionSummary, Items: in.Items, Hash: hash})
	return &ssm.PutComplianceItemsOutput{}, nil
}

// ListComplianceItems lists items by resource.
func (s *Service) ListComplianceItems(tx *world.Tx, in *ssm.ListComplianceItemsInput) (*ssm.ListComplianceItemsOutput, error) {
	for _, kind := range in.ResourceTypes {
		if kind != "ManagedInstance" { // "the only supported resource type"
			return nil, wire.Errorf("InvalidResourceType", "")
		}
	}
	if err := soundFor(in.Filters, "ComplianceType", "Status", "Severity", "Id", "Title"); err != nil {
		return nil, err
	}
	var all []types.ComplianceItem
	for _, r := range reports(tx).All() {
		if len(in.ResourceIds) > 0 && !slices.Contains(in.ResourceIds, r.Resource) || len(in.ResourceTypes) > 0 && !slices.Contains(in.ResourceTypes, r.Kind) {
			continue
		}
		for _, e := range r.items(tx) {
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

// soundFor refuses filters other than those by these keys.
func soundFor(filters []types.ComplianceStringFilter, keys ...string) error {
	have := map[string]string{}
	for _, k := range keys {
		have[k] = ""
	}
	return sound(filters, func(f types.ComplianceStringFilter) (bool, error) {
		return complies([]types.ComplianceStringFilter{f}, have)
	})
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

// tallied are a resource's items by status and severity.
type tallied struct {
	good, bad   types.SeveritySummary
	nGood, nBad int32
	worst       types.ComplianceSeverity
}

func tallyOf(items []types.ComplianceItemEntry) tallied {
	t := tallied{worst: types.ComplianceSeverityUnspecified}
	for _, e := range items {
		if e.Status == types.ComplianceStatusCompliant {
			t.nGood++
			tally(&t.good, e.Severity)
			continue
		}
		t.nBad++
		tally(&t.bad, e.Severity)
		if rank(e.Severity) > rank(t.worst) {
			t.worst = e.Severity
		}
	}
	return t
}

func (t tallied) status() types.ComplianceStatus {
	if t.nBad > 0 {
		return types.ComplianceStatusNonCompliant
	}
	return types.ComplianceStatusCompliant
}

// ListResourceComplianceSummaries counts a resource's items by status and severity.
func (s *Service) ListResourceComplianceSummaries(tx *world.Tx, in *ssm.ListResourceComplianceSummariesInput) (*ssm.ListResourceComplianceSummariesOutput, error) {
	if err := soundFor(in.Filters, "ComplianceType", "Status", "OverallSeverity"); err != nil {
		return nil, err
	}
	var all []types.ResourceComplianceSummaryItem
	for _, r := range reports(tx).All() {
		t := tallyOf(r.items(tx))
		ok, err := complies(in.Filters, map[string]string{"ComplianceType": r.Type, "Status": string(t.status()), "OverallSeverity": string(t.worst)})
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, types.ResourceComplianceSummaryItem{
				ComplianceType: &r.Type, ResourceId: &r.Resource, ResourceType: &r.Kind, ExecutionSummary: &r.Summary, Status: t.status(), OverallSeverity: t.worst,
				CompliantSummary:    &types.CompliantSummary{CompliantCount: t.nGood, SeveritySummary: &t.good},
				NonCompliantSummary: &types.NonCompliantSummary{NonCompliantCount: t.nBad, SeveritySummary: &t.bad},
			})
		}
	}
	cut, next, err := page(all, in.NextToken, in.MaxResults, 50)
	return &ssm.ListResourceComplianceSummariesOutput{ResourceComplianceSummaryItems: cut, NextToken: next}, err
}

// ListComplianceSummaries counts resources by compliance type: "compliant and
// non-compliant resources" (API reference); a resource's severity is its worst.
func (s *Service) ListComplianceSummaries(tx *world.Tx, in *ssm.ListComplianceSummariesInput) (*ssm.ListComplianceSummariesOutput, error) {
	if err := soundFor(in.Filters, "ComplianceType"); err != nil {
		return nil, err
	}
	sums := map[string]*tallied{}
	for _, r := range reports(tx).All() {
		ok, err := complies(in.Filters, map[string]string{"ComplianceType": r.Type})
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		sum := sums[r.Type]
		if sum == nil {
			sum = &tallied{}
			sums[r.Type] = sum
		}
		if t := tallyOf(r.items(tx)); t.status() == types.ComplianceStatusCompliant {
			sum.nGood++
			tally(&sum.good, t.worst)
		} else {
			sum.nBad++
			tally(&sum.bad, t.worst)
		}
	}
	var all []types.ComplianceSummaryItem
	for _, kind := range slices.Sorted(maps.Keys(sums)) {
		t := sums[kind]
		all = append(all, types.ComplianceSummaryItem{
			ComplianceType: &kind, CompliantSummary: &types.CompliantSummary{CompliantCount: t.nGood, SeveritySummary: &t.good},
			NonCompliantSummary: &types.NonCompliantSummary{NonCompliantCount: t.nBad, SeveritySummary: &t.bad},
		})
	}
	cut, next, err := page(all, in.NextToken, in.MaxResults, 50)
	return &ssm.ListComplianceSummariesOutput{ComplianceSummaryItems: cut, NextToken: next}, err
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
