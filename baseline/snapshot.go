package baseline

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
)

// Snapshot is the file that GetDeployablePatchSnapshotForInstance offers (§9):
// the baseline in its own spelling, the patch group and, on Windows, the approved
// updates.
type Snapshot struct {
	Baseline                 SnapshotBaseline  `json:"patchBaseline"`
	PatchGroup               string            `json:"patchGroup"`
	Patches                  []json.RawMessage `json:"patches"`
	EnableApplicationPatches bool              `json:"enableApplicationPatches,omitempty"`
	RequiredFeatures         []string          `json:"requiredFeatures,omitempty"`
}

// SnapshotBaseline is a baseline in lower camel case.
type SnapshotBaseline struct {
	AccountID                        string           `json:"accountId,omitempty"`
	BaselineID                       string           `json:"baselineId,omitempty"`
	Name                             string           `json:"name"`
	OperatingSystem                  OperatingSystem  `json:"operatingSystem"`
	Description                      string           `json:"description,omitempty"`
	CreatedTime                      float64          `json:"createdTime,omitempty"` // epoch seconds
	ModifiedTime                     float64          `json:"modifiedTime,omitempty"`
	GlobalFilters                    *snapshotFilters `json:"globalFilters,omitempty"`
	ApprovalRules                    *snapshotRules   `json:"approvalRules,omitempty"`
	ApprovedPatches                  []string         `json:"approvedPatches"`
	ApprovedPatchesComplianceLevel   string           `json:"approvedPatchesComplianceLevel,omitempty"`
	ApprovedPatchesEnableNonSecurity *bool            `json:"approvedPatchesEnableNonSecurity,omitempty"`
	RejectedPatches                  []string         `json:"rejectedPatches"`
	RejectedPatchesAction            string           `json:"rejectedPatchesAction,omitempty"`
	Sources                          []snapshotSource `json:"sources,omitempty"`
}

type snapshotFilters struct {
	Filters []snapshotFilter `json:"filters"`
}

type snapshotFilter struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

type snapshotRules struct {
	Rules []snapshotRule `json:"rules"`
}

type snapshotRule struct {
	FilterGroup       *snapshotFilters `json:"filterGroup,omitempty"`
	ComplianceLevel   string           `json:"complianceLevel,omitempty"`
	EnableNonSecurity *bool            `json:"enableNonSecurity,omitempty"`
	ApproveAfterDays  *int             `json:"approveAfterDays,omitempty"`
	ApproveUntilDate  string           `json:"approveUntilDate,omitempty"`
}

type snapshotSource struct {
	Name          string   `json:"name"`
	Products      []string `json:"products"`
	Configuration string   `json:"configuration"`
}

// maxSnapshotBytes bounds an unpacked snapshot; Windows ones hold the updates.
const maxSnapshotBytes = 256 << 20

// ParseSnapshot reads a snapshot, plain or gzipped. Unknown fields are ignored:
// the format is the service's own and grows.
func ParseSnapshot(data []byte) (*Snapshot, error) {
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("unpacking snapshot: %w", err)
		}
		if data, err = io.ReadAll(io.LimitReader(z, maxSnapshotBytes+1)); err != nil {
			return nil, fmt.Errorf("unpacking snapshot: %w", err)
		}
		if len(data) > maxSnapshotBytes {
			return nil, fmt.Errorf("unpacking snapshot: more than %d bytes", maxSnapshotBytes)
		}
	}
	var s Snapshot
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("reading snapshot: %w", err)
	}
	return &s, nil
}

// ToBaseline brings a snapshot's baseline to the API's shape and checks it as an
// override entry is checked.
func (s *SnapshotBaseline) ToBaseline() (*Baseline, error) {
	b := &Baseline{
		Name: s.Name, OperatingSystem: s.OperatingSystem, Description: s.Description,
		ApprovedPatches: s.ApprovedPatches, ApprovedPatchesComplianceLevel: s.ApprovedPatchesComplianceLevel,
		ApprovedPatchesEnableNonSecurity: s.ApprovedPatchesEnableNonSecurity,
		RejectedPatches:                  s.RejectedPatches, RejectedPatchesAction: s.RejectedPatchesAction,
		GlobalFilters: fromSnapshotFilters(s.GlobalFilters),
	}
	if s.ApprovalRules != nil {
		b.ApprovalRules = &PatchRuleGroup{PatchRules: []PatchRule{}}
		for _, r := range s.ApprovalRules.Rules {
			b.ApprovalRules.PatchRules = append(b.ApprovalRules.PatchRules, PatchRule{
				PatchFilterGroup: fromSnapshotFilters(r.FilterGroup), ComplianceLevel: r.ComplianceLevel,
				EnableNonSecurity: r.EnableNonSecurity, ApproveAfterDays: r.ApproveAfterDays,
				ApproveUntilDate: r.ApproveUntilDate,
			})
		}
	}
	for _, src := range s.Sources {
		b.Sources = append(b.Sources, PatchSource(src))
	}
	v := &faultList{}
	b.validateOverride(v, "")
	if err := v.err("snapshot baseline " + b.Name); err != nil {
		return nil, err
	}
	return b, nil
}

func fromSnapshotFilters(g *snapshotFilters) *PatchFilterGroup {
	if g == nil {
		return nil
	}
	out := &PatchFilterGroup{PatchFilters: []PatchFilter{}}
	for _, f := range g.Filters {
		out.PatchFilters = append(out.PatchFilters, PatchFilter(f))
	}
	return out
}

// NewSnapshot freezes a baseline in the snapshot's shape.
func NewSnapshot(b *Baseline, patchGroup string) *Snapshot {
	s := SnapshotBaseline{
		Name: b.Name, OperatingSystem: b.os(), Description: b.Description,
		ApprovedPatches: append([]string{}, b.ApprovedPatches...), ApprovedPatchesComplianceLevel: b.ApprovedPatchesComplianceLevel,
		ApprovedPatchesEnableNonSecurity: b.ApprovedPatchesEnableNonSecurity,
		RejectedPatches:                  append([]string{}, b.RejectedPatches...), RejectedPatchesAction: b.RejectedPatchesAction,
		GlobalFilters: toSnapshotFilters(b.GlobalFilters),
	}
	if b.ApprovalRules != nil {
		s.ApprovalRules = &snapshotRules{Rules: []snapshotRule{}}
		for _, r := range b.ApprovalRules.PatchRules {
			s.ApprovalRules.Rules = append(s.ApprovalRules.Rules, snapshotRule{
				FilterGroup: toSnapshotFilters(r.PatchFilterGroup), ComplianceLevel: r.ComplianceLevel,
				EnableNonSecurity: r.EnableNonSecurity, ApproveAfterDays: r.ApproveAfterDays,
				ApproveUntilDate: r.ApproveUntilDate,
			})
		}
	}
	for _, src := range b.Sources {
		s.Sources = append(s.Sources, snapshotSource(src))
	}
	return &Snapshot{Baseline: s, PatchGroup: patchGroup, Patches: []json.RawMessage{}}
}

func toSnapshotFilters(g *PatchFilterGroup) *snapshotFilters {
	if g == nil {
		return nil
	}
	out := &snapshotFilters{Filters: []snapshotFilter{}}
	for _, f := range g.PatchFilters {
		out.Filters = append(out.Filters, snapshotFilter(f))
	}
	return out
}
