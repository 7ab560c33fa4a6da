package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func (b *bench) template(name string) string {
	b.t.Helper()
	out, err := b.api.CreateLaunchTemplate(ctx, &sdk.CreateLaunchTemplateInput{
		LaunchTemplateName: &name, VersionDescription: aws.String("first"),
		LaunchTemplateData: &types.RequestLaunchTemplateData{
			ImageId: aws.String(base), InstanceType: types.InstanceTypeT3Small, UserData: aws.String("IyEvYmluL3NoCg=="),
			TagSpecifications: []types.LaunchTemplateTagSpecificationRequest{{ResourceType: "instance", Tags: []types.Tag{{Key: aws.String("app"), Value: aws.String("web")}}}},
			MetadataOptions:   &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: "required"},
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return *out.LaunchTemplate.LaunchTemplateId
}

func TestAVersionFromASourceDiffersInOneField(t *testing.T) {
	b := newBench(t)
	id := b.template("web")
	in := &sdk.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &id, SourceVersion: aws.String("1"), ClientToken: aws.String("run/roll/web"), VersionDescription: aws.String("golden"),
		LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String("ami-0123456789abcdef0")},
	}
	v := must[*sdk.CreateLaunchTemplateVersionOutput](t)(b.api.CreateLaunchTemplateVersion(ctx, in)).LaunchTemplateVersion
	d := v.LaunchTemplateData
	if *v.VersionNumber != 2 || *v.DefaultVersion || *d.ImageId != "ami-0123456789abcdef0" {
		t.Errorf("version %d, default %t, image %s", *v.VersionNumber, *v.DefaultVersion, *d.ImageId)
	}
	if d.InstanceType != types.InstanceTypeT3Small || *d.UserData != "IyEvYmluL3NoCg==" || *d.TagSpecifications[0].Tags[0].Value != "web" || d.MetadataOptions.HttpTokens != "required" {
		t.Errorf("not inherited: %+v", d)
	}
	again := must[*sdk.CreateLaunchTemplateVersionOutput](t)(b.api.CreateLaunchTemplateVersion(ctx, in)).LaunchTemplateVersion
	if *again.VersionNumber != 2 {
		t.Errorf("the same token made version %d", *again.VersionNumber)
	}
	in.VersionDescription = aws.String("other")
	_, err := b.api.CreateLaunchTemplateVersion(ctx, in)
	wantCode(t, err, "IdempotentParameterMismatch")
	bare := must[*sdk.CreateLaunchTemplateVersionOutput](t)(b.api.CreateLaunchTemplateVersion(ctx, &sdk.CreateLaunchTemplateVersionInput{
		LaunchTemplateName: aws.String("web"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(base)}}))
	if got := bare.LaunchTemplateVersion; *got.VersionNumber != 3 || got.LaunchTemplateData.InstanceType != "" {
		t.Errorf("without a source: version %d, type %q", *got.VersionNumber, got.LaunchTemplateData.InstanceType)
	}
}

func TestLaunchingFromATemplateVersion(t *testing.T) {
	b := newBench(t)
	id := b.template("web")
	launched := b.run(func(in *sdk.RunInstancesInput) {
		in.ImageId, in.InstanceType = nil, ""
		in.LaunchTemplate = &types.LaunchTemplateSpecification{LaunchTemplateId: &id, Version: aws.String("$Latest")}
		in.TagSpecifications = nil
	})
	i := b.instance(launched)
	tags := map[string]string{}
	for _, t := range i.Tags {
		tags[*t.Key] = *t.Value
	}
	if i.InstanceType != types.InstanceTypeT3Small || tags["app"] != "web" || tags["aws:ec2launchtemplate:version"] != "1" || tags["aws:ec2launchtemplate:id"] != id {
		t.Errorf("instance of type %s with tags %v", i.InstanceType, tags)
	}
	if i.MetadataOptions.HttpTokens != "required" || *i.ImageId != base {
		t.Errorf("instance of image %s, tokens %s", *i.ImageId, i.MetadataOptions.HttpTokens)
	}
}

