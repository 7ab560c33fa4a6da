package ec2_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// pointing is a template whose image is a parameter; values are the parameters.
func (b *bench) pointing(values map[string]string, image string) string {
	b.t.Helper()
	b.s.ResolveParameter = func(_ *world.Tx, name string) (string, error) {
		if v, ok := values[name]; ok {
			return v, nil
		}
		return "", wire.Errorf("InvalidParameterValue", "no parameter %s", name)
	}
	return *must[*sdk.CreateLaunchTemplateOutput](b.t)(b.api.CreateLaunchTemplate(ctx, &sdk.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("follow"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: &image, InstanceType: types.InstanceTypeT3Micro}})).LaunchTemplate.LaunchTemplateId
}

func (b *bench) fromTemplate(id string) (string, error) {
	out, err := b.api.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) {
		in.ImageId, in.InstanceType, in.LaunchTemplate = nil, "", &types.LaunchTemplateSpecification{LaunchTemplateId: &id}
	}))
	if err != nil {
		return "", err
	}
	return *out.Instances[0].ImageId, nil
}

func TestAParameterIsResolvedAtEachLaunch(t *testing.T) {
	b := newBench(t)
	golden := b.golden("golden-1")
	for _, selector := range []string{"", ":3", ":current"} {
		b := b
		values := map[string]string{"/golden/latest" + selector: base}
		id := b.pointing(values, "resolve:ssm:/golden/latest"+selector)
		for _, want := range []string{base, golden} {
			values["/golden/latest"+selector] = want
			if got, err := b.fromTemplate(id); got != want || err != nil {
				t.Errorf("%q: launched from %s (%v), want %s", selector, got, err, want)
			}
		}
		delete(values, "/golden/latest"+selector)
		_, err := b.fromTemplate(id)
		wantCode(t, err, "InvalidParameterValue")
		values["/golden/latest"+selector] = "not an image"
		_, err = b.fromTemplate(id)
		wantCode(t, err, "InvalidAMIID.Malformed")
		values["/golden/latest"+selector] = private
		_, err = b.fromTemplate(id)
		wantCode(t, err, "InvalidAMIID.NotFound")
		must[*sdk.DeleteLaunchTemplateOutput](t)(b.api.DeleteLaunchTemplate(ctx, &sdk.DeleteLaunchTemplateInput{LaunchTemplateId: &id}))
	}
}

func TestAnAliasIsShownResolvedOnlyWhenAskedFor(t *testing.T) {
	b := newBench(t)
	values := map[string]string{"/golden/latest": base}
	id := b.pointing(values, "resolve:ssm:/golden/latest")
	shown := func(resolve bool) (string, error) {
		out, err := b.api.DescribeLaunchTemplateVersions(ctx, &sdk.DescribeLaunchTemplateVersionsInput{
			LaunchTemplateId: &id, Versions: []string{"1"}, ResolveAlias: &resolve})
		if err != nil {
			return "", err
		}
		return *out.LaunchTemplateVersions[0].LaunchTemplateData.ImageId, nil
	}
	for resolve, want := range map[bool]string{false: "resolve:ssm:/golden/latest", true: base} {
		if got, err := shown(resolve); got != want || err != nil {
			t.Errorf("resolved %t: %s (%v)", resolve, got, err)
		}
	}
	v := must[*sdk.CreateLaunchTemplateVersionOutput](t)(b.api.CreateLaunchTemplateVersion(ctx, &sdk.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &id, SourceVersion: aws.String("1"), ResolveAlias: aws.Bool(true),
		LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: types.InstanceTypeT3Large}})).LaunchTemplateVersion
	if *v.LaunchTemplateData.ImageId != base {
		t.Errorf("a new version shows %s", *v.LaunchTemplateData.ImageId)
	}
	delete(values, "/golden/latest")
	if got, err := shown(false); got != "resolve:ssm:/golden/latest" {
		t.Errorf("unresolved without the parameter: %s (%v)", got, err)
	}
	_, err := shown(true)
	wantCode(t, err, "InvalidParameterValue")
}

func TestAVersionNeverChanges(t *testing.T) {
	b := newBench(t)
	id := b.template("web")
	read := func() types.LaunchTemplateVersion {
		return must[*sdk.DescribeLaunchTemplateVersionsOutput](t)(b.api.DescribeLaunchTemplateVersions(ctx, &sdk.DescribeLaunchTemplateVersionsInput{
			LaunchTemplateId: &id, Versions: []string{"1"}})).LaunchTemplateVersions[0]
	}
	before := read()
	must[*sdk.CreateLaunchTemplateVersionOutput](t)(b.api.CreateLaunchTemplateVersion(ctx, &sdk.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &id, SourceVersion: aws.String("1"), LaunchTemplateData: &types.RequestLaunchTemplateData{
			InstanceType: types.InstanceTypeT3Large, UserData: aws.String("QUFB"),
			TagSpecifications: []types.LaunchTemplateTagSpecificationRequest{{ResourceType: "instance", Tags: []types.Tag{{Key: aws.String("app"), Value: aws.String("db")}}}}}}))
	must[*sdk.ModifyLaunchTemplateOutput](t)(b.api.ModifyLaunchTemplate(ctx, &sdk.ModifyLaunchTemplateInput{LaunchTemplateId: &id, DefaultVersion: aws.String("2")}))
	after := read()
	if *before.LaunchTemplateData.UserData != *after.LaunchTemplateData.UserData || after.LaunchTemplateData.InstanceType != types.InstanceTypeT3Small ||
		*after.LaunchTemplateData.TagSpecifications[0].Tags[0].Value != "web" || !before.CreateTime.Equal(*after.CreateTime) {
		t.Errorf("version 1 was %+v and is %+v", before.LaunchTemplateData, after.LaunchTemplateData)
	}
	must[*sdk.DeleteLaunchTemplateVersionsOutput](t)(b.api.DeleteLaunchTemplateVersions(ctx, &sdk.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"1"}}))
	next := must[*sdk.CreateLaunchTemplateVersionOutput](t)(b.api.CreateLaunchTemplateVersion(ctx, &sdk.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &id, SourceVersion: aws.String("2"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(base)}})).LaunchTemplateVersion
	if *next.VersionNumber != 3 {
		t.Errorf("a number was used again: %d", *next.VersionNumber)
	}
	if err := b.do(wiretest.Account, func(tx *world.Tx) error {
		if _, err := b.s.TemplateVersion(tx, id, "1"); err == nil {
			return errors.New("the deleted version is found")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
