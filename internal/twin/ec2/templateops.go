package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// CreateLaunchTemplate handles the operation of that name.
func (s *Service) CreateLaunchTemplate(tx *world.Tx, in *ec2.CreateLaunchTemplateInput) (*ec2.CreateLaunchTemplateOutput, error) {
	tags, err := tagSpec(in.TagSpecifications, types.ResourceTypeLaunchTemplate)
	if err != nil {
		return nil, err
	}
	bare := *in
	bare.ClientToken = nil
	id, remember, err := once(tx, "CreateLaunchTemplate", aws.ToString(in.ClientToken), bare)
	if err != nil {
		return nil, err
	}
	if id == "" {
		if in.LaunchTemplateData == nil {
			return nil, missingParameter("LaunchTemplateData")
		}
		t, err := s.MakeTemplate(tx, aws.ToString(in.LaunchTemplateName), aws.ToString(in.VersionDescription),
			*in.LaunchTemplateData, tags[types.ResourceTypeLaunchTemplate])
		if err != nil {
			return nil, err
		}
		remember(t.ID)
		id = t.ID
	}
	t, err := s.Template(tx, id)
	if err != nil {
		return nil, err
	}
	return &ec2.CreateLaunchTemplateOutput{LaunchTemplate: sdkTemplate(t)}, nil
}

// CreateLaunchTemplateVersion handles the operation of that name. Without
// SourceVersion nothing is inherited.
func (s *Service) CreateLaunchTemplateVersion(tx *world.Tx, in *ec2.CreateLaunchTemplateVersionInput) (*ec2.CreateLaunchTemplateVersionOutput, error) {
	t, err := s.named(tx, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	bare := *in
	bare.ClientToken = nil
	made, remember, err := once(tx, "CreateLaunchTemplateVersion", aws.ToString(in.ClientToken), bare)
	if err != nil {
		return nil, err
	}
	if made == "" {
		v, err := s.nextVersion(tx, t, in)
		if err != nil {
			return nil, err
		}
		made = versionKey(t.ID, v.Version)
		remember(made)
	}
	v, ok := versions(tx).Get(made)
	if !ok {
		return nil, noVersion(t.ID, made)
	}
	t, _ = templates(tx).Get(t.ID)
	out := &ec2.CreateLaunchTemplateVersionOutput{LaunchTemplateVersion: sdkVersion(t, v)}
	if aws.ToBool(in.ResolveAlias) {
		err = s.resolveAlias(tx, out.LaunchTemplateVersion)
	}
	return out, err
}

func (s *Service) nextVersion(tx *world.Tx, t LaunchTemplate, in *ec2.CreateLaunchTemplateVersionInput) (TemplateVersion, error) {
	var data types.RequestLaunchTemplateData
	if in.LaunchTemplateData != nil {
		data = *in.LaunchTemplateData
	}
	if from := aws.ToString(in.SourceVersion); from != "" {
		source, err := s.TemplateVersion(tx, t.ID, from)
		if err != nil {
			return TemplateVersion{}, err
		}
		data = inherit(source.Data, data)
	}
	if err := checkData(data); err != nil {
		return TemplateVersion{}, err
	}
	t.Latest++
	templates(tx).Put(t.ID, t)
	return putVersion(tx, t, aws.ToString(in.VersionDescription), data), nil
}

// named is the template that a request names, by exactly one of id and name.
func (s *Service) named(tx *world.Tx, id, name *string) (LaunchTemplate, error) {
	switch {
	case id != nil && name != nil:
		return LaunchTemplate{}, badCombination("Either a launch template name or a launch template ID can be specified, but not both.")
	case aws.ToString(id) != "":
		if err := checkID(*id, "lt-", "InvalidLaunchTemplateId.Malformed"); err != nil {
			return LaunchTemplate{}, err
		}
		t, ok := templates(tx).Get(*id)
		if !ok {
			return t, noTemplateID(*id)
		}
		return t, nil
	case aws.ToString(name) != "":
		return s.Template(tx, *name)
	}
	return LaunchTemplate{}, missingParameter("LaunchTemplateId or LaunchTemplateName")
}
