package ec2_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestAncestryLeadsBackToTheRootAcrossRegions(t *testing.T) {
	b := newBench(t)
	first := b.golden("golden-1")
	second := *must[*sdk.CopyImageOutput](t)(b.api.CopyImage(ctx, copyInput(first, nil), there)).ImageId
	b.pass(time.Hour)
	chain := func() (out []string) {
		for _, e := range must[*sdk.GetImageAncestryOutput](t)(b.api.GetImageAncestry(ctx, &sdk.GetImageAncestryInput{ImageId: &second}, there)).ImageAncestryEntries {
			out = append(out, *e.ImageId+"<"+aws.ToString(e.SourceImageId)+"@"+aws.ToString(e.SourceImageRegion))
		}
		return out
	}
	if got, want := strings.Join(chain(), " "), second+"<"+first+"@eu-west-1 "+first+"<"+base+"@eu-west-1 "+base+"<@"; got != want {
		t.Errorf("ancestry %s\nwant %s", got, want)
	}
	must[*sdk.DeregisterImageOutput](t)(b.api.DeregisterImage(ctx, &sdk.DeregisterImageInput{ImageId: &first}))
	if got := chain(); len(got) != 1 || got[0] != second+"<"+first+"@eu-west-1" {
		t.Errorf("with an ancestor that is gone: %v", got)
	}
	_, err := b.foreign.GetImageAncestry(ctx, &sdk.GetImageAncestryInput{ImageId: &second}, there)
	wantCode(t, err, "InvalidAMIID.NotFound")
	_, err = b.api.GetImageAncestry(ctx, &sdk.GetImageAncestryInput{ImageId: aws.String("x")})
	wantCode(t, err, "InvalidAMIID.Malformed")
}

func TestReferencesNameWhatUsesAnImage(t *testing.T) {
	b := newBench(t)
	b.s.ImageParameters = func(_ *world.Tx, image string) []string {
		if image == base {
			return []string{"arn:aws:ssm:eu-west-1:111111111111:parameter/golden/latest"}
		}
		return nil
	}
	live, gone := b.run(nil), b.run(nil)
	b.pass(time.Minute)
	must[*sdk.TerminateInstancesOutput](t)(b.api.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{gone}}))
	template := b.template("web")
	must[*sdk.CreateLaunchTemplateVersionOutput](t)(b.api.CreateLaunchTemplateVersion(ctx, &sdk.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &template, LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(private)}}))
	find := func(c *sdk.Client, in *sdk.DescribeImageReferencesInput) (out []string) {
		p := sdk.NewDescribeImageReferencesPaginator(c, in)
		for p.HasMorePages() {
			page := must[*sdk.DescribeImageReferencesOutput](t)(p.NextPage(ctx))
			for _, r := range page.ImageReferences {
				out = append(out, (*r.Arn)[strings.LastIndex(*r.Arn, ":")+1:])
			}
		}
		return out
	}
	kind := func(t types.ImageReferenceResourceType, option types.ImageReferenceOptionName, values ...string) []types.ResourceTypeRequest {
		r := types.ResourceTypeRequest{ResourceType: t}
		if option != "" {
			r.ResourceTypeOptions = []types.ResourceTypeOption{{OptionName: option, OptionValues: values}}
		}
		return []types.ResourceTypeRequest{r}
	}
	for name, c := range map[string]struct {
		in   sdk.DescribeImageReferencesInput
		want string
	}{
		"everything":   {sdk.DescribeImageReferencesInput{IncludeAllResourceTypes: aws.Bool(true)}, "instance/" + live + " instance/" + gone + " launch-template/" + template + " parameter/golden/latest"},
		"templates":    {sdk.DescribeImageReferencesInput{ResourceTypes: kind("ec2:LaunchTemplate", "")}, "launch-template/" + template},
		"last version": {sdk.DescribeImageReferencesInput{ResourceTypes: kind("ec2:LaunchTemplate", "version-depth", "1")}, ""},
		"running ones": {sdk.DescribeImageReferencesInput{ResourceTypes: kind("ec2:Instance", "state-name", "running", "pending")}, "instance/" + live},
	} {
		c.in.ImageIds = []string{base}
		if got := strings.Join(find(b.api, &c.in), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := find(b.foreign, &sdk.DescribeImageReferencesInput{ImageIds: []string{base}, ResourceTypes: kind("ec2:Instance", "")}); len(got) != 0 {
		t.Errorf("another account's own references: %v", got)
	}
	for name, c := range map[string]struct {
		in   sdk.DescribeImageReferencesInput
		code string
	}{
		"no kind":            {sdk.DescribeImageReferencesInput{ImageIds: []string{base}}, "MissingParameter"},
		"no image":           {sdk.DescribeImageReferencesInput{ImageIds: []string{"x"}, IncludeAllResourceTypes: aws.Bool(true)}, "InvalidAMIID.Malformed"},
		"a bad depth":        {sdk.DescribeImageReferencesInput{ImageIds: []string{base}, ResourceTypes: kind("ec2:LaunchTemplate", "version-depth", "0")}, "InvalidParameterValue"},
		"another's option":   {sdk.DescribeImageReferencesInput{ImageIds: []string{base}, ResourceTypes: kind("ec2:Instance", "version-depth", "1")}, "InvalidParameterValue"},
		"a page of too few":  {sdk.DescribeImageReferencesInput{ImageIds: []string{base}, ResourceTypes: kind("ec2:Instance", ""), MaxResults: aws.Int32(1)}, "InvalidParameterValue"},
		"a token of nothing": {sdk.DescribeImageReferencesInput{ImageIds: []string{base}, ResourceTypes: kind("ec2:Instance", ""), NextToken: aws.String("?")}, "InvalidParameterValue"},
	} {
		_, err := b.api.DescribeImageReferences(ctx, &c.in)
		t.Run(name, func(t *testing.T) { wantCode(t, err, c.code) })
	}
	b.s.ImageParameters = nil
	_, err := b.api.DescribeImageReferences(ctx, &sdk.DescribeImageReferencesInput{ImageIds: []string{base}, IncludeAllResourceTypes: aws.Bool(true)})
	wantCode(t, err, "UnsupportedOperation")
}