func TestVersionNames(t *testing.T) {
	b := newBench(t)
	id := b.template("web")
	must[*sdk.CreateLaunchTemplateVersionOutput](t)(b.api.CreateLaunchTemplateVersion(ctx, &sdk.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &id, SourceVersion: aws.String("$Default"), LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: types.InstanceTypeT3Large}}))
	for name, want := range map[string]int64{"$Latest": 2, "$Default": 1, "": 1, "2": 2} {
		err := b.do(wiretest.Account, func(tx *world.Tx) error {
			v, err := b.s.TemplateVersion(tx, "web", name)
			if v.Version != want {
				t.Errorf("%q is version %d, want %d", name, v.Version, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	must[*sdk.ModifyLaunchTemplateOutput](t)(b.api.ModifyLaunchTemplate(ctx, &sdk.ModifyLaunchTemplateInput{LaunchTemplateId: &id, DefaultVersion: aws.String("2")}))
	out := must[*sdk.DeleteLaunchTemplateVersionsOutput](t)(b.api.DeleteLaunchTemplateVersions(ctx, &sdk.DeleteLaunchTemplateVersionsInput{
		LaunchTemplateId: &id, Versions: []string{"1", "2", "7"}}))
	if len(out.SuccessfullyDeletedLaunchTemplateVersions) != 1 || len(out.UnsuccessfullyDeletedLaunchTemplateVersions) != 2 {
		t.Errorf("deleted %d, kept %d", len(out.SuccessfullyDeletedLaunchTemplateVersions), len(out.UnsuccessfullyDeletedLaunchTemplateVersions))
	}
	_, err := b.api.DescribeLaunchTemplateVersions(ctx, &sdk.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"1"}})
	wantCode(t, err, "InvalidLaunchTemplateId.VersionNotFound")
	list := must[*sdk.DescribeLaunchTemplateVersionsOutput](t)(b.api.DescribeLaunchTemplateVersions(ctx, &sdk.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: aws.String("web")}))
	if len(list.LaunchTemplateVersions) != 1 || !*list.LaunchTemplateVersions[0].DefaultVersion {
		t.Errorf("versions left: %+v", list.LaunchTemplateVersions)
	}
	must[*sdk.DeleteLaunchTemplateOutput](t)(b.api.DeleteLaunchTemplate(ctx, &sdk.DeleteLaunchTemplateInput{LaunchTemplateId: &id}))
	_, err = b.api.DescribeLaunchTemplates(ctx, &sdk.DescribeLaunchTemplatesInput{LaunchTemplateIds: []string{id}})
	wantCode(t, err, "InvalidLaunchTemplateId.NotFound")
}

func TestTemplatesRefuse(t *testing.T) {
	b := newBench(t)
	id := b.template("web")
	data := &types.RequestLaunchTemplateData{ImageId: aws.String(base)}
	_, err := b.api.CreateLaunchTemplate(ctx, &sdk.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("web"), LaunchTemplateData: data})
	wantCode(t, err, "InvalidLaunchTemplateName.AlreadyExistsException")
	_, err = b.api.CreateLaunchTemplate(ctx, &sdk.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("a b c"), LaunchTemplateData: data})
	wantCode(t, err, "InvalidLaunchTemplateName.MalformedException")
	_, err = b.api.CreateLaunchTemplate(ctx, &sdk.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("ab"), LaunchTemplateData: data})
	wantCode(t, err, "InvalidLaunchTemplateName.MalformedException")
	script := &types.RequestLaunchTemplateData{UserData: aws.String("#!/bin/sh")}
	_, err = b.api.CreateLaunchTemplate(ctx, &sdk.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("script"), LaunchTemplateData: script})
	wantCode(t, err, "InvalidUserData.Malformed")
	_, err = b.api.CreateLaunchTemplateVersion(ctx, &sdk.CreateLaunchTemplateVersionInput{LaunchTemplateId: &id, LaunchTemplateData: script})
	wantCode(t, err, "InvalidUserData.Malformed")
	_, err = b.foreign.DescribeLaunchTemplates(ctx, &sdk.DescribeLaunchTemplatesInput{LaunchTemplateIds: []string{id}})
	wantCode(t, err, "InvalidLaunchTemplateId.NotFound")
	_, err = b.api.ModifyLaunchTemplate(ctx, &sdk.ModifyLaunchTemplateInput{LaunchTemplateId: &id, DefaultVersion: aws.String("9")})
	wantCode(t, err, "InvalidLaunchTemplateId.VersionNotFound")
	_, err = b.api.ModifyLaunchTemplate(ctx, &sdk.ModifyLaunchTemplateInput{LaunchTemplateId: &id, LaunchTemplateName: aws.String("web")})
	wantCode(t, err, "InvalidParameterCombination")
}
