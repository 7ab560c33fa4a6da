package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// ModifyLaunchTemplate handles the operation of that name: it sets the default.
func (s *Service) ModifyLaunchTemplate(tx *world.Tx, in *ec2.ModifyLaunchTemplateInput) (*ec2.ModifyLaunchTemplateOutput, error) {
	t, err := s.named(tx, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	if in.DefaultVersion != nil {
		v, err := s.TemplateVersion(tx, t.ID, *in.DefaultVersion)
		if err != nil {
			return nil, err
		}
		t.Default = v.Version
		templates(tx).Put(t.ID, t)
	}
	return &ec2.ModifyLaunchTemplateOutput{LaunchTemplate: sdkTemplate(t)}, nil
}

// DeleteLaunchTemplate handles the operation of that name.
func (s *Service) DeleteLaunchTemplate(tx *world.Tx, in *ec2.DeleteLaunchTemplateInput) (*ec2.DeleteLaunchTemplateOutput, error) {
	t, err := s.named(tx, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	for key, v := range versions(tx).All() {
		if v.Template == t.ID {
			versions(tx).Delete(key)
		}
	}
	templates(tx).Delete(t.ID)
	return &ec2.DeleteLaunchTemplateOutput{LaunchTemplate: sdkTemplate(t)}, nil
}

// DeleteLaunchTemplateVersions handles the operation of that name. What could not
// be deleted is data in the answer; the default version is never deleted.
func (s *Service) DeleteLaunchTemplateVersions(tx *world.Tx, in *ec2.DeleteLaunchTemplateVersionsInput) (*ec2.DeleteLaunchTemplateVersionsOutput, error) {
	t, err := s.named(tx, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	if len(in.Versions) == 0 {
		return nil, missingParameter("LaunchTemplateVersion")
	}
	if len(in.Versions) > 200 {
		return nil, wire.Errorf("InvalidParameterValue", "Up to 200 versions can be deleted in a single request")
	}
	out := &ec2.DeleteLaunchTemplateVersionsOutput{}
	fail := func(n int64, code types.LaunchTemplateErrorCode, text string) {
		out.UnsuccessfullyDeletedLaunchTemplateVersions = append(out.UnsuccessfullyDeletedLaunchTemplateVersions,
			types.DeleteLaunchTemplateVersionsResponseErrorItem{
				LaunchTemplateId: &t.ID, LaunchTemplateName: &t.Name, VersionNumber: aws.Int64(n),
				ResponseError: &types.ResponseError{Code: code, Message: &text},
			})
	}
	for _, name := range distinct(in.Versions) {
		n, err := t.number(name)
		if err != nil {
			return nil, err
		}
		key := versionKey(t.ID, n)
		if _, ok := versions(tx).Get(key); !ok {
			fail(n, types.LaunchTemplateErrorCodeLaunchTemplateVersionDoesNotExist, "The launch template version does not exist.")
			continue
		}
		if n == t.Default {
			fail(n, types.LaunchTemplateErrorCodeUnexpectedError, "The default version of a launch template cannot be deleted.")
			continue
		}
		versions(tx).Delete(key)
		out.SuccessfullyDeletedLaunchTemplateVersions = append(out.SuccessfullyDeletedLaunchTemplateVersions,
			types.DeleteLaunchTemplateVersionsResponseSuccessItem{LaunchTemplateId: &t.ID, LaunchTemplateName: &t.Name, VersionNumber: aws.Int64(n)})
	}
	return out, nil
}
