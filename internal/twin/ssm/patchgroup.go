package ssm

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// registration is a baseline registered with a patch group, for its operating system.
type registration struct {
	Group    string                   `json:"group"`
	OS       baseline.OperatingSystem `json:"os"`
	Baseline string                   `json:"baseline"`
}

func registrations(tx *world.Tx) *world.Rows[registration] {
	return world.Table[registration](tx, "ssm/patchGroups")
}

// defaults are the baselines that have been registered as an operating system's
// default; without a row it is the one that AWS ships.
func defaults(tx *world.Tx) *world.Rows[string] {
	return world.Table[string](tx, "ssm/defaultBaselines")
}

func groupsOf(tx *world.Tx, id string) (out []string) {
	for _, r := range registrations(tx).All() {
		if r.Baseline == id {
			out = append(out, r.Group)
		}
	}
	return out
}

func defaultBaseline(tx *world.Tx, os baseline.OperatingSystem) (patchBaseline, error) {
	if id, ok := defaults(tx).Get(string(os)); ok {
		return anyBaseline(tx, id)
	}
	return shippedDefault(tx.Region, os)
}

// RegisterDefaultPatchBaseline makes a baseline the default of its operating system; to
// go back, AWS's own is registered by its ARN.
func (s *Service) RegisterDefaultPatchBaseline(tx *world.Tx, in *ssm.RegisterDefaultPatchBaselineInput) (*ssm.RegisterDefaultPatchBaselineOutput, error) {
	b, err := anyBaseline(tx, aws.ToString(in.BaselineId))
	if err != nil {
		return nil, err
	}
	defaults(tx).Put(string(b.Policy.OperatingSystem), b.ID)
	tx.Event("baseline.default", map[string]any{"id": b.ID, "os": string(b.Policy.OperatingSystem)})
	return &ssm.RegisterDefaultPatchBaselineOutput{BaselineId: &b.ID}, nil
}

// GetDefaultPatchBaseline is an operating system's default; of Windows if none is named.
func (s *Service) GetDefaultPatchBaseline(tx *world.Tx, in *ssm.GetDefaultPatchBaselineInput) (*ssm.GetDefaultPatchBaselineOutput, error) {
	os := orElse(in.OperatingSystem, types.OperatingSystemWindows)
	b, err := defaultBaseline(tx, baseline.OperatingSystem(os))
	if err != nil {
		return nil, err
	}
	return &ssm.GetDefaultPatchBaselineOutput{BaselineId: &b.ID, OperatingSystem: os}, nil
}

// RegisterPatchBaselineForPatchGroup gives a group a baseline: one for an operating
// system, and the same one again is no error (AlreadyExistsException: "already
// registered with a different patch baseline").
func (s *Service) RegisterPatchBaselineForPatchGroup(tx *world.Tx, in *ssm.RegisterPatchBaselineForPatchGroupInput) (*ssm.RegisterPatchBaselineForPatchGroupOutput, error) {
	b, err := anyBaseline(tx, aws.ToString(in.BaselineId))
	if err != nil {
		return nil, err
	}
	r := registration{Group: aws.ToString(in.PatchGroup), OS: b.Policy.OperatingSystem, Baseline: b.ID}
	have, ok := registrations(tx).Get(r.key())
	switch {
	case ok && have.Baseline != b.ID:
		return nil, wire.Errorf("AlreadyExistsException", "Patch Group baseline already has a baseline registered for OperatingSystem %s.", r.OS)
	case !ok && len(groupsOf(tx, b.ID)) >= maxGroups:
		return nil, wire.Errorf("ResourceLimitExceededException", "The patch baseline %s already has %d patch groups.", b.ID, maxGroups)
	}
	registrations(tx).Put(r.key(), r)
	tx.Event("baseline.registered", map[string]any{"id": b.ID, "group": r.Group})
	return &ssm.RegisterPatchBaselineForPatchGroupOutput{BaselineId: &b.ID, PatchGroup: &r.Group}, nil
}

func (r registration) key() string { return string(r.OS) + "/" + r.Group }

// DeregisterPatchBaselineForPatchGroup takes a group's baseline away. A pair that is not
// registered is DoesNotExistException: the reference lists InvalidResourceId only, but
// clients are written for the former (Terraform's aws_ssm_patch_group).
func (s *Service) DeregisterPatchBaselineForPatchGroup(tx *world.Tx, in *ssm.DeregisterPatchBaselineForPatchGroupInput) (*ssm.DeregisterPatchBaselineForPatchGroupOutput, error) {
	b, err := anyBaseline(tx, aws.ToString(in.BaselineId))
	if err != nil {
		return nil, err
	}
	r := registration{Group: aws.ToString(in.PatchGroup), OS: b.Policy.OperatingSystem}
	if have, ok := registrations(tx).Get(r.key()); !ok || have.Baseline != b.ID {
		return nil, wire.Errorf("DoesNotExistException", "Patch Baseline to be deregistered not found.")
	}
	registrations(tx).Delete(r.key())
	return &ssm.DeregisterPatchBaselineForPatchGroupOutput{BaselineId: &b.ID, PatchGroup: in.PatchGroup}, nil
}

