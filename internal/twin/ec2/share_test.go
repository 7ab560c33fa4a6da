package ec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

func names(images []types.Image) (out []string) {
	for _, i := range images {
		out = append(out, *i.Name)
	}
	return out
}

func TestDescribeImagesShowsWhatOneMaySee(t *testing.T) {
	b := newBench(t)
	b.createImage(b.running(), "golden-1")
	filter := func(name string, values ...string) []types.Filter {
		return []types.Filter{{Name: &name, Values: values}}
	}
	for name, c := range map[string]struct {
		in   sdk.DescribeImagesInput
		want string
	}{
		"everything":             {sdk.DescribeImagesInput{}, "debian-12-amd64-20260101,golden-1"},
		"own ones":               {sdk.DescribeImagesInput{Owners: []string{"self"}}, "golden-1"},
		"another account's":      {sdk.DescribeImagesInput{Owners: []string{foreign}}, "debian-12-amd64-20260101"},
		"by a pattern":           {sdk.DescribeImagesInput{Filters: filter("name", "debian-12-amd64-*")}, "debian-12-amd64-20260101"},
		"by tag":                 {sdk.DescribeImagesInput{Filters: filter("tag:run", "r1", "r2")}, "golden-1"},
		"by state":               {sdk.DescribeImagesInput{Filters: filter("state", "available")}, "debian-12-amd64-20260101"},
		"that all may launch":    {sdk.DescribeImagesInput{ExecutableUsers: []string{"all"}}, "debian-12-amd64-20260101"},
		"shared with me":         {sdk.DescribeImagesInput{ExecutableUsers: []string{"self"}}, ""},
		"of Packer's usual kind": {sdk.DescribeImagesInput{Filters: append(filter("virtualization-type", "hvm"), filter("root-device-type", "ebs")...), Owners: []string{foreign}}, "debian-12-amd64-20260101"},
	} {
		t.Run(name, func(t *testing.T) {
			out := must[*sdk.DescribeImagesOutput](t)(b.api.DescribeImages(ctx, &c.in))
			got := ""
			for i, n := range names(out.Images) {
				if i > 0 {
					got += ","
				}
				got += n
			}
			if got != c.want {
				t.Errorf("images %q, want %q", got, c.want)
			}
		})
	}
	_, err := b.api.DescribeImages(ctx, &sdk.DescribeImagesInput{Filters: filter("colour", "red")})
	wantCode(t, err, "InvalidParameterValue")
	_, err = b.api.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{private}})
	wantCode(t, err, "InvalidAMIID.NotFound")
}

func TestALaunchPermissionLetsAnotherAccountLaunch(t *testing.T) {
	b := newBench(t)
	id := b.createImage(b.running(), "golden-1")
	b.pass(10 * time.Minute)
	run := func() *sdk.RunInstancesInput { // anew each time: the SDK keeps its token in it
		return runInput(func(in *sdk.RunInstancesInput) { in.ImageId = &id })
	}
	_, err := b.foreign.RunInstances(ctx, run())
	wantCode(t, err, "InvalidAMIID.NotFound")
	share := func(op types.OperationType) {
		must[*sdk.ModifyImageAttributeOutput](t)(b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{
			ImageId: &id, Attribute: aws.String("launchPermission"), OperationType: op, UserIds: []string{foreign}}))
	}
	share(types.OperationTypeAdd)
	must[*sdk.RunInstancesOutput](t)(b.foreign.RunInstances(ctx, run()))
	seen := must[*sdk.DescribeImagesOutput](t)(b.foreign.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{id}})).Images[0]
	if len(seen.Tags) != 0 || *seen.OwnerId != wiretest.Account {
		t.Errorf("the other account sees tags %v, owner %s", seen.Tags, *seen.OwnerId)
	}
	_, err = b.foreign.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{ImageId: &id, UserIds: []string{foreign}})
	wantCode(t, err, "AuthFailure")
	attr := must[*sdk.DescribeImageAttributeOutput](t)(b.api.DescribeImageAttribute(ctx, &sdk.DescribeImageAttributeInput{ImageId: &id, Attribute: "launchPermission"}))
	if len(attr.LaunchPermissions) != 1 || *attr.LaunchPermissions[0].UserId != foreign {
		t.Errorf("launch permissions: %+v", attr.LaunchPermissions)
	}
	share(types.OperationTypeRemove)
	_, err = b.foreign.RunInstances(ctx, run())
	wantCode(t, err, "InvalidAMIID.NotFound")
	_, err = b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{ImageId: &id, UserIds: []string{"somebody"}})
	wantCode(t, err, "InvalidAMIAttributeItemValue")
}

func TestImdsSupportMakesTokensRequired(t *testing.T) {
	b := newBench(t)
	id := b.createImage(b.running(), "golden-1")
	b.pass(10 * time.Minute)
	must[*sdk.ModifyImageAttributeOutput](t)(b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{
		ImageId: &id, ImdsSupport: &types.AttributeValue{Value: aws.String("v2.0")}}))
	i := b.instance(b.run(func(in *sdk.RunInstancesInput) { in.ImageId = &id }))
	if i.MetadataOptions.HttpTokens != types.HttpTokensStateRequired || *i.MetadataOptions.HttpPutResponseHopLimit != 2 {
		t.Errorf("metadata options: %+v", i.MetadataOptions)
	}
}
