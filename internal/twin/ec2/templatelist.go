package ec2

import (
	"cmp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DescribeLaunchTemplates handles the operation of that name.
func (s *Service) DescribeLaunchTemplates(tx *world.Tx, in *ec2.DescribeLaunchTemplatesInput) (*ec2.DescribeLaunchTemplatesOutput, error) {
	if err := known("DescribeLaunchTemplates", in.Filters, templateFields(LaunchTemplate{}), map[string]string{}); err != nil {
		return nil, err
	}
	var list []LaunchTemplate
	switch {
	case len(in.LaunchTemplateIds) > 0:
		for _, id := range distinct(in.LaunchTemplateIds) {
			t, err := s.named(tx, &id, nil)
			if err != nil {
				return nil, err
			}
			list = append(list, t)
		}
	case len(in.LaunchTemplateNames) > 0:
		for _, name := range distinct(in.LaunchTemplateNames) {
			t, err := s.Template(tx, name)
			if err != nil {
				return nil, err
			}
			list = append(list, t)
		}
	default:
		for _, t := range templates(tx).All() {
			list = append(list, t)
		}
	}
	var all []types.LaunchTemplate
	for _, t := range list {
		if match(in.Filters, templateFields(t), orNone(t.Tags)) {
			all = append(all, *sdkTemplate(t))
		}
	}
	out, next, err := page(tx, in, all, func(t types.LaunchTemplate) string { return *t.LaunchTemplateId }, 1, 200)
	return &ec2.DescribeLaunchTemplatesOutput{LaunchTemplates: out, NextToken: next}, err
}

// DescribeLaunchTemplateVersions handles the operation of that name. Without a template,
// only $Latest and $Default of all templates may be asked for ("Versions", API
// Reference). Filters see the image that the answer shows.
func (s *Service) DescribeLaunchTemplateVersions(tx *world.Tx, in *ec2.DescribeLaunchTemplateVersionsInput) (*ec2.DescribeLaunchTemplateVersionsOutput, error) {
	if err := known("DescribeLaunchTemplateVersions", in.Filters, versionFields(types.LaunchTemplateVersion{}), nil); err != nil {
		return nil, err
	}
	var of []LaunchTemplate
	if in.LaunchTemplateId != nil || in.LaunchTemplateName != nil {
		t, err := s.named(tx, in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return nil, err
		}
		of = []LaunchTemplate{t}
	} else {
		for _, v := range in.Versions {
			if v != "$Latest" && v != "$Default" {
				return nil, missingParameter("LaunchTemplateId or LaunchTemplateName")
			}
		}
		if len(in.Versions) == 0 || in.MinVersion != nil || in.MaxVersion != nil {
			return nil, missingParameter("LaunchTemplateId or LaunchTemplateName")
		}
		for _, t := range templates(tx).All() {
			of = append(of, t)
		}
	}
	var all []types.LaunchTemplateVersion
	for _, t := range of {
		list, err := s.chosen(tx, t, in)
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			shown := *sdkVersion(t, v)
			if aws.ToBool(in.ResolveAlias) {
				if err := s.resolveAlias(tx, &shown); err != nil {
					return nil, err
				}
			}
			if match(in.Filters, versionFields(shown), nil) {
				all = append(all, shown)
			}
		}
	}
	out, next, err := page(tx, in, all, newestFirst, 1, 200)
	return &ec2.DescribeLaunchTemplateVersionsOutput{LaunchTemplateVersions: out, NextToken: next}, err
}

// resolveAlias shows the image that a launch would take now in place of a parameter
// ("ResolveAlias", API Reference). The version itself stays as it is.
func (s *Service) resolveAlias(tx *world.Tx, v *types.LaunchTemplateVersion) error {
	id, err := s.resolve(tx, aws.ToString(v.LaunchTemplateData.ImageId))
	v.LaunchTemplateData.ImageId = some(id)
	return err
}

func (s *Service) chosen(tx *world.Tx, t LaunchTemplate, in *ec2.DescribeLaunchTemplateVersionsInput) ([]TemplateVersion, error) {
	var out []TemplateVersion
	seen := map[int64]bool{} // $Latest, $Default and a number may be the same version
	for _, name := range in.Versions {
		v, err := s.TemplateVersion(tx, t.ID, name)
		if err != nil {
			return nil, err
		}
		if !seen[v.Version] {
			seen[v.Version] = true
			out = append(out, v)
		}
	}
	if len(in.Versions) > 0 {
		slices.SortFunc(out, func(a, b TemplateVersion) int { return cmp.Compare(b.Version, a.Version) })
		return out, nil
	}
	low, high := int64(1), t.Latest
	for _, b := range []struct {
		text *string
		to   *int64
	}{{in.MinVersion, &low}, {in.MaxVersion, &high}} {
		if b.text == nil {
			continue
		}
		n, err := t.number(*b.text)
		if err != nil {
			return nil, err
		}
		*b.to = n
	}
	for n := min(high, t.Latest); n >= low; n-- {
		if v, ok := versions(tx).Get(versionKey(t.ID, n)); ok {
			out = append(out, v)
		}
	}
	return out, nil
}

func templateFields(t LaunchTemplate) fields {
	return fields{"launch-template-name": {t.Name}, "create-time": {stamp(t.Created)}}
}