// GetPatchBaselineForPatchGroup is "the patch baseline that should be used for the
// specified patch group": the default where none is registered.
func (s *Service) GetPatchBaselineForPatchGroup(tx *world.Tx, in *ssm.GetPatchBaselineForPatchGroupInput) (*ssm.GetPatchBaselineForPatchGroupOutput, error) {
	os := orElse(in.OperatingSystem, types.OperatingSystemWindows)
	out := &ssm.GetPatchBaselineForPatchGroupOutput{PatchGroup: in.PatchGroup, OperatingSystem: os}
	if r, ok := registrations(tx).Get(registration{Group: aws.ToString(in.PatchGroup), OS: baseline.OperatingSystem(os)}.key()); ok {
		out.BaselineId = &r.Baseline
		return out, nil
	}
	b, err := defaultBaseline(tx, baseline.OperatingSystem(os))
	out.BaselineId = &b.ID
	return out, err
}

// DescribePatchGroups lists registrations by group, with the filters NAME_PREFIX and
// OPERATING_SYSTEM.
func (s *Service) DescribePatchGroups(tx *world.Tx, in *ssm.DescribePatchGroupsInput) (*ssm.DescribePatchGroupsOutput, error) {
	if _, err := orchestrated(in.Filters, map[string]func(string) bool{"NAME_PREFIX": never, "OPERATING_SYSTEM": never}); err != nil {
		return nil, err // also where there is nothing yet to pass
	}
	var all []types.PatchGroupPatchBaselineMapping
	for _, r := range registrations(tx).All() {
		ok, err := orchestrated(in.Filters, map[string]func(string) bool{
			"NAME_PREFIX":      func(v string) bool { return strings.HasPrefix(r.Group, v) },
			"OPERATING_SYSTEM": func(v string) bool { return v == string(r.OS) },
		})
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		b, err := anyBaseline(tx, r.Baseline)
		if err != nil {
			return nil, err
		}
		of, err := defaultBaseline(tx, r.OS)
		if err != nil {
			return nil, err
		}
		identity := b.identity(of.ID == b.ID)
		all = append(all, types.PatchGroupPatchBaselineMapping{PatchGroup: aws.String(r.Group), BaselineIdentity: &identity})
	}
	slices.SortStableFunc(all, func(a, b types.PatchGroupPatchBaselineMapping) int {
		return strings.Compare(*a.PatchGroup, *b.PatchGroup)
	})
	cut, next, err := page(all, in.NextToken, in.MaxResults, 100)
	return &ssm.DescribePatchGroupsOutput{Mappings: cut, NextToken: next}, err
}

// DescribePatchBaselines lists the account's baselines and AWS's, with the filters
// NAME_PREFIX, OWNER (AWS or Self) and OPERATING_SYSTEM.
func (s *Service) DescribePatchBaselines(tx *world.Tx, in *ssm.DescribePatchBaselinesInput) (*ssm.DescribePatchBaselinesOutput, error) {
	list, err := shippedBaselines(tx.Region)
	if err != nil {
		return nil, err
	}
	for _, b := range patchBaselines(tx).All() {
		list = append(list, b)
	}
	of := map[baseline.OperatingSystem]string{}
	var all []types.PatchBaselineIdentity
	for _, b := range list {
		ok, err := orchestrated(in.Filters, map[string]func(string) bool{
			"NAME_PREFIX":      func(v string) bool { return strings.HasPrefix(b.Policy.Name, v) },
			"OWNER":            func(v string) bool { return v == "AWS" && b.AWS || v == "Self" && !b.AWS },
			"OPERATING_SYSTEM": func(v string) bool { return v == string(b.Policy.OperatingSystem) },
		})
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if of[b.Policy.OperatingSystem] == "" {
			d, err := defaultBaseline(tx, b.Policy.OperatingSystem)
			if err != nil {
				return nil, err
			}
			of[b.Policy.OperatingSystem] = d.ID
		}
		all = append(all, b.identity(of[b.Policy.OperatingSystem] == b.ID))
	}
	cut, next, err := page(all, in.NextToken, in.MaxResults, 100)
	return &ssm.DescribePatchBaselinesOutput{BaselineIdentities: cut, NextToken: next}, err
}

// orchestrated says whether a thing passes filters: values of a filter are ORed,
// filters ANDed. A key that the operation does not have is refused.
func orchestrated(filters []types.PatchOrchestratorFilter, keys map[string]func(string) bool) (bool, error) {
	all := true
	for _, f := range filters {
		match := keys[aws.ToString(f.Key)]
		if match == nil {
			return false, invalid("The filter key %s isn't valid.", aws.ToString(f.Key))
		}
		all = all && slices.ContainsFunc(f.Values, match)
	}
	return all, nil
}

func never(string) bool { return false }
