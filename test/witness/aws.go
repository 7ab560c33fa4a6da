//go:build linux || live

package witness

import (
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"
	terratest "github.com/gruntwork-io/terratest/modules/aws"

	"github.com/goldenami/rehydrate/internal/record"
)

// Run is a run to be held against AWS. terratest finds its way by the environment,
// which must lead where AWS leads.
type Run struct {
	*record.Run
	AWS aws.Config
}

// Channel fails unless the channel and the immutable entry hold the image.
func (r Run) Channel(t *testing.T) {
	for _, name := range []string{r.Publish.Channel, r.Publish.Build} {
		if got := terratest.GetParameter(t, r.Region, name); got != r.Bake.Image {
			t.Errorf("%s holds %s, want %s", name, got, r.Bake.Image)
		}
	}
}

// Instances fails unless every instance of every group that was rolled runs the
// image.
func (r Run) Instances(t *testing.T) {
	if len(r.Roll) == 0 {
		t.Fatal("no group was rolled: this shows nothing")
	}
	c := ec2.NewFromConfig(r.AWS)
	for _, roll := range r.Roll {
		ids := terratest.GetInstanceIdsForAsg(t, roll.Group, r.Region)
		capacity := terratest.GetCapacityInfoForAsg(t, roll.Group, r.Region)
		if n := int64(len(ids)); n != capacity.DesiredCapacity || len(ids) != roll.Of {
			t.Errorf("%s has %d instances, wants %d, and the run saw %d", roll.Group, n, capacity.DesiredCapacity, roll.Of)
		}
		out, err := c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: ids})
		if err != nil {
			t.Fatal(err)
		}
		described := 0
		for _, reservation := range out.Reservations {
			for _, i := range reservation.Instances {
				described++
				if *i.ImageId != r.Bake.Image || i.State.Name != ec2types.InstanceStateNameRunning {
					t.Errorf("%s of %s: %s on %s, want running on %s", *i.InstanceId, roll.Group, i.State.Name, *i.ImageId, r.Bake.Image)
				}
			}
		}
		if described != len(ids) {
			t.Errorf("%s: %d of %d instances can be described", roll.Group, described, len(ids))
		}
	}
}

// Templates fails unless every new launch template version is the one before with
// the image replaced and nothing else, and is not the template's default.
func (r Run) Templates(t *testing.T) {
	for _, roll := range r.Roll {
		if roll.FromV == roll.ToV {
			t.Errorf("%s was rolled from template version %s to itself", roll.Group, roll.FromV)
			continue
		}
		from, to := r.version(t, roll.Template, roll.FromV), r.version(t, roll.Template, roll.ToV)
		if aws.ToBool(to.DefaultVersion) {
			t.Errorf("%s version %s has become the default", roll.Template, roll.ToV)
		}
		if strconv.FormatInt(aws.ToInt64(to.VersionNumber), 10) != roll.ToV {
			t.Errorf("%s: asked for version %s, got %d", roll.Template, roll.ToV, aws.ToInt64(to.VersionNumber))
		}
		before, after := aws.ToString(from.LaunchTemplateData.ImageId), aws.ToString(to.LaunchTemplateData.ImageId)
		if after != r.Bake.Image || before != roll.From || before == after {
			t.Errorf("%s launches %s in version %s and %s in version %s; want %s and %s", roll.Template, before, roll.FromV, after, roll.ToV, roll.From, r.Bake.Image)
		}
		from.LaunchTemplateData.ImageId = to.LaunchTemplateData.ImageId
		if d := cmp.Diff(from.LaunchTemplateData, to.LaunchTemplateData, ignoreUnexported); d != "" {
			t.Errorf("%s: versions %s and %s differ by more than the image (-%[2]s +%[3]s):\n%s", roll.Template, roll.FromV, roll.ToV, d)
		}
	}
}

// ignoreUnexported leaves out the SDK's own marks in its types.
var ignoreUnexported = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && f.Name() == "noSmithyDocumentSerde"
}, cmp.Ignore())

func (r Run) version(t *testing.T, template, version string) ec2types.LaunchTemplateVersion {
	t.Helper()
	out, err := ec2.NewFromConfig(r.AWS).DescribeLaunchTemplateVersions(t.Context(), &ec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateId: &template, Versions: []string{version}})
	if err != nil || len(out.LaunchTemplateVersions) != 1 {
		t.Fatalf("describe version %s of %s: %v, %v", version, template, out, err)
	}
	return out.LaunchTemplateVersions[0]
}

// Images are the ids of the account's own images.
func (r Run) Images(t *testing.T) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	pages := ec2.NewDescribeImagesPaginator(ec2.NewFromConfig(r.AWS), &ec2.DescribeImagesInput{Owners: []string{"self"}})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range out.Images {
			ids[*i.ImageId] = true
		}
	}
	return ids
}
