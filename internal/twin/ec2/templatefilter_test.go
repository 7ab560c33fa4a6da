package ec2_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// versions are the numbers that a description answers, in its order.
func (b *bench) versions(in *sdk.DescribeLaunchTemplateVersionsInput) string {
	b.t.Helper()
	var got []string
	for _, v := range must[*sdk.DescribeLaunchTemplateVersionsOutput](b.t)(b.api.DescribeLaunchTemplateVersions(ctx, in)).LaunchTemplateVersions {
		got = append(got, fmt.Sprint(*v.VersionNumber))
	}
	return strings.Join(got, " ")
}

func (b *bench) version(id string, data types.RequestLaunchTemplateData) {
	b.t.Helper()
	must[*sdk.CreateLaunchTemplateVersionOutput](b.t)(b.api.CreateLaunchTemplateVersion(ctx, &sdk.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &id, LaunchTemplateData: &data}))
}

// "Filters", DescribeLaunchTemplateVersions, API Reference.
func TestVersionsAreFilteredByWhatTheySayThemselves(t *testing.T) {
	b := newBench(t)
	id := b.template("web") // 1: of the base image, t3.small, tokens required
	profile := "arn:aws:iam::123456789012:instance-profile/web"
	b.version(id, types.RequestLaunchTemplateData{ImageId: aws.String("resolve:ssm:/golden"), EbsOptimized: aws.Bool(true),
		IamInstanceProfile: &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Arn: &profile}})
	b.version(id, types.RequestLaunchTemplateData{KernelId: aws.String("aki-1"), RamDiskId: aws.String("ari-1"), InstanceType: types.InstanceTypeC5Large,
		MetadataOptions:       &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpEndpoint: types.LaunchTemplateInstanceMetadataEndpointStateDisabled},
		Placement:             &types.LaunchTemplatePlacementRequest{HostResourceGroupArn: aws.String("arn:aws:resource-groups:eu-west-1:1:group/h")},
		NetworkInterfaces:     []types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{{NetworkCardIndex: aws.Int32(1)}},
		LicenseSpecifications: []types.LaunchTemplateLicenseConfigurationRequest{{LicenseConfigurationArn: aws.String("arn:aws:license-manager:eu-west-1:1:l")}}})
	for filter, want := range map[string]string{
		"image-id=" + base: "1", "image-id=resolve:ssm:*": "2", "instance-type=t3.*": "1", "instance-type=c5.large,t3.small": "3 1",
		"http-tokens=required": "1", "ebs-optimized=true": "2", "ebs-optimized=false": "3 1", "is-default-version=true": "1", "is-default-version=false": "3 2",
		"iam-instance-profile=" + profile: "2", "kernel-id=aki-1": "3", "ram-disk-id=ari-1": "3", "http-endpoint=disabled": "3", "http-protocol-ipv4=disabled": "3",
		"host-resource-group-arn=*": "3", "network-card-index=1": "3", "license-configuration-arn=*": "3", "create-time=2026-03-01T*": "3 2 1", "create-time=2025*": "",
		"instance-type=t3.small http-tokens=optional": "",
	} {
		var list []types.Filter
		for _, one := range strings.Fields(filter) {
			name, values, _ := strings.Cut(one, "=")
			list = append(list, types.Filter{Name: &name, Values: strings.Split(values, ",")})
		}
		if got := b.versions(&sdk.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Filters: list}); got != want {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
	_, err := b.api.DescribeLaunchTemplateVersions(ctx, &sdk.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id,
		Filters: []types.Filter{{Name: aws.String("tag-key"), Values: []string{"app"}}}}) // versions have no tags
	wantCode(t, err, "InvalidParameterValue")
}

// "Versions", "MinVersion" and "MaxVersion", DescribeLaunchTemplateVersions. That a
// version named in two ways comes once is our reading.
func TestVersionsAreChosenByNumberNameAndRange(t *testing.T) {
	b := newBench(t)
	id := b.template("web")
	for range 4 {
		b.version(id, types.RequestLaunchTemplateData{ImageId: aws.String(base)})
	}
	other := b.template("other")
	must[*sdk.ModifyLaunchTemplateOutput](t)(b.api.ModifyLaunchTemplate(ctx, &sdk.ModifyLaunchTemplateInput{LaunchTemplateId: &id, DefaultVersion: aws.String("$Latest")}))
	list := func(versions ...string) *sdk.DescribeLaunchTemplateVersionsInput {
		return &sdk.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: versions}
	}
	between := func(low, high *string) *sdk.DescribeLaunchTemplateVersionsInput {
		return &sdk.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, MinVersion: low, MaxVersion: high}
	}
	for want, ins := range map[string][]*sdk.DescribeLaunchTemplateVersionsInput{
		"5 4 3 2 1": {list(), between(nil, nil), between(aws.String("1"), aws.String("99"))},
		"5":         {list("$Latest"), list("$Default"), list("$Default", "$Latest", "5", "5"), between(aws.String("5"), nil)},
		"5 2":       {list("2", "$Latest")},
		"3 2":       {between(aws.String("2"), aws.String("3"))},
		"":          {between(aws.String("4"), aws.String("3"))},
	} {
		for _, in := range ins {
			if got := b.versions(in); got != want {
				t.Errorf("%v %v %v: %q, want %q", in.Versions, in.MinVersion, in.MaxVersion, got, want)
			}
		}
	}
	if got := b.versions(&sdk.DescribeLaunchTemplateVersionsInput{Versions: []string{"$Latest", "$Default"}}); got != "5 1" && got != "1 5" {
		t.Errorf("the latest and default versions of all templates: %q", got)
	}
	for _, bad := range []string{"latest", "$latest", "0", "-1", "1.0", "99999999999999999999", "$All"} {
		for _, in := range []*sdk.DescribeLaunchTemplateVersionsInput{list(bad), between(&bad, nil), between(nil, &bad)} {
			_, err := b.api.DescribeLaunchTemplateVersions(ctx, in)
			wantCode(t, err, "InvalidLaunchTemplateVersion.Malformed")
		}
	}
	for _, in := range []*sdk.DescribeLaunchTemplateVersionsInput{{}, {Versions: []string{"1"}}, {Versions: []string{"$Latest"}, MinVersion: aws.String("1")}} {
		_, err := b.api.DescribeLaunchTemplateVersions(ctx, in)
		wantCode(t, err, "MissingParameter")
	}
	p, pages, seen := sdk.NewDescribeLaunchTemplateVersionsPaginator(b.api, &sdk.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, MaxResults: aws.Int32(2)}), 0, ""
	for p.HasMorePages() {
		for _, v := range must[*sdk.DescribeLaunchTemplateVersionsOutput](t)(p.NextPage(ctx)).LaunchTemplateVersions {
			seen += fmt.Sprint(*v.VersionNumber)
		}
		pages++
	}
	if pages != 3 || seen != "54321" {
		t.Errorf("%d pages of versions %s", pages, seen)
	}
	twice := must[*sdk.DescribeLaunchTemplatesOutput](t)(b.api.DescribeLaunchTemplates(ctx, &sdk.DescribeLaunchTemplatesInput{LaunchTemplateIds: []string{other, other}}))
	if len(twice.LaunchTemplates) != 1 {
		t.Errorf("a template named twice is answered %d times", len(twice.LaunchTemplates))
	}
}
